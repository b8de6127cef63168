"""Text similarity."""

import os
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from nrnm_keras.config import NetworkConfig
from nrnm_keras.data.records import Records
from nrnm_keras.models import SequenceSimilarity
from nrnm_keras.models.token_network import embedding_layers
from nrnm_keras.preprocessing import TextPairPreprocessor
from nrnm_keras.tasks.heads.regression import Regression
from nrnm_keras.tasks.heads.text_examples import READ_BATCH, create_preprocessor


class TextSimilarity(Regression):
    """Predicts the similarity of two texts, on a scale.

    Args:
        task: a `Task` with a `TextConfig`, an `EmbeddingConfig` and the option `similarity`.
        records: folder of the built records, with features `first` and `second`.
        vocabulary: list of tokens, as `TextPreprocessor.vocabulary`. Default: that of the training
            texts.
        target: name of the feature with the number, and of the exported model's result.
        scale: the smallest and the largest number.
    """

    def __init__(
        self,
        task: Any,
        records: str | os.PathLike,
        vocabulary: Sequence[str] | None,
        target: str,
        scale: tuple[float, float],
    ) -> None:
        super().__init__(task)
        self.records = Records(records)
        train = self.records.read("train").batch(READ_BATCH)
        texts = train.map(lambda x: tf.concat([x["first"], x["second"]], 0))
        self.preprocessor = create_preprocessor(task, texts, vocabulary)
        self._target, self._scale = target, scale

    def examples(self, split: str, part: int = 0, num_parts: int = 1) -> tf.data.Dataset:
        """Returns the token ids `(timesteps, 2)` of a split's pairs with their number."""

        def example(record):
            ids = self.preprocessor.encode(tf.stack([record["first"], record["second"]]))
            return tf.transpose(ids.to_tensor()), record[self._target]

        return self.records.read(split, part, num_parts).map(example).cache()

    def build_network(self, network: NetworkConfig) -> keras.Model:
        """Returns the network from pairs of token ids to numbers."""
        encoder = keras.Sequential(
            [
                keras.Input((None,), dtype="int32"),
                *embedding_layers(self.task, len(self.preprocessor.vocabulary)),
                *self.vector_layers(network),
            ],
            name="encoder",
        )
        smallest, largest = self._scale
        similarity = SequenceSimilarity(
            encoder, self.task.similarity, smallest=smallest, largest=largest
        )
        return keras.Sequential([keras.Input((None, 2), dtype="int32"), similarity], name="network")

    def encoder_of(self, network: keras.Model) -> tuple[keras.layers.Layer, keras.layers.Layer]:
        """Returns embedding and backbone."""
        encoder = network.layers[-1].encoder
        return encoder.layers[0], encoder.get_layer("backbone")

    def build_exported(self, network: keras.Model) -> keras.Model:
        """Returns the model from two strings to their number, by the target's name."""
        texts = [keras.Input((), dtype="string", name=name) for name in ("first", "second")]
        ids = TextPairPreprocessor(self.preprocessor)(texts)
        return keras.Model(texts, {self._target: network(ids)})

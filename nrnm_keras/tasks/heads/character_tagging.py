"""Sequence tagging of strings, character by character."""

import os

import keras
import tensorflow as tf
from keras import layers

from nrnm_keras.config import NetworkConfig
from nrnm_keras.data.records import Records
from nrnm_keras.models.end_to_end import end_to_end_classifier
from nrnm_keras.models.token_network import token_network
from nrnm_keras.tasks.heads.tagging import Tagging
from nrnm_keras.tasks.task import Task


class CharacterTagging(Tagging):
    """Predicts the class of each character of a string.

    Args:
        task: a `Task` with an `EmbeddingConfig`.
        records: folder of the built records.
        alphabet: the known characters. All others are one unknown character.
        text, tags, counts: names of the features with the string, the class of each character,
            and whether it counts in loss and accuracy.
    """

    def __init__(
        self,
        task: Task,
        records: str | os.PathLike,
        alphabet: str,
        text: str,
        tags: str,
        counts: str,
    ) -> None:
        super().__init__(task)
        self.records = Records(records)
        self.class_names = self.records.class_names
        self.encoder = layers.TextVectorization(
            standardize=None, split="character", vocabulary=list(alphabet), name="encoder"
        )
        self._text, self._tags, self._counts = text, tags, counts

    def examples(self, split: str, part: int = 0, num_parts: int = 1) -> tf.data.Dataset:
        """Returns the ids of the characters `(timesteps,)` of a split, and classes or -1."""

        def example(record):
            tags = tf.cast(record[self._tags], tf.int32)
            return self.encoder(record[self._text]), tf.where(record[self._counts], tags, -1)

        return self.records.read(split, part, num_parts).map(example)

    def build_network(self, network: NetworkConfig) -> keras.Model:
        """Returns embedding and `StepClassifier`: ids of characters to logits."""
        vocabulary_size = self.encoder.vocabulary_size()
        return token_network(self.task, vocabulary_size, self.build_classifier(network), "int64")

    def build_exported(self, network: keras.Model) -> keras.Model:
        """Returns the model from strings `(batch,)` to probabilities by class."""
        texts = keras.Input((), dtype="string", name=self._text)
        return end_to_end_classifier(texts, network, self.class_names, self.encoder)

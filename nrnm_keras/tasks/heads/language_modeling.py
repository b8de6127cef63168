"""Language models: each token is predicted from the tokens before it."""

import os
from typing import Any

import keras
import tensorflow as tf

from nrnm_keras.config import NetworkConfig
from nrnm_keras.data.unlabeled_records import UnlabeledRecords
from nrnm_keras.models import LanguageModel
from nrnm_keras.models.building import build_backbone
from nrnm_keras.models.token_network import embedding_layers
from nrnm_keras.models.token_scores import (
    Perplexity,
    TokenNegativeLogLikelihood,
    likelihood_of_texts,
)
from nrnm_keras.tasks.heads.open_task import OpenTask
from nrnm_keras.tasks.heads.text_examples import READ_BATCH, create_preprocessor, in_memory
from nrnm_keras.tasks.text_tasks import LanguageModelTask


class LanguageModeling(OpenTask):
    """The probability of texts, token by token.

    The model is trained and validated on training texts only, labeled or not. The test split is
    never read.

    Args:
        task: a `LanguageModelTask`.
        records: folder of the built records, with a feature `text`.
    """

    metric = "perplexity"
    metric_mode = "min"
    usage = " `--init_from={run}` starts the training of a text classifier from this run."

    def __init__(self, task: LanguageModelTask, records: str | os.PathLike) -> None:
        super().__init__(task)
        splitting = task.validation_split()
        self.records = UnlabeledRecords(records, number=task.validation_number, **splitting)
        self.preprocessor = create_preprocessor(task, self._batches("train"))

    def examples(self, split: str, part: int = 0, num_parts: int = 1) -> tf.data.Dataset:
        """Returns the encoded texts `(timesteps,)` of a split, each its own target, in memory."""
        ids = self._batches(split, part, num_parts).map(self.preprocessor.encode)
        return in_memory(ids.map(lambda ids: (ids, ids)))

    def build_network(self, network: NetworkConfig) -> keras.Model:
        """Returns the `LanguageModel`: token ids to their negative log-likelihoods."""
        model = build_language_model(self.task, network, len(self.preprocessor.vocabulary))
        return keras.Sequential([keras.Input((None,), dtype="int32"), model], name="network")

    def loss(self) -> keras.losses.Loss:
        """Returns the mean negative log-likelihood of the tokens."""
        return TokenNegativeLogLikelihood()

    def metrics(self) -> list[keras.metrics.Metric]:
        """Returns the perplexity."""
        return [Perplexity(name="perplexity")]

    def build_exported(self, network: keras.Model) -> keras.Model:
        """Returns the model from strings `(batch,)` to their log-probability and perplexity."""
        texts = keras.Input((), dtype="string", name="text")
        ids = self.preprocessor(texts)
        return keras.Model(texts, likelihood_of_texts(network(ids), ids))

    def describe(self) -> dict[str, Any]:
        """Returns the size of the vocabulary."""
        return {"vocabulary_size": len(self.preprocessor.vocabulary)}

    def _batches(self, split, part=0, num_parts=1):
        records = self.records.read(split, part, num_parts).batch(READ_BATCH)
        return records.map(lambda record: record["text"])


def build_language_model(
    task: LanguageModelTask, network: NetworkConfig, vocabulary_size: int
) -> LanguageModel:
    """Returns the `LanguageModel` of a `LanguageModelTask` and a `NetworkConfig`.

    Raises:
        ValueError: if their values do not fit together.
    """
    encoder = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            *embedding_layers(task, vocabulary_size),
            build_backbone(network),
        ],
        name="encoder",
    )
    return LanguageModel(encoder, network.head_dropout, task.softmax_samples, name="language_model")

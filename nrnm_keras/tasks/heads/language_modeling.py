"""Language models: each token is predicted from the tokens before it."""

import os
import pathlib
from typing import Any

import keras
import numpy as np
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
from nrnm_keras.plots.perplexity_by_position import draw_perplexity_by_position
from nrnm_keras.tasks.heads.open_task import OpenTask
from nrnm_keras.tasks.heads.perplexity_by_position import perplexity_by_position
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

    def analyze(self, result: Any) -> dict[str, Any]:
        """Returns the perplexity by the position of the token: see `perplexity_by_position`."""
        return {"perplexity_by_position": [each._asdict() for each in _by_position(result)]}

    def report_sections(self, analysis: dict[str, Any]) -> list[str]:
        """Returns a table of the perplexity by position."""
        head = f"| position ({analysis['split']}) | tokens | perplexity |\n| --- | --- | --- |"
        rows = [
            f"| {each['first']}–{each['last']} | {each['tokens']:,} | {each['perplexity']:.1f} |"
            for each in analysis["perplexity_by_position"]
        ]
        return ["\n".join([head, *rows])]

    def draw(self, result: Any, folder: pathlib.Path) -> dict[str, str]:
        """Draws the perplexity by position."""
        title = f"Perplexity by position on the {result.split} split"
        file = "perplexity_by_position.png"
        ranges = _by_position(result)
        labels = [f"{each.first}–{each.last}" for each in ranges]
        values = [each.perplexity for each in ranges]
        draw_perplexity_by_position(labels, values, folder / file, title)
        return {file: title}

    def _batches(self, split, part=0, num_parts=1):
        records = self.records.read(split, part, num_parts).batch(READ_BATCH)
        return records.map(lambda record: record["text"])


def _by_position(result):
    return perplexity_by_position(np.asarray(result.outputs), np.asarray(result.targets) >= 0)


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
            build_backbone(network, causal=True),
        ],
        name="encoder",
    )
    return LanguageModel(encoder, network.head_dropout, task.softmax_samples, name="language_model")

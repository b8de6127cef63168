"""Text classification."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nrnm_keras.config import NetworkConfig
from nrnm_keras.data.records import Records
from nrnm_keras.data.unlabeled_records import PartlyLabeledRecords
from nrnm_keras.models import NGramClassifier
from nrnm_keras.models.building import build_adversarial
from nrnm_keras.models.end_to_end import OtherClassifier, end_to_end_classifier
from nrnm_keras.models.labeled_accuracy import LabeledAccuracy
from nrnm_keras.models.token_network import token_network
from nrnm_keras.preprocessing import StepStacking
from nrnm_keras.tasks.heads.classification import Classification
from nrnm_keras.tasks.heads.text_examples import READ_BATCH, create_preprocessor, in_memory
from nrnm_keras.tasks.text_tasks import TextClassificationTask
from nrnm_keras.typing import Tensor

_MOST_TRUNCATED = 0.1  # of the texts, without a warning
# Tokens of the longest n-grams: of words in few or many texts, and of characters.
_OF_FEW, _OF_MANY, _OF_CHARACTERS, _MANY_TEXTS = 2, 3, 6, 10_000


class TextClassification(Classification):
    """Classes of whole texts.

    If the task's options have a loss that learns from unlabeled texts, the training examples
    include them, with the label -1.

    Args:
        task: a `TextClassificationTask`.
        records: folder of the built records, with features `text` and `label`.
        vocabulary: list of tokens, as `TextPreprocessor.vocabulary`. Default: that of the training
            texts.
    """

    def __init__(
        self,
        task: TextClassificationTask,
        records: str | os.PathLike,
        vocabulary: Sequence[str] | None = None,
    ) -> None:
        super().__init__(task)
        kind = PartlyLabeledRecords if task.learns_from_unlabeled else Records
        self.records = kind(records, number=task.validation_number, **task.validation_split())
        self.class_names = self.records.class_names
        texts = self._batches("train").map(lambda text, label: text)
        self.preprocessor = create_preprocessor(task, texts, vocabulary)

    def examples(self, split: str, part: int = 0, num_parts: int = 1) -> Any:
        """Returns the encoded texts `(timesteps,)` of a split with their labels, in memory."""
        batches = self._batches(split, part, num_parts)
        batches = batches.map(lambda text, label: (self.preprocessor.encode(text), label))
        # Records are stored shuffled, except that the unlabeled ones come last.
        return in_memory(batches, mixed=split == "train" and self._labeled_fraction < 1)

    def build_network(self, network: NetworkConfig) -> keras.Model:
        """Returns embedding and `SequenceClassifier`: token ids to logits."""
        vocabulary_size = len(self.preprocessor.vocabulary)
        stacked = self.task.stacked_steps
        classifier = self.build_classifier(network)
        stacking = [StepStacking(stacked, mode="sum")] if stacked > 1 else []
        return token_network(self.task, vocabulary_size, classifier, between=stacking)

    def build_trained(self, network: keras.Model) -> keras.Model:
        """Returns the network, wrapped in `AdversarialTraining` if the task's options say so."""
        return build_adversarial(network, self.task, self._labeled_fraction, self.task.max_length)

    def metrics(self) -> list[keras.metrics.Metric]:
        """Returns the accuracy on the labeled texts."""
        return [LabeledAccuracy(name="accuracy")]

    def encoder_of(self, network: keras.Model) -> tuple[keras.layers.Layer, keras.layers.Layer]:
        """Returns embedding and backbone."""
        return network.layers[0], network.layers[-1].backbone

    inverse_penalties = (5.0, 20.0, 80.0)

    def fit_linear(
        self, splits: Sequence[str], inverse_penalties: Sequence[float]
    ) -> dict[float, Callable[[Tensor], Tensor]]:
        """Fits an `NGramClassifier` to token ids with each penalty."""
        ids, labels = [], []
        for split in splits:
            for text, label in self._batches(split):
                ids.append(self.preprocessor.encode(tf.boolean_mask(text, label >= 0)))
                labels.append(tf.boolean_mask(label, label >= 0))
        kind, vocabulary = self.task.tokens, self.preprocessor.vocabulary[2:]
        spelled = kind == "subwords" and all(len(token) == 1 for token in vocabulary)
        tokens, targets = tf.concat(ids, 0).to_tensor().numpy(), tf.concat(labels, 0).numpy()
        if kind == "bytes" or spelled:
            size = _OF_CHARACTERS
        else:
            size = _OF_MANY if len(targets) >= _MANY_TEXTS else _OF_FEW
        fitted: dict[float, Callable[[Tensor], Tensor]] = {}
        for inverse_penalty in inverse_penalties:
            classifier = NGramClassifier(
                len(self.class_names),
                size,
                inverse_penalty=inverse_penalty,
                name="ngram_classifier",
            )
            classifier.fit(tokens, targets)
            fitted[inverse_penalty] = classifier
        return fitted

    baseline_name = "TF-IDF and logistic regression"

    def baseline(self) -> Any:
        """Returns logistic regression on the TF-IDF of n-grams.

        They are one and two words or punctuation marks or, for subwords and bytes, up to four
        characters.
        """
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        if self.task.tokens == "words":
            kind: dict[str, Any] = {"ngram_range": (1, 2), "token_pattern": r"(?u)\w+|[^\w\s]"}
        else:
            kind = {"ngram_range": (1, 4), "analyzer": "char", "max_features": 100_000}
        ngrams = TfidfVectorizer(sublinear_tf=True, **kind)
        return make_pipeline(ngrams, LogisticRegression(C=20, max_iter=1000))

    def baseline_examples(self, split: str, raw: bool = False) -> tuple[list, np.ndarray]:
        """Returns the texts of a split that have a label."""
        texts, labels = [], []
        for text, label in self._batches(split).as_numpy_iterator():
            texts += [each.decode("utf-8", "replace") for each in text[label >= 0]]
            labels.append(label[label >= 0])
        return texts, np.concatenate(labels)

    def warnings(self) -> list[str]:
        """Returns a warning if many texts are truncated."""
        lengths = []
        for text, _ in self._batches("train"):
            lengths.append(self.preprocessor.tokenize(text).row_lengths().numpy())
        longer = np.mean(np.concatenate(lengths) > self.task.max_length)
        if longer <= _MOST_TRUNCATED:
            return []
        return [
            f"{100 * longer:.0f} % of the training texts have more than --max_length="
            f"{self.task.max_length} tokens; the middle of these is left out"
        ]

    def build_exported(
        self, network: keras.Model, other: OtherClassifier | None = None
    ) -> keras.Model:
        """Returns the model from strings `(batch,)` to probabilities by class name."""
        texts = keras.Input((), dtype="string", name="text")
        return end_to_end_classifier(texts, network, self.class_names, self.preprocessor, other)

    def describe(self) -> dict[str, Any]:
        """Returns the class names, the size of the vocabulary and the number of labels."""
        facts = {**super().describe(), "vocabulary_size": len(self.preprocessor.vocabulary)}
        return facts if self._labeled_fraction == 1 else {**facts, "labeled": self.records.labeled}

    @property
    def _labeled_fraction(self):
        """The fraction of the training texts that have a label."""
        return self.records.labeled / self.records.sizes["train"]

    def _batches(self, split, part=0, num_parts=1):
        records = self.records.read(split, part, num_parts).batch(READ_BATCH)
        return records.map(lambda record: (record["text"], record["label"]))

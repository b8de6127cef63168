"""NGramClassifier: a linear model of token n-grams."""

from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from nrnm_keras.models.softmax_regression import softmax_regression
from nrnm_keras.models.valid_first import valid_first
from nrnm_keras.typing import Config, Shape, Tensor

# Odd numbers: products by them lose nothing when they wrap around at 2^32.
_FACTORS = (0x61C88647, 0x2545F491)


@keras.saving.register_keras_serializable(package="nrnm_keras")
class NGramClassifier(layers.Layer):
    """Classifies token sequences by the n-grams that they contain.

    The features are the 1-grams to n-grams of a sequence, each counted once, weighted, and scaled
    to a norm of 1. The weight is the inverse document frequency times how differently the classes
    use an n-gram: the root mean square, over the classes, of the logarithm of its naive-Bayes ratio
    (Wang & Manning, ACL 2012). `fit` finds the n-grams, their weights and a softmax regression.
    Averaged with a recurrent network (`AverageLogProbabilities`), it makes up for what the network
    cannot learn from a few thousand texts.

    Masks are exact: masked tokens are left out, wherever they are, and n-grams reach across them.

    Example:

    >>> classifier = NGramClassifier(2)
    >>> classifier.fit(np.array([[3, 4, 0], [5, 4, 6]]), np.array([0, 1]))
    >>> ops.argmax(classifier(np.array([[3, 0], [5, 6]])), -1).numpy().tolist()
    [0, 1]

    Args:
        num_classes: Integer, number of classes.
        max_size: Integer, tokens of the longest n-grams.
        max_ngrams: Integer, most different n-grams to keep: those that most training texts have.
        inverse_penalty: Float, `C` of scikit-learn's `LogisticRegression`. Larger values fit the
            training texts more closely.
        num_ngrams: Integer, number of n-grams of a fitted layer. Default: `fit` finds it.

    Call arguments:
        tokens: Integers `(batch, timesteps)`.
        mask: Booleans `(batch, timesteps)`, False for tokens to skip. Without it, tokens 0 are
            skipped.

    Returns:
        Log-probabilities of the classes, float32 `(batch, num_classes)`.
    """

    def __init__(
        self,
        num_classes: int,
        max_size: int = 2,
        max_ngrams: int = 500_000,
        inverse_penalty: float = 20.0,
        num_ngrams: int | None = None,
        **kwargs: Any,
    ) -> None:
        if min(num_classes, max_size, max_ngrams) < 1 or inverse_penalty <= 0:
            raise ValueError(
                "Arguments `num_classes`, `max_size`, `max_ngrams` and `inverse_penalty` must be "
                f"positive. Received: num_classes={num_classes}, max_size={max_size}, "
                f"max_ngrams={max_ngrams}, inverse_penalty={inverse_penalty}"
            )
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.num_classes, self.max_size = num_classes, max_size
        self.max_ngrams, self.inverse_penalty = max_ngrams, inverse_penalty
        self.num_ngrams = num_ngrams

    def build(self, input_shape: Shape) -> None:
        """Creates the weights, none of which is trained by gradients."""
        if self.num_ngrams is None:
            raise ValueError(f"`{type(self).__name__}` has no n-grams yet. Call `fit` first.")

        def add(name, *shape, dtype="float32"):
            return self.add_weight(shape, "zeros", dtype, trainable=False, name=name)

        # The first row is that of all other n-grams.
        self.hashes = add("hashes", self.num_ngrams + 1, dtype="int32")
        self.ngram_weight = add("ngram_weight", self.num_ngrams + 1)
        self.kernel = add("kernel", self.num_ngrams + 1, self.num_classes)
        self.bias = add("bias", self.num_classes)

    def fit(self, tokens: NDArray, labels: NDArray) -> None:
        """Finds the n-grams and fits the weights to all training texts, in a few seconds.

        Args:
            tokens: Integers `(examples, timesteps)`, 0 after the end of a text.
            labels: Integers `(examples,)`.

        Raises:
            ValueError: if the numbers of texts and labels differ, there are none, or the layer is
                fitted already.
        """
        if not len(labels) or len(labels) != len(tokens):
            raise ValueError(
                "`fit` needs one label for each text and at least one text. "
                f"Received: {len(tokens)} texts and {len(labels)} labels"
            )
        if self.built:
            raise ValueError("This layer is fitted already. Create another one to fit again.")
        rows, columns, hashes = self._most_frequent(tokens)
        self.num_ngrams = len(hashes) - 1
        self.build(np.shape(tokens))
        weight = _inverse_frequency(columns, len(labels), len(hashes))
        weight *= _class_ratio(columns, labels[rows], len(hashes), self.num_classes)
        weight[0] = 0
        norm = np.sqrt(np.bincount(rows, weight[columns] ** 2, minlength=len(labels)))
        values = weight[columns] / np.maximum(norm, 1e-9)[rows]
        kernel, bias = softmax_regression(
            _sparse_matmul(rows, columns, values, len(labels)),
            _sparse_matmul(columns, rows, values, len(hashes)),
            len(hashes),
            labels,
            self.num_classes,
            1 / (self.inverse_penalty * len(labels)),
        )
        self.hashes.assign(hashes)
        self.ngram_weight.assign(weight)
        self.kernel.assign(kernel)
        self.bias.assign(bias)

    def call(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """Returns the log-probabilities."""
        rows = self._rows_of(tokens, mask)
        weights = ops.take(self.ngram_weight, rows)
        norm = ops.sqrt(ops.sum(ops.square(weights), axis=1, keepdims=True))
        weights = ops.expand_dims(weights / ops.maximum(norm, 1e-9), -1)
        logits = ops.sum(ops.take(self.kernel, rows, axis=0) * weights, axis=1) + self.bias
        return ops.log_softmax(logits, axis=-1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the shape of the log-probabilities."""
        return (input_shape[0], self.num_classes)

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> None:
        """Returns None: the outputs have no steps."""
        return None

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        names = ("num_classes", "max_size", "max_ngrams", "inverse_penalty", "num_ngrams")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    def _hashes_of(self, tokens, mask):
        """Hashes of all n-grams, int32 `(batch, max_size * timesteps)`, and which of them exist."""
        tokens = ops.cast(tokens, "int32")
        tokens, mask = valid_first(tokens, ops.not_equal(tokens, 0) if mask is None else mask)
        hashes, found, exist = ops.zeros_like(tokens), [], []
        for size in range(1, self.max_size + 1):
            if size > 1:
                hashes = ops.pad(hashes, ((0, 0), (1, 0)))[:, :-1]
                mask = ops.logical_and(mask, _starts_before(mask, size))
            hashes = (hashes + 1) * _FACTORS[0] + tokens * _FACTORS[1]
            found.append(hashes)
            exist.append(mask)
        return ops.concatenate(found, axis=1), ops.concatenate(exist, axis=1)

    def _rows_of(self, tokens, mask):
        """Rows of the weights of all n-grams, each once; 0 for others and repetitions."""
        hashes, exist = self._hashes_of(tokens, mask)
        places = ops.searchsorted(self.hashes, ops.reshape(hashes, (-1,)))
        places = ops.reshape(ops.cast(places, "int32"), ops.shape(hashes))
        places = ops.minimum(places, self.num_ngrams)
        known = ops.logical_and(exist, ops.equal(ops.take(self.hashes, places), hashes))
        rows = ops.sort(ops.where(known, places, 0), axis=1)
        previous = ops.pad(rows, ((0, 0), (1, 0)))[:, :-1]
        return ops.where(ops.equal(rows, previous), 0, rows)

    def _most_frequent(self, tokens, batch_size=256):
        """Examples and columns of the n-grams to keep, `(n-grams,)` each, and hashes by column."""
        rows, found = [], []
        for start in range(0, len(tokens), batch_size):
            parts = self._hashes_of(tokens[start : start + batch_size], None)
            hashes, exist = (ops.convert_to_numpy(part) for part in parts)
            for row, present in enumerate(exist, start):
                found.append(np.unique(hashes[row - start, present]))
                rows.append(np.full(len(found[-1]), row))
        hashes, columns, counts = np.unique(
            np.concatenate(found), return_inverse=True, return_counts=True
        )
        kept = np.sort(np.argsort(-counts, kind="stable")[: self.max_ngrams])
        column_of = np.zeros(len(hashes), "int64")
        column_of[kept] = 1 + np.arange(len(kept))
        columns = column_of[columns]
        hashes = np.concatenate([[np.iinfo("int32").min], hashes[kept]])
        return np.concatenate(rows)[columns > 0], columns[columns > 0], hashes


def _inverse_frequency(columns, examples, ngrams):
    return np.log((1 + examples) / (1 + np.bincount(columns, minlength=ngrams))) + 1


def _class_ratio(columns, labels, ngrams, num_classes):
    """Root mean square of log(share of an n-gram in a class / its share in the others)."""
    counts = [
        np.bincount(columns[labels == label], minlength=ngrams) for label in range(num_classes)
    ]
    counts = np.stack(counts)
    inside, outside = counts + 1.0, counts.sum(0) - counts + 1.0
    ratio = np.log(inside / inside.sum(1, keepdims=True) * outside.sum(1, keepdims=True) / outside)
    return np.sqrt(np.mean(np.square(ratio), axis=0))


def _starts_before(mask, size):
    return ops.expand_dims(ops.arange(ops.shape(mask)[1]) >= size - 1, 0)


def _sparse_matmul(rows, columns, values, count):
    """The product of a sparse matrix of `count` rows with a dense one, as a function."""
    order = np.argsort(rows, kind="stable")
    rows, columns, values = rows[order], columns[order], values[order].astype("float32")
    present, starts = np.unique(rows, return_index=True)

    def matmul(x):
        result = np.zeros((count, x.shape[1]), "float32")
        if len(present):
            # One column after the other takes a third of the time of all at once.
            for number, column in enumerate(np.ascontiguousarray(x.T)):
                result[present, number] = np.add.reduceat(values * column[columns], starts)
        return result

    return matmul

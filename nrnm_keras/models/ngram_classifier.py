"""NGramClassifier: a linear model of token n-grams."""

from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from nrnm_keras.models.softmax_regression import softmax_regression
from nrnm_keras.models.valid_first import valid_first
from nrnm_keras.typing import Config, Shape, Tensor

# Primes: products of remainders stay below 2^31, on every backend.
_MODULUS, _FACTORS = 32749, (40503, 24989)


@keras.saving.register_keras_serializable(package="nrnm_keras")
class NGramClassifier(layers.Layer):
    """Classifies token sequences by the n-grams that they contain.

    The features are the 1-grams to n-grams of a sequence, each counted once, hashed into buckets,
    weighted by their inverse document frequency, and scaled to a norm of 1. `fit` finds the weights
    of a softmax regression. Averaged with a recurrent network (`AverageLogProbabilities`), it makes
    up for what the network cannot learn from a few thousand texts (Wang & Manning, ACL 2012, for
    n-grams on small data sets).

    Masks are exact: masked tokens are left out, wherever they are, and n-grams reach across them.

    Example:

    >>> classifier = NGramClassifier(2, buckets=1009)
    >>> classifier.fit(np.array([[3, 4, 0], [5, 4, 6]]), np.array([0, 1]))
    >>> ops.argmax(classifier(np.array([[3, 0], [5, 6]])), -1).numpy().tolist()
    [0, 1]

    Args:
        num_classes: Integer, number of classes.
        max_size: Integer, tokens of the longest n-grams.
        buckets: Integer, number of different n-grams. N-grams with the same hash share a weight.
        inverse_penalty: Float, `C` of scikit-learn's `LogisticRegression`. Larger values fit the
            training texts more closely.

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
        buckets: int = 2**19 - 1,
        inverse_penalty: float = 20.0,
        **kwargs: Any,
    ) -> None:
        if min(num_classes, max_size, buckets) < 1 or inverse_penalty <= 0:
            raise ValueError(
                "Arguments `num_classes`, `max_size`, `buckets` and `inverse_penalty` must be "
                f"positive. Received: num_classes={num_classes}, max_size={max_size}, "
                f"buckets={buckets}, inverse_penalty={inverse_penalty}"
            )
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.num_classes, self.max_size = num_classes, max_size
        self.buckets, self.inverse_penalty = buckets, inverse_penalty

    def build(self, input_shape: Shape) -> None:
        """Creates the weights, none of which is trained by gradients."""

        def add(name, *shape):
            return self.add_weight(shape=shape, initializer="zeros", name=name, trainable=False)

        self.rarity = add("rarity", self.buckets + 1)
        self.kernel = add("kernel", self.buckets + 1, self.num_classes)
        self.bias = add("bias", self.num_classes)

    def fit(self, tokens: NDArray, labels: NDArray) -> None:
        """Fits the weights to all training texts, in a few seconds.

        Args:
            tokens: Integers `(examples, timesteps)`, 0 after the end of a text.
            labels: Integers `(examples,)`.

        Raises:
            ValueError: if the numbers of texts and labels differ, or there are none.
        """
        if not len(labels) or len(labels) != len(tokens):
            raise ValueError(
                "`fit` needs one label for each text and at least one text. "
                f"Received: {len(tokens)} texts and {len(labels)} labels"
            )
        if not self.built:
            self.build(np.shape(tokens))
        rows, columns = self._present(tokens)
        frequency = np.bincount(columns, minlength=self.buckets + 1)
        rarity = np.log((1 + len(labels)) / (1 + frequency)) + 1
        rarity[frequency == 0] = 0  # an n-gram without a weight does not count in the norm
        norm = np.sqrt(np.bincount(rows, rarity[columns] ** 2, minlength=len(labels)))
        known, columns = np.unique(columns, return_inverse=True)
        values = rarity[known][columns] / np.maximum(norm, 1e-9)[rows]
        kernel, bias = softmax_regression(
            _sparse_matmul(rows, columns, values, len(labels)),
            _sparse_matmul(columns, rows, values, len(known)),
            len(known),
            labels,
            self.num_classes,
            1 / (self.inverse_penalty * len(labels)),
        )
        whole = np.zeros((self.buckets + 1, self.num_classes))
        whole[known] = kernel
        self.rarity.assign(rarity)
        self.kernel.assign(whole)
        self.bias.assign(bias)

    def call(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """Returns the log-probabilities."""
        ids = self._ngrams(tokens, mask)
        weights = ops.where(ids > 0, ops.take(self.rarity, ids), 0.0)
        norm = ops.sqrt(ops.sum(ops.square(weights), axis=1, keepdims=True))
        weights = ops.expand_dims(weights / ops.maximum(norm, 1e-9), -1)
        logits = ops.sum(ops.take(self.kernel, ids, axis=0) * weights, axis=1) + self.bias
        return ops.log_softmax(logits, axis=-1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the shape of the log-probabilities."""
        return (input_shape[0], self.num_classes)

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> None:
        """Returns None: the outputs have no steps."""
        return None

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        names = ("num_classes", "max_size", "buckets", "inverse_penalty")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    def _ngrams(self, tokens, mask):
        """Buckets `(batch, max_size * timesteps)` from 1, each once; 0 where there is none."""
        tokens = ops.cast(tokens, "int32")
        tokens, mask = valid_first(tokens, ops.not_equal(tokens, 0) if mask is None else mask)
        keys, found = ops.zeros_like(tokens), []
        for size in range(1, self.max_size + 1):
            if size > 1:
                keys = ops.pad(keys, ((0, 0), (1, 0)))[:, :-1]
                mask = ops.logical_and(mask, _starts_before(mask, size))
            keys = ops.mod(keys, _MODULUS) * _FACTORS[0] + ops.mod(tokens, _MODULUS) * _FACTORS[1]
            found.append(ops.where(mask, ops.mod(keys + size, self.buckets) + 1, 0))
        ids = ops.sort(ops.concatenate(found, axis=1), axis=1)
        previous = ops.pad(ids, ((0, 0), (1, 0)))[:, :-1]
        return ops.where(ops.equal(ids, previous), 0, ids)

    def _present(self, tokens, batch_size=256):
        """Examples and buckets of all n-grams, int64 `(n-grams,)` each."""
        rows, columns = [], []
        for start in range(0, len(tokens), batch_size):
            part = self._ngrams(tokens[start : start + batch_size], None)
            part = ops.convert_to_numpy(part)
            row, column = np.nonzero(part)
            rows.append(row + start)
            columns.append(part[row, column])
        return np.concatenate(rows), np.concatenate(columns)


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

"""ConvolutionClassifier: a linear model of fixed convolutions of a series."""

import itertools
import math
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from nrnm_keras.models.softmax_regression import softmax_regression
from nrnm_keras.models.valid_first import valid_first
from nrnm_keras.typing import ArrayLike, Config, Shape, Tensor

# MiniRocket's filters: nine steps, three weights of 2, six of -1. Their sum is 0.
_LENGTH = 9
_FILTERS = np.array(
    [[2 if step in twos else -1 for step in range(_LENGTH)]
     for twos in itertools.combinations(range(_LENGTH), 3)],
    "float32",
)  # fmt: skip
_GOLDEN = (math.sqrt(5) - 1) / 2
_BATCH_SIZE = 32


@keras.saving.register_keras_serializable(package="nrnm_keras")
class ConvolutionClassifier(layers.Layer):
    """Classifies series by how often fixed filters exceed thresholds.

    The features are those of MiniRocket (Dempster et al., KDD 2021): 84 filters at dilations 1, 2,
    4, ..., of which each feature is the share of steps above a threshold, a quantile of training
    series. `fit` finds the thresholds and the weights of a softmax regression on the standardized
    features. Averaged with a recurrent network (`AverageLogProbabilities`), it makes up for what
    the network cannot learn from a few dozen series.

    Masks are exact: masked steps are left out, wherever they are. Steps before the first and after
    the last valid one count as the mean of the training series.

    Example:

    >>> series = np.sin(np.arange(30) * np.array([[0.5], [1.5]]))[..., None]
    >>> classifier = ConvolutionClassifier(2, max_length=30)
    >>> classifier.fit(series, np.array([0, 1]))
    >>> ops.argmax(classifier(series), -1).numpy().tolist()
    [0, 1]

    Args:
        num_classes: Integer, number of classes.
        max_length: Integer, steps of the longest training series. Filters are not longer.
        num_features: Integer, approximate number of features; there are at least 84 per dilation.
        inverse_penalty: Float, `C` of scikit-learn's `LogisticRegression`. Larger values fit the
            training series more closely.
        seed: Integer, chooses the channels that each filter sees, and the series from which `fit`
            takes the thresholds.

    Call arguments:
        sequences: `(batch, timesteps, channels)`.
        mask: Booleans `(batch, timesteps)`, False for steps to skip.

    Returns:
        Log-probabilities of the classes, float32 `(batch, num_classes)`.
    """

    def __init__(
        self,
        num_classes: int,
        max_length: int,
        num_features: int = 6000,
        inverse_penalty: float = 100.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        if min(num_classes, max_length, num_features) < 1 or inverse_penalty <= 0:
            raise ValueError(
                "Arguments `num_classes`, `max_length`, `num_features` and `inverse_penalty` must "
                f"be positive. Received: num_classes={num_classes}, max_length={max_length}, "
                f"num_features={num_features}, inverse_penalty={inverse_penalty}"
            )
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.num_classes, self.max_length = num_classes, max_length
        self.num_features, self.inverse_penalty, self.seed = num_features, inverse_penalty, seed
        longest = max(max_length - 1, _LENGTH - 1) // (_LENGTH - 1)
        self.dilations = [2**i for i in range(longest.bit_length())]
        self._per_filter = max(1, num_features // (len(_FILTERS) * len(self.dilations)))

    def build(self, input_shape: Shape) -> None:
        """Creates the weights, none of which is trained by gradients."""

        def add(name, *shape):
            return self.add_weight(shape=shape, initializer="zeros", name=name, trainable=False)

        channels, dilations, filters = input_shape[-1], len(self.dilations), len(_FILTERS)
        features = dilations * self._per_filter * filters
        self.input_mean = add("input_mean", channels)
        self.input_scale = add("input_scale", channels)
        self.channels = add("channels", dilations, channels, filters)
        self.thresholds = add("thresholds", dilations, self._per_filter, filters)
        self.mean, self.scale = add("mean", features), add("scale", features)
        self.kernel = add("kernel", features, self.num_classes)
        self.bias = add("bias", self.num_classes)

    def fit(self, sequences: ArrayLike, labels: ArrayLike, mask: ArrayLike | None = None) -> None:
        """Fits the weights to all training series, in a few seconds.

        Args:
            sequences: `(examples, timesteps, channels)`.
            labels: Integers `(examples,)`.
            mask: Booleans `(examples, timesteps)`, False for steps to skip.

        Raises:
            ValueError: if the numbers of series and labels differ, or there are none.
        """
        sequences, labels = np.asarray(sequences, "float32"), np.asarray(labels)
        if not len(labels) or len(labels) != len(sequences):
            raise ValueError(
                "`fit` needs one label for each series and at least one series. "
                f"Received: {len(sequences)} series and {len(labels)} labels"
            )
        mask = np.ones(sequences.shape[:2], "bool") if mask is None else np.asarray(mask, "bool")
        if not self.built:
            self.build(sequences.shape)
        self._choose_inputs(sequences[mask])
        self._choose_thresholds(sequences, mask)
        features = [
            ops.convert_to_numpy(self._raw_features(sequences[rows], mask[rows]))
            for rows in _batches(len(labels))
        ]
        raw = np.concatenate(features)
        self.mean.assign(raw.mean(0))
        self.scale.assign(_inverse(raw.std(0)))
        features = ops.convert_to_numpy(self._standardize(ops.convert_to_tensor(raw)))
        kernel, bias = softmax_regression(
            lambda x: features @ x,
            lambda x: features.T @ x,
            features.shape[1],
            labels,
            self.num_classes,
            1 / (self.inverse_penalty * len(labels)),
        )
        self.kernel.assign(kernel)
        self.bias.assign(bias)

    def call(self, sequences: Tensor, mask: Tensor | None = None) -> Tensor:
        """Returns the log-probabilities."""
        features = self._standardize(self._raw_features(sequences, mask))
        return ops.log_softmax(ops.matmul(features, self.kernel) + self.bias, axis=-1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the shape of the log-probabilities."""
        return (input_shape[0], self.num_classes)

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> None:
        """Returns None: the outputs have no steps."""
        return None

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        names = ("num_classes", "max_length", "num_features", "inverse_penalty", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    def _choose_inputs(self, steps):
        """Sets the scale of the channels, and the random channels of each filter."""
        self.input_mean.assign(steps.mean(0))
        self.input_scale.assign(_inverse(steps.std(0)))
        random, chosen = np.random.default_rng(self.seed), np.zeros(self.channels.shape, "float32")
        most = math.log2(min(chosen.shape[1], _LENGTH) + 1)
        for dilation, filter_ in np.ndindex(chosen.shape[0], chosen.shape[2]):
            count = int(2 ** random.uniform(0, most))
            chosen[dilation, random.permutation(chosen.shape[1])[:count], filter_] = 1
        self.channels.assign(chosen)

    def _choose_thresholds(self, sequences, mask):
        """Sets the thresholds to quantiles of the filters on a few training series."""
        rows = np.random.default_rng(self.seed).permutation(len(mask))[:_BATCH_SIZE]
        prepared, valid = self._prepare(sequences[rows], mask[rows])
        valid = ops.convert_to_numpy(valid)
        levels = (0.3 + _GOLDEN * np.arange(self._per_filter)) % 1
        thresholds = [
            np.quantile(ops.convert_to_numpy(self._filter(prepared, i))[valid], levels, axis=0)
            for i in range(len(self.dilations))
        ]
        self.thresholds.assign(np.stack(thresholds))

    def _prepare(self, sequences, mask):
        sequences = ops.cast(sequences, "float32")
        sequences, mask = valid_first((sequences - self.input_mean) * self.input_scale, mask)
        return sequences, mask

    def _filter(self, sequences, index):
        """The filters of one dilation, `(batch, timesteps, 84)`."""
        dilation, steps = self.dilations[index], ops.shape(sequences)[1]
        mixed = ops.matmul(sequences, self.channels[index])
        side = _LENGTH // 2 * dilation
        mixed = ops.pad(mixed, ((0, 0), (side, side), (0, 0)))
        return sum(
            mixed[:, i * dilation : i * dilation + steps] * _FILTERS[:, i] for i in range(_LENGTH)
        )

    def _raw_features(self, sequences, mask):
        sequences, mask = self._prepare(sequences, mask)
        mask = ops.expand_dims(ops.cast(mask, "float32"), -1)
        count = ops.maximum(ops.sum(mask, axis=1), 1.0)
        features = []
        for i in range(len(self.dilations)):
            filtered = self._filter(sequences, i)
            for j in range(self._per_filter):
                above = ops.cast(filtered > self.thresholds[i, j], "float32")
                features.append(ops.sum(above * mask, axis=1) / count)
        return ops.concatenate(features, axis=1)

    def _standardize(self, features):
        features = (features - self.mean) * self.scale
        norm = ops.sqrt(ops.sum(ops.square(features), axis=1, keepdims=True))
        return features / ops.maximum(norm, 1e-9)


def _inverse(deviation):
    return np.where(deviation > 1e-6, 1 / np.maximum(deviation, 1e-6), 0)


def _batches(count):
    return [slice(start, start + _BATCH_SIZE) for start in range(0, count, _BATCH_SIZE)]

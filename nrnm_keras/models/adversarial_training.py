"""AdversarialTraining: a text classifier trained with adversarial perturbations."""

from typing import Any

import keras
from keras import ops

from nrnm_keras.models.candidate_sampling import log_frequencies
from nrnm_keras.models.input_gradient import input_gradient
from nrnm_keras.typing import ArrayLike, Shape, Tensor


class AdversarialTraining(keras.Model):
    """A text classifier with adversarial and entropy terms in its training loss.

    A call runs the network. The training loss is

        cross entropy + weight * (adversarial term) + entropy_weight * (entropy of the output).

    The adversarial term compares the outputs for the embeddings of a text and for perturbed ones,
    under the same dropout and zoneout masks. A perturbation `r` is scaled by the standard
    deviations `D` of the embedding's features over the vocabulary, weighted by token frequency: it
    is `norm * D * g / |g|`, where `g` is the gradient with respect to `r / D` and the norm is over
    a whole text. This equals Miyato's perturbation of normalized embeddings, without changing the
    network. No gradient flows through the perturbation.

    - `"labels"`: adversarial training (Goodfellow et al., ICLR 2015). The term is the cross
      entropy of the perturbed output, and `g` is the gradient of the cross entropy.
    - `"virtual"`: virtual adversarial training, which needs no labels. The term is the divergence
      KL(output || perturbed output), and `g` is its gradient after a random step of norm `norm`:
      one power iteration toward the direction in which the output changes most. A random step of
      0.1, as in the authors' code, would change the output too little for half precision.

    Cross entropies are summed over labeled rows only and divided by `labeled_share`, so that their
    expectation is the mean over the labeled examples. The other terms are means over all rows.

    References: Miyato, Dai & Goodfellow, Adversarial Training Methods for Semi-Supervised Text
    Classification, ICLR 2017, equations 3 to 6; Grandvalet & Bengio, Semi-supervised Learning by
    Entropy Minimization, NeurIPS 2004, for the entropy; Sachan et al., AAAI 2019, for both.

    Args:
        network: Built `keras.Sequential` from token ids `(batch, timesteps)` to logits
            `(batch, classes)`. The first layer is the `Embedding` of a vocabulary sorted by
            frequency, with 0 for padding; the last layer takes a mask.
        adversarial: `"none"`, `"labels"` or `"virtual"`.
        norm: Float, the norm of a text's perturbation, in standard deviations.
        weight: Float, the weight of the adversarial term.
        entropy_weight: Float, the weight of the entropy.
        labeled_share: Float in (0, 1], the share of the training examples that have a label; the
            label of the others is -1.
        longest: Positive integer, the length of the longest texts. Random steps are always drawn
            for this length, so that all replicas draw the same numbers.

    Raises:
        ValueError: for an unknown `adversarial`.

    Example:

    >>> from nrnm_keras.models import RecurrentBackbone, SequenceClassifier
    >>> layers = [keras.layers.Embedding(9, 4, mask_zero=True)]
    >>> layers += [SequenceClassifier(RecurrentBackbone(8, num_layers=1, nrnm_layers=()), 2)]
    >>> network = keras.Sequential([keras.Input((None,), dtype="int32"), *layers])
    >>> model = AdversarialTraining(network, "virtual", labeled_share=0.5)
    >>> loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    >>> model.compile("adam", loss, jit_compile=False)
    >>> loss = model.train_on_batch(np.array([[3, 8, 1], [2, 0, 0]]), np.array([1, -1]))
    """

    MODES = ("none", "labels", "virtual")

    def __init__(
        self,
        network: keras.Sequential,
        adversarial: str = "none",
        norm: float = 5.0,
        weight: float = 1.0,
        entropy_weight: float = 0.0,
        labeled_share: float = 1.0,
        longest: int = 400,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if adversarial not in self.MODES:
            raise ValueError(
                f"Argument `adversarial` must be one of {self.MODES}. "
                f"Received: adversarial={adversarial!r}"
            )
        self.network = network
        self.adversarial = adversarial
        self.norm = norm
        self.weight = weight
        self.entropy_weight = entropy_weight
        self.labeled_share = labeled_share
        self.longest = longest
        self.seed_generator = keras.random.SeedGenerator()
        self._cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self._divergence = LogitDivergence()
        self._entropy = LogitEntropy()
        self._move = _Addition(dtype=network.layers[0].dtype_policy, name="move")
        self._noise = _Noise(network)
        self.built = True

    @property
    def embedding(self) -> keras.layers.Embedding:
        """The `Embedding`."""
        return self.network.layers[0]

    def call(self, ids: Tensor, training: bool = False) -> Tensor:
        """Returns the network's logits."""
        if training:
            self._noise.record()
        return self.network(ids, training=training)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the shape of the logits."""
        return self.network.compute_output_shape(input_shape)

    def compute_loss(
        self,
        x: Tensor = None,
        y: Tensor = None,
        y_pred: Tensor = None,
        sample_weight: Tensor | None = None,
        training: bool = True,
    ) -> Tensor:
        """Returns the loss of the output `y_pred` of the preceding call.

        Args:
            x: token ids `(batch, timesteps)`.
            y: labels `(batch,)`, -1 for rows without a label.
            y_pred: logits `(batch, classes)`.
            sample_weight: `(batch,)`, the weights of the rows. Default: 1.
            training: Boolean, whether the adversarial and entropy terms are added.
        """
        weights = ops.ones_like(y) if sample_weight is None else sample_weight
        weights = ops.cast(weights, "float32")
        labeled = weights * ops.cast(y >= 0, "float32") / self.labeled_share
        labels = ops.maximum(y, 0)
        loss = super().compute_loss(x, labels, y_pred, labeled, training)
        if training and self.adversarial == "labels":
            targets = ops.one_hot(labels, y_pred.shape[-1])
            perturbed = self.perturbed_logits(x, self.perturbation(x, targets))
            loss += self.weight * self._cross_entropy(labels, perturbed, labeled)
        elif training and self.adversarial == "virtual":
            logits = ops.stop_gradient(y_pred)
            start = self._random_step(x)
            perturbed = self.perturbed_logits(x, self.perturbation(x, ops.softmax(logits), start))
            loss += self.weight * self._divergence(logits, perturbed, weights)
        if training and self.entropy_weight:
            loss += self.entropy_weight * self._entropy(y_pred, y_pred, weights)
        return loss

    def perturbation(self, ids: Tensor, targets: ArrayLike, start: Tensor | None = None) -> Tensor:
        """Returns the perturbation of embeddings that moves the outputs away from targets.

        Args:
            ids: Token ids `(batch, timesteps)`.
            targets: Probabilities `(batch, classes)`.
            start: `(batch, timesteps, embedding_size)`, where the gradient is taken, in standard
                deviations. Default: zeros.

        Returns:
            `(batch, timesteps, embedding_size)`, in standard deviations: each text's has the norm
            `norm`, or is zero if nothing moves the output.
        """
        if start is None:
            start = ops.zeros((*ops.shape(ids), self.embedding.output_dim), "float32")
        # Constants, so that nothing is differentiated a second time.
        weights = [(v, ops.stop_gradient(v.value)) for v in self.network.weights]

        def move(perturbation):
            logits = self._run(ids, perturbation, weights)
            # The gradient of cross entropy and divergence with respect to the logits. Only its
            # direction counts: with norm 1 it does not underflow in half precision.
            away = _unit(ops.stop_gradient(ops.softmax(logits) - targets))
            return ops.sum(away * logits)

        return ops.stop_gradient(self.norm * _unit(input_gradient(move, start)))

    def perturbed_logits(self, ids: Tensor, perturbation: Tensor) -> Tensor:
        """Returns the logits for perturbed embeddings, with the random state of the last call.

        Args:
            ids: Token ids `(batch, timesteps)`.
            perturbation: The result of `perturbation`.
        """
        return self._run(ids, perturbation, [(v, v.value) for v in self.network.weights])

    def deviations(self) -> Tensor:
        """Returns the standard deviations of the embedding's features, `(embedding_size,)`."""
        vectors = ops.stop_gradient(ops.cast(self.embedding.embeddings, "float32")[1:])
        shares = ops.exp(log_frequencies(self.embedding.input_dim - 1))
        centered = vectors - ops.matmul(shares, vectors)
        return ops.sqrt(ops.matmul(shares, ops.square(centered)))

    def _random_step(self, ids):
        """A step in one random direction, truncated to the length of each text."""
        size = self.embedding.output_dim
        noise = keras.random.normal((self.longest, size), seed=self.seed_generator)
        steps = ops.arange(ops.shape(ids)[1]) % self.longest
        noise = ops.take(noise, steps, axis=0) * self._is_token(ids)
        return self.norm * _unit(noise)

    def _run(self, ids, perturbation, weights):
        """Returns the logits with given weights and the random state of the last call."""
        with keras.StatelessScope([*weights, *self._noise.recorded]):
            embedded = self.embedding(ids)
            vectors = self._move(embedded, self.deviations() * perturbation * self._is_token(ids))
            for layer in self.network.layers[1:]:
                vectors = layer(vectors, training=True)
            return vectors

    def _is_token(self, ids):
        return ops.cast(ops.expand_dims(ops.not_equal(ids, 0), -1), "float32")


class LogitDivergence(keras.losses.Loss):
    """KL(p || q) of the classes' probabilities.

    Call arguments:
        y_true: Logits of p, `(batch, classes)`.
        y_pred: Logits of q, `(batch, classes)`.

    Example:

    >>> p, q = np.log([[0.5, 0.5]]), np.log([[0.25, 0.75]])
    >>> round(float(LogitDivergence()(p, q)), 4)  # 0.5 * log(2) + 0.5 * log(2 / 3)
    0.1438
    """

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Returns the divergence of each row, `(batch,)`."""
        true, pred = ops.log_softmax(y_true), ops.log_softmax(y_pred)
        return ops.sum(ops.exp(true) * (true - pred), axis=-1)


class LogitEntropy(keras.losses.Loss):
    """The entropy of the classes' probabilities.

    Call arguments:
        y_true: Anything.
        y_pred: Logits `(batch, classes)`.

    Example:

    >>> round(float(LogitEntropy()(np.zeros((1, 2)), np.zeros((1, 2)))), 4)  # the logarithm of 2
    0.6931
    """

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Returns the entropy of each row, `(batch,)`."""
        log_probabilities = ops.log_softmax(y_pred)
        return -ops.sum(ops.exp(log_probabilities) * log_probabilities, axis=-1)


class _Addition(keras.layers.Layer):
    """The sum of two sequences, with the mask of the first."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.built = True

    def call(self, sequences, added):
        return sequences + added


class _Noise:
    """Records the state of a network's random generators before a call."""

    def __init__(self, network):
        weights = {id(weight) for weight in network.weights}
        self._variables = [v for v in network.variables if id(v) not in weights]
        self.recorded = []

    def record(self):
        """Records the current state."""
        self.recorded = [(v, ops.copy(v)) for v in self._variables]


def _unit(x):
    """Scales each row to a Euclidean norm of 1; a row of zeros is unchanged."""
    axes = tuple(range(1, len(x.shape)))
    largest = ops.max(ops.abs(x), axis=axes, keepdims=True)
    x = x / ops.where(largest > 0, largest, 1.0)  # squares of small numbers would underflow
    return x / ops.maximum(ops.sqrt(ops.sum(ops.square(x), axis=axes, keepdims=True)), 1.0)

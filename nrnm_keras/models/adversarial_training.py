"""AdversarialTraining: a text classifier that learns against perturbed embeddings."""

from typing import Any

import keras
from keras import ops

from nrnm_keras.models.candidate_sampling import log_frequencies
from nrnm_keras.models.input_gradient import input_gradient
from nrnm_keras.typing import ArrayLike, Shape, Tensor


class AdversarialTraining(keras.Model):
    """A text classifier together with the terms that are added to its loss in training.

    Called, it is the network. Its loss in training is

        cross entropy + weight * (adversarial term) + entropy_weight * (entropy of the output).

    The adversarial term compares the output for a text with that for its perturbed embeddings, all
    dropouts and zoneouts being the same for both. A perturbation `r` of embeddings is measured in
    standard deviations `D` of each feature over the vocabulary, weighted by the tokens' frequency:
    it is `norm * D * g / |g|` with `g` the gradient by `r / D` and its norm that of a whole text.
    That is Miyato's perturbation of normalized embeddings, without changing the network. No
    gradient goes through it.

    - `"labels"`: `g` is the gradient of the cross entropy, which is the term, too (adversarial
      training; Goodfellow et al., ICLR 2015).
    - `"virtual"`: `g` is the gradient of KL(output || perturbed output) a random step of norm
      `norm` away, which is one power iteration towards the direction in which the output changes
      most; the term is that divergence. It needs no labels (virtual adversarial training). A random
      step changes the output little even at that length. One of 0.1, as in the authors' code,
      changes it so little that half precision would lose it.

    Cross entropies count labelled rows only, divided by `labeled_share`: their expectation is the
    mean over the labelled examples, however many a batch has. The other terms are means over all
    rows. (Miyato, Dai & Goodfellow, Adversarial Training Methods for Semi-Supervised Text
    Classification, ICLR 2017, equations 3 to 6; the entropy: Grandvalet & Bengio, Semi-supervised
    Learning by Entropy Minimization, NeurIPS 2004; the two together: Sachan et al., AAAI 2019.)

    Args:
        network: Built `keras.Sequential` from token ids `(batch, timesteps)` to logits
            `(batch, classes)`. Its first layer is the `Embedding`, with 0 for padding, of a
            vocabulary sorted by frequency; its last takes a mask.
        adversarial: `"none"`, `"labels"` or `"virtual"`.
        norm: Float, the norm of a text's perturbation, in standard deviations.
        weight: Float, the weight of the adversarial term.
        entropy_weight: Float, the weight of the entropy.
        labeled_share: Float in (0, 1], the share of the training examples that have a label; the
            others have -1.
        longest: Positive integer, the length of the longest texts. The random steps are drawn for
            so many timesteps, whatever the batch is padded to: all replicas then draw the same.

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
        """Returns the loss of the output `y_pred` of the call just before.

        Args:
            x: token ids `(batch, timesteps)`.
            y: labels `(batch,)`, -1 for none.
            y_pred: logits `(batch, classes)`.
            sample_weight: `(batch,)`, the weights of the rows. Default: 1.
            training: Boolean, whether the terms of training are added.
        """
        weights = ops.ones_like(y) if sample_weight is None else sample_weight
        weights = ops.cast(weights, "float32")
        labelled = weights * ops.cast(y >= 0, "float32") / self.labeled_share
        labels = ops.maximum(y, 0)
        loss = super().compute_loss(x, labels, y_pred, labelled, training)
        if training and self.adversarial == "labels":
            targets = ops.one_hot(labels, y_pred.shape[-1])
            perturbed = self.perturbed_logits(x, self.perturbation(x, targets))
            loss += self.weight * self._cross_entropy(labels, perturbed, labelled)
        elif training and self.adversarial == "virtual":
            logits = ops.stop_gradient(y_pred)
            start = self._random_step(x)
            perturbed = self.perturbed_logits(x, self.perturbation(x, ops.softmax(logits), start))
            loss += self.weight * self._divergence(logits, perturbed, weights)
        if training and self.entropy_weight:
            loss += self.entropy_weight * self._entropy(y_pred, y_pred, weights)
        return loss

    def perturbation(self, ids: Tensor, targets: ArrayLike, start: Tensor | None = None) -> Tensor:
        """Returns what is added to embeddings so that the outputs move away from targets.

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
            # The gradient of cross entropy and divergence by the logits. Its direction alone
            # counts: with norm 1 it is not lost in half precision, however sure the output is.
            away = _unit(ops.stop_gradient(ops.softmax(logits) - targets))
            return ops.sum(away * logits)

        return ops.stop_gradient(self.norm * _unit(input_gradient(move, start)))

    def perturbed_logits(self, ids: Tensor, perturbation: Tensor) -> Tensor:
        """Returns the logits for perturbed embeddings, with the noise of the last call.

        Args:
            ids: Token ids `(batch, timesteps)`.
            perturbation: As `perturbation` returns it.
        """
        return self._run(ids, perturbation, [(v, v.value) for v in self.network.weights])

    def deviations(self) -> Tensor:
        """Returns the standard deviations of the embedding's features, `(embedding_size,)`."""
        vectors = ops.stop_gradient(ops.cast(self.embedding.embeddings, "float32")[1:])
        shares = ops.exp(log_frequencies(self.embedding.input_dim - 1))
        centred = vectors - ops.matmul(shares, vectors)
        return ops.sqrt(ops.matmul(shares, ops.square(centred)))

    def _random_step(self, ids):
        """A step in a random direction for each text: the same one, cut to its length."""
        size = self.embedding.output_dim
        noise = keras.random.normal((self.longest, size), seed=self.seed_generator)
        steps = ops.arange(ops.shape(ids)[1]) % self.longest
        noise = ops.take(noise, steps, axis=0) * self._is_token(ids)
        return self.norm * _unit(noise)

    def _run(self, ids, perturbation, weights):
        """Returns the logits under given values of the weights, and the noise of the last call."""
        with keras.StatelessScope([*weights, *self._noise.recorded]):
            embedded = self.embedding(ids)
            added = self.deviations() * perturbation * self._is_token(ids)
            vectors = embedded + ops.cast(added, embedded.dtype)
            *between, classifier = self.network.layers[1:]
            for layer in between:
                vectors = layer(vectors, training=True)
            return classifier(vectors, mask=self.embedding.compute_mask(ids), training=True)

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


class _Noise:
    """The state of a network's random generators, as it was before a call."""

    def __init__(self, network):
        weights = {id(weight) for weight in network.weights}
        self._variables = [v for v in network.variables if id(v) not in weights]
        self.recorded = []

    def record(self):
        """Keeps the state that there is now."""
        self.recorded = [(v, ops.copy(v)) for v in self._variables]


def _unit(x):
    """Brings each row to the Euclidean norm 1; a row of zeros stays."""
    axes = tuple(range(1, len(x.shape)))
    largest = ops.max(ops.abs(x), axis=axes, keepdims=True)
    x = x / ops.where(largest > 0, largest, 1.0)  # squares of small numbers would be zero
    return x / ops.maximum(ops.sqrt(ops.sum(ops.square(x), axis=axes, keepdims=True)), 1.0)

"""TiedSoftmax: a softmax that shares the matrix of the embedding."""

from typing import Any

import keras
from keras import layers, ops

from nrnm_keras.models.candidate_sampling import draw_candidates, log_frequencies
from nrnm_keras.typing import Shape, Tensor

_NEVER = -1e9


class TiedSoftmax(layers.Layer):
    """The negative log-likelihood of tokens under a softmax that shares the embedding's matrix.

    The logit of a token is the product of its embedding and the context vector, plus a bias (Press
    & Wolf, Using the Output Embedding to Improve Language Models, EACL 2017). The softmax excludes
    token 0, which is padding. The vocabulary must be sorted by frequency: the biases are
    initialized to `log_frequencies`, which Adam would be slow to learn.

    In training, the softmax can be sampled: `num_samples` tokens drawn by `draw_candidates` replace
    all wrong tokens. They are weighted so that exp(negative log-likelihood) has the right
    expectation (Bengio & Senecal, Adaptive Importance Sampling to Accelerate Training of a Neural
    Probabilistic Language Model, 2008).

    Args:
        embedding: `keras.layers.Embedding` of all tokens, padding included.
        num_samples: Integer, the number of tokens of the sampled softmax in training. With 0, or
            with all tokens, the softmax is not sampled. At inference it is never sampled.

    Call arguments:
        contexts: `(batch, timesteps, embedding_size)`.
        tokens: Integers `(batch, timesteps)`.

    Returns:
        `(batch, timesteps)`. The values for token 0 are meaningless.

    Example:

    >>> embedding = keras.layers.Embedding(9, 4)
    >>> embedding.build()
    >>> losses = TiedSoftmax(embedding)(np.zeros((1, 8, 4)), np.arange(1, 9)[None])
    >>> round(float(ops.sum(ops.exp(-losses))), 4)  # the probabilities of all tokens
    1.0
    """

    def __init__(
        self, embedding: keras.layers.Embedding, num_samples: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.embedding = embedding
        self.num_samples = num_samples
        self.num_tokens = embedding.input_dim - 1
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, input_shape: Shape) -> None:
        """Creates the bias."""
        self.bias = self.add_weight(
            shape=(self.embedding.input_dim,), initializer=_initial_bias, name="bias"
        )

    def call(self, contexts: Tensor, tokens: Tensor, training: bool = False) -> Tensor:
        """Returns the negative log-likelihoods."""
        if training and 0 < self.num_samples < self.num_tokens:
            return self._sampled(contexts, tokens)
        return self._whole(contexts, tokens)

    def compute_output_shape(self, contexts_shape: Shape, tokens_shape: Shape) -> Shape:
        """Returns the shape of the tokens."""
        return tuple(tokens_shape)

    def _whole(self, contexts, tokens):
        """Returns the likelihoods step by step: all logits at once would need much memory."""
        matrix, bias = self._outputs()  # once, not in every turn of the loop

        def of_step(inputs):
            contexts, tokens = inputs
            logits = ops.matmul(contexts, matrix) + bias
            classes = ops.maximum(tokens - 1, 0)
            return ops.sparse_categorical_crossentropy(classes, logits, from_logits=True)

        steps = (ops.transpose(contexts, (1, 0, 2)), ops.transpose(tokens))
        return ops.transpose(ops.map(of_step, steps))

    def of_step(self, contexts: Tensor, tokens: Tensor) -> Tensor:
        """Returns the negative log-likelihoods `(batch,)` of one step.

        Without a loop, and with operations that LiteRT has.

        Args:
            contexts: `(batch, features)`.
            tokens: Integers `(batch,)`.
        """
        matrix, bias = self._outputs()
        logits = ops.log_softmax(ops.matmul(contexts, matrix) + bias)
        return -ops.sum(ops.one_hot(tokens - 1, self.num_tokens) * logits, axis=-1)

    def _outputs(self):
        """Returns the kernel and the bias of the logits of all tokens."""
        return ops.transpose(self.embedding.embeddings[1:]), self.bias[1:]

    def _sampled(self, contexts, tokens):
        drawn, log_probabilities = draw_candidates(
            self.num_samples, self.num_tokens, self.seed_generator
        )
        drawn = drawn + 1
        logits = ops.matmul(contexts, ops.transpose(self._vectors(drawn)))
        logits = logits + ops.take(self.bias, drawn) - log_probabilities
        is_right = ops.equal(ops.expand_dims(tokens, -1), ops.cast(drawn, tokens.dtype))
        others = ops.logsumexp(ops.where(is_right, _NEVER, logits), axis=-1)
        right = ops.sum(contexts * self._vectors(tokens), axis=-1) + ops.take(self.bias, tokens)
        return ops.logaddexp(right, others) - right

    def _vectors(self, tokens):
        return ops.take(self.embedding.embeddings, tokens, axis=0)


def _initial_bias(shape, dtype=None):
    """Returns a bias of 0 for padding, and the log frequencies of the tokens."""
    frequencies = log_frequencies(shape[0] - 1)
    return ops.cast(ops.concatenate([ops.zeros(1), frequencies]), dtype)

"""Loss and perplexity of language models, from the negative log-likelihoods of tokens."""

import keras
from keras import ops

from nrnm_keras.models.exact_mean import ExactMean
from nrnm_keras.models.step_scores import StepLoss
from nrnm_keras.typing import Tensor


# Saved models know the class by the name that it had before.
@keras.saving.register_keras_serializable(package="nrnm_keras", name="TokenLikelihood")
class TokenNegativeLogLikelihood(StepLoss):
    """The mean negative log-likelihood of the tokens of each sequence.

    Call arguments:
        y_true: Integers `(batch, timesteps)`, negative for padding.
        y_pred: Negative log-likelihoods `(batch, timesteps)`.

    Returns:
        The mean over the sequences, with equal weights.

    Example:

    >>> float(TokenNegativeLogLikelihood()(np.array([[5, 7, -1]]), np.array([[1.0, 2.0, 0.0]])))
    1.5
    """

    def of_steps(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Returns the negative log-likelihoods unchanged."""
        return y_pred


@keras.saving.register_keras_serializable(package="nrnm_keras")
class Perplexity(ExactMean):
    """The perplexity: exp(the mean negative log-likelihood of the tokens of all sequences).

    A model to which N tokens are equally likely has the perplexity N.

    Call arguments:
        y_true: Integers `(batch, timesteps)`, negative for padding.
        y_pred: Negative log-likelihoods `(batch, timesteps)`.
        sample_weight: `(batch,)`, the weights of the sequences.

    Example:

    >>> likelihoods = np.log([[10.0, 10.0, 1.0]])
    >>> round(float(Perplexity()(np.array([[5, 7, -1]]), likelihoods)), 4)
    10.0
    """

    def update_state(  # type: ignore[override]
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Counts the tokens of a batch."""
        weights = ops.cast(ops.convert_to_tensor(y_true) >= 0, self.dtype)
        if sample_weight is not None:
            weights = weights * ops.expand_dims(ops.cast(sample_weight, self.dtype), 1)
        return super().update_state(ops.copy(y_pred), sample_weight=weights)

    def result(self) -> Tensor:
        """Returns the perplexity of the tokens so far."""
        return ops.exp(super().result())


def likelihood_of_texts(negative_log_likelihoods: Tensor, ids: Tensor) -> dict:
    """Returns the `log_probability` and the `perplexity` of each text, `(batch,)`.

    Args:
        negative_log_likelihoods: those of the tokens, `(batch, timesteps)`, 0 for padding.
        ids: Integers `(batch, timesteps)`, the tokens, 0 for padding.

    Example:

    >>> values = np.array([[1.0, 3.0, 0.0]], "float32")
    >>> likelihoods = likelihood_of_texts(values, np.array([[5, 7, 0]]))
    >>> float(likelihoods["log_probability"][0]), round(float(likelihoods["perplexity"][0]), 4)
    (-4.0, 7.3891)
    """
    log_probability = -ops.sum(negative_log_likelihoods, axis=1)
    tokens = ops.sum(ops.cast(ops.not_equal(ids, 0), "float32"), axis=1)
    perplexity = ops.exp(-log_probability / ops.maximum(tokens, 1))
    return {"log_probability": log_probability, "perplexity": perplexity}

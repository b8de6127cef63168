"""The attention and the running prediction of a trained model for one text."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from keras import ops

from nrnm_keras.inference.analysis.attention import Attention, attention_received
from nrnm_keras.inference.analysis.running_prediction import running_prediction
from nrnm_keras.inference.modalities.texts import name_words
from nrnm_keras.plots.text_reading import TextReading
from nrnm_keras.typing import Tensor

if TYPE_CHECKING:  # it has methods that call these
    from nrnm_keras.inference.trained_model import TrainedModel

_UNKNOWN_ID = 1


def read_text(trained: "TrainedModel", raw: Tensor, attentions: Sequence[Attention]) -> TextReading:
    """Returns the `TextReading` of a text.

    Args:
        trained: `TrainedModel` of texts.
        raw: a batch of one text.
        attentions: list of `Attention`, of this text.
    """
    preprocessor: Any = trained.text_preprocessor
    words = name_words(preprocessor, raw).names
    modality: Any = trained.modality
    stacked = modality.stacked_steps
    received = attention_received(attentions, -(-len(words) // stacked))
    return TextReading(
        words,
        ops.convert_to_numpy(trained.encode(raw))[0] != _UNKNOWN_ID,
        received.repeat(stacked)[: len(words)],
        int(preprocessor.head_fraction * preprocessor.max_length),
        preprocessor.tokenize(raw)[0].shape[0] - len(words),
        running_prediction(trained, raw),
        trained.class_names,
    )

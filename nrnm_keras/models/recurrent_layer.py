"""Recurrent layers without a non-local memory, by name."""

from typing import Any

import keras
from keras import layers, tree

from nrnm_keras.layers import (
    ElementAttentionCell,
    HighOrderRNNCell,
    RelationalMemoryCell,
    ZoneoutCell,
)
from nrnm_keras.typing import Config

_LAYERS = {"lstm": layers.LSTM, "gru": layers.GRU, "rnn": layers.SimpleRNN}
_CELLS = {
    "lstm": layers.LSTMCell,
    "gru": layers.GRUCell,
    "rnn": layers.SimpleRNNCell,
    "high_order_rnn": HighOrderRNNCell,
}
_RELATIONAL_MEMORY = "relational_memory"
_ELEMENT_ATTENTION = "eleatt_"

RECURRENCES = (*_CELLS, *(f"{_ELEMENT_ATTENTION}{name}" for name in _LAYERS), _RELATIONAL_MEMORY)


def recurrent_layer(
    recurrence: str,
    units: int,
    recurrent_dropout: float = 0.0,
    zoneout: float = 0.0,
    relational_options: Config | None = None,
    **options: Any,
) -> keras.Layer:
    """Returns a recurrent layer that outputs the hidden states of all steps.

    Args:
        recurrence: One of `RECURRENCES`: Keras's own `"lstm"`, `"gru"` and `"rnn"`;
            `"high_order_rnn"` of order 3; `"eleatt_lstm"`, `"eleatt_gru"` and
            `"eleatt_rnn"` with element-wise attention on the input; `"relational_memory"`.
        units: Positive integer, the width of the layer.
        recurrent_dropout: Float in [0, 1), dropout of the hidden state in the gates. Must be 0 for
            the relational memory.
        zoneout: Float in [0, 1), the probability that a unit of the hidden state, and of the cell
            state of LSTM or relational memory, keeps its old value.
        relational_options: Dictionary of further arguments of `RelationalMemoryCell`.
        **options: Arguments of `keras.layers.RNN`, such as `name` and `dtype`.

    Raises:
        ValueError: for an unknown recurrence, or an argument that it does not support.

    Example:

    >>> recurrent_layer("eleatt_gru", 32)(np.zeros((2, 20, 5))).shape
    TensorShape([2, 20, 32])
    """
    if recurrence not in RECURRENCES:
        raise ValueError(
            f"Argument `recurrence` must be one of {RECURRENCES}. Received: {recurrence!r}"
        )
    options["return_sequences"] = True
    if recurrence in _LAYERS and not zoneout:
        return _LAYERS[recurrence](units, recurrent_dropout=recurrent_dropout, **options)
    dtype = options.get("dtype")
    cell = _cell(recurrence, units, recurrent_dropout, relational_options or {}, dtype)
    if zoneout:
        # The older hidden states of a high-order RNN are copies, without units of their own.
        older = [0.0] if recurrence == "high_order_rnn" else []
        num_states = len(tree.flatten(cell.state_size))
        rates = [zoneout] * (num_states - len(older)) + older
        cell = ZoneoutCell(cell, rates, dtype=dtype)
    return layers.RNN(cell, **options)


def _cell(recurrence, units, recurrent_dropout, relational_options, dtype):
    if recurrence == _RELATIONAL_MEMORY:
        if recurrent_dropout:
            raise ValueError(
                "The relational memory has no recurrent dropout. "
                f"Received: recurrent_dropout={recurrent_dropout!r}"
            )
        return RelationalMemoryCell(units, **relational_options, dtype=dtype)
    kind = _CELLS[recurrence.removeprefix(_ELEMENT_ATTENTION)]
    cell = kind(units, recurrent_dropout=recurrent_dropout, dtype=dtype)
    if recurrence.startswith(_ELEMENT_ATTENTION):
        cell = ElementAttentionCell(cell, dtype=dtype)
    return cell

"""Recurrent layers without a non-local memory, by name."""

import importlib
import inspect
from typing import Any

import keras
from keras import layers, tree

from nrnm_keras.config.network import CELLS, ELEMENT_ATTENTION
from nrnm_keras.layers import LSTM, ChronoInitializer, ElementAttentionCell, ZoneoutCell
from nrnm_keras.typing import Config

_LAYERS = {"gru": layers.GRU, "rnn": layers.SimpleRNN}


def recurrent_layer(
    recurrence: str,
    units: int,
    recurrent_dropout: float = 0.0,
    zoneout: float = 0.0,
    chrono_steps: int = 0,
    cell_options: Config | None = None,
    **options: Any,
) -> keras.Layer:
    """Returns a recurrent layer that outputs the hidden states of all steps.

    Args:
        recurrence: A key of `nrnm_keras.config.network.CELLS`, such as Keras's own `"lstm"`, or
            `"eleatt_lstm"`, `"eleatt_gru"` or `"eleatt_rnn"` with element-wise attention on the
            input.
        units: Positive integer, the width of the layer.
        recurrent_dropout: Float in [0, 1), dropout of the hidden state in the gates. Must be 0 for
            a cell without it, such as the relational memory's.
        zoneout: Float in [0, 1), the probability that a unit of the hidden state, and of the cell
            state of LSTM or relational memory, keeps its old value.
        chrono_steps: Integer, `longest` of the `ChronoInitializer` of an LSTM or GRU, or 0 for the
            usual biases.
        cell_options: Dictionary of further arguments of cells; each gets those that it has.
        **options: Arguments of `keras.layers.RNN`, such as `name` and `dtype`.

    Raises:
        ValueError: for an unknown recurrence, or an argument that it does not support.

    Example:

    >>> recurrent_layer("eleatt_gru", 32)(np.zeros((2, 20, 5))).shape
    TensorShape([2, 20, 32])
    """
    if recurrence not in (known := (*CELLS, *ELEMENT_ATTENTION)):
        raise ValueError(f"Argument `recurrence` must be one of {known}. Received: {recurrence!r}")
    options["return_sequences"] = True
    biases = chrono_biases(recurrence, chrono_steps)
    gates = {"recurrent_dropout": recurrent_dropout, **biases}
    if recurrence == "lstm":
        return LSTM(units, zoneout=zoneout, **gates, **options)
    if recurrence in _LAYERS and not zoneout:
        return _LAYERS[recurrence](units, **gates, **options)
    dtype = options.get("dtype")
    cell = _cell(recurrence, units, recurrent_dropout, {**(cell_options or {}), **biases}, dtype)
    if zoneout:
        # The older hidden states of a high-order RNN are copies, without units of their own.
        older = [0.0] if recurrence == "high_order_rnn" else []
        num_states = len(tree.flatten(cell.state_size))
        rates = [zoneout] * (num_states - len(older)) + older
        cell = ZoneoutCell(cell, rates, dtype=dtype)
    return layers.RNN(cell, **options)


def chrono_biases(recurrence: str, steps: int) -> dict[str, Any]:
    """Returns the arguments of a layer that give it chrono initialization, none for 0 steps."""
    if not steps:
        return {}
    if recurrence not in ("lstm", "gru"):
        raise ValueError(
            f"Chrono initialization is for lstm and gru. Received: recurrence={recurrence!r}, "
            f"chrono_steps={steps}"
        )
    initializer = {"bias_initializer": ChronoInitializer(steps, recurrence)}
    return {**initializer, "unit_forget_bias": False} if recurrence == "lstm" else initializer


def _cell(recurrence, units, recurrent_dropout, cell_options, dtype):
    module, _, name = CELLS[ELEMENT_ATTENTION.get(recurrence, recurrence)].partition(":")
    kind = getattr(importlib.import_module(module), name)
    known = inspect.signature(kind).parameters
    if recurrent_dropout and "recurrent_dropout" not in known:
        raise ValueError(
            f"A {name} has no recurrent dropout. Received: recurrent_dropout={recurrent_dropout!r}"
        )
    options = {"recurrent_dropout": recurrent_dropout, **cell_options}
    cell = kind(units, **{name: options[name] for name in options if name in known}, dtype=dtype)
    return ElementAttentionCell(cell, dtype=dtype) if recurrence in ELEMENT_ATTENTION else cell

"""The layer beside Keras's LSTM and beside its own cell in Keras's loop."""

from collections.abc import Iterator

from nrnm_keras.benchmark.options import Options
from nrnm_keras.benchmark.timing import Row, rows_in_turn
from nrnm_keras.benchmark.training_steps import (
    forward,
    lstm_multiply_adds,
    nrnm_multiply_adds,
    training,
)

TITLE = "One layer"


def rows(options: Options) -> Iterator[Row]:
    """Yields the rows of each width: forward, then training, which is a pass back as well."""
    for units in options.units:
        yield from of_units(units, options)


def of_units(units: int, options: Options) -> Iterator[Row]:
    """Yields the rows of Keras's `LSTM`, `LSTM`, `NRNM` and `RNN(NRNMCell)` of equal units."""
    import keras

    from nrnm_keras.layers import LSTM, NRNM

    shape = options.shape
    x = keras.random.normal(shape, seed=0)
    layers = {
        "Keras LSTM": keras.layers.LSTM(units),
        "LSTM": LSTM(units),
        "NRNM": NRNM(units),
        "RNN(NRNMCell)": keras.layers.RNN(NRNM(units).cell),
    }
    of_lstm = lstm_multiply_adds(units, *shape[1:])
    of_nrnm = nrnm_multiply_adds(layers["NRNM"].cell, *shape[1:])
    products = [of_lstm, of_lstm, of_nrnm, of_nrnm]
    for layer in layers.values():
        layer.build(shape)
    # A backward pass multiplies twice for every product of the forward pass.
    for kind, compiled, passes in (("forward", forward, 1), ("training", training, 3)):
        runs = {
            f"{units} units, {name}, {kind}": compiled(layer, x) for name, layer in layers.items()
        }
        counts = [shape[0] * passes * count for count in products]
        yield from rows_in_turn(runs, options.repeats, counts, options.rate)

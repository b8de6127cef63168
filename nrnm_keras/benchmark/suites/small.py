"""Training steps of narrow layers, with and without masked steps."""

from collections.abc import Iterator

from nrnm_keras.benchmark.options import Options
from nrnm_keras.benchmark.timing import Row, rows_in_turn
from nrnm_keras.benchmark.training_steps import lstm_multiply_adds, nrnm_multiply_adds, training

TITLE = "Narrow layers, 64 sequences of 240 steps and 64 features"
_SHAPE = (64, 240, 64)
_UNITS = (32, 48, 64, 128)
_SHORTEST = 100


def rows(options: Options) -> Iterator[Row]:
    """Yields the rows of each width: all steps, then steps of which some are masked."""
    import keras

    from nrnm_keras.layers import LSTM, NRNM

    batch, timesteps, features = _SHAPE
    x = keras.random.normal(_SHAPE, seed=0)
    lengths = keras.random.randint((batch, 1), _SHORTEST, timesteps + 1, seed=0)
    masks = {"": None, ", masked": keras.ops.arange(timesteps) < lengths}
    for units in _UNITS:
        layers = {
            "Keras LSTM": keras.layers.LSTM(units, return_sequences=True),
            "LSTM": LSTM(units, return_sequences=True),
            "NRNM": NRNM(units, return_sequences=True),
        }
        for layer in layers.values():
            layer.build(_SHAPE)
        of_lstm = lstm_multiply_adds(units, timesteps, features)
        of_nrnm = nrnm_multiply_adds(layers["NRNM"].cell, timesteps, features)
        products = [of_lstm, of_lstm, of_nrnm]
        counts = [3 * batch * count for count in products]
        for words, mask in masks.items():
            runs = {
                f"{units} units, {name}, training{words}": training(layer, x, mask=mask)
                for name, layer in layers.items()
            }
            yield from rows_in_turn(runs, options.repeats, counts, options.rate)

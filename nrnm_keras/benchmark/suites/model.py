"""Training steps of networks of several layers, in float32 and in mixed precision."""

from collections.abc import Iterator

from nrnm_keras.benchmark.options import Options
from nrnm_keras.benchmark.timing import Row, rows_in_turn
from nrnm_keras.benchmark.training_steps import training

TITLE = "Networks, 32 sequences of 100 steps and 150 features"
_SHAPE = (32, 100, 150)


def rows(options: Options) -> Iterator[Row]:
    """Yields the rows of two layers of 512 units, and of three of 256 with a memory in one."""
    for dtype in ("float32", "mixed_bfloat16"):
        yield from _of(options, dtype, 512, 2, (1, 2), {"block_size": 10, "stride": 5})
        yield from _of(options, dtype, 256, 3, (2,), {})


def _of(options, dtype, units, num_layers, nrnm_layers, nrnm_options):
    import keras

    from nrnm_keras.models import RecurrentBackbone

    x = keras.random.normal(_SHAPE, seed=0)
    lstm = [keras.layers.LSTM(units, return_sequences=True, dtype=dtype) for _ in range(num_layers)]
    networks = {
        f"{num_layers} Keras LSTMs": keras.Sequential(lstm),
        f"{num_layers} LSTMs": RecurrentBackbone(units, num_layers, (), dtype=dtype),
        f"memory in {len(nrnm_layers)} of {num_layers}": RecurrentBackbone(
            units, num_layers, nrnm_layers, nrnm_options=nrnm_options, dtype=dtype
        ),
    }
    for network in networks.values():
        network.build(_SHAPE)
    runs = {
        f"{units} units, {name}, {dtype}, training": training(network, x)
        for name, network in networks.items()
    }
    yield from rows_in_turn(runs, options.repeats)

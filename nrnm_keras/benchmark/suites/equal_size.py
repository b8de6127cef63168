"""Training steps of models with equal numbers of parameters, as in the experiments."""

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from nrnm_keras.benchmark.options import Options
from nrnm_keras.benchmark.timing import Row, rows_in_turn
from nrnm_keras.benchmark.training_steps import training
from nrnm_keras.config import NetworkConfig
from nrnm_keras.typing import Config

if TYPE_CHECKING:  # it loads a backend
    import keras

TITLE = "One layer of equal size, 64 sequences of 240 steps and 64 features"
_SHAPE = (64, 240, 64)
_SIZES = (60_000, 200_000)
NETWORKS: dict[str, Config] = {
    "LSTM": {"model": "lstm"},
    "GRU": {"model": "gru"},
    "Transformer": {"model": "transformer"},
    "NRNM": {"model": "nrnm"},
    "NRNM, narrow": {"model": "nrnm", "memory_units": 16},
    "NRNM, narrow, attention read": {"model": "nrnm_attention_read", "memory_units": 16},
    "GRU with narrow memory": {"model": "nrnm_gru", "memory_units": 16},
}
_ONE_LAYER = {"num_layers": 1, "nrnm_layers": (1,)}
# The heads must divide the units.
_MULTIPLE = 4


def rows(options: Options) -> Iterator[Row]:
    """Yields the rows of each number of parameters."""
    import keras

    x = keras.random.normal(_SHAPE, seed=0)
    for size in _SIZES:
        networks = {name: network_of_size(size, each) for name, each in NETWORKS.items()}
        runs = {
            f"{network.count_params():,} weights, {name}, {units} units": training(network, x)
            for name, (network, units) in networks.items()
        }
        yield from rows_in_turn(runs, options.repeats)


def network_of_size(size: int, options: Config) -> tuple["keras.Layer", int]:
    """Returns the network of `NetworkConfig` options that is closest to a size, and its units.

    Example:

    >>> network, units = network_of_size(60_000, {"model": "lstm"})
    >>> units, network.count_params() == 4 * units * (64 + units + 1)
    (96, True)
    """
    from nrnm_keras.models.building import build_backbone
    from nrnm_keras.models.closest_units import closest_units

    @functools.cache
    def built(units):
        network = build_backbone(NetworkConfig(units=units, **_ONE_LAYER, **options), causal=True)
        network.build(_SHAPE)
        return network

    units = closest_units(size, _MULTIPLE, lambda units: built(units).count_params())
    return built(units), units

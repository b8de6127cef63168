"""Training: `train` from Python, `python -m nrnm_keras.train` from the command line."""

from typing import TYPE_CHECKING

from nrnm_keras import lazy
from nrnm_keras.config import (
    DeviceConfig,
    NetworkConfig,
    OptimizerConfig,
    TrainConfig,
)
from nrnm_keras.tasks import *  # noqa: F403
from nrnm_keras.tasks import __all__ as _tasks

if TYPE_CHECKING:
    from nrnm_keras.train.training import FinishedRun, train

__all__ = [
    "DeviceConfig",
    "FinishedRun",
    "NetworkConfig",
    "OptimizerConfig",
    "TrainConfig",
    "train",
    *_tasks,
]
__getattr__ = lazy.getter(
    __name__, dict.fromkeys(("FinishedRun", "train"), "nrnm_keras.train.training")
)

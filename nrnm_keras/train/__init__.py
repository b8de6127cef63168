"""Training: `train` from Python, `python -m nrnm_keras.train` from the command line."""

from nrnm_keras.config import (
    DeviceConfig,
    NetworkConfig,
    OptimizerConfig,
    TrainConfig,
)
from nrnm_keras.tasks import *  # noqa: F403
from nrnm_keras.tasks import __all__ as _tasks
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

"""Task: what is learned from which data."""

import dataclasses
import importlib
import os
import pkgutil
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from nrnm_keras.config import NetworkConfig
from nrnm_keras.config.options import Options
from nrnm_keras.tasks.settings import Setting

if TYPE_CHECKING:  # it needs TensorFlow
    from nrnm_keras.tasks.heads.open_task import OpenTask


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task(Options):
    """A source of examples and what is learned from them, before any record is read.

    A data set has a subclass in a module of `nrnm_keras.tasks`, whose fields are the options that
    the task has in addition to those of the network and of the training. `find_tasks` finds it.

    Attributes:
        name: what `--task` calls it; None for classes that tasks derive from.
        dataset: name of its data set in `pipelines.build`.
        source_flag: name of the flag with the path of the raw data, or None.
        notice: a warning about the data that every summary shows, or None.
        starts_from_language_model: whether `open` takes the vocabulary of a language model.
        predicts_numbers: whether the labels of a user's own examples are numbers, not classes.
        data_suffix: suffix of the files of `data_content`; None if the task has none.
    """

    name: ClassVar[str | None] = None
    dataset: ClassVar[str]
    source_flag: ClassVar[str | None] = None
    notice: ClassVar[str | None] = None
    starts_from_language_model: ClassVar[bool] = False
    predicts_numbers: ClassVar[bool] = False
    data_suffix: ClassVar[str | None] = None

    def build_options(self) -> dict[str, Any]:
        """Returns the options of `pipelines.build.build`."""
        return {}

    def data_content(self, examples: Any, labels: np.ndarray) -> bytes:
        """Returns the content of a file of examples that are in memory, with their labels.

        Args:
            examples: what the task classifies, of known length.
            labels: array of integers or strings, or of numbers to be predicted, as many.

        Raises:
            ValueError: if the examples are not what the task takes.
        """
        raise NotImplementedError

    def without_test(self) -> Self:
        """Returns the task on the same data without a test split."""
        return self

    def substitute(self) -> "Task | None":
        """Returns the task to train on if the data is not available, or None."""
        return None

    def ways_on(self) -> str:
        """Returns a sentence that says what to do if there is no raw data."""
        return f"give the raw data as --{self.source_flag}=PATH"

    def choose_settings(self, records: str | os.PathLike) -> list[Setting]:
        """Returns the options whose values the task chooses from the training data. Default: none.

        Args:
            records: folder of a built version.
        """
        return []

    def check_network(self, network: NetworkConfig) -> None:
        """Raises a ValueError if a `NetworkConfig` is not valid for the task."""
        from nrnm_keras.models.building import build_backbone

        build_backbone(network)

    def open(
        self, records: str | os.PathLike, vocabulary: Sequence[str] | None = None
    ) -> "OpenTask":
        """Returns the `OpenTask` on built records.

        Args:
            records: folder of a built version.
            vocabulary: list of tokens, which a task that starts from a language model uses
                instead of learning its own.
        """
        raise NotImplementedError


def find_tasks() -> dict[str, type[Task]]:
    """Returns the classes of all tasks by name: those in the modules of this package."""
    package = importlib.import_module("nrnm_keras.tasks")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    return {task.name: task for task in _subclasses(Task) if "name" in vars(task)}


def _subclasses(task):
    for subclass in task.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)

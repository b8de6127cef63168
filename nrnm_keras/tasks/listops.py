"""ListOps."""

import dataclasses
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from nrnm_keras.config import EmbeddingConfig
from nrnm_keras.config.options import option
from nrnm_keras.tasks.task import Task

if TYPE_CHECKING:  # it needs TensorFlow
    from nrnm_keras.tasks.heads.open_task import OpenTask


@dataclasses.dataclass(frozen=True, kw_only=True)
class ListOpsTask(EmbeddingConfig, Task):
    """ListOps: the value of nested operations on lists of digits"""

    name: ClassVar[str] = "listops"
    dataset: ClassVar[str] = "listops"
    min_length: int = option(
        500, "smallest length of an expression", minimum=1, unit="tokens", flag="listops_min_length"
    )
    max_length: int = option(
        2000, "largest length of an expression", minimum=1, unit="tokens", flag="listops_max_length"
    )
    num_train: int = option(
        96_000, "number of expressions to train on", minimum=1, flag="listops_train"
    )
    num_test: int = option(
        2_000,
        "number of expressions to validate on, and as many to test on",
        minimum=1,
        flag="listops_test",
    )
    listops_seed: int = option(0, "seed of the generated expressions", minimum=0)

    def build_options(self) -> dict[str, Any]:
        """Returns the sizes and the seed of the expressions."""
        return {
            "min_length": self.min_length,
            "max_length": self.max_length,
            "num_train": self.num_train,
            "num_validation": self.num_test,
            "num_test": self.num_test,
            "seed": self.listops_seed,
        }

    def open(
        self, records: str | os.PathLike, vocabulary: Sequence[str] | None = None
    ) -> "OpenTask":
        """Returns the head that classifies expressions by their value."""
        from nrnm_keras.tasks.heads.generated_problems import ListOps

        return ListOps(self, records)

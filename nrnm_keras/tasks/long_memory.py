"""Generated problems with long-range dependencies."""

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
class ProblemTask(Task):
    """Generated problem: records with features `sequence` and `target`."""

    dataset: ClassVar[str] = "long_memory"
    problem: ClassVar[str]
    length: int = option(
        200, "length of the generated sequences", minimum=1, unit="steps", flag="problem_length"
    )
    difficulty: int = option(
        0,
        "symbols to copy, or pairs to recall from; 0: the usual number",
        minimum=0,
        flag="problem_difficulty",
    )
    num_train: int = option(
        50_000, "number of sequences to train on", minimum=1, flag="problem_train"
    )
    num_test: int = option(
        2_000,
        "number of sequences to validate on, and as many to test on",
        minimum=1,
        flag="problem_test",
    )
    problem_seed: int = option(0, "seed of the generated sequences", minimum=0)

    def build_options(self) -> dict[str, Any]:
        """Returns the problem and its parameters."""
        return {
            "problem": self.problem,
            "length": self.length,
            "difficulty": self.difficulty,
            "num_train": self.num_train,
            "num_validation": self.num_test,
            "num_test": self.num_test,
            "seed": self.problem_seed,
        }

    def open(
        self, records: str | os.PathLike, vocabulary: Sequence[str] | None = None
    ) -> "OpenTask":
        """Returns the head that fits the problem's answer."""
        from nrnm_keras.tasks.heads import generated_problems

        return generated_problems.HEADS[self.problem](self, records)


@dataclasses.dataclass(frozen=True, kw_only=True)
class AddingTask(ProblemTask):
    """Adding problem: the sum of the two marked numbers"""

    name: ClassVar[str] = "adding"
    problem: ClassVar[str] = "adding"


@dataclasses.dataclass(frozen=True, kw_only=True)
class CopyMemoryTask(EmbeddingConfig, ProblemTask):
    """Copy memory: after a long wait, the symbols from the start"""

    name: ClassVar[str] = "copy_memory"
    problem: ClassVar[str] = "copy"


@dataclasses.dataclass(frozen=True, kw_only=True)
class AssociativeRecallTask(EmbeddingConfig, ProblemTask):
    """Associative recall: the value that came with a key"""

    name: ClassVar[str] = "associative_recall"
    problem: ClassVar[str] = "associative_recall"


@dataclasses.dataclass(frozen=True, kw_only=True)
class InductionTask(EmbeddingConfig, ProblemTask):
    """Induction head: the token that came after the trigger"""

    name: ClassVar[str] = "induction"
    problem: ClassVar[str] = "induction"

"""Secondary structure of proteins: a state for each residue."""

import dataclasses
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from nrnm_keras.config import EmbeddingConfig, SourceConfig
from nrnm_keras.config.options import option
from nrnm_keras.tasks.task import Task

if TYPE_CHECKING:  # it needs TensorFlow
    from nrnm_keras.tasks.heads.open_task import OpenTask


@dataclasses.dataclass(frozen=True, kw_only=True)
class SecondaryStructureTask(SourceConfig, EmbeddingConfig, Task):
    """Secondary structure of proteins (FLIP)"""

    name: ClassVar[str] = "secondary_structure"
    dataset: ClassVar[str] = "flip_secondary_structure"
    source_flag: ClassVar[str] = "flip_source"
    source: str | None = option(None, "folder of FLIP's FASTA files", flag="flip_source")

    def open(
        self, records: str | os.PathLike, vocabulary: Sequence[str] | None = None
    ) -> "OpenTask":
        """Returns the `CharacterTagging` of amino acids; unresolved residues do not count."""
        from nrnm_keras.tasks.heads.character_tagging import CharacterTagging

        return CharacterTagging(
            self,
            records,
            alphabet="ACDEFGHIKLMNPQRSTVWY",
            text="residues",
            tags="states",
            counts="resolved",
        )

"""Generated recordings as a source of skeleton files for the builder of NTU RGB+D."""

from typing import NamedTuple

from pipelines.ntu_rgbd.skeleton_file import write_skeleton
from pipelines.ntu_rgbd.source import SkeletonFile
from pipelines.ntu_sample.generate import record, sample_names

_SIZE = 150_000  # approximate bytes of a file; a source gives sizes without reading


class GeneratedFile(NamedTuple):
    """A skeleton file that is generated when it is read."""

    name: str
    seed: int
    size: int = _SIZE

    @property
    def place(self) -> str:
        """The file's name in messages."""
        return f"generated {self.name}.skeleton of seed {self.seed}"

    def read(self) -> bytes:
        """Returns the content."""
        return write_skeleton(record(self.name, self.seed)).encode()


class GeneratedSource:
    """The skeleton files of `pipelines.ntu_sample.generate.generate`."""

    def __init__(self, num_samples: int, seed: int) -> None:
        self.path = f"generated, seed {seed}"
        self._num_samples = num_samples
        self._seed = seed

    def files(self) -> list[SkeletonFile]:
        """Returns the skeleton files."""
        return [
            GeneratedFile(name, self._seed) for name in sample_names(self._num_samples, self._seed)
        ]

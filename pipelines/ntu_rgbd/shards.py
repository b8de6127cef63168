"""The shards of a build: the files of each, and the examples read from them."""

import itertools
import json
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from pipelines.errors import SourceError
from pipelines.ntu_rgbd.source import SkeletonFile

_TEXT_IN_SHARD = 256 * 2**20  # bytes; the records take about a fifth of that


class Shard(NamedTuple):
    """The examples of one shard. Calling it reads the files, on the machine that calls it.

    Attributes:
        files: the skeleton files.
        read: function from the files to an iterator of what `read_example` returns.
        on_error: "fail" or "skip", what happens at a damaged file.
        report: path of a file that notes which samples do not become records, and why.
    """

    files: list[SkeletonFile]
    read: Callable[[list[SkeletonFile]], Iterable[dict[str, Any] | str | None]]
    on_error: str
    report: pathlib.Path

    def __call__(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yields (sample name, example); raises a `SourceError` if damage ends the build."""
        damaged: dict[str, str] = {}
        without_joints: list[str] = []
        for file, outcome in zip(self.files, self.read(self.files), strict=True):
            if isinstance(outcome, str):
                damaged[file.name] = outcome
                if self.on_error == "fail":
                    self._write_report(damaged, without_joints)
                    raise SourceError(outcome)
            elif outcome is None:
                without_joints.append(file.name)
            else:
                yield file.name, outcome
        self._write_report(damaged, without_joints)

    def damaged(self) -> dict[str, str]:
        """Returns sample name -> what is wrong, for the damaged files found so far."""
        return self._read_report()["damaged"]

    def without_joints(self) -> list[str]:
        """Returns the names of the samples found so far that have no usable joint."""
        return self._read_report()["without_joints"]

    def _write_report(self, damaged, without_joints):
        report = {"damaged": damaged, "without_joints": without_joints}
        self.report.write_text(json.dumps(report))

    def _read_report(self):
        if not self.report.exists():
            return {"damaged": {}, "without_joints": []}
        return json.loads(self.report.read_text())


def divide(files: Sequence[SkeletonFile]) -> list[list[SkeletonFile]]:
    """Divides files among shards with about the same number of files each."""
    number = max(1, min(len(files), sum(file.size for file in files) // _TEXT_IN_SHARD))
    bounds = [round(len(files) * shard / number) for shard in range(number + 1)]
    return [list(files[start:end]) for start, end in itertools.pairwise(bounds)]

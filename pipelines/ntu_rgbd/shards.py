"""The shards of a build: the files of each, and the examples read from them."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from pipelines.errors import SourceError

_TEXT_IN_SHARD = 256 * 2**20  # bytes; the records take about a fifth of it


class Shard(NamedTuple):
    """The examples of one shard, read when, and on the machine where, it is called.

    Attributes:
        files: the skeleton files.
        read: function from the files to an iterator of what `read_example` returns.
        on_error: "fail" or "skip", what a string does, which says what is wrong with a file.
        report: path object of a file that notes which samples are no records, and why.
    """

    files: list
    read: Callable
    on_error: str
    report: Any

    def __call__(self):
        """Yields (sample's name, example); raises a SourceError if damage is to end the build."""
        damaged, without_joints = {}, []
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

    def damaged(self):
        """Returns name -> what is wrong, of the files that were found damaged so far."""
        return self._read_report()["damaged"]

    def without_joints(self):
        """Returns the names of samples without one usable joint, as far as they were found."""
        return self._read_report()["without_joints"]

    def _write_report(self, damaged, without_joints):
        report = {"damaged": damaged, "without_joints": without_joints}
        self.report.write_text(json.dumps(report))

    def _read_report(self):
        if not self.report.exists():
            return {"damaged": {}, "without_joints": []}
        return json.loads(self.report.read_text())


def divide(files):
    """Divides files among shards of about equal numbers; returns a list of lists."""
    number = max(1, min(len(files), sum(file.size for file in files) // _TEXT_IN_SHARD))
    bounds = [round(len(files) * shard / number) for shard in range(number + 1)]
    return [files[start:end] for start, end in zip(bounds, bounds[1:], strict=False)]

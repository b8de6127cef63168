"""Verifies the records of built data sets and looks for leakage: `python -m pipelines.verify DIR`.

A build is compared with its manifest. Leakage is a record of one split that is in another, too.
"""

import hashlib
import itertools
import pathlib
import sys
import textwrap
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from tqdm.auto import tqdm

from pipelines.build import UNFINISHED
from pipelines.command_line import new_flags, parse_flags, run_command
from pipelines.console import say
from pipelines.errors import SourceError
from pipelines.escaping import cut, for_terminal, listed, one_line, shorten
from pipelines.library_logs import import_tensorflow, tfds_quiet
from pipelines.manifest import (
    FILE_NAME,
    SHARDS,
    differing_file,
    measure_shard,
    read_whole_manifest,
    unlisted_files,
)
from pipelines.open_build import damaged, open_build
from pipelines.paths import StrPath

_INFO_NAME = "dataset_info.json"  # TFDS's
_SHOWN = 3  # pairs of records in a line
_LONGEST_NAME = 60  # characters
_MOST_CLASSES = 150  # in a line
_EXPECTED = "the folder of a built version, or a folder that contains builds"
_USAGE = f"python -m pipelines.verify DIR; DIR is {_EXPECTED}"


class Report(NamedTuple):
    """The result of verifying a build.

    Attributes:
        folder: the folder of the built version.
        label_counts: split -> class name -> number of records, or of resolved residues if each
            residue has a class.
        summary: lines that describe the splits.
        warnings: lines about what a user should know, such as repeated records within a split.
        problems: lines about damage, and about records that two splits have in common.
    """

    folder: pathlib.Path
    label_counts: dict[str, dict[str, int]]
    summary: list[str]
    warnings: list[str]
    problems: list[str]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code: 0 if no build has a problem."""
    return run_command(_run, argv, interrupted="not all records were verified")


def _run(arguments):
    """Verifies the builds in a folder, prints the reports, and returns the exit code."""
    values = new_flags()
    folders = parse_flags(values, arguments)
    if values.help:
        say(f"usage: {_USAGE}")
        return 0
    if len(folders) != 1:
        raise SourceError(f"{len(folders)} folders given, expected one; usage: {_USAGE}")
    builds = find_builds(folders[0])
    import_tensorflow()
    num_problems = 0
    for build in builds:
        report = verify(build)
        num_problems += len(report.problems)
        say(for_terminal(report.folder))
        for line in report.summary:
            say(textwrap.fill(line, 100, initial_indent="  ", subsequent_indent="    "))
        for word, lines in (("warning", report.warnings), ("problem", report.problems)):
            for line in lines:
                say(f"  {word}: {one_line(line)}")
    say(f"builds: {len(builds)}, problems: {num_problems}")
    return 1 if num_problems else 0


def find_builds(folder: StrPath) -> list[pathlib.Path]:
    """Returns the folders of all built versions in a folder, which may be one itself.

    Raises:
        SourceError: if there are none.
    """
    folder = pathlib.Path(folder).expanduser()
    if not folder.is_dir():
        raise SourceError(f"{folder}: no such folder; expected {_EXPECTED}")
    files = itertools.chain(*(folder.rglob(name) for name in (_INFO_NAME, FILE_NAME, SHARDS)))
    builds = {path.parent for path in files if not path.parent.name.startswith(UNFINISHED)}
    if not builds:
        raise SourceError(f"{folder}: no build in it; expected {_EXPECTED}")
    return sorted(builds)


def verify(folder: StrPath) -> Report:
    """Compares all files of a build with its manifest and reads every record.

    Args:
        folder: path of a built version.

    Returns:
        A `Report`, which has no `problems` if the build is intact.

    Example:

    >>> import tempfile
    >>> from pipelines.build import build
    >>> path = build("sample_reviews", tempfile.mkdtemp(), num_train=8, num_test=4)
    >>> report = verify(path)
    >>> report.label_counts
    {'train': {'neg': 4, 'pos': 4}, 'test': {'neg': 2, 'pos': 2}}
    >>> report.problems
    []
    """
    folder = pathlib.Path(folder)
    try:
        manifest = read_whole_manifest(folder)
        with tfds_quiet():
            info = open_build(folder).info
    except SourceError as error:
        return Report(folder, {}, [], [], [str(error)])
    splits, contents = manifest.splits, _Contents(info, manifest.splits)
    differing = _differing_files(folder, manifest, _differing_splits(info, splits))
    problems = [
        *differing,
        *(f"{file}: not in {FILE_NAME}" for file in unlisted_files(folder, manifest)),
    ]
    records = _read(folder, splits, info.features, problems)
    total = sum(shard.records for shard in itertools.chain(*splits.values()))
    try:
        title = f"Verifying {for_terminal(info.name)}"
        for split, record in tqdm(
            records, title, total, unit=" records", leave=False, disable=None
        ):
            contents.add(split, record)
    except Exception as error:  # records parsed as other features can raise anything
        if not differing:
            raise
        problems.append(str(damaged(folder, error)))
    return Report(
        folder,
        contents.label_counts,
        [_describe(split, shards, contents.label_counts) for split, shards in splits.items()],
        contents.repeated(),
        problems + contents.leaked(),
    )


def _differing_splits(info, splits):
    """Describes each split that TFDS would not read as the manifest lists it."""
    expected = {
        split: {shard.file: shard.records for shard in shards} for split, shards in splits.items()
    }
    read = {
        split: dict(zip(value.filenames, value.shard_lengths, strict=True))
        for split, value in info.splits.items()
    }
    return [
        f"split {split} has {read.get(split, 'nothing')}, "
        f"{expected.get(split, 'nothing')} in {FILE_NAME}"
        for split in sorted(read | expected)
        if read.get(split) != expected.get(split)
    ]


def _differing_files(folder, manifest, differing_splits):
    """Returns a line for each file beside the shards that differs from the manifest."""
    differences = {file.file: [] for file in manifest.files}
    differences[_INFO_NAME] = differing_splits
    for file in manifest.files:
        if difference := differing_file(folder, file):
            differences[file.file].append(difference)
    return [f"{file}: {', '.join(words)}" for file, words in differences.items() if words]


def _read(folder, splits, features, problems):
    """Yields (split, record) of all shards; adds a problem for each shard that differs."""
    for split, shards in splits.items():
        for shard in shards:
            path, differences = folder / shard.file, []
            try:
                differences += _differences(path, shard, splits)
                for record in _read_records(path, features):
                    yield split, record
            except SourceError as error:
                differences.append(str(error))
            if differences:
                problems.append(f"{shard.file}: {', '.join(differences)}")


def _differences(path, shard, splits):
    """Describes how a shard differs from the manifest."""
    try:
        found = measure_shard(path)
    except FileNotFoundError as error:
        raise SourceError("missing") from error
    except OSError as error:
        raise SourceError(error.strerror) from error
    differences = [
        f"{getattr(found, field):,} {field} instead of {getattr(shard, field):,}"
        for field in ("bytes", "records")
        if getattr(found, field) != getattr(shard, field)
    ]
    if found.sha256 != shard.sha256:
        owners = {other.sha256: other.file for other in itertools.chain(*splits.values())}
        owner = owners.get(found.sha256)
        differences.append(f"SHA-256 is that of {owner}" if owner else "SHA-256 differs")
    return differences


def _read_records(path, features):
    """Yields the records of a shard; raises a `SourceError` with the number of a damaged one."""
    import tensorflow as tf

    with tfds_quiet():
        records = tf.data.TFRecordDataset(str(path)).map(features.deserialize_example)
    records = records.as_numpy_iterator()
    for number in itertools.count(1):
        try:
            record = next(records, None)
        except tf.errors.OpError as error:
            reason = error.message.partition("\n")[0]
            raise SourceError(f"record {number} cannot be read ({reason})") from error
        if record is None:
            return
        yield record


class _Contents:
    """Counts the labels in the records of all splits, and finds repeated records."""

    def __init__(self, info, splits):
        from pipelines.dataset_builder import class_feature, label_names

        inputs, _ = info.supervised_keys
        self._inputs = [inputs] if isinstance(inputs, str) else inputs
        self._input = " and ".join(self._inputs)
        self._label = class_feature(info.features)
        self._name = "id" if "id" in info.features else "name"
        self._classes = label_names(info.features)
        self._counts = {split: Counter() for split in splits}
        self._records = Counter()
        self._repeats = {self._name: _Repeats(), self._input: _Repeats()}

    def add(self, split, record):
        name, values = record[self._name], [record[name] for name in self._inputs]
        if self._label:
            labels = np.extract(record.get("resolved", True), record[self._label])
            self._counts[split].update(labels.tolist())
        self._records[split] += 1
        self._repeats[self._name].add(split, name, name)
        self._repeats[self._input].add(split, _hash(values), name)

    @property
    def label_counts(self):
        """As in `Report`."""
        return {
            split: {self._classes.get(label, label): counts[label] for label in sorted(counts)}
            for split, counts in self._counts.items()
        }

    def leaked(self):
        """Returns a line for each pair of splits that have a name or an input in common."""
        return [
            f"leakage: {self._share(pairs, later)} have the same {feature} as one of {earlier}: "
            f"{_show(pairs)}"
            for feature, repeats in self._repeats.items()
            for (earlier, later), pairs in repeats.pairs.items()
            if earlier != later
        ]

    def repeated(self):
        """Returns a line for each split in which a name or an input is repeated."""
        return [
            f"{self._share(pairs, later)} have the same {feature} as an earlier one: {_show(pairs)}"
            for feature, repeats in self._repeats.items()
            for (earlier, later), pairs in repeats.pairs.items()
            if earlier == later
        ]

    def _share(self, pairs, split):
        return f"{len(pairs):,} of {self._records[split]:,} records of {split}"


class _Repeats:
    """Finds records that share a key with an earlier record.

    Attributes:
        pairs: (earlier record's split, later record's split) -> list of both names; a later record
            counts once for each split, paired with the first such record there.
    """

    def __init__(self):
        self._names = defaultdict(dict)
        self.pairs = defaultdict(list)

    def add(self, split, key, name):
        for earlier, names in self._names.items():
            if key in names:
                self.pairs[earlier, split].append((names[key], name))
        self._names[split].setdefault(key, name)


def _hash(values):
    """Returns a hash of texts or arrays, equal for equal numbers."""
    digest = hashlib.blake2b(digest_size=16)
    for value in values:
        content = value if isinstance(value, bytes) else (value + 0).tobytes()  # -0.0 is 0.0
        digest.update(hashlib.blake2b(content).digest())
    return digest.digest()


def _show(pairs):
    """Returns the names of the first pairs as text."""
    names = [" = ".join(dict.fromkeys(map(_decode, pair))) for pair in pairs[:_SHOWN]]
    return ", ".join([*names, *(["..."] if len(pairs) > _SHOWN else [])])


def _decode(name):
    return shorten(for_terminal(name.decode(errors="backslashreplace")), _LONGEST_NAME)


def _describe(split, shards, counts):
    """Returns a line about a split: its size and the number of records of each class."""
    records, size = (sum(part) for part in zip(*(shard[1:3] for shard in shards), strict=True))
    line = f"{split}: {records:,} records, {len(shards)} shards, {size / 2**20:,.1f} MiB"
    labels = (f"{cut(for_terminal(n), _LONGEST_NAME)} {c:,}" for n, c in counts[split].items())
    labels = listed(labels, _MOST_CLASSES, str)
    return f"{line}; {labels}" if labels else line


if __name__ == "__main__":
    sys.exit(main())

"""Writes and checks the manifest of a build, a file that describes each file of the build.

TFRecord has a checksum for every record but none for a file: only the manifest shows that records
are missing at the end of a shard, or that a whole shard is missing. The files beside the records
have no checksum at all, although one of them names the classes.
"""

import hashlib
import itertools
import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pipelines.errors import SourceError
from pipelines.file_errors import reason
from pipelines.paths import StrPath

FILE_NAME = "manifest.json"
SHARDS = "*.tfrecord-*"
# The names that TFDS and this package look for in the folder of a build.
_LOOKED_FOR = ("*.tfrecord*", "*.json", "*.labels.txt", "LICENSE")
# The origin of the raw data is not part of a build: builds of equal data have equal manifests.
_ORIGIN = {"exclusions.json": ("source", "missing_samples"), "metadata.json": ("source",)}
# A TFRecord: its length as 8 bytes and their checksum, the record, its checksum.
_LENGTH, _CHECKSUM = 8, 4
_CHUNK = 2**20


class Shard(NamedTuple):
    """A shard: file name, number of records, number of bytes, SHA-256 in hexadecimal."""

    file: str
    records: int
    bytes: int
    sha256: str


class File(NamedTuple):
    """A file beside the shards: its name, number of bytes, SHA-256 in hexadecimal.

    If the file names the origin of the raw data, both describe its JSON without the origin.
    """

    file: str
    bytes: int
    sha256: str


class Manifest(NamedTuple):
    """The files of a build: split -> list of its `Shard`s, and a list of the other `File`s."""

    splits: dict[str, list[Shard]]
    files: list[File]


def write_manifest(folder: pathlib.Path, splits: Mapping[str, Sequence[str]]) -> None:
    """Writes the manifest of a folder that is otherwise complete.

    Args:
        folder: the folder, on the local file system or another.
        splits: split -> file names of its shards. All other files are listed separately.
    """
    content = {}
    for split, files in splits.items():
        shards = [measure_shard(folder / file) for file in files]
        content[split] = {
            "records": sum(shard.records for shard in shards),
            "bytes": sum(shard.bytes for shard in shards),
            "shards": [shard._asdict() for shard in shards],
        }
    others = sorted(set(_names(folder)) - set(itertools.chain(*splits.values())))
    manifest: dict[str, object] = {
        "splits": content,
        "files": [measure_file(folder / file)._asdict() for file in others],
    }
    manifest["sha256"] = _digest(manifest)
    (folder / FILE_NAME).write_text(json.dumps(manifest, indent=1) + "\n")


def read_manifest(folder: StrPath) -> dict[str, list[Shard]]:
    """Returns split -> list of `Shard`s of the build in a folder, as they were built.

    Raises:
        SourceError: as `read_whole_manifest`.
    """
    return read_whole_manifest(folder).splits


def read_whole_manifest(folder: StrPath) -> Manifest:
    """Returns the `Manifest` of the build in a folder.

    Raises:
        SourceError: if the manifest is missing, damaged or edited, or comes from an older version
            that listed only the shards.
    """
    folder = pathlib.Path(folder)
    path = folder / FILE_NAME
    try:
        content = json.loads(path.read_bytes())
        digest = content.pop("sha256")
        if "files" not in content and digest == _digest(content["splits"]):
            raise SourceError(
                f"{path}: written by an older version, which lists only the shards, so the names "
                f"of the classes cannot be verified; {_advice(folder)}"
            )
        if digest != _digest(content):
            raise ValueError("its own SHA-256 differs")
        splits = {
            split: [Shard(**shard) for shard in part["shards"]]
            for split, part in content["splits"].items()
        }
        return Manifest(splits, [File(**file) for file in content["files"]])
    except SourceError:
        raise
    except FileNotFoundError as error:
        raise SourceError(
            f"{folder}: no {FILE_NAME}, so the records cannot be verified (older versions do not "
            f"write it); {_advice(folder)}"
        ) from error
    except OSError as error:
        raise SourceError(f"{path}: {reason(error)}; it cannot be read") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise SourceError(f"{path}: damaged or edited ({error}); {_advice(folder)}") from error


def check_sizes(folder: StrPath) -> None:
    """Checks the files of a build: the shards by their sizes, the others by their SHA-256.

    It is quick for a build of any size and does not need TensorFlow. It does not see a changed byte
    in a shard; `python -m pipelines.verify` does.

    Args:
        folder: path of a built version.

    Raises:
        SourceError: naming a file that is missing, has another size or content, or does not belong
            to the build but would be read; or if the manifest is missing or damaged.

    Example:

    >>> import tempfile
    >>> from pipelines.build import build
    >>> path = build("sample_reviews", tempfile.mkdtemp(), num_train=8, num_test=4)
    >>> check_sizes(path)
    """
    folder = pathlib.Path(folder)
    manifest = read_whole_manifest(folder)
    for shard in itertools.chain(*manifest.splits.values()):
        path = folder / shard.file
        try:
            size = path.stat().st_size
        except OSError as error:
            raise SourceError(f"{path}: {reason(error)}; {_advice(folder)}") from error
        if size != shard.bytes:
            raise SourceError(
                f"{path}: {size:,} bytes instead of {shard.bytes:,}; {_advice(folder)}"
            )
    for file in manifest.files:
        if difference := differing_file(folder, file):
            raise SourceError(f"{folder / file.file}: {difference}; {_advice(folder)}")
    for name in unlisted_files(folder, manifest):
        if any(pathlib.PurePath(name).match(pattern) for pattern in _LOOKED_FOR):
            raise SourceError(f"{folder / name}: not in {FILE_NAME}; {_advice(folder)}")


def check_hashes(folder: StrPath) -> None:
    """Reads all shards of a build and checks that none has changed since it was built.

    Args:
        folder: path of a built version.

    Raises:
        SourceError: naming the shards that have changed, or as `check_sizes`.

    Example:

    >>> import tempfile
    >>> from pipelines.build import build
    >>> path = build("sample_reviews", tempfile.mkdtemp(), num_train=8, num_test=4)
    >>> check_hashes(path)
    """
    folder = pathlib.Path(folder)
    check_sizes(folder)
    damaged = []
    for shard in itertools.chain(*read_manifest(folder).values()):
        path = folder / shard.file
        try:
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != shard.sha256:
                    damaged.append(str(path))
        except OSError as error:
            raise SourceError(f"{path}: {reason(error)}; {_advice(folder)}") from error
    if damaged:
        raise SourceError(
            f"{', '.join(damaged)}: damaged or changed since the build (SHA-256 differs); "
            f"{_advice(folder)}"
        )


def differing_file(folder: pathlib.Path, file: File) -> str | None:
    """Describes how a file beside the shards differs from its `File`; None if it does not."""
    try:
        found = measure_file(folder / file.file)
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return reason(error)
    if found.bytes != file.bytes:
        return f"{found.bytes:,} bytes instead of {file.bytes:,}"
    return None if found.sha256 == file.sha256 else "changed since it was built (SHA-256 differs)"


def unlisted_files(folder: pathlib.Path, manifest: Manifest) -> list[str]:
    """Returns the names of the files in a folder that its manifest does not list.

    Hidden files and logs, which nothing reads, are ignored.
    """
    shards = itertools.chain(*manifest.splits.values())
    listed = {file.file for file in manifest.files} | {shard.file for shard in shards}
    return sorted(set(_names(folder)) - listed)


def measure_file(path: pathlib.Path) -> File:
    """Returns the `File` of a file beside the shards."""
    content = path.read_bytes()
    for key in _ORIGIN.get(path.name, ()):
        content = _without(content, key)
    return File(path.name, len(content), hashlib.sha256(content).hexdigest())


def _without(content, key):
    """Returns a JSON object without one of its keys; other content unchanged."""
    try:
        record = json.loads(content)
        del record[key]
        return json.dumps(record).encode()
    except (ValueError, TypeError, KeyError, RecursionError):
        return content


def _names(folder):
    """Returns the names in a folder, except for the manifest, hidden files and logs."""
    names = [path.name for path in folder.iterdir()]
    return [
        name
        for name in names
        if name != FILE_NAME and not name.startswith(".") and not name.endswith(".log")
    ]


def measure_shard(path: pathlib.Path) -> Shard:
    """Returns the `Shard` in a file; of a damaged one, it counts the records before the damage."""
    digest, records, size = hashlib.sha256(), 0, 0
    with path.open("rb") as file:
        while header := file.read(_LENGTH + _CHECKSUM):
            digest.update(header)
            size += len(header)
            left = int.from_bytes(header[:_LENGTH], "little") + _CHECKSUM
            while left and (chunk := file.read(min(left, _CHUNK))):
                digest.update(chunk)
                size += len(chunk)
                left -= len(chunk)
            records += not left
    return Shard(path.name, records, size, digest.hexdigest())


def _digest(content):
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _advice(folder):
    return f"remove {folder} and build again"

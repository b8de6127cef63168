"""The manifest of a build: a file beside the records that says what each shard holds.

TFRecord has a checksum for every record, none for a file: that records are missing at the end of a
shard, or a shard among the others, shows only here.
"""

import hashlib
import itertools
import json
import pathlib
from typing import NamedTuple

from pipelines.errors import SourceError

FILE_NAME = "manifest.json"
SHARDS = "*.tfrecord-*"
# A TFRecord: its length as 8 bytes and their checksum, the record, its checksum.
_LENGTH, _CHECKSUM = 8, 4
_CHUNK = 2**20


class Shard(NamedTuple):
    """What a shard holds: file name, number of records and of bytes, SHA-256 in hexadecimal."""

    file: str
    records: int
    bytes: int
    sha256: str


def write_manifest(folder, splits):
    """Writes the manifest of the shards in a folder.

    Args:
        folder: path object, a local folder's or another file system's.
        splits: dict, split -> file names of its shards.
    """
    content = {}
    for split, files in splits.items():
        shards = [measure_shard(folder / file) for file in files]
        content[split] = {
            "records": sum(shard.records for shard in shards),
            "bytes": sum(shard.bytes for shard in shards),
            "shards": [shard._asdict() for shard in shards],
        }
    manifest = {"splits": content, "sha256": _digest(content)}
    (folder / FILE_NAME).write_text(json.dumps(manifest, indent=1) + "\n")


def read_manifest(folder):
    """Returns split -> list of `Shard`s, as they were when the build in a folder was made.

    Raises:
        SourceError: if there is no manifest, or it is damaged or was edited.
    """
    folder = pathlib.Path(folder)
    path = folder / FILE_NAME
    try:
        manifest = json.loads(path.read_bytes())
        if manifest["sha256"] != _digest(manifest["splits"]):
            raise ValueError("its own SHA-256 differs")
        return {
            split: [Shard(**shard) for shard in content["shards"]]
            for split, content in manifest["splits"].items()
        }
    except FileNotFoundError as error:
        raise SourceError(
            f"{folder}: no {FILE_NAME}, so nothing tells whether the records are whole (an older "
            f"version builds without it); {_advice(folder)}"
        ) from error
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise SourceError(f"{path}: damaged or edited ({error}); {_advice(folder)}") from error


def check_sizes(folder):
    """Checks that the shards of a build are there, each with as many bytes as when it was built.

    Quick however large the build is, and without TensorFlow; what it cannot see, a changed byte,
    `python -m pipelines.verify` does.

    Args:
        folder: path of a built version.

    Raises:
        SourceError: naming a shard that is missing, has another size or is none of the build's, or
            a manifest that is missing or damaged.

    Example:

    >>> import tempfile
    >>> from pipelines.build import build
    >>> path = build("sample_reviews", tempfile.mkdtemp(), num_train=8, num_test=4)
    >>> check_sizes(path)
    """
    folder = pathlib.Path(folder)
    splits = read_manifest(folder)
    for shard in itertools.chain(*splits.values()):
        path = folder / shard.file
        try:
            size = path.stat().st_size
        except OSError as error:
            raise SourceError(f"{path}: {error.strerror}; {_advice(folder)}") from error
        if size != shard.bytes:
            raise SourceError(
                f"{path}: {size:,} bytes instead of {shard.bytes:,}; {_advice(folder)}"
            )
    for file in unlisted_shards(folder, splits):
        raise SourceError(f"{folder / file}: not in {FILE_NAME}; {_advice(folder)}")


def check_hashes(folder):
    """Checks that the shards of a build hold what they held when it was built; reads all of them.

    Args:
        folder: path of a built version.

    Raises:
        SourceError: naming the shards that have changed, or what `check_sizes` finds.

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
            raise SourceError(f"{path}: {error.strerror}; {_advice(folder)}") from error
    if damaged:
        raise SourceError(
            f"{', '.join(damaged)}: damaged, no longer what was built (SHA-256 differs); "
            f"{_advice(folder)}"
        )


def unlisted_shards(folder, splits):
    """Returns the names of the shards in a folder that are none of its manifest's."""
    listed = {shard.file for shard in itertools.chain(*splits.values())}
    return sorted({path.name for path in folder.glob(SHARDS)} - listed)


def measure_shard(path):
    """Returns the `Shard` in a file; where it is damaged, the records are counted up to there."""
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

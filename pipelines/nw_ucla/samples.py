"""Reads the skeletons of Northwestern-UCLA, one JSON file per sample, from a folder or zip archive.

The name of a file `aAA_sSS_eEE_vVV.json` tells action, subject, episode and camera. The file holds
`skeletons`, the joints of each frame in meters, and `label`, the action's position in `ACTIONS`,
counted from 1.
"""

import functools
import json
import pathlib
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from pipelines.archives.zip_archive import read_members
from pipelines.errors import SourceError
from pipelines.escaping import quoted
from pipelines.folders import walk
from pipelines.limits import NW_UCLA_FILE, read_file
from pipelines.nw_ucla.joints import JOINTS
from pipelines.paths import StrPath

# Action number in the file name -> name, in the order of the labels. Numbers 7 and 10 do not exist.
ACTIONS = {
    1: "pick up with one hand",
    2: "pick up with two hands",
    3: "drop trash",
    4: "walk around",
    5: "sit down",
    6: "stand up",
    8: "donning",
    9: "doffing",
    11: "throw",
    12: "carry",
}
CAMERAS = range(1, 4)
SUBJECTS = range(1, 11)

# Split -> (field, its values for training); the other samples are for testing. Both follow Wang et
# al. (2014), who train on nine subjects and test on the tenth; which one is our choice.
SPLITS = {
    "cross_view": ("camera", frozenset({1, 2})),
    "cross_subject": ("subject", frozenset(SUBJECTS[:-1])),
}

_NAME = re.compile(r"a([0-9]{2})_s([0-9]{2})_e([0-9]{2})_v([0-9]{2})", re.ASCII)


class Sample(NamedTuple):
    """One recording; `joints` has shape `(frames, 1, 20, 3)`, `label` counts from 0."""

    name: str
    joints: np.ndarray
    label: int
    camera: int
    subject: int
    environment: int


def read_samples(path: StrPath, limit: int = NW_UCLA_FILE) -> Iterator[Sample]:
    """Yields the `Sample`s of a folder or zip archive, in the order of their names.

    Args:
        path: a folder or a zip archive with the JSON files, at any depth. Hidden files and other
            file types are skipped.
        limit: the size of the largest file in bytes; a larger one is an error.

    Raises:
        SourceError: if there are no samples, a name occurs twice, or a file is damaged or
            contradicts its name.
    """
    root = pathlib.Path(path).expanduser()
    found: dict[str, tuple[pathlib.PurePath, Callable[[int], bytes]]] = {}
    for file, read in _archived_files(root) if root.is_file() else _files(root):
        if file.stem in found:
            raise SourceError(f"{root}: {file} and {found[file.stem][0]} have the same name")
        found[file.stem] = file, read
    if not found:
        raise SourceError(f"{root}: no .json files in it; expected files like a01_s01_e00_v01.json")
    for _, (file, read) in sorted(found.items()):
        yield parse_sample(file, read(limit))


def parse_sample(file: StrPath, content: bytes) -> Sample:
    """Returns the `Sample` in a file's content.

    Args:
        file: path of the file, whose name tells action, subject, episode and camera.
        content: the file's content.

    Raises:
        SourceError: naming the file, and the frame if one is wrong.

    Example:

    >>> content = b'{"label": 5, "skeletons": [' + str([[0.5, 1, 2]] * 20).encode() + b"]}"
    >>> sample = parse_sample("a05_s01_e00_v03.json", content)
    >>> sample.joints.shape, sample.label, sample.camera
    ((1, 1, 20, 3), 4, 3)
    """
    path = pathlib.PurePath(file)
    action, subject, environment, camera = _parse_name(path)
    record = _parse_json(path, content, ("label", "skeletons"))
    label = list(ACTIONS).index(action)
    _check_equal(path, "label", record["label"], label + 1)
    _check_equal(path, "file_name", record.get("file_name", path.stem), path.stem)
    joints = _joints(path, record["skeletons"])
    return Sample(path.stem, joints, label, camera, subject, environment)


def parse_joints(file: StrPath, content: bytes) -> np.ndarray:
    """Returns the joints `(frames, 1, 20, 3)` in a file's content.

    Arguments and errors are those of `parse_sample`, but any file name is allowed, and the label
    may be missing.
    """
    return _joints(file, _parse_json(file, content, ("skeletons",))["skeletons"])


def _files(path):
    """Yields the samples' files in a folder, each with a function that reads it."""
    if not path.is_dir():
        raise SourceError(f"{path}: no such file or folder; expected the folder of .json files")
    for entry in walk(path):
        if _is_sample(entry.name):
            file = pathlib.Path(entry.path)
            yield file, functools.partial(read_file, file)


def _archived_files(path):
    """Yields the samples' files in a zip archive, each with a function that reads it."""
    for member in read_members(path, _is_sample):
        yield pathlib.PurePosixPath(member.name), member.read


def _is_sample(path):
    file = pathlib.PurePosixPath(path)
    return file.suffix == ".json" and not file.name.startswith(".")


def _parse_name(file):
    """Returns action, subject, environment and camera."""
    match = _NAME.fullmatch(file.stem)
    if not match:
        raise SourceError(
            f"{file}: the file name does not give action, subject, episode and camera; "
            "expected one like a01_s01_e00_v01.json"
        )
    action, subject, environment, camera = map(int, match.groups())
    for field, value, allowed in (
        ("action", action, ACTIONS),
        ("subject", subject, SUBJECTS),
        ("camera", camera, CAMERAS),
    ):
        if value not in allowed:
            expected = ", ".join(map(str, allowed))
            raise SourceError(f"{file}: {field} {value} in the name; expected one of {expected}")
    return action, subject, environment, camera


def _parse_json(file, content, keys):
    """Returns the JSON object in a file, which must have the given keys."""
    try:
        record = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{file}: damaged or not JSON ({error})") from error
    if not isinstance(record, dict) or not set(keys) <= record.keys():
        expected = " and ".join(map(repr, keys))
        raise SourceError(f"{file}: expected a JSON object with the keys {expected}")
    return record


def _check_equal(file, key, value, expected):
    if type(value) is not type(expected) or value != expected:
        raise SourceError(
            f"{file}: {key} is {quoted(value)}; expected {expected!r} from the file's name"
        )


def _joints(file, skeletons):
    """Returns the joints of all frames as `(frames, 1, 20, 3)`."""
    if not isinstance(skeletons, list) or not skeletons:
        raise SourceError(f"{file}: 'skeletons' has no frames; expected a list of frames")
    frames = [_frame(f"{file}, frame {n}", frame) for n, frame in enumerate(skeletons, start=1)]
    return np.stack(frames)[:, None]


def _frame(place, frame):
    """Returns the joints of one frame as `(20, 3)`."""
    expected = f"expected {len(JOINTS)} joints of 3 numbers"
    try:
        joints = np.array(frame)
    except ValueError as error:
        raise SourceError(f"{place}: joints of unequal length; {expected}") from error
    if joints.dtype.kind not in "if":
        raise SourceError(f"{place}: a value is not a number; {expected}")
    if joints.shape != (len(JOINTS), 3):
        raise SourceError(f"{place}: numbers of shape {joints.shape}; {expected}")
    if not (np.abs(joints) < np.finfo(np.float32).max).all():
        raise SourceError(f"{place}: a coordinate is not finite; {expected}")
    return joints.astype(np.float32)

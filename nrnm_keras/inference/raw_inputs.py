"""What is to be classified: a user's files as raw input of a model."""

import os
import pathlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from nrnm_keras.errors import UsageError
from nrnm_keras.inference.trained_model import SEQUENCE, SKELETON, TEXT
from pipelines.escaping import quoted
from pipelines.folders import walk
from pipelines.limits import NW_UCLA_FILE, SKELETON_FILE, read_file
from pipelines.ntu_rgbd.bodies import MAX_BODIES
from pipelines.ntu_rgbd.examples import BODIES
from pipelines.ntu_rgbd.skeleton_file import NUM_JOINTS, read_skeleton
from pipelines.nw_ucla.joints import JOINTS
from pipelines.nw_ucla.samples import parse_joints
from pipelines.sequence_files.reader import read_sequences
from pipelines.text_files.reader import read_texts

_NTU, _NW_UCLA = ".skeleton", ".json"
# Suffix of skeleton files -> the size of the largest in bytes.
_LIMITS = {_NTU: SKELETON_FILE, _NW_UCLA: NW_UCLA_FILE}
# Suffix of skeleton files -> the shape of a frame: bodies, joints, coordinates.
_FRAMES = {_NTU: (MAX_BODIES, NUM_JOINTS, 3), _NW_UCLA: (1, len(JOINTS), 3)}
# Suffix of files of many -> what the names of their inputs are.
_TEXTS = {".csv": "text", ".tsv": "text", ".jsonl": "text"}
_SEQUENCES = {".npz": "index", ".ts": "line"}
_SUFFIXES = {TEXT: _TEXTS, SKELETON: _FRAMES, SEQUENCE: _SEQUENCES}


class Inputs(NamedTuple):
    """Raw inputs of a model, read one by one whenever they are wanted.

    Attributes:
        naming: what their names are: `"text"`, the text itself; `"file"`, the path within the
            folder; `"index"`, from 0, or `"line"`, from 1, in the file.
        count: how many there are.
        read: function that returns an iterator over pairs (name, raw input), where raw input is a
            string, joints `(frames, bodies, joints, 3)`, or features `(timesteps, features)`.
    """

    naming: str
    count: int
    read: Callable


def one_text(text, trained):
    """Returns `Inputs` of a text, which must not be empty, for a `TrainedModel`."""
    _check_kind(TEXT, trained)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"--text is not UTF-8 ({error.reason})") from error
    if not text.strip():
        raise UsageError("--text is empty; expected words")
    return Inputs("text", 1, lambda: iter([(text, text)]))


def read_inputs(path, trained, ntu_bodies="tracked", limit=None):
    """Returns `Inputs` from a file or folder.

    Files of many texts or sequences are read once to count them, so that whatever is wrong with
    one is found before time goes into predictions. The files of a folder are only listed.

    Args:
        path: a `.csv`, `.tsv` or `.jsonl` file of texts, labeled or not; an `.npz` or `.ts` file
            of sequences, likewise; a `.skeleton` file of NTU RGB+D or a `.json` file as of NW-UCLA,
            or a folder with such files at any depth. Hidden ones are passed over.
        trained: the `TrainedModel` that they are for.
        ntu_bodies: how two bodies are chosen in `.skeleton` files, a key of `BODIES`.
        limit: integer, bytes of the largest skeleton file, record of text, line of a .ts file, or
            arrays of an .npz file. Default: what fits each.

    Raises:
        UsageError: if there is nothing at the path, or not what the model takes.
        SourceError: if a file cannot be read.
    """
    path = pathlib.Path(path).expanduser()
    if not os.path.exists(path):  # where Path.exists raises what a name too long is answered with
        raise UsageError(f"{path}: no such file or folder")
    if path.is_dir():
        return _read_folder(path, trained, ntu_bodies, limit)
    suffix = path.suffix.lower()
    for kind, suffixes in _SUFFIXES.items():
        if suffix in suffixes:
            _check_kind(kind, trained, path)
            break
    else:
        known = ", ".join(suffix for suffixes in _SUFFIXES.values() for suffix in suffixes)
        raise UsageError(f"{path}: file type {quoted(suffix)} is none of {known}")
    if kind == TEXT:
        return _read_texts(path, limit)
    if kind == SEQUENCE:
        return _read_sequences(path, trained.model.inputs[0].shape[-1], limit)
    if _FRAMES[suffix] != _frame(trained):
        raise UsageError(
            f"{path} has {_described(_FRAMES[suffix])}, but the model takes "
            f"{_described(_frame(trained))}"
        )
    return _read_skeletons([path], path.parent, ntu_bodies, limit)


def _check_kind(kind, trained, path=None):
    if kind == trained.kind:
        return
    given = f"{path} has {kind}s" if path else f"{kind}s were given"
    expected = ", ".join(_SUFFIXES[trained.kind])
    raise UsageError(f"{given}, but the model takes {trained.kind}s; expected {expected}")


def _frame(trained):
    """Returns the shape of a frame that a model takes."""
    return tuple(trained.model.inputs[0].shape[2:])


def _described(frame):
    bodies, joints, _ = frame
    return f"skeletons of {bodies} {'body' if bodies == 1 else 'bodies'} with {joints} joints"


def _read_texts(path, limit):
    count = sum(1 for _ in read_texts(path, limit))
    return Inputs("text", count, lambda: ((text, text) for text in read_texts(path, limit)))


def _read_sequences(path, num_features, limit):
    count = 0
    for sequence in read_sequences(path, with_labels=False, limit=limit):
        found = sequence.values.shape[1]
        if found != num_features:
            raise UsageError(f"{sequence.place}: {found} features; the model takes {num_features}")
        count += 1

    def read():
        for sequence in read_sequences(path, with_labels=False, limit=limit):
            yield sequence.number, sequence.values

    return Inputs(_SEQUENCES[path.suffix.lower()], count, read)


def _read_folder(path, trained, ntu_bodies, limit):
    """Returns the skeletons below a folder that are in the format of those the model takes."""
    if trained.kind != SKELETON:
        expected = ", ".join(_SUFFIXES[trained.kind])
        raise UsageError(
            f"{path} is a folder, but the model takes {trained.kind}s; expected a file, {expected}"
        )
    suffixes = [suffix for suffix, frame in _FRAMES.items() if frame == _frame(trained)]
    files = (pathlib.Path(entry.path) for entry in walk(path))
    files = sorted(file for file in files if file.suffix in suffixes)
    if not files:
        raise UsageError(
            f"{path}: no {' or '.join(suffixes)} files in it; the model takes "
            f"{_described(_frame(trained))}"
        )
    return _read_skeletons(files, path, ntu_bodies, limit)


def _read_skeletons(files, folder, ntu_bodies, limit):
    def read():
        for file in files:
            name = str(file.relative_to(folder)).encode(errors="backslashreplace").decode()
            yield name, _read_joints(file, ntu_bodies, limit)

    return Inputs("file", len(files), read)


def _read_joints(file, ntu_bodies, limit):
    """Returns the joints in a skeleton file."""
    suffix = file.suffix.lower()
    content = read_file(file, limit or _LIMITS[suffix])
    if suffix == _NTU:
        kept = BODIES[ntu_bodies](read_skeleton(content, str(file)))
        joints, has_body = kept.joints, kept.presence.any()
    else:
        joints = parse_joints(file, content)
        has_body = joints.any()
    if not has_body:
        raise UsageError(f"{file}: no frame has a body")
    if not _is_complete(joints).any():
        raise UsageError(f"{file}: no frame has a body whose joints are all known")
    return joints


def _is_complete(joints):
    """Which bodies the preprocessing takes for present: `(frames, bodies)`."""
    return np.isfinite(joints).all(axis=(-2, -1)) & joints.any(axis=(-2, -1))

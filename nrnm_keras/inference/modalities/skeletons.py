"""Skeletons: the joints of bodies, frame by frame."""

import pathlib
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from nrnm_keras.errors import UsageError
from nrnm_keras.inference.modalities.lines import as_array, parse_json
from nrnm_keras.inference.modalities.modality import (
    Inputs,
    MalformedError,
    Modality,
    ReadOptions,
    as_numbers,
    fits,
    numbered,
    padded,
    shown_shape,
)
from nrnm_keras.plots.time_steps import TimeSteps
from nrnm_keras.preprocessing import SkeletonPreprocessor, frame_sampling
from nrnm_keras.preprocessing.body_presence import find_bodies, valid_lengths
from nrnm_keras.preprocessing.body_repetition import repeated_steps
from pipelines.folders import walk
from pipelines.limits import NW_UCLA_FILE, SKELETON_FILE, read_file
from pipelines.ntu_rgbd.bodies import MAX_BODIES
from pipelines.ntu_rgbd.examples import BODIES
from pipelines.ntu_rgbd.skeleton_file import NUM_JOINTS, read_skeleton
from pipelines.nw_ucla.samples import JOINTS, parse_joints
from pipelines.skeleton_files.reader import SUFFIX, described, read_skeletons

if TYPE_CHECKING:
    from nrnm_keras.inference.pictures.explanation import Explanation

_NTU, _NW_UCLA = ".skeleton", ".json"
# Suffix of skeleton files -> the largest size in bytes.
_LIMITS = {_NTU: SKELETON_FILE, _NW_UCLA: NW_UCLA_FILE}
# Suffix of skeleton files -> the shape of a frame: bodies, joints, coordinates.
_FRAMES = {_NTU: (MAX_BODIES, NUM_JOINTS, 3), _NW_UCLA: (1, len(JOINTS), 3)}


class Skeletons(Modality):
    """Joints `(batch, frames, bodies, joints, 3)` in meters, padded with zeros."""

    name, plural = "skeleton", "skeletons"
    step_name = "joints"
    suffixes = {_NTU: "file", _NW_UCLA: "file", SUFFIX: "index"}
    description = "joints of skeletons in meters, y up; a missing body is zeros"
    nothing = "A frame without a body is skipped."

    @classmethod
    def is_of(cls, model: keras.Model) -> bool:
        """Whether the input is joints."""
        (raw, *more) = model.inputs
        return not more and len(raw.shape) == 5

    def find_fault(self, value: Any) -> str | None:
        """Says which value is infinite, or which shape is wrong. NaN means missing."""
        numbers = as_numbers(value)
        numbers = self._with_body(numbers) if numbers is not None else None
        if numbers is None or not fits(numbers.shape, self.shape):
            shown = "not an array of numbers" if numbers is None else f"shape {numbers.shape}"
            return f"{shown}; expected {shown_shape(self.shape, 'frames')}"
        if not np.isinf(numbers).any():
            return None
        frame = int(np.isinf(numbers).any(axis=(1, 2, 3)).argmax())
        fault = _fault_of_frame(self._with_body(value)[frame])
        return f"step {frame} (from 0): {fault}; expected a number"

    def empty(self) -> np.ndarray:
        """Returns a recording without frames."""
        return np.zeros((0, *self.shape[1:]), np.float32)

    def as_batch(self, values: list) -> np.ndarray:
        """Returns the joints, padded with zeros."""
        return padded([self._with_body(value) for value in values], 0)

    def name_time_steps(self, raw: Any) -> dict[str, TimeSteps]:
        """Returns the frame of each time step."""
        return {"": numbered("frame", 1 + self._frames(raw))}

    def steps_of(self, piece: Any, shape: tuple, dtype: str) -> list:
        """Returns the joints of a frame."""
        frame = self._with_body(np.asarray(piece)[np.newaxis])[0]
        if not fits(frame.shape, shape):
            raise MalformedError(f"have shape {shape}. Received: shape {frame.shape}")
        if fault := _fault_of_frame(frame):
            raise MalformedError(f"have finite numbers. Received: {fault}")
        return [frame.astype(dtype)]

    def parse_line(self, line: str) -> np.ndarray:
        """Returns the frame in a line."""
        bodies, joints, _ = self.shape[1:]
        expected = f"a JSON list of {bodies} bodies x {joints} joints x 3 numbers"
        frame = as_array(parse_json(line, expected), self.shape[1:], expected)
        if fault := _fault_of_frame(frame):
            raise MalformedError(f"has a number that is not finite, {fault}; expected {expected}")
        return frame

    def read(self, path: pathlib.Path, options: ReadOptions) -> Inputs:
        """Returns the recordings in a file. Those in an `.npz` file are read once to check them."""
        if path.suffix.lower() == SUFFIX:
            return self._read_npz(path, options.limit)
        self._check_frame(path, _FRAMES[path.suffix.lower()])
        return _read_files([path], path.parent, options)

    def read_folder(self, path: pathlib.Path, options: ReadOptions) -> Inputs:
        """Returns the recordings below a folder that have the model's format."""
        suffixes = [suffix for suffix, frame in _FRAMES.items() if frame == self._frame]
        found = (pathlib.Path(entry.path) for entry in walk(path))
        files = sorted(file for file in found if file.suffix in suffixes)
        if not files:
            raise UsageError(
                f"{path} has no {' or '.join(suffixes)} files; the model takes "
                f"{_described(self._frame)}"
            )
        return _read_files(files, path, options)

    def draw(self, explanation: "Explanation", folder: pathlib.Path) -> None:
        """Draws the frames of each write's block, and the moving skeleton."""
        from nrnm_keras.inference.pictures.of_skeletons import draw_skeletons

        draw_skeletons(explanation, self.preprocessor, folder)

    @property
    def preprocessor(self) -> SkeletonPreprocessor:
        """The `SkeletonPreprocessor` of the network."""
        layers = self.network.layers
        (preprocessor,) = (x for x in layers if isinstance(x, SkeletonPreprocessor))
        return preprocessor

    @property
    def _frame(self):
        return self.shape[1:]

    def _with_body(self, joints):
        """Returns joints `(frames, bodies, joints, 3)`, also of one body `(frames, joints, 3)`."""
        joints = np.asarray(joints)
        return joints[:, np.newaxis] if joints.ndim == 3 and self._frame[0] == 1 else joints

    def _check_frame(self, place, frame):
        if frame != self._frame:
            raise UsageError(
                f"{place} has {_described(frame)}, but the model takes {_described(self._frame)}"
            )

    def _read_npz(self, path, limit):
        count = 0
        for skeleton in read_skeletons(path, with_labels=False, limit=limit):
            _check_has_body(skeleton.place, skeleton.joints is not None)
            self._check_frame(path, skeleton.joints.shape[1:])
            _check_is_complete(skeleton.place, skeleton.joints)
            count += 1

        def read():
            for skeleton in read_skeletons(path, with_labels=False, limit=limit):
                yield skeleton.number, skeleton.joints

        return Inputs(self.suffixes[SUFFIX], count, read)

    def _frames(self, joints):
        """Returns the frame of each time step, counted from 0."""
        preprocessor = self.preprocessor
        present = find_bodies(ops.convert_to_tensor(joints))
        last = joints.shape[1] - 1
        if preprocessor.length == "all":
            return np.arange(last + 1)
        lengths = valid_lengths(present)
        positions = frame_sampling.POSITIONS[preprocessor.length](lengths, preprocessor.timesteps)
        frames = np.minimum(ops.convert_to_numpy(positions)[0], last)
        if preprocessor.fill == "repeat":
            sampled = frame_sampling.FrameSampling(positions, lengths).find_bodies(present)
            main = int(ops.argmax(ops.any(sampled, axis=1)[0]))
            frames = frames[ops.convert_to_numpy(repeated_steps(sampled))[0, :, main]]
        return frames


def _fault_of_frame(frame):
    """Says what is infinite in a frame. A body with a NaN joint is missing."""
    numbers = as_numbers(frame)
    if numbers is None:
        return "not numeric"
    if not np.isinf(numbers).any():
        return None
    body, joint, axis = (int(index) for index in np.argwhere(np.isinf(numbers))[0])
    value = np.asarray(frame)[body, joint, axis]
    return f"{'xyz'[axis]} of joint {joint} of body {body} (from 0) is {value:g}"


def _described(frame):
    bodies, joints, _ = frame
    return f"skeletons of {described(bodies, joints)}"


def _read_files(files, folder, options):
    def read():
        for file in files:
            name = str(file.relative_to(folder)).encode(errors="backslashreplace").decode()
            yield name, _read_joints(file, options)

    return Inputs("file", len(files), read)


def _read_joints(file, options):
    """Returns the joints in a skeleton file."""
    suffix = file.suffix.lower()
    content = read_file(file, options.limit or _LIMITS[suffix])
    if suffix == _NTU:
        kept = BODIES[options.ntu_bodies](read_skeleton(content, str(file)))
        joints, has_body = kept.joints, kept.presence.any()
    else:
        joints = parse_joints(file, content)
        has_body = joints.any()
    _check_has_body(file, has_body)
    _check_is_complete(file, joints)
    return joints


def _check_has_body(place, has_body):
    if not has_body:
        raise UsageError(f"{place}: no frame has a body")


def _check_is_complete(place, joints):
    if not _is_complete(joints).any():
        raise UsageError(f"{place}: no frame has a body with all its joints")


def _is_complete(joints):
    """Returns which bodies the preprocessing considers present, `(frames, bodies)`."""
    return np.isfinite(joints).all(axis=(-2, -1)) & joints.any(axis=(-2, -1))

"""Reads and writes the text format of NTU RGB+D skeletons.

A file consists of lines of numbers: the number of frames; for each frame the number of bodies; for
each body a line of 10 values, the number of joints, and a line of 12 values for each joint. Blank
lines and trailing white space are ignored.

There are two readers. The first processes all bytes at once and is fast; it accepts no file that
the second would reject, but it may give up. The second reads line by line and reports what is
wrong.
"""

import itertools
import re
from typing import NamedTuple

import numpy as np

from pipelines.errors import SourceError
from pipelines.escaping import quoted
from pipelines.numbers import INFINITY, LONGEST_SHOWN, NUMBER

NUM_JOINTS = 25
_BODY_COLUMNS = (
    "the id",
    "the clipped edges",
    "the left hand's confidence",
    "the left hand's state",
    "the right hand's confidence",
    "the right hand's state",
    "whether tracking is restricted",
    "the lean in x",
    "the lean in y",
    "the tracking state",
)
_JOINT_COLUMNS = (
    "x",
    "y",
    "z",
    "x in the depth image",
    "y in the depth image",
    "x in the color image",
    "y in the color image",
    "w of the orientation",
    "x of the orientation",
    "y of the orientation",
    "z of the orientation",
    "the tracking state",
)
_IMAGE_COLUMNS = _JOINT_COLUMNS[3:7]
_COUNT = re.compile(rb"[0-9]{1,9}")
_ID = re.compile(rb"-?[0-9]{1,19}")
_NUMBER, _INFINITY = (re.compile(form.encode()) for form in (NUMBER, INFINITY))
_STATES = (b"0", b"1", b"2")
_MOST_FRAMES = 500_000  # over four hours; a frame of two bodies has 652 bytes, an empty one has 2
_LARGEST_AT_ONCE = 2**25  # bytes; the fast reader needs up to 30 times as much memory
_TOO_LARGE = 2.0**128 - 2.0**103  # the smallest number that float32 rounds to infinity


class BodyFrames(NamedTuple):
    """Every body of every frame, in the order of the file.

    Attributes:
        num_frames: number of frames, those without a body included.
        frame: `(n,)` int32, index of the frame from 0.
        body_id: `(n,)` int64, the id that a body keeps through the frames.
        joints: `(n, 25, 3)` float32, camera coordinates x y z in meters; NaN where the file has it.
        tracking_state: `(n, 25)` uint8, 0 not tracked, 1 inferred, 2 tracked.
    """

    num_frames: int
    frame: np.ndarray
    body_id: np.ndarray
    joints: np.ndarray
    tracking_state: np.ndarray


def read_skeleton(content: bytes, name: str) -> BodyFrames:
    """Returns the `BodyFrames` of a skeleton file.

    A file may have no frames, frames with any number of bodies, and joints that are NaN. The
    columns that `BodyFrames` does not hold must be numbers, too.

    Args:
        content: the whole file. Lines end with LF or CRLF.
        name: the file's name in messages.

    Raises:
        SourceError: naming the file, the line, what was found and what was expected.

    Example:

    >>> read_skeleton(b"2\\n0\\n0\\n", "empty.skeleton").num_frames
    2
    """
    body_frames = _read_at_once(content) if len(content) <= _LARGEST_AT_ONCE else None
    if body_frames is None:
        body_frames = _read_line_by_line(content, name)
    if body_frames.num_frames > _MOST_FRAMES:
        raise SourceError(
            f"{name}: {body_frames.num_frames:,} frames; expected at most {_MOST_FRAMES:,}"
        )
    return body_frames


def write_skeleton(body_frames: BodyFrames) -> str:
    """Returns the text of a skeleton file from which `read_skeleton` reads equal `BodyFrames`.

    The columns that `BodyFrames` does not hold are those of a body in the center of the images that
    faces the camera.
    """
    lines = [str(body_frames.num_frames)]
    rows = iter(range(len(body_frames.frame)))
    for num_bodies in np.bincount(body_frames.frame, minlength=body_frames.num_frames):
        lines.append(str(num_bodies))
        for row in itertools.islice(rows, num_bodies):
            lines += [f"{body_frames.body_id[row]} 0 1 1 1 1 0 0 0 2", str(NUM_JOINTS)]
            states = body_frames.tracking_state[row]
            for (x, y, z), state in zip(body_frames.joints[row], states, strict=True):
                lines.append(f"{x!s} {y!s} {z!s} 256 212 960 540 1 0 0 0 {state}")
    return "\n".join(lines) + "\n"


# Two halves of a byte: the kind of a character, and the kinds that may follow it. The letters of
# exponents and NaN count as digits here; the tokens with letters are parsed one by one.
_SPACE, _DIGIT, _DOT, _SIGN = 1, 2, 4, 8
_LETTER = _DIGIT + 16 * (_SPACE | _DIGIT | _DOT | _SIGN)
_KINDS = {
    b" \t\n\r\v\f": _SPACE + 16 * (_SPACE | _DIGIT | _SIGN),
    b"0123456789": _DIGIT + 16 * (_SPACE | _DIGIT | _DOT),
    b".": _DOT + 16 * (_SPACE | _DIGIT),
    b"+-": _SIGN + 16 * _DIGIT,
    b"eEnNaA": _LETTER,
}
_KIND_OF_BYTE = bytes(
    next((kind for members, kind in _KINDS.items() if byte in members), 0) for byte in range(256)
)
_LONGEST_TOKEN = 32  # even as an integer far from the largest float32
_WIDTH = 12  # of the windows in which numbers are parsed: float64 holds 12 digits exactly
_COLUMNS = np.arange(_WIDTH, dtype=np.int8)
_PLACES = 10.0 ** np.arange(_WIDTH // 2 - 1, -1, -1)
_PLACES_OF_DOT = np.arange(_WIDTH, 0, -1, dtype=np.float32)  # 1 for a last character, 0 for no dot
_SCALES = 10.0 ** np.maximum(np.arange(_WIDTH + 1) - 1, 0)


def _read_at_once(content):
    """Returns the `BodyFrames` of a file, or None if anything in it is unusual."""
    tokens = _find_tokens(b" " * _WIDTH + content + b"\n")
    layout = tokens and _find_bodies(tokens)
    if layout is None:
        return None
    num_frames, frame, body, joint = layout
    ids = tokens.texts(body)
    if not all(token.isdigit() and len(token) <= 18 for token in ids):
        return None
    state = joint + len(_JOINT_COLUMNS) - 1
    tracking_state = tokens.buffer[tokens.starts[state]] - ord("0")
    if (tracking_state >= len(_STATES)).any() or (tokens.lengths[state] != 1).any():
        return None
    joints = tokens.floats((joint[..., np.newaxis] + np.arange(3)).ravel())
    return BodyFrames(
        num_frames,
        frame,
        np.array([int(token) for token in ids], np.int64),
        joints.reshape(-1, NUM_JOINTS, 3).astype(np.float32),
        tracking_state,
    )


class _Tokens(NamedTuple):
    """The positions of the tokens in a text, all of which are numbers."""

    content: bytes
    buffer: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    odd: np.ndarray  # indices of those with letters
    first: np.ndarray  # indices of those that begin a line

    def texts(self, indices):
        """Returns a list of tokens as bytes."""
        starts = self.starts[indices]
        stops = starts + self.lengths[indices]
        pairs = zip(starts.tolist(), stops.tolist(), strict=True)
        return [self.content[start:stop] for start, stop in pairs]

    def floats(self, indices):
        """Returns tokens as float64, each rounded as `float` rounds it."""
        starts, lengths = self.starts[indices], self.lengths[indices]
        windows = np.lib.stride_tricks.sliding_window_view(self.buffer, _WIDTH)
        values = _decimals(windows[starts + lengths - _WIDTH], lengths)
        values[self.buffer[starts] == ord("-")] *= -1
        is_odd = np.zeros(len(self.starts), bool)
        is_odd[self.odd] = True
        singly = np.flatnonzero(is_odd[indices] | (lengths > _WIDTH))
        values[singly] = [float(token) for token in self.texts(indices[singly])]
        return values


def _decimals(windows, lengths):
    """Returns the unsigned numbers that are right-justified in windows `(n, 12)` of characters."""
    inside = _COLUMNS >= (_WIDTH - lengths).astype(np.int8)[:, np.newaxis]
    digits = windows - np.uint8(ord("0"))
    digits *= ((digits < 10) & inside).view(np.uint8)
    halves = digits.reshape(-1, _WIDTH // 2).astype(np.float64) @ _PLACES
    number = halves[0::2] * 10.0 ** (_WIDTH // 2) + halves[1::2]
    is_dot = (windows == ord(".")) & inside
    dot = (is_dot.astype(np.float32) @ _PLACES_OF_DOT).astype(np.intp)
    scale = _SCALES[dot]
    # The dot was read as a digit 0, so the digits before it are one place too high.
    number -= np.where(dot, np.floor(number / (10 * scale)) * 9 * scale, 0)
    return number / scale  # both are exact in float64, so this rounds as `float` rounds


def _find_tokens(text):
    """Returns the `_Tokens` of a text, or None if it has none or some are not numbers."""
    kind = np.frombuffer(text.translate(_KIND_OF_BYTE), np.uint8)
    if not (kind[:-1] >> 4 & kind[1:]).all() or b".." in text.translate(None, b"0123456789+-"):
        return None
    space = kind & _SPACE
    edges = np.flatnonzero(space[:-1] != space[1:]) + 1
    starts = np.ascontiguousarray(edges[0::2])
    lengths = edges[1::2] - starts
    if not len(starts) or lengths.max() > _LONGEST_TOKEN:
        return None
    buffer = np.frombuffer(text, np.uint8)
    odd = np.unique(np.searchsorted(starts, np.flatnonzero(kind == _LETTER), side="right") - 1)
    first = np.searchsorted(starts, np.flatnonzero(buffer == ord("\n")))
    first = np.concatenate([[0], first[first < len(starts)]])
    first = first[np.diff(first, prepend=-1) > 0]
    tokens = _Tokens(text, buffer, starts, lengths, odd, first)
    return tokens if all(map(_is_finite, tokens.texts(odd))) else None


def _find_bodies(tokens):
    """Returns the positions of the bodies, or None if the lines are not those of a skeleton file.

    These are the number of frames, the frame of each body, the index of its first token, and the
    indices of its joints' first tokens.
    """
    lengths = np.diff(tokens.first, append=len(tokens.starts))
    singles = tokens.texts(tokens.first[lengths == 1])
    if lengths[0] != 1 or not all(map(_COUNT.fullmatch, singles)):
        return None
    num_frames, *counts = map(int, singles)
    bodies = _bodies_per_frame(counts)
    if bodies is None or len(bodies) != num_frames:
        return None
    frame = np.repeat(np.arange(num_frames, dtype=np.int32), bodies)
    lines = NUM_JOINTS + 2
    body = frame + 2 + lines * np.arange(len(frame))
    joint = body[:, np.newaxis] + np.arange(2, lines)
    if len(lengths) != 1 + num_frames + lines * len(frame):
        return None
    if (lengths[body] != len(_BODY_COLUMNS)).any() or (lengths[joint] != len(_JOINT_COLUMNS)).any():
        return None
    return num_frames, frame, tokens.first[body], tokens.first[joint]


def _bodies_per_frame(counts):
    """Returns each frame's number of bodies, from all counts after the first, or None."""
    bodies = []
    position = 0
    while position < len(counts):
        num_bodies = counts[position]
        joints = counts[position + 1 : position + 1 + num_bodies]
        if len(joints) != num_bodies or any(count != NUM_JOINTS for count in joints):
            return None
        bodies.append(num_bodies)
        position += 1 + num_bodies
    return bodies


def _is_finite(token):
    """Whether a token is a number within the range of float32, or NaN."""
    return bool(_NUMBER.fullmatch(token)) and not abs(float(token)) >= _TOO_LARGE


def _read_line_by_line(content, name):
    """Returns the `BodyFrames` of a file, or raises a `SourceError` that says what is wrong."""
    lines = _Lines(content, name)
    frames, ids, joints, states = [], [], [], []
    num_frames = lines.count("the number of frames")
    for frame in range(num_frames):
        where = f"frame {frame + 1} of {num_frames}"
        num_bodies = lines.count(f"the number of bodies in {where}")
        for body in range(num_bodies):
            whose = f"body {body + 1} of {num_bodies} in {where}"
            frames.append(frame)
            ids.append(lines.body_id(whose))
            lines.joint_count(whose)
            for joint in range(NUM_JOINTS):
                position, state = lines.joint(f"joint {joint + 1} of {whose}")
                joints.append(position)
                states.append(state)
    lines.end(num_frames)
    return BodyFrames(
        num_frames,
        np.array(frames, np.int32),
        np.array(ids, np.int64),
        np.array(joints, np.float32).reshape(-1, NUM_JOINTS, 3),
        np.array(states, np.uint8).reshape(-1, NUM_JOINTS),
    )


class _Lines:
    """The lines of a file that are not blank, parsed one by one as what they should be."""

    def __init__(self, content, name):
        self._lines = content.split(b"\n")
        self._number = 0
        self._name = name

    def count(self, what):
        """Parses the next line as a count."""
        (token,) = self._values(1, what)
        if not _COUNT.fullmatch(token):
            raise self._error(token, what)
        return int(token)

    def body_id(self, whose):
        """Parses the next line as the first line of a body and returns its id."""
        values = self._values(len(_BODY_COLUMNS), f"the {len(_BODY_COLUMNS)} values of {whose}")
        if not _ID.fullmatch(values[0]) or not -(2**63) <= int(values[0]) < 2**63:
            raise self._error(values[0], f"an integer of 64 bits, the id of {whose}")
        self._check(values, _BODY_COLUMNS, whose)
        return int(values[0])

    def joint_count(self, whose):
        """Parses the next line as the number of joints."""
        what = f"{NUM_JOINTS}, the number of joints of {whose}"
        count = self.count(what)
        if count != NUM_JOINTS:
            raise self._error(b"%d" % count, what)

    def joint(self, whose):
        """Parses the next line as a joint and returns its position and tracking state."""
        values = self._values(len(_JOINT_COLUMNS), f"the {len(_JOINT_COLUMNS)} values of {whose}")
        self._check(values, _JOINT_COLUMNS, whose)
        if values[-1] not in _STATES:
            raise self._error(values[-1], f"0, 1 or 2, the tracking state of {whose}")
        return [float(value) for value in values[:3]], int(values[-1])

    def end(self, num_frames):
        """Checks that only blank lines are left."""
        if values := self._next():
            raise self._error(values[0], f"the end of the file after {num_frames} frame(s)")

    def _check(self, values, columns, whose):
        """Checks that values are numbers."""
        for value, column in zip(values, columns, strict=True):
            if not _is_finite(value) and not _is_off_image(value, column):
                raise self._error(value, f"a finite number or NaN, {column} of {whose}")

    def _values(self, number, what):
        """Returns the next line's values, which must have the given number."""
        values = self._next()
        if not values:
            raise self._error(None, what)
        if len(values) != number:
            raise self._error(b" ".join(values), what, f" (values on the line: {len(values)})")
        return values

    def _next(self):
        """Returns the values of the next line that has any, or None at the end of the file."""
        while self._number < len(self._lines):
            values = self._lines[self._number].split()
            self._number += 1
            if values:
                return values
        return None

    def _error(self, found, what, remark=""):
        shown = "the file ends" if found is None else f"{_shown(found)}{remark}"
        return SourceError(f"{self._name}, line {self._number}: {shown}, expected {what}")


def _is_off_image(value, column):
    """Whether a value is the Kinect's infinity for a point that an image does not show."""
    return bool(column in _IMAGE_COLUMNS and _INFINITY.fullmatch(value))


def _shown(found):
    """Returns bytes for a message, quoted and shortened."""
    return quoted(found, LONGEST_SHOWN).removeprefix("b")

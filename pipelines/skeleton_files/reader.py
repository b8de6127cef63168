"""Reads skeletons with labels from .npz files, in the two forms of `sequence_files.npz_file`."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from pipelines.errors import SourceError
from pipelines.limits import ARRAYS
from pipelines.ntu_rgbd.bodies import MAX_BODIES
from pipelines.paths import StrPath
from pipelines.sequence_files.npz_file import Content, read_npz
from pipelines.usable_joints import usable_joints
from pipelines.user_files import clean_label, file_of_type

SUFFIX = ".npz"
SKELETONS = Content("skeleton", "frames", "bodies, joints, 3", "joints, 3")


class Skeleton(NamedTuple):
    """The recording of one or two bodies.

    Attributes:
        number: the index in the file, from 0.
        place: file and number, for messages.
        joints: `(frames, bodies, joints, 3)` float32 in meters, without the padding at the end;
            None if no joint is usable.
        label: the label; None if labels are not read.
    """

    number: int
    place: str
    joints: np.ndarray | None
    label: str | None


def read_skeletons(
    path: StrPath,
    with_labels: bool = True,
    frame: tuple[int, int] | None = None,
    limit: int | None = None,
) -> Iterator[Skeleton]:
    """Yields the `Skeleton`s of a file.

    Args:
        path: a file that ends in `.npz`.
        with_labels: whether to read labels; if not, the file may lack them.
        frame: the expected numbers of bodies and joints; None for any.
        limit: the largest size in bytes of all arrays together; None for the usual one.

    Raises:
        SourceError: naming the file and the array or skeleton that cannot be used.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "two.npz")
    >>> x = np.ones((2, 5, 1, 20, 3))
    >>> x[0, 4:] = np.nan  # padding
    >>> np.savez(path, x=x, y=["sit", "stand"])
    >>> [(skeleton.joints.shape, skeleton.label) for skeleton in read_skeletons(path)]
    [((4, 1, 20, 3), 'sit'), ((5, 1, 20, 3), 'stand')]
    """
    for number, place, read, label in _rows(path, with_labels, limit):
        joints = _with_bodies(place, read())
        if frame not in (None, joints.shape[1:3]):
            found, expected = described(*joints.shape[1:3]), described(*frame)
            raise SourceError(f"{place}: {found}; expected {expected} like all others")
        joints = _without_padding(_float32(place, joints))
        yield Skeleton(number, place, joints, clean_label(place, label) if with_labels else None)


def read_labels(path: StrPath, limit: int | None = None) -> tuple[tuple[int, int], set[str]]:
    """Returns the numbers of bodies and joints in a file, and its set of labels.

    It is faster than `read_skeletons` because it looks at the joints of the first skeleton only,
    and raises the same errors.
    """
    frame, labels = (0, 0), set()
    for _, place, read, label in _rows(path, True, limit):
        if frame == (0, 0):
            frame = _with_bodies(place, read()).shape[1:3]
        labels.add(clean_label(place, label))
    return frame, labels


def described(bodies: int, joints: int) -> str:
    """Returns the numbers of bodies and joints in words.

    Example:

    >>> described(1, 20)
    '1 body with 20 joints'
    """
    return f"{bodies} {'body' if bodies == 1 else 'bodies'} with {joints} joints"


def _rows(path, with_labels, limit):
    """Yields number, place for messages, a function that returns the joints, and label."""
    path, _ = file_of_type(path, [SUFFIX])
    return read_npz(path, with_labels, limit or ARRAYS, SKELETONS)


def _with_bodies(place, joints):
    """Returns `(frames, bodies, joints, 3)`."""
    if joints.ndim == 3:
        joints = joints[:, np.newaxis]
    _, bodies, _, coordinates = joints.shape
    if coordinates != 3:
        raise SourceError(f"{place}: {coordinates} coordinates of a joint; expected x, y and z")
    if bodies > MAX_BODIES:
        raise SourceError(
            f"{place}: {bodies} bodies; expected at most {MAX_BODIES}, so choose those that matter"
        )
    return joints


def _float32(place, joints):
    """Returns the joints as float32, where NaN means missing."""
    with np.errstate(over="ignore"):
        numbers = joints.astype(np.float32)
    wrong = np.isinf(numbers)
    if wrong.any():
        frame, body, joint, axis = np.unravel_index(wrong.argmax(), wrong.shape)
        raise SourceError(
            f"{place}: {'xyz'[axis]} of joint {joint} of body {body} is "
            f"{joints[frame, body, joint, axis]} in frame {frame} (all from 0); expected finite "
            "float32 numbers, or NaN for a joint that is not known"
        )
    return numbers


def _without_padding(joints):
    """Returns the joints up to the last frame with a usable one; None if there is none."""
    frames = np.flatnonzero(usable_joints(joints).any(axis=(1, 2)))
    return joints[: frames[-1] + 1] if frames.size else None

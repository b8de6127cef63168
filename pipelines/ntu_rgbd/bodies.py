"""Tracks the bodies of a skeleton file through its frames and keeps two of them."""

from collections import Counter
from typing import NamedTuple

import numpy as np

from pipelines.ntu_rgbd.skeleton_file import BodyFrames

MAX_BODIES = 2
_AUTHORS_FRAMES = 100
_AUTHORS_SLOTS = 4


class Bodies(NamedTuple):
    """Two bodies over the frames of a sample; all is zero where there is no body.

    Attributes:
        joints: `(frames, 2, 25, 3)` float32, in meters; NaN where the file has NaN.
        presence: `(frames, 2)` bool, whether the body was seen in the frame.
        tracking_state: `(frames, 2, 25)` uint8.
    """

    joints: np.ndarray
    presence: np.ndarray
    tracking_state: np.ndarray


def track_bodies(body_frames: BodyFrames) -> Bodies:
    """Returns the two bodies with the most motion, tracked by their ids, most motion first.

    A body's motion is the variance of its joints' coordinates (m^2), summed over joints and x, y,
    z, times the number of frames in which it was seen. The data set's authors identify the main
    subject by the variance (https://github.com/shahroudy/NTURGB-D). The number of frames keeps a
    chair that is mistaken for a person for an instant from outranking a person. A body that is seen
    once, or never moves, has no motion; NaN is ignored. If motions are equal, the body that occurs
    first in the file comes first.

    Frames in which a body was not seen remain gaps. If an id occurs several times in a frame, its
    first, second, ... occurrences are separate bodies.

    Args:
        body_frames: the bodies of a file.

    Returns:
        `Bodies` of `body_frames.num_frames` frames.
    """
    rows_of_body: dict[tuple[int, int], list[int]] = {}
    occurrences: Counter[tuple[int, int]] = Counter()
    identities = zip(body_frames.body_id.tolist(), body_frames.frame.tolist(), strict=True)
    for row, (body_id, frame) in enumerate(identities):
        body = (body_id, occurrences[body_id, frame])
        occurrences[body_id, frame] += 1
        rows_of_body.setdefault(body, []).append(row)
    rows = list(rows_of_body.values())
    motion = [_motion(body_frames.joints[body]) for body in rows]
    return _keep(body_frames, rows, motion, body_frames.num_frames)


def author_bodies(body_frames: BodyFrames) -> Bodies:
    """Returns the bodies of the authors' preparation, which ignores the ids.

    Body m is the m-th body of every frame, for m up to four. The two with the largest energy are
    kept, the larger first, and their first 100 frames. Energy is the sum over x, y and z of the
    standard deviation over all joints of all frames in which the body's coordinates do not sum to
    zero. If energies are equal, the lower m comes first.

    Args:
        body_frames: the bodies of a file.

    Returns:
        `Bodies` of at most 100 frames.
    """
    frame = body_frames.frame
    place = np.arange(len(frame)) - np.searchsorted(frame, frame)  # rows are in order of frames
    rows = [np.flatnonzero(place == m) for m in range(_AUTHORS_SLOTS)]
    energy = [_energy(body_frames.joints[body]) for body in rows]
    return _keep(body_frames, rows, energy, min(body_frames.num_frames, _AUTHORS_FRAMES))


def _keep(body_frames, rows, score, num_frames):
    """Returns the first frames of the two bodies with the highest scores; ties keep their order."""
    joints = np.zeros((num_frames, MAX_BODIES, 25, 3), np.float32)
    presence = np.zeros((num_frames, MAX_BODIES), bool)
    tracking_state = np.zeros((num_frames, MAX_BODIES, 25), np.uint8)
    best = sorted(range(len(rows)), key=lambda body: -score[body])[:MAX_BODIES]
    for slot, body in enumerate(best):
        kept = np.asarray(rows[body])
        kept = kept[body_frames.frame[kept] < num_frames]
        frame = body_frames.frame[kept]
        joints[frame, slot] = body_frames.joints[kept]
        presence[frame, slot] = True
        tracking_state[frame, slot] = body_frames.tracking_state[kept]
    return Bodies(joints, presence, tracking_state)


def _motion(joints):
    """Returns the sum of squared distances from the mean, of joints `(frames, 25, 3)`."""
    known = ~np.isnan(joints)
    values = np.where(known, joints, 0).astype(np.float64)  # sums of float32 are exact in it
    mean = values.sum(0) / np.maximum(known.sum(0), 1)
    return float(np.square(np.where(known, values - mean, 0)).sum())


def _energy(joints):
    """Returns the energy of a body with joints `(frames, 25, 3)`; NaN is ignored."""
    joints = joints.astype(np.float64)
    axes = joints[joints.sum((1, 2)) != 0].reshape(-1, 3).T
    axes = [axis[~np.isnan(axis)] for axis in axes]
    return sum(float(axis.std()) for axis in axes if len(axis))

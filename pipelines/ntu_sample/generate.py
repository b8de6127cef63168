"""Generates recordings like those of NTU RGB+D: people, cameras and sensor errors."""

import math
import pathlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from pipelines.argument_checks import check_at_least
from pipelines.errors import SourceError
from pipelines.ntu_rgbd.samples import parse_name
from pipelines.ntu_rgbd.skeleton_file import NUM_JOINTS, BodyFrames, write_skeleton
from pipelines.ntu_sample import motions
from pipelines.ntu_sample.body import BONES, Angles, pose, turned
from pipelines.paths import StrPath

# Action number in NTU RGB+D -> the motions of its one or two bodies.
ACTIONS = {
    6: (motions.pick_up,),
    8: (motions.sit_down,),
    9: (motions.stand_up,),
    20: (motions.put_on_hat,),
    21: (motions.take_off_hat,),
    23: (motions.wave,),
    24: (motions.kick,),
    27: (motions.jump,),
    50: (motions.punch, motions.recoil),
    55: (motions.hug, motions.hug),
    59: (motions.walk, motions.walk),
    60: (motions.walk, motions.walk),
}
_WALKING_APART = 60
_DISTANCES = {50: 0.85, 55: 1.4, 59: 3.2, 60: 0.7}  # between two bodies at the start, in meters

# As in NTU RGB+D: 17 setups, three cameras, 40 subjects, each action performed twice. The subject
# faces camera 2 the first time and camera 3 the second time.
_SHAPE = (17, 3, 40, 2)
MAX_SAMPLES = len(ACTIONS) * math.prod(_SHAPE)
_AZIMUTHS = {1: 0.0, 2: -math.pi / 4, 3: math.pi / 4}

_FRAMES = (25, 120)
_FRAMES_PER_ACTION = 65
_SUBJECTS, _SETUPS = 1, 2  # first seeds of the random generators, which keep them different
_LIMBS = ([4, 5, 6, 7, 21, 22], [8, 9, 10, 11, 23, 24], [13, 14, 15], [17, 18, 19])
_FIRST_ID = 2**56  # like the Kinect's ids, too large for a float to distinguish adjacent ones


class _Subject(NamedTuple):
    """A person: the factors of the bones' lengths and of the speed."""

    lengths: dict[str, float]
    speed: float


def generate(num_samples: int, seed: int = 0) -> Iterator[tuple[str, BodyFrames]]:
    """Yields (name, `BodyFrames`) of generated recordings, the actions in turn.

    Args:
        num_samples: number of recordings, 1 to `MAX_SAMPLES`. The first recordings do not depend on
            it.
        seed: integer of at least 0. Names and recordings depend on it.

    Raises:
        SourceError: if a number is out of range.

    Example:

    >>> from pipelines.ntu_sample.generate import generate
    >>> for name, body_frames in generate(2):
    ...     print(name[-4:], body_frames.joints.shape[1:])
    A006 (25, 3)
    A008 (25, 3)
    """
    for name in sample_names(num_samples, seed):
        yield name, record(name, seed)


def generate_files(folder: StrPath, num_samples: int, seed: int = 0) -> list[pathlib.Path]:
    """Writes the recordings of `generate` as `.skeleton` files and returns their paths."""
    root = pathlib.Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, body_frames in generate(num_samples, seed):
        paths.append(root / f"{name}.skeleton")
        paths[-1].write_text(write_skeleton(body_frames))
    return paths


def sample_names(num_samples: int, seed: int = 0) -> list[str]:
    """Returns the names of the recordings of `generate`."""
    if not 1 <= num_samples <= MAX_SAMPLES:
        raise SourceError(f"num_samples={num_samples}; expected 1 to {MAX_SAMPLES}")
    check_at_least(0, seed=seed)
    orders = {
        action: np.random.default_rng([seed, action]).permutation(math.prod(_SHAPE))
        for action in ACTIONS
    }
    names = []
    for index in range(num_samples):
        turn, place = divmod(index, len(ACTIONS))
        action = list(ACTIONS)[place]
        setup, camera, subject, replication = np.unravel_index(orders[action][turn], _SHAPE)
        names.append(
            f"S{setup + 1:03}C{camera + 1:03}P{subject + 1:03}R{replication + 1:03}A{action:03}"
        )
    return names


def record(name: str, seed: int = 0) -> BodyFrames:
    """Returns the `BodyFrames` of the recording with a name."""
    sample = parse_name(name)
    rng = np.random.default_rng([seed, *sample])
    performers = [_subject(sample.subject), _subject(int(rng.integers(_SHAPE[2])) + 1)]
    frames = round(_FRAMES_PER_ACTION * rng.uniform(0.7, 1.3) / performers[0].speed)
    frames = int(np.clip(frames, *_FRAMES))
    facing = _AZIMUTHS[1 + sample.replication] + rng.normal(0, 0.15)
    time = np.linspace(0, 1, frames) ** rng.uniform(0.75, 1.33)  # begins fast or slowly
    bodies = _scene(sample.action, performers, facing, time, rng)
    seen = [_seen(frames, rng) for _ in bodies]
    for _ in range(rng.choice(3, p=(0.85, 0.1, 0.05))):
        bodies.append(_bystander(time, rng))
        seen.append(_seen(frames, rng) & _part(frames, rng))
    joints = np.stack([_from_camera(body, sample.setup, sample.camera) for body in bodies])
    return _sensed(joints, np.stack(seen), rng)


def _scene(action, performers, facing, time, rng):
    """Returns the joints of the bodies that perform the action, around the origin on y = 0."""
    doing = ACTIONS[action]
    if len(doing) == 1:
        return [_act(doing[0], performers[0], rng.normal(0, 0.15, 2), facing, time, rng)]
    axis = facing + math.pi / 2
    ahead = np.array([math.sin(axis), math.cos(axis)])
    distance = _DISTANCES[action] * rng.uniform(0.95, 1.1)
    bodies = []
    for motion, performer, side in zip(doing, performers, (-1, 1), strict=True):
        towards = (side == -1) != (action == _WALKING_APART)
        heading = (axis if towards else axis + math.pi) + rng.normal(0, 0.08)
        bodies.append(_act(motion, performer, side * distance / 2 * ahead, heading, time, rng))
    return bodies


def _act(motion, subject, place, heading, time, rng):
    """Returns the joints `(frames, 25, 3)` of a body that moves on the floor, at given times."""
    does = motion(time, rng.uniform(0.85, 1.15))
    angles = {bone: Angles(*angle) for bone, angle in does.angles.items()}
    for bone, angle in motions.sway(time, rng).items():
        summands = zip(angles.get(bone, Angles()), angle, strict=True)
        angles[bone] = Angles(*(first + second for first, second in summands))
    joints = turned(pose(angles, subject.lengths, len(time)), heading)
    joints[..., 0] += place[0] + math.sin(heading) * np.reshape(does.forward, (-1, 1))
    joints[..., 2] += place[1] + math.cos(heading) * np.reshape(does.forward, (-1, 1))
    joints[..., 1] += np.reshape(does.lift, (-1, 1))
    return joints


def _bystander(time, rng):
    """Returns the joints of a person who stands behind or beside the scene."""
    angle, distance = rng.uniform(0, 2 * math.pi), rng.uniform(1.5, 2.0)
    place = distance * np.array([math.sin(angle), math.cos(angle)])
    subject = _subject(int(rng.integers(_SHAPE[2])) + 1)
    return _act(motions.stand, subject, place, rng.uniform(0, 2 * math.pi), time, rng)


def _subject(number):
    """Returns the person with a number, who is the same in every recording."""
    rng = np.random.default_rng([_SUBJECTS, number])
    height = rng.uniform(0.9, 1.12)
    kinds = {name.removesuffix("_left").removesuffix("_right") for name in BONES}
    factors = {kind: height * rng.normal(1, 0.04) for kind in sorted(kinds)}
    lengths = {name: factors[name.removesuffix("_left").removesuffix("_right")] for name in BONES}
    return _Subject(lengths, rng.uniform(0.8, 1.25))


def _from_camera(joints, setup, camera):
    """Returns joints in a camera's coordinates: x to its left, y up, z away from it."""
    rng = np.random.default_rng([_SETUPS, setup])
    height, distance = rng.uniform(0.6, 2.2), rng.uniform(2.8, 4.5)
    # The camera stands at its azimuth and points at the height of a person's waist.
    azimuth, tilt = _AZIMUTHS[camera], math.atan2(1.0 - height, distance)
    away = -np.array([math.sin(azimuth), 0, math.cos(azimuth)])
    z = math.cos(tilt) * away + math.sin(tilt) * np.array([0, 1, 0])
    x = np.cross([0, 1, 0], away)
    y = np.cross(z, x)
    return (joints - [0, height, 0] + distance * away) @ np.stack([x, y, z], axis=1)


def _seen(frames, rng):
    """Returns in which frames a body is detected; sometimes it is lost and found again."""
    seen = np.ones(frames, bool)
    if rng.random() < 0.3:
        start = rng.integers(frames // 4, frames * 3 // 4)
        seen[start : start + rng.integers(2, 9)] = False
    if rng.random() < 0.1:
        seen[: rng.integers(1, 4)] = False
    return seen


def _part(frames, rng):
    """Returns a mask of consecutive frames, at least a quarter of all."""
    start = rng.integers(frames // 2)
    part = np.zeros(frames, bool)
    part[start : start + rng.integers(frames // 4, frames)] = True
    return part


def _sensed(joints, seen, rng):
    """Returns the `BodyFrames` of bodies `(bodies, frames, 25, 3)`, seen in `(bodies, frames)`."""
    num_bodies, num_frames = seen.shape
    state = np.full((num_bodies, num_frames, NUM_JOINTS), 2, np.uint8)
    for body in range(num_bodies):
        for limb in _LIMBS:
            if rng.random() < 0.25:
                hidden = _part(num_frames, rng)
                state[body][np.ix_(hidden, limb)] = 1
    noise = np.where(state == 2, 0.004, 0.02)[..., None]
    joints = joints + noise * rng.standard_normal(joints.shape)
    frame, body = np.nonzero(seen.T)
    ids = _FIRST_ID + int(rng.integers(2_000, 10_000)) + np.arange(num_bodies)
    return BodyFrames(
        num_frames,
        frame.astype(np.int32),
        ids[body].astype(np.int64),
        joints[body, frame].astype(np.float32),
        state[body, frame],
    )

"""The motions of the generated actions: the angles of the bones and the path of the body.

Each function moves one body. It takes `time`, `(frames,)` from 0 at the start to 1 at the end of
the recording, and `strength`, a number near 1, and returns a `Motion`. Standing up is sitting down
in reverse, and taking a hat off is putting it on in reverse: only the order of the frames
distinguishes them.
"""

from typing import NamedTuple

import numpy as np

from pipelines.ntu_sample.body import Angles


class Motion(NamedTuple):
    """The motion of one body; each quantity is one number, or one per frame.

    Attributes:
        angles: name of a bone -> `Angles`, as `body.pose` takes them.
        lift: height of the lowest foot above the floor in meters.
        forward: distance along the body's heading in meters.
    """

    angles: dict[str, Angles]
    lift: np.ndarray | float = 0.0
    forward: np.ndarray | float = 0.0


def pick_up(time: np.ndarray, strength: float) -> Motion:
    """Bends down, takes something from the floor with the right hand, stands up."""
    down = _there_and_back(time, 0.1, 0.45, 0.55, 0.9)
    return Motion(
        {
            "spine": Angles(0.8 * strength * down),
            "chest": Angles(0.5 * strength * down),
            "upper_arm_right": Angles(1.3 * down, 0.1),
            "upper_arm_left": Angles(0.8 * down, 0.1),
            **_both("forearm", Angles(0.15)),
            **_both("thigh", Angles(1.3 * strength * down)),
            **_both("shin", Angles(1.5 * strength * down)),
            **_both("foot", Angles(0.2 * strength * down)),
        }
    )


def sit_down(time: np.ndarray, strength: float) -> Motion:
    """Sits down on a chair; leans forward on the way."""
    seated = _rise(time, 0.15, 0.8)
    lean = 0.7 * strength * np.sin(np.pi * seated)
    return Motion(
        {
            "spine": Angles(lean),
            "neck": Angles(-0.4 * lean),
            **_both("thigh", Angles(1.45 * seated)),
            **_both("shin", Angles(1.4 * seated)),
            **_both("upper_arm", Angles(0.5 * seated + 0.3 * lean, 0.1)),
            **_both("forearm", Angles(0.15 + 0.8 * seated)),
        }
    )


def stand_up(time: np.ndarray, strength: float) -> Motion:
    """Stands up from a chair."""
    return sit_down(1 - time, strength)


def put_on_hat(time: np.ndarray, strength: float) -> Motion:
    """Holds a hat in front of the body, raises it slowly to the head and lowers both arms."""
    hold = 1 - _rise(time, 0.25, 0.6)
    head = _there_and_back(time, 0.25, 0.6, 0.75, 0.95)
    return Motion(
        {
            "neck": Angles(0.3 * strength * hold),
            **_both("upper_arm", Angles(0.35 * hold + 1.9 * head, 0.1 + 0.55 * head, 0.5 * head)),
            **_both("forearm", Angles(0.15 + 1.2 * hold + 1.75 * strength * head)),
        }
    )


def take_off_hat(time: np.ndarray, strength: float) -> Motion:
    """Raises the arms to the head and brings a hat down in front of the body."""
    return put_on_hat(1 - time, strength)


def wave(time: np.ndarray, strength: float) -> Motion:
    """Raises the right hand and waves."""
    up = _there_and_back(time, 0.05, 0.2, 0.85, 1.0)
    swing = 0.5 * strength * np.sin(2 * np.pi * 5 * time)
    return Motion(
        {
            "upper_arm_right": Angles(0.2 * up, 1.3 * up, 1.5 * up),
            "forearm_right": Angles(0.15 + up * (1.5 + swing)),
            "hand_right": Angles(0.4 * up * swing),
        }
    )


def kick(time: np.ndarray, strength: float) -> Motion:
    """Swings the right leg back and kicks forward."""
    back = _there_and_back(time, 0.15, 0.35, 0.35, 0.5)
    front = _there_and_back(time, 0.38, 0.52, 0.55, 0.85)
    return Motion(
        {
            "spine": Angles(0.2 * back - 0.2 * front),
            "thigh_right": Angles(1.2 * strength * front - 0.4 * back),
            "shin_right": Angles(1.2 * back + 0.1 * front),
            "shin_left": Angles(0.1 * front),
            "upper_arm_left": Angles(0.5 * front - 0.3 * back, 0.4 * front),
            "upper_arm_right": Angles(0.4 * back - 0.4 * front, 0.3 * front),
            **_both("forearm", Angles(0.3)),
        }
    )


def jump(time: np.ndarray, strength: float) -> Motion:
    """Crouches, jumps up with swinging arms and lands in a crouch."""
    crouch = _there_and_back(time, 0.1, 0.3, 0.32, 0.4)
    land = _there_and_back(time, 0.58, 0.66, 0.68, 0.9)
    bend = strength * (crouch + 0.7 * land)
    flight = np.clip((time - 0.4) / 0.2, 0, 1)
    swing = 1.8 * _there_and_back(time, 0.32, 0.45, 0.5, 0.75) - 0.6 * crouch
    return Motion(
        {
            "spine": Angles(0.5 * bend),
            **_both("thigh", Angles(0.9 * bend)),
            **_both("shin", Angles(1.3 * bend)),
            **_both("foot", Angles(0.4 * bend - 0.6 * np.sin(np.pi * flight))),
            **_both("upper_arm", Angles(swing, 0.2)),
            **_both("forearm", Angles(0.3 + 0.2 * bend)),
        },
        lift=4 * 0.35 * strength * flight * (1 - flight),
    )


def punch(time: np.ndarray, strength: float) -> Motion:
    """Steps forward and punches with the right fist."""
    guard = _there_and_back(time, 0.1, 0.3, 0.75, 0.95)
    hit = _there_and_back(time, 0.4, 0.5, 0.52, 0.7)
    return Motion(
        {
            "spine": Angles(0.15 * hit),
            "chest": Angles(0, 0, 0.5 * strength * hit - 0.2 * guard),
            "upper_arm_right": Angles(1.4 * strength * hit + 0.2 * guard, 0.2 * guard),
            "forearm_right": Angles(0.15 + 1.9 * guard - 1.8 * hit),
            "upper_arm_left": Angles(0.5 * guard, 0.2 * guard),
            "forearm_left": Angles(0.15 + 1.7 * guard),
            "thigh_left": Angles(0.4 * hit),
            "thigh_right": Angles(-0.3 * hit),
            "shin_left": Angles(0.3 * hit),
        },
        forward=0.2 * hit,
    )


def recoil(time: np.ndarray, strength: float) -> Motion:
    """Is hit: the head and trunk fly back, the arms fly up."""
    back = strength * _there_and_back(time, 0.47, 0.56, 0.6, 0.85)
    return Motion(
        {
            "spine": Angles(-0.4 * back),
            "neck": Angles(-0.5 * back),
            "thigh_right": Angles(-0.4 * back),
            "shin_right": Angles(0.3 * back),
            **_both("upper_arm", Angles(0.8 * back, 0.3 * back)),
            **_both("forearm", Angles(0.15 + 1.0 * back)),
        },
        forward=-0.25 * back,
    )


def hug(time: np.ndarray, strength: float) -> Motion:
    """Steps toward somebody, puts both arms around them, and steps back."""
    near = _there_and_back(time, 0.05, 0.4, 0.65, 0.95)
    hold = _there_and_back(time, 0.2, 0.45, 0.6, 0.85)
    walk = _walking(time, 0.45 * strength * 4 * near * (1 - near), steps=4)
    return Motion(
        {
            **walk,
            "spine": Angles(0.15 * hold),
            **_both("upper_arm", Angles(1.25 * strength * hold, 0.35 * hold, -0.6 * hold)),
            **_both("forearm", Angles(0.15 + 1.0 * hold)),
        },
        forward=0.55 * near,
    )


def walk(time: np.ndarray, strength: float) -> Motion:
    """Walks forward."""
    way = _rise(time, 0.1, 0.9)
    stride = 0.5 * strength * _there_and_back(time, 0.05, 0.2, 0.8, 0.95)
    return Motion(_walking(time, stride, steps=4), forward=1.1 * way)


def stand(time: np.ndarray, strength: float) -> Motion:
    """Stands and looks around."""
    return Motion({"head": Angles(0, 0, 0.4 * strength * np.sin(2 * np.pi * time))})


def sway(time: np.ndarray, rng: np.random.Generator) -> dict[str, Angles]:
    """Returns the small, slow `Angles` of trunk and limbs with which everybody sways."""
    names = ("spine", "chest", "neck", *_both("upper_arm", 0), *_both("forearm", 0))
    angles = {}
    for name in names:
        rate, phase = rng.uniform(0.5, 2.5, 3), rng.uniform(0, 2 * np.pi, 3)
        waves = np.sin(2 * np.pi * rate * time[:, None] + phase)
        angles[name] = Angles(*(rng.normal(0, 0.04, 3) + 0.03 * waves).T)
    return angles


def _walking(time, stride, steps):
    """Returns the angles of a walk; `stride` is the swing of a thigh in radians."""
    phase = np.pi * steps * time
    angles = {}
    for side, swing in (("left", np.sin(phase)), ("right", -np.sin(phase))):
        lifted = np.maximum(0, np.cos(phase) if side == "left" else -np.cos(phase))
        angles[f"thigh_{side}"] = Angles(stride * (swing + 0.3 * lifted))
        angles[f"shin_{side}"] = Angles(1.3 * stride * lifted)
        angles[f"upper_arm_{side}"] = Angles(-0.8 * stride * swing, 0.08)
        angles[f"forearm_{side}"] = Angles(0.2 + 0.3 * stride)
    return angles


def _both(bone, angles):
    return {f"{bone}_left": angles, f"{bone}_right": angles}


def _rise(time, start, end):
    """Rises smoothly from 0 at `start` to 1 at `end`."""
    way = np.clip((time - start) / (end - start), 0, 1)
    return way * way * (3 - 2 * way)


def _there_and_back(time, start, there, back, end):
    """Rises smoothly from 0 at `start` to 1 at `there`, stays until `back`, falls to 0 at `end`."""
    return _rise(time, start, there) - _rise(time, back, end)

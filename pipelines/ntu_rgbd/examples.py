"""Turns skeleton files into the examples that are written to the records, with NumPy alone."""

from typing import Any

from pipelines.errors import SourceError
from pipelines.ntu_rgbd.bodies import author_bodies, track_bodies
from pipelines.ntu_rgbd.samples import ACTIONS, parse_name
from pipelines.ntu_rgbd.skeleton_file import read_skeleton
from pipelines.ntu_rgbd.source import SkeletonFile
from pipelines.usable_joints import has_usable_joint

BODIES = {"tracked": track_bodies, "authors": author_bodies}


def read_example(file: SkeletonFile, bodies: str, advice: str = "") -> dict[str, Any] | str | None:
    """Returns the example of a skeleton file, or a message that says what is wrong with the file.

    Args:
        file: a skeleton file with a valid name.
        bodies: a key of `BODIES`: which two bodies are kept, and how they are tracked.
        advice: the end of the message about a file without any body: what to do.

    Returns:
        A dictionary: `joints` `(frames, 2, 25, 3)` float32 in meters, `presence` `(frames, 2)`
        bool, `tracking_state` `(frames, 2, 25)` uint8, `label`, the name of the action, the numbers
        `setup`, `camera`, `subject` and `replication`, counted from 1, and `name`. A string if the
        file is damaged. None if the file is valid but no joint of the kept bodies is known in any
        frame.
    """
    try:
        kept = BODIES[bodies](read_skeleton(file.read(), file.place))
    except SourceError as error:
        return str(error)
    if not kept.presence.any():
        return f"{file.place}: no frame has a body{advice}"
    if not has_usable_joint(kept.joints):
        return None
    numbers = parse_name(file.name)._asdict()
    label = ACTIONS[numbers.pop("action") - 1]
    return {**kept._asdict(), **numbers, "label": label, "name": file.name}

"""From a skeleton file to the example that goes into the records, with NumPy alone."""

from pipelines.errors import SourceError
from pipelines.ntu_rgbd.bodies import author_bodies, track_bodies
from pipelines.ntu_rgbd.samples import ACTIONS, parse_name
from pipelines.ntu_rgbd.skeleton_file import read_skeleton
from pipelines.usable_joints import has_usable_joint

BODIES = {"tracked": track_bodies, "authors": author_bodies}


def read_example(file, bodies, advice=""):
    """Returns the example of a skeleton file, or what is wrong with the file: a string.

    None stands for a file that is as it should be but says nothing: no joint of the bodies that are
    kept is known in any frame.

    Args:
        file: a skeleton file with a valid name, as a source lists them.
        bodies: a key of `BODIES`: which two bodies are kept, and how they are followed.
        advice: string, what to do about a file without any body; ends that message.

    Returns:
        A dictionary: `joints` `(frames, 2, 25, 3)` float32 in metres, `presence` `(frames, 2)`
        bool, `tracking_state` `(frames, 2, 25)` uint8, `label`, the name of the action, the numbers
        `setup`, `camera`, `subject` and `replication` from 1, and `name`.
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

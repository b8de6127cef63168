"""Which skeleton files of a source become records, in which order, and which do not and why."""

import hashlib
import pathlib
from typing import NamedTuple

from pipelines.errors import SourceError
from pipelines.ntu_rgbd.samples import ACTIONS, parse_name

# The list of the 120 actions' samples holds that of the 60 actions'.
MISSING_LISTS = {
    "ntu60": (
        "NTU_RGBD_samples_with_missing_skeletons.txt",
        "NTU_RGBD120_samples_with_missing_skeletons.txt",
    ),
    "ntu120": ("NTU_RGBD120_samples_with_missing_skeletons.txt",),
}


class Selection(NamedTuple):
    """The skeleton files of a source, sorted out.

    Attributes:
        found: the number of all files.
        files: those to be read, in the order of the records.
        officially_missing: names of samples that the official list excludes.
        other_classes: names of samples of further actions.
        misnamed: place -> what is wrong with the file's name.
    """

    found: int
    files: list
    officially_missing: list[str]
    other_classes: list[str]
    misnamed: dict[str, str]


def select_files(source, actions, missing=frozenset()):
    """Returns the `Selection` of a source's files.

    The order is that of a hash of the names: well mixed, and the same wherever the files lie.

    Args:
        source: as of `pipelines.ntu_rgbd.source`.
        actions: names of the actions to keep, from `ACTIONS`.
        missing: names that the official list excludes.

    Raises:
        SourceError: if two files have the same name.
    """
    found = source.files()
    selection = Selection(len(found), [], [], [], {})
    places = {}
    for file in found:
        try:
            sample = parse_name(file.name)
        except SourceError as error:
            selection.misnamed[file.place] = f"{file.place}: {error}"
            continue
        if file.name in places:
            raise SourceError(
                f"{file.name} is there twice, as {places[file.name]} and as {file.place}; "
                "leave one of them in the source"
            )
        places[file.name] = file.place
        if ACTIONS[sample.action - 1] not in actions:
            selection.other_classes.append(file.name)
        elif file.name in missing:
            selection.officially_missing.append(file.name)
        else:
            selection.files.append(file)
    selection.files.sort(key=lambda file: hashlib.sha256(file.name.encode()).digest())
    selection.officially_missing.sort()
    selection.other_classes.sort()
    return selection


def find_missing_list(source, config):
    """Returns the path of the official list in the source's folder, None if there is none."""
    path = pathlib.Path(source)
    folder = path if path.is_dir() else path.parent
    found = (str(folder / n) for n in MISSING_LISTS[config] if (folder / n).is_file())
    return next(found, None)

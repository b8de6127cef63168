"""Selects and orders the skeleton files that become records, and notes why others do not."""

import hashlib
import pathlib
from collections.abc import Collection
from typing import NamedTuple

from pipelines.errors import SourceError
from pipelines.ntu_rgbd.samples import ACTIONS, parse_name
from pipelines.ntu_rgbd.source import SkeletonFile, SkeletonSource
from pipelines.paths import StrPath

# The list for 120 actions includes the list for 60 actions.
MISSING_LISTS = {
    "ntu60": (
        "NTU_RGBD_samples_with_missing_skeletons.txt",
        "NTU_RGBD120_samples_with_missing_skeletons.txt",
    ),
    "ntu120": ("NTU_RGBD120_samples_with_missing_skeletons.txt",),
}


class Selection(NamedTuple):
    """The skeleton files of a source, divided into those to read and those to exclude.

    Attributes:
        found: the number of all files.
        files: the files to read, in the order of the records.
        officially_missing: names of samples that the official list excludes.
        other_classes: names of samples of other actions.
        misnamed: place -> what is wrong with the file's name.
    """

    found: int
    files: list[SkeletonFile]
    officially_missing: list[str]
    other_classes: list[str]
    misnamed: dict[str, str]


def select_files(
    source: SkeletonSource, actions: Collection[str], missing: Collection[str] = frozenset()
) -> Selection:
    """Returns the `Selection` from a source's files.

    The files are ordered by a hash of their names: well mixed, and the same wherever they lie.

    Args:
        source: where the files come from.
        actions: names of the actions to keep, from `ACTIONS`.
        missing: names that the official list excludes.

    Raises:
        SourceError: if two files have the same name.
    """
    found = source.files()
    selection = Selection(len(found), [], [], [], {})
    places: dict[str, str] = {}
    for file in found:
        try:
            sample = parse_name(file.name)
        except SourceError as error:
            selection.misnamed[file.place] = f"{file.place}: {error}"
            continue
        if file.name in places:
            raise SourceError(
                f"{file.name} occurs twice, as {places[file.name]} and as {file.place}; "
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


def find_missing_list(source: StrPath, config: str) -> str | None:
    """Returns the path of the official list in the source's folder, or None if there is none."""
    path = pathlib.Path(source)
    folder = path if path.is_dir() else path.parent
    found = (str(folder / n) for n in MISSING_LISTS[config] if (folder / n).is_file())
    return next(found, None)

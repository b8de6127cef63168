"""The report of a build: how many samples were found, and what became of each that is no record."""

import json
from collections import Counter

from pipelines.ntu_rgbd.samples import ACTIONS, parse_name

FILE_NAME = "exclusions.json"
_PARTS = ("officially_missing", "without_joints", "other_classes", "damaged")
_SHOWN = 3  # of each part in the summary


def make_report(selection, damaged, without_joints, written):
    """Returns the report of a build.

    Args:
        selection: the `Selection` of the source's files.
        damaged: dict, name of a sample -> what is wrong with its file.
        without_joints: list of the names of samples without one usable joint.
        written: integer, number of records.

    Returns:
        A dictionary that JSON can hold. `found` is the sum of `written` and the lengths of
        `officially_missing`, `without_joints`, `other_classes` and `damaged`; `written_by_action`
        has the number of records of each action that has any.

    Raises:
        RuntimeError: if that sum is another.
    """
    excluded = {*damaged, *without_joints}
    names = [file.name for file in selection.files if file.name not in excluded]
    by_action = Counter(parse_name(name).action for name in names)
    report = {
        "found": selection.found,
        "written": written,
        "written_by_action": {
            ACTIONS[number - 1]: by_action[number] for number in sorted(by_action)
        },
        "officially_missing": selection.officially_missing,
        "without_joints": sorted(without_joints),
        "other_classes": selection.other_classes,
        "damaged": dict(sorted({**selection.misnamed, **damaged}.items())),
    }
    left_out = sum(len(report[part]) for part in _PARTS)
    if written + left_out != selection.found or written != len(names):
        raise RuntimeError(f"samples were lost: {'; '.join(summarise(report))}")
    return report


def write_report(report, folder):
    """Writes a report beside the records, in a folder given as a path object."""
    (folder / FILE_NAME).write_text(json.dumps(report, indent=1) + "\n")


def read_report(folder):
    """Returns the report of the finished build in a folder, a path object."""
    return json.loads((folder / FILE_NAME).read_text())


def summarise(report):
    """Returns lines that say how the samples found divide, with the first of each part."""
    parts = {
        "officially missing": report["officially_missing"],
        # Builds from before these were told apart do not have them.
        "without a usable joint": report.get("without_joints", []),
        "damaged": list(report["damaged"].values()),
        "of other classes": report["other_classes"],
    }
    parts = {name: part for name, part in parts.items() if part}
    sizes = "".join(f" + {name} {len(part):,}" for name, part in parts.items())
    lines = [f"found {report['found']:,} = written {report['written']:,}{sizes}"]
    for name, part in parts.items():
        more = ["..."] if len(part) > _SHOWN else []
        lines.append(f"{name}: {', '.join([*part[:_SHOWN], *more])}")
    return lines

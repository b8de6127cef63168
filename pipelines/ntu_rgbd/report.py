"""The report of a build: how many samples were found, and why some are not records."""

import json
import pathlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.ntu_rgbd.samples import ACTIONS, parse_name
from pipelines.ntu_rgbd.selection import Selection

FILE_NAME = "exclusions.json"
_PARTS = ("officially_missing", "without_joints", "other_classes", "damaged")
_SHOWN = 3  # of each part in the summary


def make_report(
    selection: Selection, damaged: Mapping[str, str], without_joints: Sequence[str], written: int
) -> dict[str, Any]:
    """Returns the report of a build.

    Args:
        selection: the selection from the source's files.
        damaged: name of a sample -> what is wrong with its file.
        without_joints: names of samples without one usable joint.
        written: the number of records.

    Returns:
        A dictionary that can be written as JSON. `found` is the sum of `written` and the lengths of
        `officially_missing`, `without_joints`, `other_classes` and `damaged`; `written_by_action`
        is the number of records of each action that has any.

    Raises:
        RuntimeError: if the numbers do not add up.
    """
    excluded = {*damaged, *without_joints}
    names = [file.name for file in selection.files if file.name not in excluded]
    by_action = Counter(parse_name(name).action for name in names)
    report: dict[str, Any] = {
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
        raise RuntimeError(f"samples were lost: {'; '.join(summarize(report))}")
    return report


def write_report(report: Mapping[str, Any], folder: pathlib.Path) -> None:
    """Writes a report to a folder, beside the records."""
    (folder / FILE_NAME).write_text(json.dumps(report, indent=1) + "\n")


def read_report(folder: pathlib.Path) -> dict[str, Any]:
    """Returns the report of the finished build in a folder."""
    return json.loads((folder / FILE_NAME).read_text())


def summarize(report: Mapping[str, Any]) -> list[str]:
    """Returns the numbers of samples written and excluded, with a few names."""
    parts = {
        "officially missing": report["officially_missing"],
        # Reports of older builds lack these.
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

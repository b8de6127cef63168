"""Reading the report of a finished run."""

import json
from typing import Any

from nrnm_keras.errors import UsageError
from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.inference.saved_arrays import shortened

_NUMBER = (int, float)
# The types of the values that programs read, by name; "*" stands for any name.
_METRICS = {"*": _NUMBER}
_FORM = {
    "notice": (str, type(None)),
    "task": str,
    "data": {"dataset": str, "records": str, "examples": {"*": int}},
    "metric": str,
    "metrics": {"validation": _METRICS, "test": (dict, type(None))},
    "parameters": int,
    "training": {"best_epoch": int, "epochs": int, "seconds_per_epoch": _NUMBER},
    "command": str,
    "flags": {"model": str, "units": int, "num_layers": int, "nrnm_layers": list},
}


def read_report(folder: RunFolder) -> dict[str, Any]:
    """Returns the report of a `RunFolder`'s finished run as a dictionary.

    Raises:
        UsageError: if it is damaged.
    """
    path = folder / folder.REPORT
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        _check(report, _FORM, "it")
        splits = {split: values for split, values in report["metrics"].items() if values}
        for split, metrics in splits.items():
            _check(metrics, {report["metric"]: _NUMBER, **_METRICS}, f"its {split}")
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else shortened(error)
        raise UsageError(
            f"{path} is damaged ({reason}); remove it and run the command of that run again"
        ) from error
    return report


def leaves_out_test(report: dict[str, Any]) -> bool:
    """Returns whether a report is of a run that left out the test split."""
    # Reports of earlier versions have no such flag.
    return not report.get("flags", {}).get("test", True)


def _check(value, form, name):
    """Raises a ValueError if a value does not have a form."""
    if not isinstance(form, dict):
        if not isinstance(value, form):
            raise ValueError(f"{name} cannot be {value!r:.60}")
        return
    if not isinstance(value, dict):
        raise ValueError(f"{name} is not a JSON object")
    for key, each in form.items():
        if key != "*" and key not in value:
            raise ValueError(f"{name} has no {key!r}")
        for found in value if key == "*" else [key]:
            _check(value[found], each, f"its {found}")

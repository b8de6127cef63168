"""The results of a sweep: a row for each run, and mean and spread for each point."""

import csv
import os
from collections.abc import Sequence
from typing import Any

from nrnm_keras.inference.report_file import leaves_out_test
from nrnm_keras.plots.sweep import mean_and_spread
from nrnm_keras.sweep.runs import Run
from pipelines.escaping import for_csv, for_markdown, for_terminal


def write_runs(
    runs: Sequence[Run], reports: Sequence[dict[str, Any]], path: str | os.PathLike
) -> None:
    """Writes a CSV file with a row for each run."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        metric = reports[0]["metric"]
        results = [f"validation_{metric}", f"test_{metric}"]
        baseline = ["baseline"] if any(map(_baseline, reports)) else []
        names = ["seed", *results, *baseline, "units", "parameters", "epochs", "seconds_per_epoch"]
        writer.writerow([*runs[0].point.values, *names])
        for run, report in zip(runs, reports, strict=True):
            test = report["metrics"]["test"]
            training = report["training"]
            writer.writerow(
                [
                    *map(for_csv, run.point.values.values()),
                    run.seed,
                    report["metrics"]["validation"][metric],
                    test[metric] if test else "",
                    *(_baseline(report) for _ in baseline),
                    report["flags"]["units"],
                    report["parameters"],
                    training["epochs"],
                    training["seconds_per_epoch"],
                ]
            )


def summarize(runs: Sequence[Run], reports: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns a dictionary for each point, in the order of the runs.

    Its keys are `values`; `metric`, the metric's name; `validation` and `test`, lists with a result
    for each seed (empty without a test split); and, from the first seed's run, `baseline`, the
    result of a simple classifier or None, `parameters`, `seconds_per_epoch`, the `notice` about the
    data or None, `leaves_out_test`, and the `companions` of the point.
    """
    points: dict[str, dict[str, Any]] = {}
    for run, report in zip(runs, reports, strict=True):
        metric = report["metric"]
        row = points.setdefault(
            run.point.name,
            {
                "values": run.point.values,
                "metric": metric,
                "validation": [],
                "test": [],
                "companions": run.point.companions,
                "baseline": _baseline(report),
                "parameters": report["parameters"],
                "seconds_per_epoch": report["training"]["seconds_per_epoch"],
                "notice": report["notice"],
                "leaves_out_test": leaves_out_test(report),
            },
        )
        for split in ("validation", "test"):
            if report["metrics"][split]:
                row[split].append(report["metrics"][split][metric])
    return list(points.values())


def table(rows: Sequence[dict[str, Any]], published: Sequence[dict[str, str]], command: str) -> str:
    """Returns a Markdown table of `summarize`'s rows, with the published rows below them.

    Without a result on a test split, it has no column for these.
    """
    metric = rows[0]["metric"].replace("_", " ")
    test = [f"test {metric}"] if published or any(row["test"] for row in rows) else []
    names = list(rows[0]["values"])
    baseline = ["baseline"] if any(row["baseline"] for row in rows) else []
    head = [*names, *test, *baseline, f"validation {metric}"]
    head += ["seeds", "parameters", "s per epoch"]
    lines = [
        [
            *_written(row),
            *(_in_words(row["test"]) for _ in test),
            *(f"{row['baseline']:.4f}" if row["baseline"] else "none" for _ in baseline),
            _in_words(row["validation"]),
            str(len(row["validation"])),
            f"{row['parameters']:,}",
            f"{row['seconds_per_epoch']:.1f}",
        ]
        for row in rows
    ]
    for row in published:
        result = [row["value"], *("" for _ in baseline), "", "", row["parameters"], ""]
        lines.append([*_published_name(row, names), *result])
    note = "Mean and standard deviation over the seeds."
    if any(row["leaves_out_test"] for row in rows):
        note += " The test split was left out (--notest)."
    return _notices(rows) + _markdown(head, lines, note, command)


def write_parameters(rows: Sequence[dict[str, Any]], path: str | os.PathLike) -> None:
    """Writes a CSV file with a row for each point that `count_points` returned."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*rows[0]["values"], "units", "parameters"])
        for row in rows:
            cells = map(for_csv, row["values"].values())
            writer.writerow([*cells, row["units"], row["parameters"]])


def parameter_table(
    rows: Sequence[dict[str, Any]], published: Sequence[dict[str, str]], command: str
) -> str:
    """Returns a Markdown table of `count_points`' rows, with the published numbers below them."""
    names = list(rows[0]["values"])
    lines = [[*_written(row), str(row["units"]), f"{row['parameters']:,}"] for row in rows]
    for row in published:
        if row["parameters"]:
            lines.append([*_published_name(row, names), "", row["parameters"]])
    head = [*names, "units", "parameters"]
    return _notices(rows) + _markdown(head, lines, "Nothing was trained.", command)


def _baseline(report):
    """Returns the accuracy of the simple classifier on the test split, or None."""
    baseline = report.get("baseline")
    return baseline["accuracy"] if baseline and baseline["split"] == "test" else None


def _written(row):
    """Returns the cells of a row's flag values."""
    return [value or "none" for value in row["values"].values()]


def _published_name(row, names):
    """Returns the corresponding cells of a published row."""
    return [f"{row['system']} (published: {row['source']})", *[""] * (len(names) - 1)]


def _notices(rows):
    """Returns the notices about the data, each once."""
    notices = dict.fromkeys(row["notice"] for row in rows if row["notice"])
    return "".join(f"**{notice}**\n\n" for notice in notices)


def _markdown(head, lines, note, command):
    """Returns a table with a note and the command below it."""
    rule = "|" + " --- |" * len(head)
    first, *others = (f"| {' | '.join(map(for_markdown, cells))} |" for cells in (head, *lines))
    return (
        "\n".join([first, rule, *others, "", f"{note} Command:\n\n    {for_terminal(command)}"])
        + "\n"
    )


def _in_words(values):
    if not values:
        return "none"
    mean, spread = mean_and_spread(values)
    return f"{mean:.4f}" if spread is None else f"{mean:.4f} ± {spread:.4f}"

"""What came out of a sweep: a row for each run, and mean and spread for each point."""

import csv
import statistics


def write_runs(runs, reports, path):
    """Writes a CSV file with a row for each run."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        metric = reports[0]["metric"]
        results = [f"validation_{metric}", f"test_{metric}"]
        names = ["seed", *results, "units", "parameters", "epochs", "seconds_per_epoch"]
        writer.writerow([*runs[0].point.values, *names])
        for run, report in zip(runs, reports, strict=True):
            test = report["metrics"]["test"]
            training = report["training"]
            writer.writerow(
                [
                    *run.point.values.values(),
                    run.seed,
                    report["metrics"]["validation"][metric],
                    test[metric] if test else "",
                    report["flags"]["units"],
                    report["parameters"],
                    training["epochs"],
                    training["seconds_per_epoch"],
                ]
            )


def summarize(runs, reports):
    """Returns a dictionary for each point, in the order of the runs.

    It has the point's `values`, the `metric`'s name, the results of the `validation` and, if there
    is one, the `test` split as lists with a number for each seed, and of the first seed's run
    `parameters` and `seconds_per_epoch`.
    """
    points = {}
    for run, report in zip(runs, reports, strict=True):
        metric = report["metric"]
        row = points.setdefault(
            run.point.name,
            {
                "values": run.point.values,
                "metric": metric,
                "validation": [],
                "test": [],
                "parameters": report["parameters"],
                "seconds_per_epoch": report["training"]["seconds_per_epoch"],
            },
        )
        for split in ("validation", "test"):
            if report["metrics"][split]:
                row[split].append(report["metrics"][split][metric])
    return list(points.values())


def mean_and_spread(values):
    """Returns the mean and the standard deviation, None of fewer than two, of a list of floats."""
    return statistics.mean(values), statistics.stdev(values) if len(values) > 1 else None


def read_published(path):
    """Returns the rows `system`, `value`, `source` of a CSV file as dictionaries."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def table(rows, published, command):
    """Returns a Markdown table of `summarize`'s rows, the published ones below them."""
    metric = rows[0]["metric"].replace("_", " ")
    names = list(rows[0]["values"])
    head = [*names, f"test {metric}", f"validation {metric}", "seeds", "parameters", "s per epoch"]
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    for row in rows:
        cells = [
            *(value or "none" for value in row["values"].values()),
            _in_words(row["test"]),
            _in_words(row["validation"]),
            str(len(row["validation"])),
            f"{row['parameters']:,}",
            f"{row['seconds_per_epoch']:.1f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    empty = [""] * (len(head) - len(names) - 1)
    for row in published:
        name = f"{row['system']} (published: {row['source']})"
        cells = [name, *[""] * (len(names) - 1), row["value"], *empty]
        lines.append(f"| {' | '.join(cells)} |")
    note = f"Mean and standard deviation over the seeds. Command:\n\n    {command}"
    return "\n".join([*lines, "", note]) + "\n"


def _in_words(values):
    if not values:
        return "none"
    mean, spread = mean_and_spread(values)
    return f"{mean:.4f}" if spread is None else f"{mean:.4f} ± {spread:.4f}"

import csv
import pathlib
import statistics

import pytest

from nrnm_keras.plots.sweep import _MOST_GROUPS, _groups, _style, draw_sweep
from nrnm_keras.sweep.grid import Point
from nrnm_keras.sweep.runs import Run
from nrnm_keras.sweep.summary import (
    mean_and_spread,
    parameter_table,
    summarize,
    table,
    write_runs,
)
from tests.plots.common import look

RESULTS = {("4", 0): (0.5, 0.25), ("4", 1): (0.7, 0.75), ("8", 0): (0.9, 1.0), ("8", 1): (0.8, 1.0)}


def report(validation, test):
    return {
        "notice": "MADE UP",
        "metric": "accuracy",
        "metrics": {"validation": {"accuracy": validation}, "test": test and {"accuracy": test}},
        "parameters": 1234,
        "flags": {"units": 16},
        "training": {"epochs": 3, "seconds_per_epoch": 1.5},
    }


PUBLISHED = [
    {"system": "LSTM", "value": "70.3 %", "parameters": "", "source": "Fu et al. 2019"},
    {"system": "NRNM", "value": "80.8 %", "parameters": "3.6 million", "source": "Fu et al. 2019"},
]
RUNS = [Run(Point({"block_size": b}, None), s, pathlib.Path("x")) for b, s in RESULTS]
REPORTS = [report(*results) for results in RESULTS.values()]


def test_seeds_of_a_point_are_put_together():
    first, second = summarize(RUNS, REPORTS)
    assert (first["values"], first["test"]) == ({"block_size": "4"}, [0.25, 0.75])
    assert (second["validation"], second["parameters"]) == ([0.9, 0.8], 1234)


def test_spread_is_that_of_a_sample():
    values = [0.25, 0.75, 0.6]
    assert mean_and_spread(values) == (statistics.mean(values), pytest.approx(0.25658, abs=1e-5))
    assert mean_and_spread([0.5]) == (0.5, None)


def test_table_has_published_rows_that_are_marked():
    lines = table(summarize(RUNS, REPORTS), PUBLISHED, "the command").splitlines()
    assert lines[0] == "**MADE UP**"
    assert lines[4] == "| 4 | 0.5000 ± 0.3536 | 0.6000 ± 0.1414 | 2 | 1,234 | 1.5 |"
    assert lines[6] == "| LSTM (published: Fu et al. 2019) | 70.3 % |  |  |  |  |"
    assert lines[7] == "| NRNM (published: Fu et al. 2019) | 80.8 % |  |  | 3.6 million |  |"
    assert len({line.count("|") for line in lines[2:8]}) == 1
    assert lines[-1].endswith("the command")


def test_table_of_parameters_has_the_published_numbers_that_are_known():
    values = {"model": "nrnm", "stride": "4"}
    rows = [{"values": values, "units": 256, "parameters": 3516732, "notice": None}]
    lines = parameter_table(rows, PUBLISHED, "the command").splitlines()
    assert lines[0] == "| model | stride | units | parameters |"
    assert lines[2] == "| nrnm | 4 | 256 | 3,516,732 |"
    assert lines[3] == "| NRNM (published: Fu et al. 2019) |  |  | 3.6 million |"
    assert lines[4] == ""


def test_without_a_test_split():
    reports = [report(0.5, None)] * 4
    text = table(summarize(RUNS, reports), [], "x")
    assert "| block_size | validation accuracy | seeds |" in text
    assert "| 4 | 0.5000 ± 0.0000 | 2 |" in text


def test_baseline_beside_the_results(tmp_path):
    baseline = {"name": "a simple classifier", "split": "test", "accuracy": 0.625}
    reports = [{**each, "baseline": baseline} for each in REPORTS]
    lines = table(summarize(RUNS, reports), PUBLISHED, "x").splitlines()
    assert lines[2].startswith("| block_size | test accuracy | baseline | validation accuracy |")
    assert lines[4].startswith("| 4 | 0.5000 ± 0.3536 | 0.6250 | 0.6000 ± 0.1414 |")
    assert len({line.count("|") for line in lines[2:8]}) == 1
    write_runs(RUNS, reports, tmp_path / "runs.csv")
    with (tmp_path / "runs.csv").open() as file:
        assert {float(row["baseline"]) for row in csv.DictReader(file)} == {0.625}


def test_a_row_for_each_run(tmp_path):
    write_runs(RUNS, REPORTS, tmp_path / "runs.csv")
    with (tmp_path / "runs.csv").open() as file:
        rows = list(csv.DictReader(file))
    found = {(r["block_size"], int(r["seed"])): float(r["test_accuracy"]) for r in rows}
    assert found == {key: test for key, (_, test) in RESULTS.items()}


@pytest.mark.parametrize("values", [{"block_size": "4"}, {"model": "gru"}, {"nrnm_layers": ""}])
def test_picture(values, tmp_path):
    runs = [Run(Point({**values, "units": u}, None), s, None) for u in ("8", "16") for s in (0, 1)]
    draw_sweep(summarize(runs, REPORTS), tmp_path / "sweep.png", "Title")
    assert look(tmp_path / "sweep.png").size


def test_combinations_look_different():
    assert len({tuple(_style(number).items()) for number in range(_MOST_GROUPS)}) == _MOST_GROUPS


def test_a_test_split_that_was_left_out():
    reports = [report(0.5, None) | {"flags": {"units": 16, "test": False}}] * 4
    rows = summarize(RUNS, reports)
    text = table(rows, [], "x")
    assert "test accuracy" not in text and "left out (--notest)" in text
    assert "left out" not in table(summarize(RUNS, REPORTS), [], "x")


def test_picture_of_points_of_which_some_were_not_tested(tmp_path):
    reports = [*REPORTS[:2], *[report(0.5, None)] * 2]
    draw_sweep(summarize(RUNS, reports), tmp_path / "sweep.png", "Title")
    assert look(tmp_path / "sweep.png").size


@pytest.mark.parametrize(
    ("steps", "names"),
    [
        (("0", "100"), ["model=lstm, chrono_steps=0", "model=lstm, chrono_steps=100"]),
        (("0",), ["model=lstm"]),
    ],
)
def test_flags_that_vary_together_are_named_where_points_would_coincide(steps, names):
    rows = [
        {
            "values": {"learning_rate": rate, "model": "lstm", "chrono_steps": each},
            "companions": {"chrono_steps"},
        }
        for rate in ("1e-3", "1e-2")
        for each in steps
    ]
    groups = _groups(rows, "learning_rate")
    assert list(groups) == names
    assert [len(group) for group in groups.values()] == [2] * len(steps)

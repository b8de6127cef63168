"""Sweeps of real trainings."""

import csv

import numpy as np
import pytest

from nrnm_keras import sweep
from nrnm_keras.sweeping.parameters import units_for
from nrnm_keras.tasks import TASKS
from nrnm_keras.training.flags import define_flags
from pipelines.build import build

SMALL = ["--task=sequence", "--num_layers=1", "--nrnm_layers=1", "--units=8", "--epochs=1"]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("sweep") / "train.npz"
    random = np.random.default_rng(0)
    np.savez(path, x=random.normal(size=(40, 6, 3)), y=np.arange(40) % 2)
    return path


@pytest.mark.parametrize(
    ("model", "multiple"),
    [("nrnm", 4), ("nrnm_linear", 4), ("gru", 4), ("eleatt_lstm", 4), ("relational_memory", 16)],
)
def test_units_give_the_parameters_nearest_to_a_number(file, tmp_path, model, multiple):
    path = build("sequence_files", tmp_path, train_file=str(file))
    flags = define_flags()
    flags(["", *SMALL, f"--train_file={file}", f"--model={model}"])
    units = units_for(20_000, flags, path)
    assert units % multiple == 0

    def distance(units):
        flags["units"].value = units
        task = TASKS["sequence"](path, flags)
        return abs(task.build_network(flags).count_params() - 20_000)

    assert distance(units) <= min(distance(units - multiple), distance(units + multiple))


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ([], "--sweep_dir"),
        (["--sweep_dir=x"], "--grid"),
        (["--sweep_dir=x", "--grid=unit=3"], "'unit'"),
        (["--sweep_dir=x", "--grid=units=8", "--published=/no/such"], "/no/such"),
    ],
)
def test_mistakes_are_one_line(flags, named, capsys):
    assert sweep.main(flags) == 1
    assert named in capsys.readouterr().err


def test_published_row_without_a_source_is_named(tmp_path, capsys):
    (tmp_path / "rows.csv").write_text("system,value,source\nLSTM,70.3,\n")
    flags = ["--sweep_dir=x", "--grid=units=8", f"--published={tmp_path}/rows.csv"]
    assert sweep.main(flags) == 1
    assert "has no source" in capsys.readouterr().err


@pytest.mark.slow
def test_finished_runs_are_skipped_and_more_are_added(file, tmp_path, capfd):
    flags = [*SMALL, f"--train_file={file}", f"--data_dir={tmp_path}/data"]
    flags += [f"--sweep_dir={tmp_path}/sweep", "--grid=model=nrnm,lstm", "--jobs=2"]
    assert sweep.main(flags) == 0
    first = {path: path.stat().st_mtime_ns for path in tmp_path.glob("sweep/runs/*/*/report.json")}
    assert len(first) == 2
    assert sweep.main([*flags, "--seeds=2"]) == 0
    printed = capfd.readouterr().out
    assert "2 of 4 runs are finished" in printed and "model=lstm seed 1" in printed
    assert all(path.stat().st_mtime_ns == time for path, time in first.items())
    with (tmp_path / "sweep" / "results.csv").open() as results:
        rows = list(csv.DictReader(results))
    assert [(row["model"], row["seed"]) for row in rows] == [
        *(("nrnm", "0"), ("nrnm", "1"), ("lstm", "0"), ("lstm", "1"))
    ]
    assert "| lstm |" in (tmp_path / "sweep" / "results.md").read_text()
    assert (tmp_path / "sweep" / "results.png").is_file()


@pytest.mark.slow
def test_failed_run_is_named(file, tmp_path, capsys):
    flags = [*SMALL, f"--train_file={file}", f"--data_dir={tmp_path}/data"]
    flags += [f"--sweep_dir={tmp_path}/sweep", "--grid=num_heads=3"]
    assert sweep.main(flags) == 1
    error = capsys.readouterr().err
    assert "num_heads=3 seed 0 failed" in error and "num_heads=3" in error

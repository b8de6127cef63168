"""Sweeps of real trainings."""

import csv
import json
import pathlib

import numpy as np
import pytest

from nrnm_keras.commands.command_line import parse_flags
from nrnm_keras.inference.run_config import parse_lines, read_config
from nrnm_keras.sweep import __main__ as sweep
from nrnm_keras.sweep.flags import define_sweep_flags
from nrnm_keras.sweep.parameters import units_for
from nrnm_keras.tasks import SequenceTask
from pipelines.build import build

SMALL = [
    "--task=sequence",
    "--settings=fixed",
    "--num_layers=1",
    "--nrnm_layers=1",
    "--units=8",
    "--epochs=1",
]


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
    config, _ = parse_lines([*SMALL, f"--train_file={file}", f"--model={model}"])
    task = config.task.open(build("sequence_files", tmp_path, train_file=str(file)))
    units = units_for(20_000, config.network, task)
    assert units % multiple == 0

    def distance(units):
        network = config.network.replace(units=units)
        return abs(task.build_network(network).count_params() - 20_000)

    assert distance(units) <= min(distance(units - multiple), distance(units + multiple))


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ([], "--sweep_dir"),
        (["--sweep_dir=x"], "--grid"),
        (["--sweep_dir=x", "--grid=units=8"], "no --task given"),
        (["--sweep_dir=x", "--grid=unit=3", "--task=imdb"], "'unit'"),
        (["--sweep_dir=x", "--grid=units=8", "--published=/no/such", "--task=imdb"], "/no/such"),
        (["--sweep_dir=x", "--grid=block_size=8,10", "--task=imdb"], "block_size=10"),
    ],
)
def test_mistakes_are_one_line(flags, named, capsys):
    assert sweep.main(flags) == 1
    assert named in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "folder"),
    [
        (["--task=adding"], "sweeps/adding"),
        (["--flagfile=configs/ntu_cross_subject.flags"], "sweeps/ntu_cross_subject"),
        (["--flagfile=configs/ntu_cross_view.flags"], "sweeps/ntu_cross_view"),
    ],
)
def test_folder_tells_the_data(flags, folder, monkeypatch):
    monkeypatch.chdir(pathlib.Path(__file__).parents[2])
    values = parse_flags(define_sweep_flags(), [*flags, "--sweep_dir=sweeps"])
    assert sweep.sweep_folder(values.sweep_dir, read_config(values)) == pathlib.Path(folder)


def test_parameters_are_counted_without_a_training(file, tmp_path, capsys):
    published = tmp_path / "sequence.csv"
    published.write_text("system,value,parameters,source\nA,90 %,3 million,X\nB,90 %,,Y\n")
    flags = [*SMALL, f"--train_file={file}", f"--data_dir={tmp_path}/data", "--count_only"]
    flags += [f"--sweep_dir={tmp_path}/sweep", "--grid=model=nrnm,lstm", "--seeds=3"]
    assert sweep.main([*flags, f"--published={tmp_path}"]) == 0
    folder = tmp_path / "sweep" / "sequence"
    assert {path.name for path in folder.iterdir()} == {"parameters.csv", "parameters.md"}
    with (folder / "parameters.csv").open() as results:
        nrnm, lstm = csv.DictReader(results)
    # Four gates of 3 features, 8 units and a bias; two classes of 8 units and a bias.
    assert int(lstm["parameters"]) == 4 * 8 * (3 + 8 + 1) + 2 * (8 + 1)
    assert int(nrnm["parameters"]) > int(lstm["parameters"])
    printed = capsys.readouterr().out
    assert "| A (published: X) |  | 3 million |" in printed and "published: Y" not in printed


def test_published_results_do_not_stand_beside_those_of_sample_data(
    file, tmp_path, monkeypatch, capsys
):
    class Sample(SequenceTask):
        notice = "SAMPLE DATA"

    path = build("sequence_files", tmp_path, train_file=str(file))
    monkeypatch.setattr(sweep, "find_records", lambda task, data_dir: (Sample(), path))
    (tmp_path / "sequence.csv").write_text("system,value,parameters,source\nA,90 %,3,X\n")
    flags = [*SMALL, "--count_only", f"--sweep_dir={tmp_path}/sweep", "--grid=model=lstm"]
    assert sweep.main([*flags, f"--published={tmp_path}"]) == 0
    printed = capsys.readouterr().out
    assert "**SAMPLE DATA**" in printed and "published:" not in printed


@pytest.mark.slow
def test_finished_runs_are_skipped_and_more_are_added(file, tmp_path, capfd):
    flags = [*SMALL, f"--train_file={file}", f"--data_dir={tmp_path}/data"]
    flags += [f"--sweep_dir={tmp_path}/sweep", "--grid=model=nrnm,lstm", "--jobs=2"]
    folder = tmp_path / "sweep" / "sequence"
    assert sweep.main(flags) == 0
    first = {path: path.stat().st_mtime_ns for path in folder.glob("runs/*/*/report.json")}
    assert len(first) == 2
    assert sweep.main([*flags, "--seeds=2"]) == 0
    printed = capfd.readouterr().out
    assert "2 of 4 runs are finished" in printed and "model=lstm seed 1" in printed
    assert all(path.stat().st_mtime_ns == time for path, time in first.items())
    with (folder / "results.csv").open() as results:
        rows = list(csv.DictReader(results))
    assert [(row["model"], row["seed"]) for row in rows] == [
        *(("nrnm", "0"), ("nrnm", "1"), ("lstm", "0"), ("lstm", "1"))
    ]
    assert "| lstm |" in (folder / "results.md").read_text()
    assert (folder / "results.png").is_file()


@pytest.mark.slow
def test_failed_run_is_named(file, tmp_path, capsys):
    flags = [*SMALL, f"--train_file={file}", f"--data_dir={tmp_path}/data"]
    flags += [f"--sweep_dir={tmp_path}/sweep", "--grid=strategy=multi_worker"]
    assert sweep.main(flags) == 1
    error = capsys.readouterr().err
    assert "strategy=multi_worker seed 0 failed" in error and "TF_CONFIG" in error


@pytest.mark.slow
def test_run_of_other_flags_is_kept_unless_it_may_be_overwritten(file, tmp_path, capsys):
    flags = [*SMALL, f"--train_file={file}", f"--data_dir={tmp_path}/data"]
    flags += [f"--sweep_dir={tmp_path}/sweep", "--grid=units=8", "--compare_with_lstm"]
    report = tmp_path / "sweep" / "sequence" / "runs" / "units=8" / "seed_0" / "report.json"
    assert sweep.main(flags) == 0
    time = report.stat().st_mtime_ns
    assert sweep.main([*flags, "--batch_size=7"]) == 1
    assert "--batch_size=64 only there, --batch_size=7 only here" in capsys.readouterr().err
    assert report.stat().st_mtime_ns == time
    assert sweep.main([*flags, "--batch_size=7", "--overwrite"]) == 0
    assert json.loads(report.read_text())["flags"]["batch_size"] == 7

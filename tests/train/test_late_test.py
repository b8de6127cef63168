"""A finished run with --notest is tested by the same command with --test."""

import csv
import json
import shutil

import keras
import pytest

from nrnm_keras.sweep import __main__ as sweep
from nrnm_keras.train import __main__ as train
from tests.train.test_train import write_csv

NETWORK = ["--units=4", "--num_layers=1", "--nrnm_layers=1", "--num_heads=2", "--epochs=2"]
PROBLEM = ["--problem_train=64", "--problem_test=16", "--problem_length=8"]


@pytest.fixture(autouse=True)
def default_precision():
    """The command sets the policy of its process."""
    yield
    keras.config.set_dtype_policy("float32")


def report_of(folder):
    return json.loads((folder / "report.json").read_text())


def without_times(report):
    """A report without what differs between two runs of the same training."""
    report = {**report, "training": {**report["training"]}}
    for name in ("seconds_per_epoch", "input_bound"):
        del report["training"][name]
    for name in ("command", "finished"):
        del report[name]
    report["flags"] = {**report["flags"], "run_dir": None}
    return report


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Flags of two tasks, one averaged with a linear classifier, by name."""
    folder = tmp_path_factory.mktemp("late")
    write_csv(folder / "train.csv", 80)
    write_csv(folder / "test.csv", 20)
    data = [f"--data_dir={folder}/data", *NETWORK]
    texts = ["--task=text", "--settings=fixed", "--embedding_size=4", "--linear_classifier"]
    files = [f"--{name}_file={folder}/{name}.csv" for name in ("train", "test")]
    return {
        "adding": ["--task=adding", *PROBLEM, *data],
        "text": [*texts, *files, "--baseline", *data],
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["adding", "text"])
def test_report_is_that_of_a_run_that_was_tested_at_once(name, runs, tmp_path, capsys):
    late, at_once = tmp_path / "late", tmp_path / "at_once"
    flags = runs[name]
    assert train.main([*flags, f"--run_dir={at_once}"]) == 0
    assert train.main([*flags, f"--run_dir={late}", "--notest"]) == 0
    before = report_of(late)
    assert before["metrics"]["test"] is None
    model = (late / "model.keras").read_bytes()
    capsys.readouterr()
    assert train.main([*flags, f"--run_dir={late}", "--test"]) == 0
    output = capsys.readouterr().out
    assert "Test:" in output and "Epoch" not in output
    found, expected = without_times(report_of(late)), without_times(report_of(at_once))
    tested = report_of(at_once)["metrics"]["test"]
    assert found["metrics"]["test"] == pytest.approx(tested, rel=1e-5)
    if name == "text":
        for part, metrics in expected["averaging"]["test"].items():
            assert found["averaging"]["test"][part] == pytest.approx(metrics, rel=1e-5)
        assert found["averaging"]["validation"] == before["averaging"]["validation"]
        assert found["baseline"] == expected["baseline"]
    for each in (found, expected):
        each.pop("averaging", None)
        each["metrics"] = each["analysis"] = None
    assert found == expected
    assert (late / "flags.txt").read_text() == (at_once / "flags.txt").read_text()
    assert (late / "model.keras").read_bytes() == model
    # Now it is finished like any other.
    assert train.main([*flags, f"--run_dir={late}"]) == 1
    assert "holds a finished run" in capsys.readouterr().err


@pytest.fixture(scope="module")
def untested(runs, tmp_path_factory):
    """A finished run with --notest."""
    folder = tmp_path_factory.mktemp("untested") / "run"
    assert train.main([*runs["adding"], f"--run_dir={folder}", "--notest"]) == 0
    return folder


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (["--test", "--learning_rate=0.5"], "learning_rate=0.5 only here"),
        (["--notest"], "holds a finished run"),
    ],
)
def test_other_flags_and_the_same_flags_are_refused(untested, changed, message, runs, capsys):
    assert train.main([*runs["adding"], f"--run_dir={untested}", *changed]) == 1
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert report_of(untested)["metrics"]["test"] is None


@pytest.mark.slow
def test_data_without_a_test_split(runs, tmp_path, capsys):
    flags = [flag for flag in runs["text"] if not flag.startswith(("--test_file", "--linear"))]
    flags.append(f"--run_dir={tmp_path}/run")
    assert train.main([*flags, "--notest"]) == 0
    before = (tmp_path / "run" / "report.json").read_bytes()
    assert train.main(flags) == 1
    assert "there is no test split" in capsys.readouterr().err.splitlines()[-1]
    assert (tmp_path / "run" / "report.json").read_bytes() == before


def test_damaged_model_is_named_and_the_report_stays(untested, runs, tmp_path, capsys):
    folder = tmp_path / "run"
    shutil.copytree(untested, folder)
    (folder / "model.keras").write_bytes(b"nothing")
    assert train.main([*runs["adding"], f"--run_dir={folder}"]) == 1
    assert "model.keras" in capsys.readouterr().err.splitlines()[-1]
    assert report_of(folder)["metrics"]["test"] is None
    assert "--notest" in (folder / "flags.txt").read_text().splitlines()


def test_killed_between_report_and_flags(untested, runs, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(untested, folder)
    flags = (folder / "flags.txt").read_bytes()
    assert train.main([*runs["adding"], f"--run_dir={folder}"]) == 0
    tested = report_of(folder)
    (folder / "flags.txt").write_bytes(flags)
    assert train.main([*runs["adding"], f"--run_dir={folder}"]) == 0
    assert report_of(folder) == tested
    assert "--notest" not in (folder / "flags.txt").read_text().splitlines()


@pytest.mark.slow
def test_sweep_tests_its_finished_runs(runs, tmp_path):
    flags = [*runs["adding"], "--grid=units=4,8", f"--sweep_dir={tmp_path}/sweeps"]
    assert sweep.main([*flags, "--notest"]) == 0
    logs = list(tmp_path.rglob("*.log"))
    assert all("Epoch" in log.read_text() for log in logs)
    assert sweep.main(flags) == 0
    assert len(logs) == 2 and all("Epoch" not in log.read_text() for log in logs)
    (results,) = tmp_path.rglob("results.csv")
    with results.open(newline="") as file:
        tested = [float(row["test_mean_squared_error"]) for row in csv.DictReader(file)]
    assert len(set(tested)) == 2

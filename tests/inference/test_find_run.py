"""A folder of runs stands for its only finished run."""

import shlex

import pytest

from nrnm_keras.errors import UsageError
from nrnm_keras.export import __main__ as export
from nrnm_keras.inference.find_run import find_run
from nrnm_keras.predict import __main__ as predict


def make(run, is_finished):
    """Makes the files by which a run is known."""
    run.mkdir(parents=True)
    for name in ("flags.txt", *(["model.keras", "report.json"] if is_finished else [])):
        (run / name).touch()
    return run


@pytest.mark.parametrize("place", ["a", "sweep/runs/units=4/seed_0"])
def test_the_only_finished_run(tmp_path, place):
    run = make(tmp_path / place, is_finished=True)
    make(tmp_path / "b", is_finished=False)
    (tmp_path / "notes").mkdir()
    assert find_run(tmp_path) == find_run(run) == run


def test_a_file_is_a_model(tmp_path):
    file = make(tmp_path / "a", is_finished=True) / "model.keras"
    assert find_run(file) == file


def test_several_are_listed_in_one_bounded_line(tmp_path):
    for number in range(30):
        make(tmp_path / f"run_{number:02}", is_finished=True)
    with pytest.raises(UsageError) as error:
        find_run(tmp_path)
    (line,) = str(error.value).splitlines()
    assert line.startswith(f"--run={tmp_path} holds 30 finished runs; expected one of them: ")
    assert "run_00, run_01" in line and line.endswith("run_07 and 22 more")


@pytest.mark.parametrize("command", [predict, export])
@pytest.mark.parametrize("is_inside", [False, True])
def test_an_unfinished_run_says_how_it_is_resumed(tmp_path, capsys, command, is_inside):
    run = make(tmp_path / "a run", is_finished=False)
    words = ["--text=a"] if command is predict else []
    assert command.main([f"--run={tmp_path if is_inside else run}", *words]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    said, _, resumes = line.partition("; this resumes its training: ")
    assert said == f"error: --run={run} is not finished"
    assert shlex.split(resumes) == [
        *("python", "-m", "nrnm_keras.train"),
        *(f"--flagfile={run}/flags.txt", f"--run_dir={run}"),
    ]


@pytest.mark.parametrize("command", [predict, export])
def test_no_run_at_all(tmp_path, capsys, command):
    words = ["--text=a"] if command is predict else []
    assert command.main([f"--run={tmp_path}", *words]) == 1
    assert "expected the folder of a finished run" in capsys.readouterr().err

import os
import signal
import socket
import sys

import pytest

from nrnm_keras.errors import UsageError
from nrnm_keras.inference.run_config import config_lines
from nrnm_keras.inference.run_folder import RunFolder
from pipelines.errors import SourceError
from pipelines.locks import FILE_NAME
from pipelines.publishing import publish
from tests.configs import make_config

CONFIG = make_config("sequence", seed=1, units=8)
LINES = config_lines(CONFIG)


def create(path, config=CONFIG, overwrite=False):
    config = config.replace(overwrite=overwrite)
    folder = RunFolder(path)
    folder.check(config)
    folder.create(config)
    return folder


def fill(folder, *names):
    """Writes files, and folders with a file in them, of these names."""
    for name in names:
        with folder.complete(name) as path:
            if "." in name:
                path.write_text(name)
            else:
                path.mkdir()
                (path / "file").write_text(name)


def content(path):
    return {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}


def test_new_folder_gets_the_flags(tmp_path):
    folder = create(tmp_path / "a" / "run")
    lines = (folder / folder.FLAGS).read_text().splitlines()
    assert lines == LINES and {"--task=sequence", "--seed=1", "--units=8"} <= set(lines)
    assert folder.config() == CONFIG
    assert not folder.is_finished
    (tmp_path / "empty").mkdir()
    create(tmp_path / "empty")


def test_check_leaves_an_empty_folder(tmp_path):
    RunFolder(tmp_path / "run").check(CONFIG.replace(overwrite=True))
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert not list((tmp_path / "run").iterdir())


def test_home_folder_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert create("~/run").path == tmp_path / "run"


def test_files_appear_when_they_are_complete(tmp_path):
    folder = create(tmp_path / "run")
    with folder.complete(folder.MODEL) as path:
        path.write_text("half")
        assert not (folder / folder.MODEL).exists()
        assert path.suffix == ".keras"  # Keras tells the format by it
    assert (folder / folder.MODEL).read_text() == "half"
    assert {path.name for path in folder.path.iterdir()} == {folder.FLAGS, folder.MODEL}


@pytest.mark.parametrize("is_folder", [False, True])
def test_failure_leaves_nothing(tmp_path, is_folder):
    folder = create(tmp_path / "run")
    with pytest.raises(KeyboardInterrupt), folder.complete(folder.SAVED_MODEL) as path:
        if is_folder:
            path.mkdir()
            path = path / "part"
        path.write_text("half")
        raise KeyboardInterrupt
    assert [path.name for path in folder.path.iterdir()] == [folder.FLAGS]


@pytest.mark.parametrize("name", [RunFolder.SAVED_MODEL, RunFolder.PICTURES, RunFolder.MODEL])
def test_what_an_earlier_end_of_the_run_left_is_replaced(tmp_path, name):
    folder = create(tmp_path / "run")
    fill(folder, name)
    if (folder / name).is_dir():
        (folder / name / "only old").write_text("old")
    fill(folder, name)
    assert {path.name for path in folder.path.rglob("*")} <= {folder.FLAGS, name, "file"}


def kill_while(write):
    """Runs a function in a process that is killed in it, or comes to its end; returns which."""
    process = os.fork()
    if not process:
        try:
            write()
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(process, 0)
    assert status in (0, signal.SIGKILL)
    return bool(status)


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


def test_lock_is_refused_in_one_line_that_names_its_holder(tmp_path):
    with RunFolder(tmp_path / "run").locked(), pytest.raises(UsageError) as caught:
        with RunFolder(tmp_path / "run").locked():
            pass
    message = str(caught.value)
    assert message.startswith(
        f"run_dir={tmp_path}/run is in use by process {os.getpid()} on {socket.gethostname()} since"
    )
    assert len(message.splitlines()) == 1 and "choose another folder" in message
    with RunFolder(tmp_path / "run").locked():
        pass
    assert not list((tmp_path / "run").iterdir())


def test_lock_of_a_killed_process_is_free_and_what_it_left_is_removed(tmp_path):
    folder = create(tmp_path / "run")
    fill(folder, folder.CHECKPOINTS)

    def write(place):
        with publish(place) as path:
            path.write_text("half")
            kill()

    def hold():
        with folder.locked():
            kill()

    names = [folder.SAVED_MODEL, folder.REPORT, folder.FLAGS, folder.BAD_BATCH.format(7)]
    places = [folder / name for name in names]
    places.append(folder / folder.CHECKPOINTS / "step_000000007.npz")
    assert kill_while(hold)
    for place in places:
        assert kill_while(lambda: write(place))  # noqa: B023
    (folder / "exported").mkdir()
    for place in (folder / "onnx", folder / "exported" / "onnx"):
        assert kill_while(lambda: write(place))  # noqa: B023
    assert (folder / FILE_NAME).exists() and len(list(folder.path.glob(".*"))) == 6
    with folder.locked():
        assert {path.name for path in folder.path.iterdir() if path.name != FILE_NAME} == {
            *(folder.FLAGS, folder.CHECKPOINTS, "exported"),
            next(folder.path.glob(".onnx.incomplete_*")).name,
        }
        assert [path.name for path in (folder / folder.CHECKPOINTS).iterdir()] == ["file"]
        assert list((folder / "exported").iterdir())


def test_folder_of_a_run_that_was_killed_before_it_began_is_empty(tmp_path):
    folder = RunFolder(tmp_path / "run")

    def begin():
        with folder.locked(), folder.complete(folder.FLAGS) as path:
            path.write_text("half")
            kill()

    assert kill_while(begin)
    assert len(list(folder.path.iterdir())) == 2
    assert create(folder.path).path == folder.path


def test_overwriting_may_be_killed_at_any_moment(tmp_path):
    """What is left is a run, or nothing: never a folder that the same command refuses."""
    names = [RunFolder.REPORT, RunFolder.SAVED_MODEL, RunFolder.CHECKPOINTS]
    for number in range(100):
        folder = create(tmp_path / str(number))
        fill(folder, *names, folder.BAD_BATCH.format(0))

        def overwrite(folder=folder, left=number):
            def count(event, arguments):
                nonlocal left
                if event in ("os.remove", "os.rmdir", "os.rename", "os.mkdir"):
                    left -= 1
                    if left < 0:
                        kill()

            sys.addaudithook(count)
            folder.create(CONFIG.replace(seed=2, overwrite=True))

        is_killed = kill_while(overwrite)
        create(folder.path, overwrite=True)
        assert (folder / folder.FLAGS).read_text().splitlines() == LINES
        if not is_killed:
            return
    raise AssertionError("never through")


def test_run_of_equal_flags_goes_on(tmp_path):
    folder = create(tmp_path / "run")
    fill(folder, folder.METRICS, folder.CHECKPOINTS)
    before = content(folder.path)
    again = RunFolder(folder.path)
    (folder / folder.FLAGS).write_text("".join(f"{line}\n" for line in LINES[::-1]))
    before = content(folder.path)
    again.check(CONFIG)
    again.create(CONFIG)
    assert content(folder.path) == before and not again.is_finished


def test_run_goes_on_though_flags_have_come_since_it_began(tmp_path):
    """And though it has flags that its task does not use, as all had in version 0.1."""
    config = make_config("text", units=8)
    new = ("--adversarial", "--entropy", "--test")
    older = [line for line in config_lines(config) if not line.startswith(new)]
    folder = create(tmp_path / "run", config)
    others = ["--bones", "--imdb_source=x", "--nocompare_with_lstm", "--max_timesteps=7"]
    (folder / folder.FLAGS).write_text("".join(f"{line}\n" for line in [*older, *others]))
    folder.check(config)
    config = make_config("text", units=8, adversarial="virtual", test=False)
    with pytest.raises(UsageError, match="--adversarial=none only there.*--notest only here"):
        folder.check(config)


def test_flag_of_a_later_version_makes_another_run(tmp_path):
    folder = create(tmp_path / "run")
    (folder / folder.FLAGS).write_text("".join(f"{line}\n" for line in [*LINES, "--new=1"]))
    with pytest.raises(UsageError, match=r"\(--new=1 only there\)"):
        folder.check(CONFIG)


@pytest.mark.parametrize("finished", [False, True])
def test_run_of_other_flags_is_refused(tmp_path, finished):
    folder = create(tmp_path / "run")
    fill(folder, *([folder.REPORT] if finished else []))
    with pytest.raises(UsageError) as caught:
        RunFolder(folder.path).check(CONFIG.replace(seed=2, data_dir="elsewhere"))
    message = str(caught.value)
    for part in (str(folder.path), "--seed=1 only there", "--seed=2 only here", "--overwrite"):
        assert part in message
    assert "--data_dir=elsewhere only here" in message and "--units" not in message


def test_finished_is_what_has_a_report(tmp_path):
    folder = create(tmp_path / "run")
    fill(folder, folder.MODEL, folder.REPORT_TEXT)
    assert not folder.is_finished
    fill(folder, folder.REPORT)
    assert folder.is_finished and RunFolder(folder.path).is_finished
    RunFolder(folder.path).check(CONFIG)


def test_overwriting_removes_the_files_of_a_run_and_no_others(tmp_path):
    folder = create(tmp_path / "run")
    names = {
        *(folder.METRICS, folder.TENSORBOARD, folder.CHECKPOINTS, folder.BEST, folder.MODEL),
        *(folder.SAVED_MODEL, folder.PICTURES, folder.REPORT_TEXT, folder.REPORT),
        folder.BAD_BATCH.format(1),
    }
    fill(folder, *names, "notes.txt", "more")
    other = CONFIG.replace(seed=2, overwrite=True)
    again = RunFolder(folder.path)
    again.check(other)
    assert {path.name for path in folder.path.iterdir()} == {
        *names,
        *(folder.FLAGS, "notes.txt", "more"),
    }
    again.create(other)
    assert {path.name for path in folder.path.iterdir()} == {folder.FLAGS, "notes.txt", "more"}
    assert "--seed=2" in (folder / folder.FLAGS).read_text().splitlines()
    assert (folder / "more" / "file").exists() and not again.is_finished


def test_what_a_link_leads_to_is_left_alone(tmp_path):
    folder = create(tmp_path / "run")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_text("mine")
    (folder / folder.TENSORBOARD).symlink_to(tmp_path / "elsewhere")
    create(folder.path, overwrite=True)
    assert not (folder / folder.TENSORBOARD).exists()
    assert (tmp_path / "elsewhere" / "file").read_text() == "mine"


def test_state_is_removed_and_results_are_kept(tmp_path):
    folder = create(tmp_path / "run")
    fill(folder, folder.CHECKPOINTS, folder.BEST, folder.MODEL, folder.METRICS)
    for _ in range(2):
        folder.remove_state()
        names = {path.name for path in folder.path.iterdir()}
        assert names == {folder.FLAGS, folder.MODEL, folder.METRICS}


@pytest.mark.parametrize("overwrite", [False, True])
def test_folder_of_something_else_is_never_touched(tmp_path, overwrite):
    (tmp_path / "report.json").write_text("mine")
    with pytest.raises(UsageError, match="holds files that are not from a run"):
        create(tmp_path, overwrite=overwrite)
    assert (tmp_path / "report.json").read_text() == "mine"


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="run_dir.*file"):
        create(tmp_path / "file" / "run")
    with pytest.raises(UsageError, match="run_dir.*is not a folder"):
        create(tmp_path / "file")


def test_flags_that_cannot_be_read_are_not_blamed_on_writing(tmp_path):
    folder = create(tmp_path / "run")
    (folder / folder.FLAGS).unlink()
    (folder / folder.FLAGS).mkdir()
    with pytest.raises(SourceError, match="run/flags.txt: Is a directory; it cannot be read"):
        folder.check(CONFIG)

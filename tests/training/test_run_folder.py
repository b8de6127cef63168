import pytest

from nrnm_keras.errors import UsageError
from nrnm_keras.training.run_folder import RunFolder


def create(path, **arguments):
    folder = RunFolder(path, **arguments)
    folder.create()
    return folder


def write(folder, *names):
    for name in names:
        with folder.complete(name) as path:
            path.write_text(name)


def test_files_appear_when_they_are_complete(tmp_path):
    folder = create(tmp_path / "a" / "run")
    with folder.complete(folder.MODEL) as path:
        path.write_text("half")
        assert not (folder / folder.MODEL).exists()
        assert path.suffix == ".keras"  # Keras tells the format by it
    assert (folder / folder.MODEL).read_text() == "half"
    assert len(list(folder.path.iterdir())) == 1


@pytest.mark.parametrize("is_folder", [False, True])
def test_failure_leaves_nothing(tmp_path, is_folder):
    folder = create(tmp_path / "run")
    with pytest.raises(KeyboardInterrupt), folder.complete(folder.SAVED_MODEL) as path:
        if is_folder:
            path.mkdir()
            path = path / "part"
        path.write_text("half")
        raise KeyboardInterrupt
    assert not list(folder.path.iterdir())


@pytest.mark.parametrize("finished", [False, True])
def test_run_is_refused_unless_overwritten(tmp_path, finished):
    folder = create(tmp_path / "run")
    write(folder, folder.FLAGS, *([folder.REPORT] if finished else []))
    (folder / "notes").write_text("mine")
    state = "a finished" if finished else "an unfinished"
    with pytest.raises(UsageError, match=f"{state} run.*overwrite"):
        RunFolder(tmp_path / "run")
    again = RunFolder(tmp_path / "run", overwrite=True)
    assert (folder / folder.FLAGS).exists()
    again.create()
    assert [path.name for path in folder.path.iterdir()] == ["notes"]


def test_folder_of_something_else_is_never_touched(tmp_path):
    (tmp_path / "report.json").write_text("mine")
    with pytest.raises(UsageError, match="other files"):
        RunFolder(tmp_path, overwrite=True)
    assert (tmp_path / "report.json").read_text() == "mine"


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="run_dir"):
        create(tmp_path / "file" / "run")
    with pytest.raises(UsageError, match="run_dir"):
        create(tmp_path / "file")

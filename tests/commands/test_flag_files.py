"""Flag files, those that include others, and those that cannot be read."""

import pathlib

import pytest
from absl import flags

from nrnm_keras.commands.command_line import parse_flags
from nrnm_keras.commands.flag_files import with_flag_files_read
from nrnm_keras.errors import UsageError
from nrnm_keras.export import __main__ as export
from nrnm_keras.predict import __main__ as predict
from nrnm_keras.sweep import __main__ as sweep
from nrnm_keras.train import __main__ as train


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inner.flags").write_text("// inner\n--b=2\n")
    (tmp_path / "outer.flags").write_text(
        "# a comment\n\n  --a=1\n--flagfile=inner.flags  \n--c=\u2028ä b \n", encoding="utf-8"
    )
    return tmp_path


OUTER = ["--a=1", "--b=2", "--c=\u2028ä b"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], []),
        (["--x", "y"], ["--x", "y"]),
        (["--flagfile=outer.flags"], OUTER),
        (["-flagfile=outer.flags"], OUTER),
        (["--x", "--flagfile", "outer.flags", "--a=3"], ["--x", *OUTER, "--a=3"]),
        (["--flagfile=inner.flags", "--flagfile=outer.flags"], ["--b=2", *OUTER]),
        (["--flagfile=inner.flags", "--flagfile=inner.flags"], ["--b=2", "--b=2"]),
        (["--flagfile="], []),
        (["--", "--flagfile=outer.flags"], ["--", "--flagfile=outer.flags"]),
    ],
)
def test_words_of_files_stand_where_the_files_are_named(folder, words, expected):
    before = list(words)
    assert with_flag_files_read(words) == expected
    assert words == before


def test_it_is_what_absl_does(folder, monkeypatch):
    repository = pathlib.Path(__file__).parents[2]
    monkeypatch.chdir(repository)
    files = [folder / "outer.flags", *repository.glob("configs/**/*.flags")]
    assert len(files) > 10
    (folder / "outer.flags").write_text(f"--a=1\n--flagfile={folder}/inner.flags\n--c= b\n")
    for file in files:
        expected = flags.FlagValues().read_flags_from_files([f"--flagfile={file}"])
        assert with_flag_files_read([f"--flagfile={file}"]) == expected


def test_home_folder_and_the_marks_of_other_editors(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    (folder / "windows.flags").write_bytes(b"\xef\xbb\xbf--a=1\r\n--b=2\r\n")
    assert with_flag_files_read(["--flagfile=~/windows.flags"]) == ["--a=1", "--b=2"]


def itself(folder):
    (folder / "bad.flags").write_text("--flagfile=bad.flags\n")


def itself_by_another_name(folder):
    (folder / "link.flags").symlink_to("bad.flags")
    (folder / "bad.flags").write_text("--a=1\n--flagfile=link.flags\n")


def in_a_circle(folder):
    (folder / "bad.flags").write_text("--flagfile=./other.flags\n")
    (folder / "other.flags").write_text("--flagfile=./././bad.flags\n")


def latin_1(folder):
    (folder / "bad.flags").write_text("--text=ä\n", encoding="latin-1")


def utf_16(folder):
    (folder / "bad.flags").write_text("--text=ä\n", encoding="utf-16")


def a_folder(folder):
    (folder / "bad.flags").mkdir()


def missing(folder):
    pass


def a_loop_of_links(folder):
    (folder / "bad.flags").symlink_to("bad.flags")


def without_end(folder):
    (folder / "bad.flags").symlink_to("/dev/zero")


def includes_a_missing_one(folder):
    (folder / "bad.flags").write_text("--flagfile=none.flags\n")


def names_no_file(folder):
    (folder / "bad.flags").write_text("--flagfile")


@pytest.mark.parametrize("command", [train, sweep, predict, export])
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (itself, "includes itself"),
        (itself_by_another_name, "includes itself"),
        (in_a_circle, "includes itself"),
        (latin_1, "byte 7 is not UTF-8"),
        (utf_16, "byte 0 is not UTF-8"),
        (a_folder, "Is a directory"),
        (missing, "No such file"),
        (a_loop_of_links, "cannot be read"),
        (without_end, "longer than"),
        (includes_a_missing_one, "none.flags cannot be read"),
        (names_no_file, "has no value; expected a file"),
    ],
)
def test_file_that_cannot_be_read_is_one_line(folder, command, make, reason, capsys):
    make(folder)
    assert command.main(["--flagfile=bad.flags"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: --flagfile") and reason in line


def test_no_file_behind_the_flag():
    with pytest.raises(UsageError, match="has no value; expected a file"):
        parse_flags(flags.FlagValues(), ["--flagfile"])

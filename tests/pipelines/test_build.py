import ast
import doctest
import pathlib
import resource
import signal
import socket
import subprocess
import sys
import time

import pytest

import pipelines.build
import pipelines.sample_reviews.generate
import pipelines.text_files.reader
from pipelines.build import build, main
from pipelines.datasets import dataset_names
from pipelines.errors import SourceError
from pipelines.verify import verify

REPOSITORY = pathlib.Path(__file__).parents[2]


def command(*arguments, **kwargs):
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines.build", *arguments],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **kwargs,
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no data set given"),
        (["imbd"], "unknown data set 'imbd'; expected one of flip_secondary_structure, imdb, "),
        (["--data_dir=x"], "no data set given"),
        (["imdb", "--sorce=x"], "unknown flag --sorce; allowed: --data_dir, --source"),
        (["imdb", "again"], "unexpected argument 'again'"),
        (["imdb", "--source"], "--source"),
        (["imdb", "--source=/nowhere"], "/nowhere: no such file or folder"),
        (["sample_reviews", "--num_train=many"], "--num_train=many"),
        (["sample_reviews", "--num_train=1"], "num_train=1; expected at least 2"),
        (["sample_reviews", "--data_dir=/dev/null/x"], "/dev/null/x"),
        (["text_files"], "no train_file given"),
    ],
)
def test_mistake_is_one_line_and_a_failure(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert main(arguments) == 1

    captured = capsys.readouterr()
    line = captured.err.strip().split("\n")[-1].split("\r")[-1]
    assert line.startswith("error: ")
    assert message in line
    assert captured.out == ""
    assert "Traceback" not in captured.err


def test_options_of_the_function_are_checked(tmp_path):
    with pytest.raises(SourceError, match="unknown data set 'imbd'"):
        build("imbd", tmp_path)
    with pytest.raises(SourceError, match="unknown option 'sorce' of imdb; allowed: source"):
        build("imdb", tmp_path, sorce="x")


def test_help_lists_the_options(capsys):
    assert main(["--help"]) == 0
    words = capsys.readouterr().out.replace(":", " ").split()
    assert set(dataset_names()) | {"--data_dir", "--num_train", "--beam_runner"} <= set(words)

    assert main(["sample_reviews", "--help"]) == 0
    assert "--num_train: number of training reviews (default: 6000)" in capsys.readouterr().out

    assert main(["ntu_rgbd", "--help"]) == 0
    line = "--config: 60 or 120 actions: ntu60 or ntu120 (default: ntu60)"
    assert line in capsys.readouterr().out


@pytest.mark.parametrize("dataset", dataset_names())
def test_every_data_set_can_be_asked_for_help(dataset, capsys):
    assert main([dataset, "--help"]) == 0
    assert f"usage: python -m pipelines.build {dataset} " in capsys.readouterr().out


def test_command_builds_and_sums_up(capsys, tmp_path):
    arguments = ["--num_train=6", "sample_reviews", f"--data_dir={tmp_path}", "--num_test=3"]

    assert main(arguments) == 0

    first = capsys.readouterr().out
    folder = tmp_path / "sample_reviews" / "train_6_test_3_seed_0" / "2.0.0"
    assert str(folder) in first
    train, test = first.strip().split("\n")[1:]
    assert train.split()[:5] == ["train", "6", "examples", "1", "shards"]
    assert "neg 3, pos 3" in train
    assert "neg 2, pos 1" in test

    assert main(arguments) == 0
    assert capsys.readouterr().out == first


def test_unfinished_folder_is_not_taken_for_a_build(tmp_path):
    folder = tmp_path / "sample_reviews" / "train_6_test_3_seed_0" / "2.0.0"
    folder.mkdir(parents=True)
    (folder / "sample_reviews-train.tfrecord-00000-of-00001").write_bytes(b"")

    with pytest.raises(SourceError, match="holds no finished build"):
        build("sample_reviews", tmp_path, num_train=6, num_test=3)


def test_finished_build_with_a_damaged_file_is_one_line(tmp_path, capsys):
    path = build("sample_reviews", tmp_path, num_train=6, num_test=3)
    arguments = ["sample_reviews", f"--data_dir={tmp_path}", "--num_train=6", "--num_test=3"]
    for name in ("dataset_info.json", "features.json", "label.labels.txt"):
        whole = (path / name).read_bytes()
        for content in (b"", b"{", b"null", b"\xff", whole[::-1]):
            (path / name).write_bytes(content)
            capsys.readouterr()

            assert main(arguments) == 1

            (line,) = capsys.readouterr().err.splitlines()
            assert line.startswith(f"error: {path / name}: ")
            assert line.endswith(f"; remove {path} and build again")
        (path / name).write_bytes(whole)
    assert main(arguments) == 0


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_stopped_build_leaves_nothing_that_looks_finished(ending, tmp_path):
    # More reviews than can be made before the signal comes.
    process = command("sample_reviews", f"--data_dir={tmp_path}", "--num_train=10000000")
    folder = tmp_path / "sample_reviews" / "train_10000000_test_1000_seed_0"
    while not list(folder.glob("*")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(ending)
    _, errors = process.communicate()

    assert process.returncode == (130 if ending == signal.SIGINT else -signal.SIGKILL)
    assert not (folder / "2.0.0").exists()
    assert not list(tmp_path.rglob("dataset_info.json"))
    if ending == signal.SIGINT:
        assert errors.strip().endswith("interrupted: no part of the unfinished build was kept")
        assert not list(folder.iterdir())


def begun_build(tmp_path):
    """A command that builds a few thousand reviews, has begun to, and the folder of its build."""
    arguments = ["sample_reviews", f"--data_dir={tmp_path}", "--num_train=4000", "--num_test=2"]
    process = command(*arguments)
    folder = tmp_path / "sample_reviews" / "train_4000_test_2_seed_0" / "2.0.0"
    while not list(folder.parent.glob("incomplete.*")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    return process, arguments, folder


def test_what_a_killed_build_has_left_is_removed_by_the_next(tmp_path):
    process, arguments, folder = begun_build(tmp_path)
    process.kill()
    process.wait()
    # Another version's may be under way.
    other = folder.with_name("incomplete.ABC123_3.0.0")
    other.mkdir()
    assert len(list(folder.parent.glob("incomplete.*_2.0.0"))) == 1

    assert main(arguments) == 0

    assert set(folder.parent.iterdir()) == {folder, other}
    assert verify(folder).problems == []


@pytest.mark.parametrize("first_ends", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_second_build_of_a_data_set_waits_for_the_first(first_ends, tmp_path):
    first, arguments, folder = begun_build(tmp_path)
    first.send_signal(signal.SIGSTOP)
    second = command(*arguments)
    line = second.stderr.readline()
    assert line.startswith(f"waiting for process {first.pid} on {socket.gethostname()} since ")
    assert line.endswith(f", which writes to {folder}\n")
    first.send_signal(signal.SIGCONT if first_ends else signal.SIGKILL)
    (table, first_errors), (second_table, errors) = (x.communicate() for x in (first, second))

    assert second.returncode == 0, errors
    assert "train            4,000 examples" in second_table
    if first_ends:
        assert (first.returncode, table) == (0, second_table), first_errors
    assert list(folder.parent.iterdir()) == [folder]
    assert verify(folder).problems == []


def test_finished_build_is_found_where_nothing_can_be_written(tmp_path, monkeypatch):
    path = build("sample_reviews", tmp_path, num_train=4, num_test=2)

    def refuse(*arguments, **options):
        raise PermissionError

    monkeypatch.setattr(pipelines.build.locks, "claimed", refuse)
    assert build("sample_reviews", tmp_path, num_train=4, num_test=2) == path


def test_full_disk_is_one_line_and_leaves_nothing(tmp_path):
    limit = (100_000, 100_000)  # bytes a file; the training split takes about four times that
    process = command(
        "sample_reviews",
        f"--data_dir={tmp_path}",
        "--num_train=400",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    )
    _, errors = process.communicate()

    assert process.returncode == 1
    assert "cannot be written" in errors
    assert "File too large" in errors
    assert "Traceback" not in errors
    assert not list(tmp_path.rglob("*.tfrecord*"))


def test_records_are_read_without_this_package(tmp_path):
    path = build("sample_reviews", tmp_path, num_train=4, num_test=2)
    program = (
        "import sys, tensorflow_datasets as tfds\n"
        "data = tfds.builder_from_directory(sys.argv[1]).as_dataset(split='train')\n"
        "print(len([example['text'] for example in data.as_numpy_iterator()]))\n"
        "assert not [name for name in sys.modules if name.startswith('pipelines')]\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, path], cwd=tmp_path, capture_output=True, text=True
    )

    assert result.stdout == "4\n", result.stderr


def test_import_is_light():
    program = (
        "import sys, pipelines, pipelines.build, pipelines.errors\n"
        "import pipelines.text_files.reader, pipelines.sample_reviews.generate\n"
        "assert not {'tensorflow', 'tensorflow_datasets', 'numpy', 'keras'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=True)


def test_nothing_of_the_layers_is_imported():
    for file in (REPOSITORY / "pipelines").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.split(".")[0] in ("keras", "nrnm_keras")]


@pytest.mark.parametrize(
    "module",
    [pipelines.build, pipelines.sample_reviews.generate, pipelines.text_files.reader],
    ids=lambda module: module.__name__,
)
def test_examples_in_docstrings(module):
    results = doctest.testmod(module)

    assert results.attempted > 0
    assert results.failed == 0

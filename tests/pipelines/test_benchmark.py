"""The benchmark: that both readers read the same, and that it runs."""

import numpy as np
import pytest

from pipelines.benchmark import benchmark, main, read_naively
from pipelines.ntu_rgbd.examples import read_example
from pipelines.ntu_rgbd.source import open_source
from pipelines.ntu_sample.generate import generate_files


@pytest.fixture
def files(tmp_path):
    generate_files(tmp_path / "generated", 2)
    return open_source(tmp_path / "generated").files()


def test_naive_reader_reads_the_same_joints_from_the_front(files):
    for file in files:
        naive, example = read_naively(file), read_example(file, "tracked")
        seen = example["presence"][:, 0]
        body, expected = naive[seen, 0], example["joints"][seen, 0].astype(np.float64)

        def distances(joints):
            return np.linalg.norm(joints[:, :, np.newaxis] - joints[:, np.newaxis], axis=-1)

        np.testing.assert_allclose(distances(body), distances(expected), atol=1e-5)
        np.testing.assert_allclose(body[0, 1], 0, atol=1e-9)
        shoulders = body[0, 4] - body[0, 8]
        np.testing.assert_allclose(shoulders, [np.linalg.norm(shoulders), 0, 0], atol=1e-9)


def test_compares_two_readers(files):
    rows = benchmark(files, repeats=1)

    assert len(rows) == 2
    assert rows[0]["ratio"] == 1
    assert rows[1]["ratio"] == rows[0]["seconds"] / rows[1]["seconds"]


def test_command(files, tmp_path, capsys):
    assert main(["--files=2", "--repeats=1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("files: 2, ")
    assert lines[2].split()[-1] == "ratio"
    assert len(lines) == 5

    assert main([f"--source={tmp_path / 'generated'}", "--files=1", "--repeats=1"]) == 0
    assert capsys.readouterr().out.startswith("files: 1, ")


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--repeats=0", "--repeats=0"),
        ("--files=few", "--files=few"),
        ("--fils=2", "fils"),
        ("two", "unexpected argument 'two'"),
        ("--source=/nowhere", "/nowhere: no such file or folder"),
    ],
)
def test_unusable_arguments_end_with_one_line(argument, message, capsys):
    assert main([argument]) == 1

    error = capsys.readouterr().err.splitlines()
    assert len(error) == 1
    assert error[0].startswith("error: ")
    assert message in error[0]


def test_damaged_file_ends_with_its_place(tmp_path, capsys):
    (tmp_path / "S001C001P001R001A001.skeleton").write_text("1\n")

    assert main([f"--source={tmp_path}", "--repeats=1"]) == 1

    assert "A001.skeleton, line " in capsys.readouterr().err.splitlines()[-1]

import csv
import pathlib

import pytest

from nrnm_keras.errors import UsageError
from nrnm_keras.sweep.published import read_published
from nrnm_keras.tasks import find_tasks
from tests.configs import make_config

FOLDER = pathlib.Path(__file__).parents[2] / "configs" / "published"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "ntu_rgbd.csv").write_text(
        "system,value,source,split,ntu_config\n"
        "A,80 %,X,cross_subject,ntu60\n"
        "B,90 %,X,cross_view,ntu60\n"
        'C,70 %,"X, Table 1",\n'
    )
    return tmp_path


def test_rows_of_the_task_and_of_the_flags_values(folder):
    rows = read_published(folder, make_config("ntu_rgbd", split="cross_view"))
    assert [(row["system"], row["value"], row["source"]) for row in rows] == [
        ("B", "90 %", "X"),
        ("C", "70 %", "X, Table 1"),
    ]
    assert rows[0]["parameters"] == ""


def test_task_without_a_file_has_no_rows(folder):
    assert read_published(folder, make_config("imdb")) == []


def test_file_counts_for_every_task(folder):
    rows = read_published(folder / "ntu_rgbd.csv", make_config("nw_ucla", split="cross_subject"))
    assert [row["system"] for row in rows] == ["A", "C"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("system,value,source\nA,80 %,\n", "has no source"),
        ("system,source\nA,X\n", "has no value"),
        ("system,value,source,splitt\nA,80 %,X,cross_view\n", "'splitt' is not a training flag"),
    ],
)
def test_mistakes_are_named(text, named, tmp_path):
    (tmp_path / "rows.csv").write_text(text)
    with pytest.raises(UsageError, match=named):
        read_published(tmp_path / "rows.csv", make_config("imdb"))


def test_file_that_is_not_utf_8_is_named(tmp_path):
    (tmp_path / "rows.csv").write_bytes(b"system,value,source\n\xff,1 %,X\n")
    with pytest.raises(UsageError, match=f"{tmp_path}/rows.csv is not a CSV file in UTF-8"):
        read_published(tmp_path / "rows.csv", make_config("imdb"))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.csv")), ids=lambda path: path.stem)
def test_files_of_the_project(path):
    assert path.stem in find_tasks()
    read_published(path, make_config("imdb"))
    with path.open() as file:
        for row in csv.DictReader(file):
            number, unit = row["value"].split()
            assert 50 < float(number) < 100 and unit == "%"
            assert any(year in row["source"] for year in map(str, range(2010, 2030))) or (
                "arXiv" in row["source"]
            )


@pytest.mark.parametrize(
    ("split", "value"), [("cross_subject", "80.8 %"), ("cross_view", "89.2 %")]
)
def test_published_results_of_the_paper(split, value):
    rows = read_published(FOLDER, make_config("ntu_rgbd", split=split))
    assert [r["value"] for r in rows if r["system"] == "NRNM" and "ICCV" in r["source"]] == [value]
    assert read_published(FOLDER, make_config("ntu_rgbd", ntu_config="ntu120")) == []


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("system,value,source\nÄ,80 %,X\n".encode("latin-1"), "UTF-8"),
        ("system,value,source\nA,80 %,X\n".encode("utf-16"), "UTF-8"),
        (b'system,value,source\n"' + b"x" * 200_000, "not a CSV file"),
        (b"system,value,source\nA,80 %,X,more,cells\n", "row 1 has more cells"),
        (b"system,value,source\nA\n", "has no value and no source"),
    ],
)
def test_damaged_file_is_one_line(content, named, tmp_path):
    (tmp_path / "rows.csv").write_bytes(content)
    with pytest.raises(UsageError, match=named):
        read_published(tmp_path / "rows.csv", make_config("imdb"))

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds

from pipelines.build import build, main
from pipelines.errors import SourceError
from pipelines.sick.builder import Sick
from pipelines.sick.samples import FILES, read_pairs
from pipelines.verify import verify

REPOSITORY = pathlib.Path(__file__).parents[2]
COLUMNS = ("pair_ID", "sentence_A", "sentence_B", "relatedness_score", "entailment_judgment")
PAIRS = {
    "train": [
        ("1", "A man plays.", "Nobody plays.", "3.35", "CONTRADICTION"),
        ("3", 'He says "hm"', "Un café, 很好", "1", "NEUTRAL"),
        ("10", "A dog runs", "An animal runs", "4.9", "ENTAILMENT"),
    ],
    "validation": [("4", "One", "One", "5", "ENTAILMENT")],
    "test": [("2", "Red", "Green", "1.0", "NEUTRAL"), ("5", "Big", "Small", "2.6", "NEUTRAL")],
}


def table(pairs, columns=COLUMNS, end="\n"):
    return "".join("\t".join(row) + end for row in (columns, *pairs))


def contents(pairs):
    """Returns file -> content."""
    return {FILES[split]: table(rows) for split, rows in pairs.items()}


@pytest.fixture
def write(tmp_path):
    """Writes files into a folder; returns its path."""

    def write(files, name="source"):
        for file, text in files.items():
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / file).write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path / name

    return write


def read_records(path):
    """Returns split -> id -> record."""
    builder = tfds.builder_from_directory(path)
    return {
        split: {
            record["id"].decode(): record
            for record in builder.as_dataset(split=split).as_numpy_iterator()
        }
        for split in builder.info.splits
    }


def assert_hold(records, pairs):
    """Checks that records hold the fields of the files."""
    names = ["NEUTRAL", "ENTAILMENT", "CONTRADICTION"]
    assert list(records) == list(pairs)
    for split, rows in pairs.items():
        assert records[split].keys() == {row[0] for row in rows}
        for identifier, first, second, score, judgment in rows:
            record = records[split][identifier]
            assert (record["first"].decode(), record["second"].decode()) == (first, second)
            assert record["relatedness"] == np.float32(score)
            assert names[record["entailment"]] == judgment


def shards(path):
    return {file.name: file.read_bytes() for file in path.glob("*.tfrecord*")}


def test_every_pair_is_in_the_records(write, tmp_path):
    path = build("sick", tmp_path / "data", source=write(contents(PAIRS)))

    assert_hold(read_records(path), PAIRS)


def test_a_reader_gets_two_texts_and_a_score(write, tmp_path):
    path = build("sick", tmp_path / "data", source=write(contents(PAIRS)))
    builder = tfds.builder_from_directory(path)

    spec = builder.as_dataset(split="train").element_spec
    assert {name: (tuple(part.shape), part.dtype.name) for name, part in spec.items()} == {
        "first": ((), "string"),
        "second": ((), "string"),
        "relatedness": ((), "float32"),
        "entailment": ((), "int64"),
        "id": ((), "string"),
    }
    names = ["neutral", "entailment", "contradiction"]
    assert builder.info.features["entailment"].names == names
    supervised = builder.as_dataset(split="validation", as_supervised=True)
    assert list(supervised.as_numpy_iterator()) == [((b"One", b"One"), 5.0)]


def test_line_ends_blanks_and_order_of_columns_do_not_matter(write):
    files = contents(PAIRS)
    expected = read_pairs(write(files))
    files[FILES["test"]] = table(PAIRS["test"], end="\r\n").replace("Red", " Red  ") + "\r\n"
    files[FILES["validation"]] = "\ufeff" + files[FILES["validation"]].rstrip("\n")
    reverse = [(*row[::-1], "more") for row in PAIRS["train"]]
    files[FILES["train"]] = table(reverse, (*COLUMNS[::-1], "another"))

    assert read_pairs(write(files, "again")) == expected


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("3.35", "high", "line 2: relatedness_score is 'high'; expected a number from 1 to 5"),
        ("3.35", "3,35", "line 2: relatedness_score is '3,35'"),
        ("3.35", "", "line 2: relatedness_score is ''"),
        ("3.35", "nan", "line 2: relatedness_score is 'nan'"),
        ("3.35", "inf", "line 2: relatedness_score is 'inf'"),
        ("3.35", "0.99", "line 2: relatedness_score is '0.99'"),
        ("3.35", "5.001", "line 2: relatedness_score is '5.001'"),
        ("3.35\t", "3.35 ", "line 2: 4 fields, separated by tabs; expected 5: pair_ID, sentence_A"),
        ("Nobody", "No\tbody", "line 2: 6 fields, separated by tabs; expected 5"),
        ("\tCONTRADICTION", "\tMAYBE", "line 2: entailment_judgment is 'MAYBE'; expected NEUTRAL"),
        ("\tCONTRADICTION", "\t", "line 2: entailment_judgment is ''"),
        ("A dog runs", " ", "line 4: sentence_A is empty"),
        ("An animal runs", "", "line 4: sentence_B is empty"),
        ("\n10\t", "\n\t", "line 4: pair_ID is empty"),
        ("\n10\t", "\n1\t", "line 4: pair 1 occurs twice, first at "),
        ("relatedness_score", "score", "line 1: no columns 'relatedness_score'; expected one of"),
        ("sentence_B", "sentence_A", "line 1: 2 columns 'sentence_A'; expected one of each"),
        ("Nobody", b"No\xffbody", "line 2: not UTF-8 text"),
    ],
)
def test_wrong_line_is_named_with_file_and_line(write, old, new, message):
    files = contents(PAIRS)
    whole = files["SICK_train.txt"].encode()
    assert old.encode() in whole
    new = new if isinstance(new, bytes) else new.encode()
    source = write({**files, "SICK_train.txt": whole.replace(old.encode(), new, 1)})

    with pytest.raises(SourceError) as error:
        read_pairs(source)

    assert str(error.value).startswith(f"{source}/SICK_train.txt, {message}")
    assert "\n" not in str(error.value)


def test_one_id_in_two_files_is_an_error(write):
    files = contents({**PAIRS, "test": [*PAIRS["test"], PAIRS["train"][2]]})
    message = "SICK_test_annotated.txt, line 4: pair 10 occurs twice, first at .*_train.txt, line 4"

    with pytest.raises(SourceError, match=message):
        read_pairs(write(files))


@pytest.mark.parametrize("file", FILES.values())
def test_missing_and_empty_files_are_named(write, file):
    for text in ("", "\n", table([])):
        source = write({**contents(PAIRS), file: text})
        with pytest.raises(SourceError, match=f"{source}/{file}: no pairs in it"):
            read_pairs(source)

    (source / file).unlink()
    with pytest.raises(SourceError, match=f"{source}/{file}: no such file; expected SICK_train"):
        read_pairs(source)


def test_wrong_source_is_one_line_and_leaves_no_build(write, tmp_path, capsys):
    broken = {name: text.replace("2.6", "26") for name, text in contents(PAIRS).items()}
    for flags, message in (
        ([], "no source given; expected the folder with SICK_train.txt, SICK_trial.txt, SICK_te"),
        (
            [f"--source={tmp_path}/nowhere"],
            f"{tmp_path}/nowhere: no such folder; expected the folder",
        ),
        ([f"--source={write(broken)}"], "SICK_test_annotated.txt, line 3: relatedness_score is '2"),
    ):
        assert main(["sick", f"--data_dir={tmp_path / 'data'}", *flags]) == 1
        assert message in capsys.readouterr().err.strip().split("\n")[-1]
    assert not list(tmp_path.rglob("*.tfrecord*"))


@pytest.mark.slow
def test_same_bytes_from_the_command_in_another_process(write, tmp_path):
    source = write(contents(PAIRS))
    here = build("sick", tmp_path / "here", source=source)
    there = subprocess.run(
        [sys.executable, "-m", "pipelines.build", "sick"]
        + [f"--source={source}", f"--data_dir={tmp_path / 'there'}"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )

    assert there.returncode == 0, there.stderr
    assert shards(tmp_path / "there" / here.relative_to(tmp_path / "here")) == shards(here)
    assert len(shards(here)) == 3
    assert "neutral 1, entailment 1, contradiction 1\n" in there.stdout
    assert "warning: split train has 3 pairs, the complete data set has 4,500" in there.stderr


def test_another_source_is_reported(write, tmp_path):
    source = write(contents(PAIRS))
    build("sick", tmp_path / "data", source=source)

    *counts, other = Sick(source="/other", data_dir=tmp_path / "data").warnings()

    assert counts[1:] == [
        "split validation has 1 pairs, the complete data set has 500",
        "split test has 2 pairs, the complete data set has 4,927",
    ]
    assert f"already built from {source}; /other was not read" in other


def test_verify_finds_a_pair_in_two_splits_but_not_one_sentence(write, tmp_path):
    again = ("6", *PAIRS["train"][2][1:])
    half = ("7", PAIRS["train"][2][1], "Another", "2", "NEUTRAL")

    report = verify(
        build(
            "sick",
            tmp_path / "data",
            source=write(contents({**PAIRS, "test": [again, half]})),
        )
    )

    assert report.label_counts["train"] == {"neutral": 1, "entailment": 1, "contradiction": 1}
    assert report.warnings == []
    assert report.problems == [
        "leakage: 1 of 2 records of test have the same first and second as one of train: 10 = 6"
    ]


@pytest.mark.skipif("NRNM_DATA" not in os.environ, reason="needs the real pairs")
def test_real_pairs(tmp_path):
    folder = pathlib.Path(os.environ["NRNM_DATA"]) / "sick2014"
    path = build("sick", tmp_path, source=folder)
    assert Sick(data_dir=tmp_path).warnings() == []

    lines = {split: (folder / file).read_text().splitlines()[1:] for split, file in FILES.items()}
    pairs = {
        split: [tuple(field.strip() for field in line.split("\t")) for line in rows if line]
        for split, rows in lines.items()
    }
    assert {split: len(rows) for split, rows in pairs.items()} == {
        "train": 4_500,
        "validation": 500,
        "test": 4_927,
    }
    assert_hold(read_records(path), pairs)

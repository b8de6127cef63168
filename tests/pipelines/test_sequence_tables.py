"""Series as tables: CSV, TSV, .txt and Parquet files."""

import builtins
import csv
import io
import itertools

import numpy as np
import pytest

from pipelines.errors import SourceError
from pipelines.sequence_files.builder import SequenceFiles
from pipelines.sequence_files.columns import Columns
from pipelines.sequence_files.reader import (
    TABLES,
    USUAL_READING,
    Reading,
    describe,
    read_ids_and_labels,
    read_labels,
    read_sequences,
)
from tests.pipelines.own_files import assert_same, build

LENGTHS = (4, 1, 6, 3)
LABELS = ["up", "down", "up", "left"]
IDS = ["c", "a", "d", "b"]
SEQUENCES = [
    np.random.default_rng(n).normal(0, 100, (length, 3)).round(4).astype(np.float32)
    for n, length in enumerate(LENGTHS)
]
LONG = ["id", "time", "a", "b", "c", "label"]
SEPARATORS = {".csv": ",", ".tsv": "\t", ".txt": ";"}


def long_rows(sequences=SEQUENCES, times=range(-2, 10), shuffled=True):
    """Returns rows of `LONG`; the first ones of the series are in their order."""
    rows = [
        [name, time, *map(float, step), label]
        for name, label, sequence in zip(IDS, LABELS, sequences, strict=True)
        for time, step in zip(times, sequence, strict=False)
    ]
    if not shuffled:
        return rows
    first = [next(row for row in rows if row[0] == name) for name in IDS]
    others = [row for row in rows if row not in first]
    order = np.random.default_rng(0).permutation(len(others))
    return [*first, *(others[i] for i in order)]


def wide_rows():
    for label, sequence in zip(LABELS, SEQUENCES, strict=True):
        steps = [*map(float, sequence[:, 0]), *[None] * (max(LENGTHS) - len(sequence))]
        yield [*steps[:2], label, *steps[2:]]


def text_of(names, rows, separator=","):
    file = io.StringIO()
    csv.writer(file, delimiter=separator).writerows([names, *rows])
    return file.getvalue()


@pytest.fixture
def write(tmp_path):
    """Writes names of columns and rows, or text, to a file and returns its path."""

    def write(name, names, rows=(), encoding="utf-8"):
        path = tmp_path / name
        if path.suffix == ".parquet":
            pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
            columns = map(list, zip(*rows, strict=True))
            parquet.write_table(pa.table(dict(zip(names, columns, strict=True))), path)
            return path
        text = names if isinstance(names, str) else text_of(names, rows, SEPARATORS[path.suffix])
        path.write_bytes(text.encode(encoding))
        return path

    return write


def check_error(path, message, how=USUAL_READING, with_labels=True):
    with pytest.raises(SourceError) as error:
        list(read_sequences(path, with_labels, how=how))
    assert str(error.value).startswith(str(path)) and message in str(error.value)
    assert len(str(error.value)) < 1000 and "\n" not in str(error.value)


@pytest.mark.parametrize("suffix", TABLES)
@pytest.mark.parametrize("shuffled", [True, False])
def test_the_steps_of_the_long_form_are_in_the_order_of_time(write, suffix, shuffled):
    path = write(f"a{suffix}", LONG, long_rows(shuffled=shuffled))
    found = list(read_sequences(path))
    assert_same([sequence.values for sequence in found], SEQUENCES)
    assert [sequence.label for sequence in found] == LABELS
    assert read_labels(path) == (3, set(LABELS))
    ids = list(read_ids_and_labels(path))
    assert ids == [(name, {"label": label}) for name, label in zip(IDS, LABELS, strict=True)]


@pytest.mark.parametrize("suffix", TABLES)
def test_empty_cells_at_the_end_make_the_wide_form_shorter(write, suffix):
    names = ["t0", "t1", "Class", "t2", "t3", "t4", "t5"]
    path = write(f"a{suffix}", names, wide_rows())
    found = list(read_sequences(path))
    assert_same([sequence.values for sequence in found], [each[:, :1] for each in SEQUENCES])
    assert [sequence.label for sequence in found] == LABELS
    assert read_labels(path) == (1, set(LABELS))


@pytest.mark.parametrize(
    ("separator", "encoding"),
    list(itertools.product(",;\t", ["utf-8", "utf-8-sig", "utf-16"])),
)
def test_separators_and_encodings_are_those_of_texts(write, separator, encoding):
    text = text_of(LONG, long_rows(), separator)
    found = read_sequences(write("a.csv", text, encoding=encoding))
    assert_same([sequence.values for sequence in found], SEQUENCES)


@pytest.mark.parametrize(
    "times",
    [
        [9, 10, 11, 100, 101, 1000],  # not in the order of their letters
        [-1.5, 0, 2e-1, 3, 4e1, 50],
        [f"2024-02-{day} 10:00:00" for day in range(10, 16)],
        ["2024-12-31", "2025-01-01", "2025-01-02", "2025-02-01", "2026-01-01", "2027-01-01"],
    ],
)
def test_times_are_numbers_or_dates(write, times):
    found = read_sequences(write("a.csv", LONG, long_rows(times=times)))
    assert_same([sequence.values for sequence in found], SEQUENCES)


@pytest.mark.parametrize(
    "names",
    [
        ["Series_ID", "TimeStamp", "a", "b", "c", "TARGET"],
        ["case", "index", "x", "y", "z", "class"],  # y beside x is a coordinate
        ["Sample", "T", "a", "b", "c", "y"],
    ],
)
def test_usual_names_in_any_case_are_found(write, names):
    path = write("a.csv", names, long_rows())
    assert_same([sequence.values for sequence in read_sequences(path)], SEQUENCES)
    (line,) = describe(path)
    for kind, place in (("series", 0), ("time", 1), ("label", 5)):
        assert f"{kind} from {names[place]!r}" in line


def test_other_names_are_given(write):
    names = ["who", "when", "a", "id", "c", "what"]  # id is a feature here
    how = Reading(Columns("WHO", "when", "what"))
    path = write("a.csv", names, long_rows())
    found = [sequence.values for sequence in read_sequences(path, how=how)]
    assert_same(found, SEQUENCES)
    check_error(path, "no column 'whom'; found: 'who'", Reading(Columns("whom", "when", "what")))
    check_error(path, "one column is to be two of", Reading(Columns("who", "who", "what")))


def test_columns_without_a_name_are_an_index(write):
    rows = [[number, *row] for number, row in enumerate(long_rows())]
    for name in ("", "Unnamed: 0"):
        found = read_sequences(write("a.csv", [name, *LONG], rows))
        assert_same([sequence.values for sequence in found], SEQUENCES)


def test_types_of_parquet_columns(write):
    """Integers that pandas makes floats, dates, categories, and numbers of every type."""
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = write("a.csv", "")
    path = path.with_suffix(".parquet")
    table = pa.table(
        {
            "__index_level_0__": [7, 8, 9, 10],
            "id": pa.array([2.0, 1.0, 2.0, 1.0]),
            "date": pa.array([30, 20, 10, 40], pa.timestamp("ns")),
            "a": pa.array([1, 2, 3, 4], pa.int16()),
            "b": pa.array([0.5, 1.5, 2.5, 3.5], pa.float32()),
            "class": pa.array(["x", "y", "x", "y"]).dictionary_encode(),
        }
    )
    parquet.write_table(table, path)
    found = list(read_sequences(path))
    assert [sequence.label for sequence in found] == ["x", "y"]
    expected = [np.array([[3, 2.5], [1, 0.5]]), np.array([[2, 1.5], [4, 3.5]])]
    assert_same([each.values for each in found], [x.astype("float32") for x in expected])
    assert [name for name, _ in read_ids_and_labels(path)] == ["2", "1"]
    parquet.write_table(table.drop_columns(["class"]).append_column("class", [[1.0] * 4]), path)
    assert [sequence.label for sequence in read_sequences(path)] == ["1", "1"]


def test_parquet_without_pyarrow_says_how_to_install_it(write, monkeypatch):
    path = write("a.csv", "a").rename(write("b.csv", "").with_suffix(".parquet"))
    original = builtins.__import__

    def without(name, *arguments, **options):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return original(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    check_error(path, 'Parquet files need pyarrow: pip install ".[parquet]"')


def test_damaged_and_large_parquet_files_are_named(write):
    path = write("a.parquet", LONG, long_rows())
    content = path.read_bytes()
    for damaged in (b"", b"PAR1", content[:-8], content[:40] + b"\0" * 60 + content[100:]):
        path.write_bytes(damaged)
        check_error(path, "not a Parquet file, or damaged")
    # Equal numbers take no room in the file.
    path = write("b.parquet", ["label", "a"], [["x", 0.0]] * 20_000)
    assert path.stat().st_size < 10_000
    with pytest.raises(SourceError, match="320,000 bytes; expected at most 100,000"):
        list(read_sequences(path, limit=100_000))


H = "id,time,a,label\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no series in it"),
        (H, "no series in it"),
        (H + "s,1,2,x\ns,2,3\n", "line 3: 3 fields, but 4 columns"),
        (H + "s,1,zwei,x\n", "line 2, column 'a': 'zwei' is not a number; expected one such as"),
        (H + "s,1,1_0,x\n", "line 2, column 'a': '1_0' is not a number"),
        (H.replace(",", ";") + "s;1;1,5;x\n", "line 2, column 'a': '1,5' is not a number"),
        (H + "s,1,inf,x\n", "line 2, series 's': inf at time 0"),
        (H + "r,1,1,x\ns,2,1,x\ns,1,,x\n", "line 3, series 's': nan at time 0"),
        (H + "s,eins,1,x\n", "line 2, column 'time': 'eins' is no time; expected a number, or a"),
        (H + "s,,1,x\n", "line 2, column 'time': '' is no time"),
        (H + "s,nan,1,x\n", "line 2, column 'time': 'nan' is no time"),
        (H + "s,1,1,x\ns,2024-01-01,1,x\n", "line 3, column 'time': '2024-01-01'; expected either"),
        (H + "s,1,1,x\nr,1,1,x\ns,1.0,2,x\n", "line 4, column 'time': '1.0' again in series 's'"),
        (H + ",1,1,x\n", "line 2, column 'id': empty"),
        (H + "s,1,1,x\nr,1,1,y\ns,2,2,y\n", "'y', but 'x' in line 2, of the same series 's'"),
        (H + "s,1,1,x\ns,2,2,\n", "'', but 'x' in line 2, of the same series 's'"),
        (H + "s,1,1,\ns,2,2,\n", "line 2, series 's': the label is empty; --on_error=skip"),
        ("id,a,b,label\ns,1,2,x\nr,1,2,x\ns,3,4,x\n", "line 4, column 'id': 's' as in line 2; sev"),
        ("time,a,b,label\n1,1,2,x\n", "a column of time, 'time', but no column 'id'"),
        ("id,time,label\ns,1,x\n", "line 1: no column of a feature"),
        ("label\nx\n", "line 1: no column of a step"),
        ("a,b\n1,2\n", "line 1: no column 'label'; found: 'a', 'b'; --label_column=NAME names it"),
        (
            "label,class,a\nx,y,1\n",
            "columns 'label', 'class' may all be the label; --label_column=",
        ),
        ("id,case,t,a,y\ns,r,1,1,x\n", "columns 'id', 'case' may all be the id; --id_column=NAME"),
        ("id,t,step,a,y\ns,1,1,1,x\n", "columns 't', 'step' may all be the time; --time_column="),
        ("label,a,b,c\nx,1,,3\n", "line 2: nan at time 1"),
        ("label,a,b\nx,1,2\n,1,2\n", "line 3: the label is empty"),
        ("label,a\nx,1\n".encode("utf-16")[:-1], "line 2: not UTF-16"),
        ("label,a\né,1\n".encode("latin-1"), "line 2: not UTF-8 text"),
        ('label,a\n"x,1\n', "line 2"),
    ],
)
def test_errors_name_the_cell(write, tmp_path, text, message):
    path = write("a.csv", "")
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    check_error(path, message)


def test_a_first_line_of_numbers_has_no_names(write):
    check_error(
        write("a.csv", "1,0.5,0.25\n2,0.5,0.75\n"),
        "line 1: numbers; expected the names of the columns in the first line",
        with_labels=False,
    )
    (one,) = read_sequences(write("a.csv", "0,1,2\n5,6,7\n"), with_labels=False)
    assert one.values[:, 0].tolist() == [5, 6, 7]


def test_files_without_labels(write):
    rows = [row[:-1] for row in long_rows()]
    path = write("a.csv", LONG[:-1], rows)
    found = list(read_sequences(path, with_labels=False))
    assert_same([sequence.values for sequence in found], SEQUENCES)
    assert {sequence.label for sequence in found} == {None}
    assert list(read_ids_and_labels(path)) == [(name, {}) for name in IDS]


def test_records_are_those_of_npz_and_features_go_by_their_names(write, tmp_path):
    splits = np.cumsum([0, *LENGTHS])
    archive = tmp_path / "a.npz"
    np.savez(archive, values=np.concatenate(SEQUENCES), row_splits=splits, y=LABELS)
    path = write("a.csv", LONG, long_rows())
    swapped = [[row[0], row[4], row[1], row[3], row[5], row[2]] for row in long_rows()]
    test = write("test.csv", ["id", "c", "time", "b", "label", "a"], swapped)
    files = {"train_file": path, "test_file": test}
    found = build(SequenceFiles, tmp_path / "data", **files).as_dataset()
    expected = build(SequenceFiles, tmp_path / "data", train_file=archive).as_dataset()
    sums = sorted((r["sequence"].sum(), r["label"]) for r in expected["train"].as_numpy_iterator())
    for split in ("train", "test"):
        records = list(found[split].as_numpy_iterator())
        assert sorted((r["sequence"].sum(), r["label"]) for r in records) == sums
        for record in records:
            assert any(np.array_equal(record["sequence"], each) for each in SEQUENCES)
    other = write("other.csv", ["id", "time", "a", "b", "d", "label"], long_rows())
    with pytest.raises(SourceError, match="features 'a', 'b', 'd'; expected those of the training"):
        build(SequenceFiles, tmp_path / "data", train_file=path, test_file=other)


def test_what_has_no_label_or_number_is_left_out_if_so_wanted(write, tmp_path):
    text = "label,a,b,c\nx,1,2,3\n,1,2,3\ny,1,,3\ny,,,\ny,1,2,\n"
    path = write("a.csv", text)
    builder = SequenceFiles(train_file=path, data_dir=tmp_path / "data", on_error="skip")
    builder.download_and_prepare()
    assert builder.info.splits["train"].num_examples == 2
    assert builder.warnings() == [
        f"{path}: one series in a row, label from 'label', steps from 'a' to 'c'",
        f"left out: 3 without label, or with a missing number: {path}, line 3, {path}, line 4, "
        f"{path}, line 5",
    ]
    for options in ({}, {"on_error": "fail"}):
        with pytest.raises(SourceError, match="line 3: the label is empty"):
            build(SequenceFiles, tmp_path / "data", train_file=path, **options)

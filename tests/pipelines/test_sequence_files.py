import pickle
import zipfile

import numpy as np
import pytest

from pipelines.errors import SourceError
from pipelines.labeled_files import class_names, content_hash
from pipelines.sequence_files.builder import SequenceFiles
from pipelines.sequence_files.reader import read_labels, read_sequences
from pipelines.text_files.builder import TextFiles
from tests.pipelines.own_files import assert_same, build

LENGTHS = (4, 1, 6, 3)
LABELS = ("up", "down", "up", "left")
SEQUENCES = [
    np.random.default_rng(n).normal(0, 100, (length, 3)).round(4).astype(np.float32)
    for n, length in enumerate(LENGTHS)
]
HEADER = "@problemName A\n@classLabel true up down left\n@data\n"


def padded(sequences, y, fill=0.0):
    x = np.full((len(sequences), max(map(len, sequences)), 3), fill)
    for row, sequence in zip(x, sequences, strict=True):
        row[: len(sequence)] = sequence
    return {"x": x, "lengths": np.array([len(s) for s in sequences]), "y": np.array(y)}


def ragged(sequences, y):
    row_splits = np.cumsum([0, *map(len, sequences)])
    return {"values": np.concatenate(sequences), "row_splits": row_splits, "y": np.array(y)}


def ts_lines(sequences, y):
    for sequence, label in zip(sequences, y, strict=True):
        features = [",".join(map(str, column)) for column in sequence.T]
        yield ":".join([*features, str(label)]) + "\n"


def ts(sequences, y):
    return (
        "# The header may have comments.\n#\n@problemName Example\n@timeStamps false\n"
        "@missing false\n@univariate false\n@dimensions 3\n@equalLength false\n"
        f"@classLabel true {' '.join(sorted(set(map(str, y))))}\n@data\n"
    ) + "".join(ts_lines(sequences, y))


FORMS = {
    "padded": ("a.npz", padded),
    "padded with NaN": ("a.npz", lambda sequences, y: padded(sequences, y, np.nan)),
    "ragged": ("a.npz", ragged),
    "ts": ("a.ts", ts),
}


@pytest.fixture
def write(tmp_path):
    """Writes arrays or text to a file and returns its path."""

    def write(content, name=None):
        path = tmp_path / (name or ("a.npz" if isinstance(content, dict) else "a.ts"))
        if isinstance(content, dict):
            with path.open("wb") as file:
                np.savez(file, **content)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_sequences(write, form):
    name, make = FORMS[form]
    path = write(make(SEQUENCES, LABELS), name)

    found = list(read_sequences(path))

    assert_same([sequence.values for sequence in found], SEQUENCES)
    assert tuple(sequence.label for sequence in found) == LABELS
    assert read_labels(path) == (3, {"up", "down", "left"})


def test_numbers_are_the_index_or_the_line(write):
    assert [s.number for s in read_sequences(write(padded(SEQUENCES, LABELS)))] == [0, 1, 2, 3]
    text = HEADER + "\n# a comment\n1:up\n\n2:down\n"
    assert [s.number for s in read_sequences(write(text))] == [6, 8]


def test_without_lengths_all_are_full(write):
    x = np.arange(24).reshape(2, 4, 3)

    found = [s.values for s in read_sequences(write({"x": x, "y": [0, 1]}))]

    assert_same(found, x.astype(np.float32))


@pytest.mark.parametrize(
    ("y", "labels"),
    [
        (np.array([3, -1], np.int8), ["3", "-1"]),
        (np.array([3, 2**40], np.uint64), ["3", str(2**40)]),
        (np.array(["b", " é "]), ["b", "é"]),
        (np.array(["b", "é".encode()], "S"), ["b", "é"]),
    ],
)
def test_labels_are_integers_or_strings(write, y, labels):
    found = read_sequences(write({"x": np.zeros((2, 1, 1)), "y": y}))

    assert [sequence.label for sequence in found] == labels


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", "i1", "u8", "?", "g"])
def test_all_types_of_numbers_are_read_and_columns_of_any_order(write, dtype):
    x = np.asfortranarray(np.arange(12).reshape(2, 2, 3).astype(dtype))

    found = [s.values for s in read_sequences(write({"x": x, "y": [0, 1]}))]

    assert_same(found, x.astype("f4"))


def test_compressed_archives_are_read(tmp_path):
    path = tmp_path / "a.NPZ"
    with path.open("wb") as file:
        np.savez_compressed(file, x=np.ones((2, 3, 1)), y=[0, 1])

    assert len(list(read_sequences(path))) == 2


def test_sequences_need_no_labels_if_none_are_wanted(write):
    for content in (
        {"x": np.stack([SEQUENCES[2]])},
        ragged(SEQUENCES[2:3], ["?"]),
        "@classLabel false\n@data\n" + ":".join(",".join(map(str, c)) for c in SEQUENCES[2].T),
        ts(SEQUENCES[2:3], ["?"]),
    ):
        (sequence,) = read_sequences(write(content), with_labels=False)
        assert_same([sequence.values], SEQUENCES[2:3])
        assert sequence.label is None


def test_header_is_read_in_any_case_and_order(write):
    text = (
        "\ufeff@DATASET x\r\n@classlabel TRUE a b\r\n@EqualLength TRUE\r\n@serieslength 2\r\n\r\n"
        "@dimension 2\r\n@missing true\r\n@DATA \r\n 1, 2.5e1 : -3.,.4 : a \r\n"
    )

    (sequence,) = read_sequences(write(text))

    np.testing.assert_array_equal(sequence.values, np.array([[1, -3], [25, 0.4]], np.float32))
    assert sequence.label == "a"


X, Y = np.zeros((3, 4, 2)), [0, 1, 1]
V = np.zeros((5, 2))


def with_value(value, place=(1, 2, 0)):
    x = X.copy()
    x[place] = value
    return x


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "found no arrays; expected x (n, time, features), lengths (n,) if they differ, y; or"),
        ({"y": Y}, "found y; expected x"),
        ({"x": X, "values": V, "y": Y}, "found values, x, y; expected x"),
        ({"x": X, "row_splits": [0, 1, 2, 3], "y": Y}, "found row_splits, x, y; expected x"),
        ({"values": V, "lengths": [2, 3], "y": [0, 1]}, "found lengths, values, y; expected x"),
        ({"x": X, "length": [1, 2, 3], "y": Y}, "found length, x, y; expected x"),
        ({"x": X}, "no array y; expected labels y (3,), integers or strings"),
        ({"x": X[0], "y": Y}, "array x: shape (4, 2); expected (n, time, features)"),
        ({"x": X[..., None], "y": Y}, "array x: shape (3, 4, 2, 1); expected (n, time, features)"),
        ({"x": X[:, :0], "y": Y}, "array x: shape (3, 0, 2); expected (n, time, features)"),
        ({"x": X[..., :0], "y": Y}, "array x: shape (3, 4, 0); expected (n, time, features)"),
        ({"x": X[:0], "y": []}, "no sequences in it"),
        ({"x": X.astype(str), "y": Y}, "array x: type <U32; expected numbers"),
        ({"x": X + 1j, "y": Y}, "array x: type complex128; expected numbers"),
        ({"x": X.astype(object), "y": Y}, "array x: an object array, which is never loaded"),
        ({"x": X, "y": np.array(Y, object)}, "array y: an object array, which is never loaded"),
        ({"x": with_value(np.nan), "y": Y}, "sequence 1 of x: nan at time 2, feature 0 (from 0)"),
        ({"x": with_value(-np.inf), "y": Y}, "sequence 1 of x: -inf at time 2, feature 0"),
        ({"x": with_value(1e39), "y": Y}, "sequence 1 of x: 1e+39 at time 2, feature 0"),
        ({"x": X, "lengths": [1, 2], "y": Y}, "array lengths: shape (2,); expected (3,)"),
        ({"x": X, "lengths": [[1], [2], [3]], "y": Y}, "array lengths: shape (3, 1); expected"),
        ({"x": X, "lengths": 4, "y": Y}, "array lengths: shape (); expected (3,)"),
        ({"x": X, "lengths": [1.0, 2, 3], "y": Y}, "array lengths: type float64; expected integ"),
        ({"x": X, "lengths": [1, 0, 3], "y": Y}, "lengths: 0 at index 1; expected 1 to 4"),
        ({"x": X, "lengths": [1, 2, 5], "y": Y}, "lengths: 5 at index 2; expected 1 to 4"),
        ({"x": X, "lengths": [-1, 2, 4], "y": Y}, "lengths: -1 at index 0; expected 1 to 4"),
        ({"x": X, "y": [0, 1]}, "array y: shape (2,); expected (3,), one label each"),
        ({"x": X, "y": [[0, 1, 1]]}, "array y: shape (1, 3); expected (3,)"),
        ({"x": X, "y": np.ones((3, 3), int)}, "array y: shape (3, 3), but not one-hot; expected"),
        ({"x": X, "y": [0.0, 1, 1]}, "array y: type float64; expected integers or strings"),
        ({"x": X, "y": [True, False, True]}, "array y: type bool; expected integers or strings"),
        ({"x": X, "y": np.array([b"\xff", b"a", b"a"])}, "array y: not UTF-8 text"),
        ({"x": X, "y": ["a", " ", "b"]}, "sequence 1 of x: the label is empty"),
        ({"x": X, "y": ["a", "b", "\n1\n2"]}, "sequence 2 of x: label '1\\n2' contains unpr"),
        ({"values": V, "y": Y}, "values without row_splits; expected x"),
        ({"values": V[0], "row_splits": [0, 5], "y": [0]}, "array values: shape (2,); expected"),
        ({"values": V, "row_splits": [], "y": []}, "array row_splits: type float64; expected int"),
        ({"values": V, "row_splits": np.zeros(0, int), "y": []}, "row_splits: nothing; expected"),
        (
            {"values": V, "row_splits": [[0, 5]], "y": [0]},
            "row_splits: shape (1, 2); expected (n +",
        ),
        ({"values": V, "row_splits": [0, 2.0, 5], "y": [0, 1]}, "row_splits: type float64; expec"),
        ({"values": V, "row_splits": [1, 5], "y": [0]}, "row_splits: 1 to 5; expected 0 to 5"),
        (
            {"values": V, "row_splits": [0, 2, 4], "y": [0, 1]},
            "row_splits: 0 to 4; expected 0 to 5",
        ),
        (
            {"values": V, "row_splits": [0, 2, 6], "y": [0, 1]},
            "row_splits: 0 to 6; expected 0 to 5",
        ),
        (
            {"values": V, "row_splits": [0, 3, 2, 5], "y": Y},
            "row_splits: 3, then 2 at index 2; expected increasing numbers",
        ),
        (
            {"values": V, "row_splits": [0, 3, 3, 5], "y": Y},
            "row_splits: 3, then 3 at index 2; expected increasing numbers",
        ),
        ({"values": V[:0], "row_splits": [0], "y": []}, "no sequences in it"),
        ({"values": V, "row_splits": [0, 2, 5], "y": Y}, "array y: shape (3,); expected (2,)"),
        (
            {"values": with_value(np.nan)[1], "row_splits": [0, 1, 4], "y": [0, 1]},
            "sequence 1 of values: nan at time 1, feature 0",
        ),
    ],
)
def test_wrong_array_is_named(write, arrays, message):
    check_error(write({name: np.asarray(array) for name, array in arrays.items()}), message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no line @data; expected a header that ends with it"),
        ("# only comments\n", "no line @data"),
        (HEADER, "no sequences after @data"),
        ("1,2,3:up\n", "line 1: '1,2,3:up' in the header; expected @name value or @data"),
        ("@timeStamps false\n@data\n1:a\n", "line 2: no class labels; expected @classLabel true"),
        ("@classLabel false\n@data\n1:a\n", "line 2: no class labels; expected @classLabel true"),
        ("@targetLabel true\n@data\n1:2.5\n", "line 2: no class labels; expected @classLabel true"),
        ("@timeStamps TRUE\n" + HEADER + "1:up\n", "line 1: timestamps are not supported"),
        (
            HEADER + "(0,1.5),(1,2.5):up\n",
            "feature 0, time 0 (from 0): '(0' is not a number",
        ),
        (HEADER + "1,?,3:up\n", "line 4, feature 0, time 1 (from 0): a missing value; expected"),
        (HEADER + "1,2:3,:up\n", "line 4, feature 1, time 1 (from 0): a missing value; expected"),
        (HEADER + "1,2::up\n", "line 4, feature 1, time 0 (from 0): a missing value; expected"),
        (HEADER + "1,2;3:up\n", "line 4, feature 0, time 1 (from 0): '2;3' is not a number"),
        (HEADER + "1,2_3:up\n", "line 4, feature 0, time 1 (from 0): '2_3' is not a number"),
        (HEADER + "1,NaN:up\n", "line 4: nan at time 1, feature 0 (from 0); expected finite"),
        (HEADER + "1,2:inf,0:up\n", "line 4: inf at time 0, feature 1"),
        (HEADER + "1,1e39:up\n", "line 4: 1e+39 at time 1, feature 0"),
        (HEADER + "1,2\n", "line 4: no colon; expected numbers, a colon and the label"),
        (HEADER + "up\n", "line 4: no colon"),
        (HEADER + "1,2:\n", "line 4: label ''; expected one of the header's: down, left, up"),
        (HEADER + "1,2:3\n", "line 4: label '3'; expected one of the header's: down, left, up"),
        (HEADER + "1,2:3,4,5:up\n", "line 4: feature 1 has 3 numbers; expected 2 like feature 0"),
        (HEADER + "1:2:up\n1:up\n", "line 5: 1 features; expected 2 like the others"),
        ("@univariate true\n" + HEADER + "1:2:up\n", "line 5: 2 features; expected 1 as in the he"),
        (
            "@dimensions 3\n" + HEADER + "1:2:up\n",
            "line 5: 2 features; expected 3 as in the header",
        ),
        ("@dimensions x\n" + HEADER + "1:up\n", "line 1: @dimensions is 'x'; expected an integer"),
        ("@dimension 0\n" + HEADER + "1:up\n", "line 1: @dimension is '0'; expected an integer of"),
        (
            "@equalLength true\n@seriesLength 2\n" + HEADER + "1,2:up\n1,2,3:up\n",
            "line 7: 3 numbers per feature; expected 2, the header's @seriesLength",
        ),
        ("@classLabel true\n@data\n1:\n", "line 3: the label is empty"),
        (HEADER.encode() + b"1,2:caf\xe9\n", "line 4: not UTF-8 text"),
    ],
)
def test_wrong_line_is_named(write, text, message):
    check_error(write(text), message)


@pytest.mark.parametrize("form", FORMS)
def test_sequences_of_nothing_but_nan_are_left_out_and_named(write, tmp_path, form):
    name, make = FORMS[form]
    nothing = np.full((2, 3), np.nan, np.float32)
    y = ("down", *LABELS[:2], "down", "up", "down", "up", *LABELS[2:])
    sequences = [nothing, *SEQUENCES[:2], *[nothing] * 4, *SEQUENCES[2:]]
    path = write(make(sequences, y), name)

    builder = build(SequenceFiles, tmp_path / "data", train_file=path)

    records = list(builder.as_dataset(split="train").as_numpy_iterator())
    found = sorted(records, key=lambda record: int(record["id"].split(b"/")[1]))
    assert_same([record["sequence"] for record in found], SEQUENCES)
    (line,) = SequenceFiles(data_dir=tmp_path / "data", train_file=path).warnings()
    assert line.startswith("left out: 5 without any number: ") and line.endswith(", and 2 more")
    with pytest.raises(SourceError, match="every number is NaN; expected at least one time step"):
        list(read_sequences(path, with_labels=False))


def test_nothing_but_sequences_of_nan(write, tmp_path):
    path = write({"x": np.full((2, 3, 1), np.nan), "y": [0, 1]})
    with pytest.raises(SourceError, match="every sequence is without any number"):
        build(SequenceFiles, tmp_path / "data", train_file=path)


def test_header_words_are_apart_by_blanks_or_tabs(write):
    text = ts(SEQUENCES, LABELS)
    header, data = text.split("@data")
    for blank in ("\t", " \t ", "  "):
        changed = write(header.replace(" ", blank).replace("@", "\t@") + "@DATA\t" + data)
        assert_same([s.values for s in read_sequences(changed)], SEQUENCES)
        assert read_labels(changed) == (3, {"up", "down", "left"})
    tabs = "@classLabel\ttrue\tup\tdown\n@dimensions\t2\n@data\n1:2:up\n1:down\n"
    check_error(write(tabs), "line 5: 1 features; expected 2 as in the header")
    check_error(write("@timeStamps\ttrue\n" + HEADER + "1:up\n"), "line 1: timestamps")


def check_error(path, message):
    with pytest.raises(SourceError) as error:
        list(read_sequences(path))

    assert str(error.value).startswith(str(path))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_no_pickle_is_ever_loaded(write, tmp_path):
    loaded = tmp_path / "loaded"

    class Trap:
        def __reduce__(self):
            return exec, (f"open({str(loaded)!r}, 'w')",)

    trap = np.empty(3, object)
    trap[:] = [Trap(), 1, 2]
    check_error(write({"x": X, "y": trap}), "array y: an object array, which is never loaded")
    check_error(write(pickle.dumps(Trap()), "a.npz"), "not an .npz archive")
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as archive:
        archive.writestr("x", pickle.dumps(Trap()))
        archive.writestr("y.npy", pickle.dumps(Trap()))
    check_error(tmp_path / "b.npz", "array ")
    assert not loaded.exists()


def test_other_files_are_named(write, tmp_path):
    check_error(write("1,2", "a.xls"), "file type '.xls'; expected one of .npz, .ts, .csv")
    check_error(tmp_path / "b.npz", "no such file")
    check_error(tmp_path / "b.ts", "no such file")
    check_error(write(b"", "c.npz"), "not an .npz archive, or damaged")
    check_error(write("no zip", "c.npz"), "not an .npz archive, or damaged")
    with (tmp_path / "d.npz").open("wb") as file:
        np.save(file, X)
    check_error(tmp_path / "d.npz", "not an .npz archive, or damaged")


def test_damaged_archive_is_never_taken_for_whole(write):
    path = write(padded(SEQUENCES, LABELS))
    whole = path.read_bytes()
    expected = [s.values for s in read_sequences(path)]
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(SourceError, match="damaged"):
            list(read_sequences(path))
    for place in range(0, len(whole), 5):
        damaged = bytearray(whole)
        damaged[place] ^= 0x55
        path.write_bytes(damaged)
        try:
            found = list(read_sequences(path))
        except SourceError as error:
            assert str(error).startswith(str(path)) and "\n" not in str(error)
        else:  # in what says nothing, such as a file's date
            assert_same([s.values for s in found], expected)
            assert tuple(s.label for s in found) == LABELS


@pytest.mark.parametrize("form", FORMS)
def test_records_hold_the_sequences(write, tmp_path, form):
    name, make = FORMS[form]
    train = write(make(SEQUENCES, LABELS), f"train_{name}")
    test = write(make(SEQUENCES[1:], LABELS[1:]), f"test_{name}")

    builder = build(SequenceFiles, tmp_path / "data", train_file=train, test_file=str(test))

    assert set(builder.info.splits) == {"train", "test"}
    names = builder.info.features["label"].names
    assert names == ["down", "left", "up"]
    assert builder.info.features["sequence"].shape == (None, 3)
    for split, start, path in (("train", 0, train), ("test", 1, test)):
        ids = [f"{split}/{sequence.number}" for sequence in read_sequences(path)]
        records = {
            record["id"].decode(): record
            for record in builder.as_dataset(split=split).as_numpy_iterator()
        }
        assert sorted(records) == sorted(ids)
        assert_same([records[i]["sequence"] for i in ids], SEQUENCES[start:])
        assert [names[records[i]["label"]] for i in ids] == list(LABELS[start:])


def test_classes_are_in_order(write, tmp_path):
    labels = ["10", "b", "9", "-1", "a"]
    train = write({"x": np.zeros((5, 2, 1)), "y": labels})

    builder = SequenceFiles(train_file=train, data_dir=tmp_path / "data")

    assert builder.info.features["label"].names == ["-1", "9", "10", "a", "b"]


def test_label_that_training_lacks_is_an_error(write, tmp_path):
    train = write({"x": X, "y": Y}, "train.npz")
    other = write({"x": X, "y": [0, 2, 1]}, "other.npz")

    with pytest.raises(SourceError, match=f"{other}, sequence 1 of x: label '2' does not occur in"):
        build(SequenceFiles, tmp_path / "data", train_file=train, validation_file=other)
    assert not list((tmp_path / "data").rglob("*.tfrecord*"))


def test_other_number_of_features_is_an_error(write, tmp_path):
    train = write({"x": X, "y": Y}, "train.npz")
    other = write("@classLabel true 0 1\n@data\n1:2:3:0\n", "other.ts")

    with pytest.raises(SourceError, match=f"{other}, line 3: 3 features; expected 2"):
        build(SequenceFiles, tmp_path / "data", train_file=train, test_file=other)


def test_wrong_training_file_is_an_error(write, tmp_path):
    train = write({"x": X, "y": [7, 7, 7]})

    with pytest.raises(SourceError, match=f"{train}: every label is '7'; expected at least two"):
        SequenceFiles(train_file=train, data_dir=tmp_path / "data")
    with pytest.raises(SourceError, match="no train_file given; expected an .npz, .ts, .csv"):
        SequenceFiles(data_dir=tmp_path / "data")
    with pytest.raises(SourceError, match=f"{tmp_path}/b.npz: "):
        SequenceFiles(train_file=tmp_path / "b.npz", data_dir=tmp_path / "data")


def test_changed_content_is_built_anew_and_unchanged_content_is_not(write, tmp_path):
    text = HEADER + "1:up\n2:down\n"
    train = write(text)
    first = SequenceFiles(train_file=train, data_dir=tmp_path)
    first.download_and_prepare()

    copy = SequenceFiles(train_file=write(text, "copy.ts"), data_dir=tmp_path)
    assert copy.data_dir == first.data_dir
    assert copy.is_prepared()
    changed = SequenceFiles(train_file=write(text.replace("2", "3")), data_dir=tmp_path)
    assert changed.data_dir != first.data_dir
    assert not changed.is_prepared()


def test_folder_names_are_made_as_for_text_files(tmp_path):
    # One rule for a user's own files, whatever is in them.
    path = tmp_path / "a.csv"
    path.write_text("text,label\na,10\nb,9\nc,x\n")
    builder = TextFiles(train_file=path, data_dir=tmp_path)

    assert builder.builder_config.name == f"content_{content_hash({'train': path})}"
    assert builder.info.features["label"].names == class_names(path, ["x", "10", "9"])


@pytest.mark.parametrize("form", [padded, ragged])
@pytest.mark.parametrize("kind", ["int64", "float32", "bool"])
def test_one_hot_labels_mean_classes_from_0(write, tmp_path, form, kind):
    path = write(form(SEQUENCES, np.eye(12)[[10, 2, 10, 0]].astype(kind)))
    assert [sequence.label for sequence in read_sequences(path)] == ["10", "2", "10", "0"]
    builder = SequenceFiles(train_file=path, data_dir=tmp_path / "data")
    assert builder.info.features["label"].names == ["0", "2", "10"]
    assert builder.warnings() == [f"{path}: one-hot labels, taken as the classes 0 to 11"]


@pytest.mark.parametrize(
    "y",
    [
        [[0, 1], [1, 1], [0, 1], [0, 1]],
        [[0, 1], [0, 0], [0, 1], [0, 1]],
        [[0, 2], [1, 0], [0, 1], [0, 1]],
        [[0, 1], [1, 0], [0.5, 0.5], [0, 1]],
        [[0, 1], [1, 0], [np.nan, 1], [0, 1]],
        [[1], [1], [1], [1]],
        [["a", "b"]] * 4,
    ],
)
def test_labels_in_rows_that_are_not_one_hot_are_refused(write, y):
    path = write(padded(SEQUENCES, y))
    with pytest.raises(SourceError, match="array y: shape .*, but not one-hot; expected") as error:
        list(read_sequences(path))
    assert "\n" not in str(error.value)

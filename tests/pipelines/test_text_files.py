import json

import pytest
import tensorflow_datasets as tfds

from pipelines import limits
from pipelines.build import build, main
from pipelines.datasets import builder_class
from pipelines.errors import SourceError
from pipelines.text_files.reader import Columns, read_examples, read_rows, read_texts

EXAMPLES = [
    ("Plain.", "pos"),
    ('Commas, tabs\tand "quotes"', "neg"),
    ("Two\nlines, \r\nthree", "pos"),
    ("Très bien 很好 \U0001f600", "neg"),
    ("x" * 200_000, "pos"),
]


def quoted(text):
    return '"' + text.replace('"', '""') + '"'


def as_csv(examples, separator=","):
    lines = [f"{quoted(text)}{separator}7{separator}{label}" for text, label in examples]
    return separator.join(["text", "number", "label"]) + "\n" + "".join(f"{x}\n" for x in lines)


def as_jsonl(examples):
    return "".join(json.dumps({"n": 7, "label": y, "text": x}) + "\n" for x, y in examples)


FORMATS = {
    ".csv": as_csv,
    ".tsv": lambda examples: as_csv(examples, "\t"),
    ".jsonl": as_jsonl,
    ".json": lambda examples: f"[{','.join(as_jsonl(examples).splitlines())}]",
}


@pytest.fixture
def write(tmp_path):
    def write(content, name="a.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte order mark"])
def test_every_format_gives_the_same_examples(write, suffix, mark):
    content = mark + FORMATS[suffix](EXAMPLES).encode()

    assert list(read_examples(write(content, f"a{suffix}"))) == EXAMPLES
    assert list(read_examples(write(content, f"a{suffix.upper()}"))) == EXAMPLES


def test_blank_lines_and_line_ends_and_column_order(write):
    content = "\r\nlabel , text\r\n\r\npos,a\r\n   \r\nneg,b\r\n\r\n"
    assert list(read_examples(write(content))) == [("a", "pos"), ("b", "neg")]

    content = '\n{"text": "a", "label": 2}\r\n\n  \n{"label": -1, "text": "b"}'
    assert list(read_examples(write(content, "a.jsonl"))) == [("a", "2"), ("b", "-1")]


def test_texts_need_no_label(write):
    assert list(read_texts(write("id,text\n1,a\n2,b\n"))) == ["a", "b"]
    assert list(read_texts(write('{"text": "a", "label": null}\n', "a.jsonl"))) == ["a"]
    with pytest.raises(SourceError, match="no column 'text'; found: 'id'"):
        list(read_texts(write("id\n1\n")))


@pytest.mark.parametrize(
    "header",
    [
        "text,label",
        "TEXT,LABEL",
        "Review,Sentiment",
        "sentence,category",
        "label,text,review,class",
        "Review;Sentiment",
        "text\tlabel",
    ],
)
def test_columns_with_usual_names_are_found(write, header):
    separator = next(each for each in ",;\t" if each in header)
    values = {"text": "good, bad", "review": "good, bad", "sentence": "good, bad"}
    columns = header.split(separator)
    wanted = {"label,text,review,class": {"review": "other", "class": "other"}}.get(header, {})
    row = [wanted.get(each, values.get(each.lower(), "7")) for each in columns]
    content = f"{header}\n{separator.join(map(quoted, row))}\n"
    assert list(read_examples(write(content))) == [("good, bad", "7")]


def test_columns_that_are_named_are_taken(write):
    path = write("text,label,notes,kind\na,1,b,2\n")
    (row,) = read_rows(path, columns=Columns("notes", "kind"))
    assert row == (2, "b", "2")
    with pytest.raises(SourceError, match="no column 'Notes'; found"):
        list(read_rows(write("text,label\na,1\n"), columns=Columns("Notes")))


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_read(write, suffix, encoding):
    mark = "" if encoding == "utf-16" else "\ufeff"
    content = (mark + FORMATS[suffix](EXAMPLES)).encode(encoding)
    assert list(read_examples(write(content, f"a{suffix}"))) == EXAMPLES


def test_rows_without_text_or_label_can_be_left_out(write, tmp_path):
    train = write("Review,Sentiment\na,1\n ,2\nb,\nc,2\n")
    arguments = {"train_file": train, "data_dir": tmp_path / "data"}
    with pytest.raises(SourceError, match="line 3: the text is empty"):
        build("text_files", **arguments)
    path = build("text_files", **arguments, on_error="skip")
    records = tfds.builder_from_directory(path).as_dataset(split="train").as_numpy_iterator()
    assert sorted(record["text"] for record in records) == [b"a", b"c"]
    builder = builder_class("text_files")(train_file=train, on_error="skip", data_dir=tmp_path)
    builder.download_and_prepare()
    assert builder.warnings() == [
        f"{train}: texts from 'Review', labels from 'Sentiment'",
        f"left out: 2 without text or label: {train}, line 3, {train}, line 4",
    ]


@pytest.mark.parametrize("suffix", FORMATS)
def test_larger_records_are_read_again_for_the_names_of_columns(write, tmp_path, suffix):
    examples = [("x" * (limits.LINE + 1), "pos"), ("y", "neg")]
    train = write(FORMATS[suffix](examples), f"train{suffix}")
    arguments = {"train_file": train, "data_dir": tmp_path / "data"}
    with pytest.raises(SourceError, match="source_limit_mb"):
        build("text_files", **arguments)
    build("text_files", **arguments, source_limit_mb=20)


def test_other_columns_are_another_build(write, tmp_path):
    train = write("text,label,notes\na,1,b\nc,2,d\n")
    paths = {
        build("text_files", tmp_path / "data", train_file=train, **options)
        for options in ({}, {"text_column": "notes"}, {"label_column": "notes"})
    }
    assert len(paths) == 3


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", "a.csv: no examples"),
        ("a.csv", "text,label\n", "a.csv: no examples"),
        ("a.jsonl", "\n", "a.jsonl: no examples"),
        ("a.txt", "x", "a.txt: file type '.txt'; expected one of .csv, .tsv, .jsonl, .json"),
        ("a.csv", "a,b\n1,2\n", "a.csv, line 1: no column 'text'; found: 'a', 'b'"),
        ("a.csv", "text,z\n1,2\n", "a.csv, line 1: no column 'label'; found: 'text', 'z'"),
        ("a.tsv", "text,label\n1,2\n", "a.tsv, line 1: no column 'text'; found: 'text,label'"),
        ("a.csv", "text,label,text\n1,2,3\n", "line 1: more than one column 'text'"),
        ("a.csv", "text,label\na,1\nb\n", "line 3: 1 fields, but 2 columns"),
        ("a.csv", "text,label\na,1\n\nb,c,1\n", "line 4: 3 fields, but 2 columns"),
        ("a.csv", 'text,label\n"a\nb",1\n,2\n', "line 4: the text is empty"),
        ("a.csv", "text,label\na,1\n  ,2\n", "line 3: the text is empty"),
        ("a.csv", 'text\n""\n', "no column 'label'"),
        ("a.csv", "text,label\na, \n", "line 2: the label is empty"),
        ("a.csv", 'text,label\na,"1\n2"\n', "line 2: label '1\\n2' contains unprintable"),
        ("a.csv", 'text,label\na,1\n"b,2\nc,3\n', "line 3: unexpected end of data"),
        ("a.csv", 'text,label\na,1\n"b"c,2\n', "line 3: "),
        ("a.csv", b"text,label\na,1\ncaf\xe9,2\n", "line 3: not UTF-8"),
        ("a.csv", "text,label\n".encode("utf-16"), "a.csv: no examples"),
        ("a.csv", "text,label\na,1\n".encode("utf-16")[:-1], "line 2: not UTF-16"),
        ("a.csv", b"text,label\ncaf\xe9,2\n", "convert the file, for example `iconv -f latin1"),
        ("a.json", "{}", "a.json: a dict, expected a list of objects; a file with one"),
        ("a.json", "[]", "a.json: no examples"),
        ("a.json", '[{"text": "a", "label": 1}, 2]', "a.json, line 2: a int, expected an object"),
        ("a.json", '[{"text": "a", "label": 1}', "a.json: not JSON"),
        ("a.jsonl", b'{"text": "a", "label": 1}\n\xff\n', "line 2: not UTF-8"),
        ("a.jsonl", '{"text": "a", "label": 1}\n{"text"\n', "line 2: not JSON"),
        ("a.jsonl", "[" * 100_000 + "\n", "line 1: not JSON"),
        ("a.jsonl", '["a", 1]\n', "line 1: a list, expected an object"),
        ("a.jsonl", '{"text": "a", "z": 1}\n', "line 1: no column 'label'; found: 'text', 'z'"),
        ("a.jsonl", "{}\n", "line 1: no column 'text'; found: none"),
        ("a.jsonl", '{"text": 5, "label": 1}\n', "line 1: text is 5, expected a string"),
        ("a.jsonl", '{"text": "\\ud800", "label": 1}\n', "line 1: the text is not valid Unicode"),
        ("a.jsonl", '{"text": "a", "label": 1.5}\n', "line 1: label is 1.5, expected a string"),
        ("a.jsonl", '{"text": "a", "label": null}\n', "line 1: label is None, expected a string"),
    ],
)
def test_error_names_file_and_line(write, name, content, message):
    path = write(content, name)

    with pytest.raises(SourceError) as error:
        list(read_examples(path))

    assert message in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(SourceError, match=f"{tmp_path}/a.csv: no such file"):
        list(read_examples(tmp_path / "a.csv"))
    with pytest.raises(SourceError, match=f"{tmp_path}/a.csv: "):
        build("text_files", tmp_path / "data", train_file=tmp_path / "a.csv")


@pytest.mark.parametrize("suffix", FORMATS)
def test_records_hold_the_examples(write, tmp_path, suffix):
    train = write(FORMATS[suffix](EXAMPLES), f"train{suffix}")
    test = write(FORMATS[suffix](EXAMPLES[:1]), f"test{suffix}")

    path = build("text_files", tmp_path / "data", train_file=train, test_file=str(test))

    builder = tfds.builder_from_directory(path)
    names = builder.info.features["label"].names
    assert set(builder.info.splits) == {"train", "test"}
    for split, expected in (("train", EXAMPLES), ("test", EXAMPLES[:1])):
        records = list(builder.as_dataset(split=split).as_numpy_iterator())
        found = sorted((record["text"].decode(), names[record["label"]]) for record in records)
        assert found == sorted(expected)
        assert len({record["id"] for record in records}) == len(expected)


def test_unlabeled_texts_have_the_label_minus_one(write, tmp_path):
    train = write(FORMATS[".csv"](EXAMPLES), "train.csv")
    more = write("id,text\n7,first\n8,second\n", "more.csv")
    path = build("text_files", tmp_path / "data", train_file=train, unlabelled_file=more)
    assert path != build("text_files", tmp_path / "data", train_file=train)
    records = tfds.builder_from_directory(path).as_dataset(split="unsupervised")
    found = {record["id"]: record for record in records.as_numpy_iterator()}
    assert sorted(found) == [b"unsupervised/2", b"unsupervised/3"]
    assert found[b"unsupervised/2"]["text"] == b"first"
    assert {record["label"] for record in found.values()} == {-1}


def test_id_is_split_and_line(write, tmp_path):
    train = write('text,label\n"a\nb",x\n\nc,y\n')
    builder = tfds.builder_from_directory(build("text_files", tmp_path / "data", train_file=train))

    records = builder.as_dataset(split="train").as_numpy_iterator()
    assert {record["id"]: record["text"] for record in records} == {
        b"train/2": b"a\nb",
        b"train/5": b"c",
    }


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["neg", "pos", "neg"], ["neg", "pos"]),
        (["10", "9", "-1", "100"], ["-1", "9", "10", "100"]),
        (["b", "10", "a", "9"], ["9", "10", "a", "b"]),
        ([" b ", "b", "ä"], ["b", "ä"]),
    ],
)
def test_classes_are_in_order(write, tmp_path, labels, classes):
    train = write("text,label\n" + "".join(f"x{i},{y}\n" for i, y in enumerate(labels)))
    builder = tfds.builder_from_directory(build("text_files", tmp_path / "data", train_file=train))

    assert builder.info.features["label"].names == classes
    counts = [0] * len(classes)
    for record in builder.as_dataset(split="train").as_numpy_iterator():
        counts[record["label"]] += 1
    assert counts == [[label.strip() for label in labels].count(name) for name in classes]


@pytest.mark.parametrize("split", ["validation_file", "test_file"])
def test_label_that_training_lacks_is_an_error(write, tmp_path, split):
    train = write("text,label\na,1\nb,2\n")
    other = write("text,label\na,1\n\nb,3\n", "other.csv")

    with pytest.raises(SourceError, match=f"{other}, line 4: label '3' does not occur in {train}"):
        build("text_files", tmp_path / "data", train_file=train, **{split: other})
    assert not list((tmp_path / "data").rglob("*.tfrecord*"))


def test_one_class_is_an_error(write, tmp_path):
    train = write("text,label\na,1\nb,1\n")

    with pytest.raises(SourceError, match=f"{train}: every label is '1'; expected at least two"):
        build("text_files", tmp_path / "data", train_file=train)


def test_changed_content_is_built_anew_and_unchanged_content_is_not(write, tmp_path):
    train = write("text,label\na,1\nb,2\n")
    first = build("text_files", tmp_path / "data", train_file=train)
    before = {file: file.stat().st_mtime_ns for file in first.iterdir()}

    copy = write(train.read_bytes(), "copy.csv")
    assert build("text_files", tmp_path / "data", train_file=copy) == first
    assert {file: file.stat().st_mtime_ns for file in first.iterdir()} == before

    write("text,label\na,1\nc,2\n")
    second = build("text_files", tmp_path / "data", train_file=train)
    assert second != first
    # The same file as another split, or read as another format, is another data set.
    third = build("text_files", tmp_path / "data", train_file=train, test_file=train)
    fourth = build("text_files", tmp_path / "data", train_file=train, validation_file=train)
    assert len({first, second, third, fourth}) == 4


def test_command_sums_up_many_classes(write, tmp_path, capsys):
    train = write("text,label\n" + "".join(f"x,{i % 12}\n" for i in range(30)))

    assert main(["text_files", f"--train_file={train}", f"--data_dir={tmp_path / 'data'}"]) == 0
    assert capsys.readouterr().out.strip().endswith("12 classes of 2 to 3")

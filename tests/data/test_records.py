import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from nrnm_keras.data.records import Records
from pipelines.errors import SourceError
from pipelines.text_files.builder import TextFiles

ROWS = [(f"text {i}", "ab"[i % 2]) for i in range(40)]


def texts(records, split):
    return {record["text"].decode() for record in records.read(split).as_numpy_iterator()}


def in_groups_of(size):
    """The number in a record's text, the same for `size` texts: 0 0 1 1 2 2 ... for pairs."""

    def number(record):
        text = tf.strings.substr(record["text"], 5, -1)
        return tf.strings.to_number(text, tf.int64) // size

    return number


def test_validation_is_a_part_of_train_and_disjoint_from_it(build_records):
    path = build_records(train=ROWS, test=[("x", "a")])
    records = Records(path, validation_fraction=0.25)
    assert records.sizes == {"train": 30, "validation": 10, "test": 1}
    train, validation = texts(records, "train"), texts(records, "validation")
    assert (len(train), len(validation)) == (30, 10)
    assert train | validation == {text for text, _ in ROWS}
    assert validation == texts(Records(path, 0.25), "validation")
    assert texts(records, "test") == {"x"}


def test_records_of_near_numbers_stay_together(build_records):
    records = Records(build_records(train=ROWS), 0.25, number=in_groups_of(2))
    assert texts(records, "validation") == {f"text {i}" for i in range(30, 40)}
    assert texts(records, "train") == {f"text {i}" for i in range(30)}
    assert records.sizes == {"train": 30, "validation": 10}


def test_records_of_one_number_are_not_torn_apart(build_records):
    records = Records(build_records(train=ROWS), 0.25, number=in_groups_of(8))
    assert texts(records, "validation") == {f"text {i}" for i in range(24, 40)}
    assert records.sizes == {"train": 24, "validation": 16}


def test_own_validation_split_is_used(build_records):
    records = Records(build_records(train=ROWS, validation=[("y", "a"), ("z", "b")]), 0.25)
    assert records.sizes == {"train": 40, "validation": 2}
    assert texts(records, "validation") == {"y", "z"}


def test_a_small_fraction_still_gives_one_example(build_records):
    assert Records(build_records(train=ROWS[:2]), 0.01).sizes == {"train": 1, "validation": 1}


def test_too_few_examples(build_records):
    with pytest.raises(ValueError, match="2 training examples"):
        Records(build_records(train=ROWS[:2]), 0.9)


@pytest.fixture
def records_of_several_files(tmp_path, write_csv):
    """The folder of a build whose training records lie in three shards."""
    builder = TextFiles(train_file=write_csv("train.csv", ROWS), data_dir=tmp_path / "data")
    configuration = tfds.download.DownloadConfig(num_shards=3)
    builder.download_and_prepare(download_config=configuration)
    assert builder.info.splits["train"].num_shards == 3
    return builder.data_dir


def parts_of(records, split, num_parts):
    """The texts of each part, in order; `read` has promised their number."""
    parts = []
    for part in range(num_parts):
        dataset = records.read(split, part, num_parts)
        parts.append([record["text"].decode() for record in dataset.as_numpy_iterator()])
        assert int(dataset.cardinality()) == len(parts[-1])
    return parts


@pytest.mark.parametrize("number", [None, in_groups_of(3)])
@pytest.mark.parametrize("num_parts", [2, 7])
def test_parts_are_disjoint_equal_and_together_everything(
    records_of_several_files, number, num_parts
):
    records = Records(records_of_several_files, 0.25, number)
    for split in ("train", "validation"):
        parts = parts_of(records, split, num_parts)
        (whole,) = parts_of(records, split, 1)
        assert sum(parts, []) == whole and len(set(whole)) == records.sizes[split]
        sizes = [len(part) for part in parts]
        assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("name", ["dataset_info.json", "features.json"])
@pytest.mark.parametrize("content", ["", "{}", "[]"])
def test_what_tfds_cannot_read_is_one_line(build_records, name, content):
    path = build_records(train=ROWS)
    (path / name).write_text(content)

    with pytest.raises(SourceError, match=f"^{path}: .*{name} .*damaged .*build again$") as error:
        Records(path)
    assert "\n" not in str(error.value)

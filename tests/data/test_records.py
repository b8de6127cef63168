import numpy as np
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


UNEVEN = [(f"text {i}", "aaaab"[i % 5]) for i in range(40)]  # 32 of a, 8 of b


def labels(records, split):
    return np.bincount([record["label"] for record in records.read(split).as_numpy_iterator()])


def test_stratified_validation_has_the_same_fraction_of_each_class(build_records):
    records = Records(build_records(train=UNEVEN), 0.25, stratified=True)
    assert labels(records, "train").tolist() == [24, 6]
    assert labels(records, "validation").tolist() == [8, 2]
    assert texts(records, "train") | texts(records, "validation") == {text for text, _ in UNEVEN}


def test_stratified_validation_of_a_small_fraction_has_one_example(build_records):
    records = Records(build_records(train=UNEVEN), 0.001, stratified=True)
    assert records.sizes == {"train": 39, "validation": 1}


def test_folds_share_out_each_class(build_records):
    path = build_records(train=UNEVEN)
    folds = [Records(path, folds=3).fold(index) for index in range(3)]
    validated = [texts(each, "validation") for each in folds]
    assert sorted(text for part in validated for text in part) == sorted(t for t, _ in UNEVEN)
    for each, part in zip(folds, validated, strict=True):
        assert texts(each, "train") == {text for text, _ in UNEVEN} - part
        assert labels(each, "validation")[0] in (10, 11) and labels(each, "validation")[1] in (2, 3)
    assert Records(path, folds=3).sizes == {"train": 40}


@pytest.mark.parametrize("num_parts", [1, 2, 7])
def test_scattered_splits_are_read_in_parts(records_of_several_files, num_parts):
    records = Records(records_of_several_files, 0.25, stratified=True)
    for split in ("train", "validation"):
        whole = [r["text"] for r in records.read(split).as_numpy_iterator()]
        parts = [
            list(records.read(split, i, num_parts).as_numpy_iterator()) for i in range(num_parts)
        ]
        assert [r["text"] for part in parts for r in part] == whole
        assert len(set(whole)) == records.sizes[split]


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

import pytest
import tensorflow as tf

from nrnm_keras.tasks.records import Records

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

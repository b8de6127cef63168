"""ListOps: expressions and their values, against a parser and by hand."""

import collections
import statistics

import numpy as np
import pytest
import tensorflow_datasets as tfds

from pipelines.build import build
from pipelines.errors import SourceError
from pipelines.listops.expressions import TOKENS, draw_expression
from pipelines.verify import verify

SMALL = {"min_length": 3, "max_length": 30}
COUNTS = {"num_train": 40, "num_validation": 12, "num_test": 10}


def parse(words):
    """Returns the value and the depth of the expression that a list of words begins with."""
    word = words.pop(0)
    if word.isdigit():
        return int(word), 1
    arguments = []
    while words[0] != "]":
        arguments.append(parse(words))
    words.pop(0)
    values, depths = zip(*arguments, strict=True)
    assert 2 <= len(values) <= 10
    value = {
        "[MIN": sorted(values)[0],
        "[MAX": sorted(values)[-1],
        "[MED": int(np.floor(np.median(values))),
        "[SM": sum(values) - sum(values) // 10 * 10,
    }[word]
    return value, 1 + max(depths)


def words_of(tokens):
    return [TOKENS[token - 1] for token in tokens]


def test_the_parser_of_these_tests():
    """The example of the Long Range Arena (Tay et al. 2021, section 2.2.1), and others by hand."""
    long = "[MAX 4 3 [MIN 2 3 ] 1 0 [MED 1 5 8 9 2 ] ]"
    assert parse(long.split()) == (5, 3)
    assert parse("[MAX 2 9 [MIN 4 7 ] 0 ]".split()) == (9, 3)
    assert parse("[MED 1 2 ]".split()) == (1, 2)
    assert parse("[SM 9 [SM 9 9 ] 5 ]".split()) == (2, 3)


@pytest.mark.parametrize("sizes", [{}, SMALL, {"min_length": 1, "max_length": 60, "max_depth": 3}])
def test_values_depths_and_lengths(sizes):
    for seed in range(300):
        tokens, value = draw_expression(seed, **sizes)
        words = words_of(tokens)
        expected, depth = parse(words)
        assert not words, "something follows the expression"
        assert value == expected
        assert sizes.get("min_length", 500) <= len(tokens) <= sizes.get("max_length", 2000)
        assert depth <= sizes.get("max_depth", 10)


def test_a_quarter_of_the_arguments_are_operations():
    """Of expressions of depth 2, whose choice by length cannot change that: the root's kinds."""
    drawn = [draw_expression(seed, 1, 12, max_depth=2) for seed in range(4000)]
    operations = [words_of(tokens) for tokens, _ in drawn if len(tokens) > 1]
    assert len(operations) / 4000 == pytest.approx(0.25, abs=0.03)
    kinds = collections.Counter(words[0] for words in operations)
    assert len(kinds) == 4 and max(kinds.values()) / len(operations) < 0.3
    counts = collections.Counter(len(words) - 2 for words in operations)
    assert set(counts) == set(range(2, 11)) and max(counts.values()) / len(operations) < 0.16
    digits = collections.Counter(word for words in operations for word in words[1:-1])
    assert max(digits.values()) < 1.2 * statistics.mean(digits.values())


def test_the_same_seed_draws_the_same():
    assert draw_expression("0/train/3") == draw_expression("0/train/3")
    assert draw_expression("0/train/3") != draw_expression("0/train/4")


def test_build_as_a_reader_sees_it(tmp_path):
    path = build("listops", tmp_path, **SMALL, **COUNTS)
    builder = tfds.builder_from_directory(path)
    assert tuple(builder.info.metadata["tokens"]) == TOKENS
    seen = []
    for split, count in (("train", 40), ("validation", 12), ("test", 10)):
        records = list(builder.as_dataset(split=split).as_numpy_iterator())
        assert {r["id"].decode() for r in records} == {f"{split}/{i}" for i in range(count)}
        for record in records:
            assert parse(words_of(record["sequence"]))[0] == record["target"]
            assert 3 <= len(record["sequence"]) <= 30
            seen.append(record["sequence"].tobytes())
    assert len(set(seen)) == len(seen)
    report = verify(path)
    assert report.problems == report.warnings == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_test": 0}, "num_test=0; expected at least 1"),
        ({"min_length": 0}, "min_length=0; expected at least 1"),
        ({"min_length": 9, "max_length": 8}, "max_length=8; expected at least 9"),
        ({"max_arguments": 1}, "max_arguments=1; expected at least 2"),
        ({"seed": -1}, "seed=-1; expected at least 0"),
        ({"min_length": 2, "max_length": 3}, "no expression of 2 to 3 tokens in 100,000 draws"),
        ({"min_length": 1, "max_length": 1}, "train: there are hardly more than 10 different"),
    ],
)
def test_bad_options(options, message, tmp_path):
    with pytest.raises(SourceError, match=f"^{message}"):
        build("listops", tmp_path, **SMALL | COUNTS | options)
    assert not list(tmp_path.rglob("*.tfrecord*"))

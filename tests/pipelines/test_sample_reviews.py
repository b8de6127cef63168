import re
from collections import Counter

import numpy as np
import pytest
import tensorflow_datasets as tfds

from pipelines.build import build
from pipelines.sample_reviews.generate import OPINIONS, generate_reviews

OPINION_LABELS = {
    word: label for pair in OPINIONS.values() for label in (0, 1) for word in pair[label]
}


def words(text):
    return re.findall(r"[a-z']+", text.lower())


@pytest.fixture(scope="module")
def train():
    return list(generate_reviews(4000, split="train"))


@pytest.fixture(scope="module")
def test():
    return list(generate_reviews(1000, split="test"))


def test_classes_are_balanced_and_half_of_each_misleads(train):
    assert Counter((review.label, review.misleading) for review in train) == {
        (label, misleading): 1000 for label in (0, 1) for misleading in (False, True)
    }


def test_first_opinion_is_the_class_and_comes_early(train, test):
    for review in train + test:
        opinions = [word for word in words(review.text) if word in OPINION_LABELS]
        assert OPINION_LABELS[opinions[0]] == review.label
        first_sentences = re.split(r"(?<=\.) ", review.text)[:3]
        assert opinions[0] in words(" ".join(first_sentences))


def test_misleading_end_is_the_other_opinion_in_the_last_sentence(train):
    for review in train:
        opinions = [word for word in words(review.text) if word in OPINION_LABELS]
        if review.misleading:
            assert [OPINION_LABELS[word] for word in opinions] == [review.label, 1 - review.label]
            assert opinions[1] in words(re.split(r"(?<=\.) ", review.text)[-1])
        else:
            assert {OPINION_LABELS[word] for word in opinions} == {review.label}


def test_misleading_reviews_use_the_words_of_both_classes_equally(train):
    counts = {
        label: Counter(
            word
            for review in train
            if review.misleading and review.label == label
            for word in words(review.text)
            if word in OPINION_LABELS
        )
        for label in (0, 1)
    }
    for word in OPINION_LABELS:
        # 2,000 draws from 4 lists of 4 words give 125 +- 11 of each word.
        assert abs(counts[0][word] - counts[1][word]) < 5 * np.sqrt(2) * 11


def test_words_without_their_order_do_not_tell_the_class(train, test):
    vocabulary = {
        word: index for index, word in enumerate({w for r in train for w in words(r.text)})
    }
    counts = np.ones((2, len(vocabulary)))  # Laplace smoothing
    for review in train:
        for word in words(review.text):
            counts[review.label, vocabulary[word]] += 1
    weights = np.diff(np.log(counts / counts.sum(axis=1, keepdims=True)), axis=0)[0]
    correct = sum(
        (sum(weights[vocabulary[w]] for w in words(review.text) if w in vocabulary) > 0)
        == review.label
        for review in test
    )

    assert 0.6 < correct / len(test) < 0.8


def test_reviews_are_long_and_rich_in_words(train):
    lengths = [len(review.text.split()) for review in train]
    assert min(lengths) >= 120
    assert max(lengths) <= 210
    assert len({word for review in train for word in words(review.text)}) > 500
    assert len({review.text for review in train}) == len(train)


def test_text_has_no_loose_ends(train):
    for review in train:
        assert not re.search(r"[{}]|  |\ba [aeiou]|\ban [^aeiou]", review.text, re.IGNORECASE)
        assert all(sentence[0].isupper() for sentence in re.split(r"(?<=\.) ", review.text))


def test_rating_agrees_with_the_class(train):
    assert {review.rating for review in train if review.label} == {7, 8, 9, 10}
    assert {review.rating for review in train if not review.label} == {1, 2, 3, 4}


def test_seed_and_split_make_other_reviews_and_the_count_does_not(train):
    assert list(generate_reviews(20, split="train")) == train[:20]
    for other in (
        generate_reviews(20, split="train", seed=1),
        generate_reviews(20, split="test"),
    ):
        assert not {review.text for review in other} & {review.text for review in train}


def test_records_hold_the_reviews(tmp_path):
    path = build("sample_reviews", tmp_path, num_train=10, num_test=5, seed=3)
    builder = tfds.builder_from_directory(path)

    for split, count in (("train", 10), ("test", 5)):
        records = {
            example["id"].decode(): example
            for example in builder.as_dataset(split=split).as_numpy_iterator()
        }
        expected = list(generate_reviews(count, split=split, seed=3))
        assert set(records) == {f"{split}/{index}" for index in range(count)}
        for index, review in enumerate(expected):
            record = records[f"{split}/{index}"]
            assert record["text"].decode() == review.text
            assert (record["label"], record["rating"]) == (review.label, review.rating)


def test_other_options_make_other_builds(tmp_path):
    first = build("sample_reviews", tmp_path, num_train=2, num_test=2)

    assert build("sample_reviews", tmp_path, num_train=2, num_test=2, seed=0) == first
    for options in ({"num_train": 3}, {"num_test": 3}, {"seed": 1}):
        assert (
            build("sample_reviews", tmp_path, **{"num_train": 2, "num_test": 2} | options) != first
        )
    assert first.exists()

import random
import re
from collections import Counter

import numpy as np
import pytest
import tensorflow_datasets as tfds

from pipelines.build import build
from pipelines.sample_reviews import opinions, short_reviews
from pipelines.sample_reviews.generate import generate_reviews
from pipelines.sample_reviews.opinions import OPINIONS

OPINION_LABELS = {
    word: label for pair in OPINIONS.values() for label in (0, 1) for word in pair[label]
}


def words(text):
    return re.findall(r"[a-z']+", text.lower())


def long_ones(reviews):
    return [review for review in reviews if review.kind != "short"]


def short_ones(reviews):
    return [review for review in reviews if review.kind == "short"]


@pytest.fixture(scope="module")
def train():
    return list(generate_reviews(4000, split="train"))


@pytest.fixture(scope="module")
def test():
    return list(generate_reviews(1000, split="test"))


def test_classes_are_balanced_and_half_are_short_and_a_third_of_the_others_misleads(train):
    assert Counter((review.label, review.kind) for review in train) == {
        (label, kind): count
        for label in (0, 1)
        for kind, count in (
            *(("misleading", 334), ("agreeing", 333), ("without a report", 333)),
            ("short", 1000),
        )
    }


def test_first_opinion_is_the_class_and_comes_early(train, test):
    for review in long_ones(train + test):
        opinions = [word for word in words(review.text) if word in OPINION_LABELS]
        assert OPINION_LABELS[opinions[0]] == review.label
        first_sentences = re.split(r"(?<=\.) ", review.text)[:3]
        assert opinions[0] in words(" ".join(first_sentences))


def test_misleading_end_is_the_other_opinion_in_the_last_sentence(train):
    for review in long_ones(train):
        opinions = [word for word in words(review.text) if word in OPINION_LABELS]
        if review.kind == "misleading":
            assert [OPINION_LABELS[word] for word in opinions] == [review.label, 1 - review.label]
            assert opinions[1] in words(re.split(r"(?<=\.) ", review.text)[-1])
        else:
            assert {OPINION_LABELS[word] for word in opinions} == {review.label}


def test_misleading_reviews_use_the_words_of_both_classes_equally(train):
    counts = {
        label: Counter(
            word
            for review in train
            if review.kind == "misleading" and review.label == label
            for word in words(review.text)
            if word in OPINION_LABELS
        )
        for label in (0, 1)
    }
    for word in OPINION_LABELS:
        # 334 draws from lists of 4 and of 12 words give at most 21 +- 4.6 of each word.
        assert abs(counts[0][word] - counts[1][word]) < 5 * np.sqrt(2) * 4.6


def test_words_without_their_order_do_not_tell_the_class(train, test):
    vocabulary = {
        word: index for index, word in enumerate({w for r in train for w in words(r.text)})
    }
    train, test = long_ones(train), long_ones(test)
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

    assert 0.6 < correct / len(test) < 0.9


def test_long_reviews_are_rich_in_words(train):
    train = long_ones(train)
    lengths = [len(review.text.split()) for review in train]
    assert min(lengths) >= 140
    assert max(lengths) <= 220
    assert len({word for review in train for word in words(review.text)}) > 500
    assert len({review.text for review in train}) == len(train)


def test_short_reviews_have_from_one_word_to_a_few_sentences_in_many_registers(train):
    texts = [review.text for review in short_ones(train)]
    lengths = np.array([len(text.split()) for text in texts])
    assert lengths.min() == 1 and lengths.max() < 100
    assert 0.3 < np.mean(lengths < 6) < 0.6 < np.mean(lengths <= 14) < 0.9
    assert len(set(texts)) > 0.95 * len(texts)
    for share, is_of_kind in (
        (0.15, str.isupper),
        (0.05, str.islower),
        (0.2, lambda text: "!" in text),
        (0.05, lambda text: re.search(r"\w+, \w+(,| and) \w+", text)),  # lists of adjectives
        (0.1, lambda text: re.search(r"\b(not|never|n't|far from)\b|n't", text.lower())),
        (0.05, lambda text: text.startswith(("In my opinion", "Overall", "All in all", "I must"))),
    ):
        assert np.mean([bool(is_of_kind(text)) for text in texts]) > share


@pytest.mark.parametrize("label", [0, 1])
def test_every_word_with_an_opinion_is_learned_from_short_reviews(train, label):
    counts = Counter(word for review in short_ones(train) for word in words(review.text))
    tables = (opinions.ADJECTIVES, opinions.VERBS, opinions.PRESENT)
    known = {word for table in tables for entry in table[label] for word in words(entry)}
    assert len(known) > 70 and not [word for word in known if counts[word] < 2]


def test_words_of_one_class_are_not_those_of_the_other():
    for table in (
        *(opinions.ADJECTIVES, opinions.VERBS, opinions.PRESENT, opinions.SUPERLATIVES),
        *(opinions.NOUNS, opinions.BARE_NOUNS, opinions.PHRASES),
    ):
        negative, positive = table
        assert len(negative) == len(positive) and not set(negative) & set(positive)


def test_negation_turns_an_opinion_around():
    for label, others in ((0, opinions.ADJECTIVES[1]), (1, opinions.ADJECTIVES[0])):
        for number in range(50):
            text = short_reviews._filled(random.Random(number), "not {not_adjective}", label)
            assert text.removeprefix("not ") in others


def test_no_short_text_is_in_the_training_and_the_test_split(train, test):
    texts = [
        {" ".join(re.findall(r"\w+", review.text.lower())) for review in short_ones(part)}
        for part in (train, test)
    ]
    assert not texts[0] & texts[1]


def test_text_has_no_loose_ends(train):
    for review in train:
        assert not re.search(r"[{}]|  |\ba [aeiou]|\ban [^aeiou]", review.text, re.IGNORECASE)
        if not review.text.islower():
            assert not any(
                sentence[0].islower() for sentence in re.split(r"(?<=\w\.) ", review.text)
            )


def test_rating_agrees_with_the_class(train):
    assert {review.rating for review in train if review.label} == {7, 8, 9, 10}
    assert {review.rating for review in train if not review.label} == {1, 2, 3, 4}


def test_seed_and_split_make_other_reviews_and_the_count_does_not(train):
    assert list(generate_reviews(20, split="train")) == train[:20]
    for other in (
        generate_reviews(20, split="train", seed=1),
        generate_reviews(20, split="test"),
    ):
        texts = {review.text for review in long_ones(other)}
        assert len(texts) == 10 and not texts & {review.text for review in train}


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

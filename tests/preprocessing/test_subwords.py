"""Subwords of a `TextPreprocessor`."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf

from nrnm_keras.preprocessing import TextPreprocessor
from nrnm_keras.preprocessing.subwords import learn_subwords
from tests.unspaced_texts import unspaced_texts

SENTENCES = ["The unbeliever believed", "believing is unbelievable!", "Isn't a believer good?"] * 3


def preprocessor_of(vocabulary, **options):
    preprocessor = TextPreprocessor(tokens="subwords", **options)
    preprocessor.lookup.set_vocabulary(vocabulary)
    return preprocessor


def adapted(texts, size=200, **options):
    preprocessor = TextPreprocessor(size, tokens="subwords", **options)
    preprocessor.adapt(texts)
    return preprocessor


def tokens_of(preprocessor, texts):
    rows = preprocessor.tokenize(texts).to_list()
    return [[token.decode() for token in row] for row in rows]


def longest_match(text, pieces):
    """The pieces of a text by the definition, one after another."""
    found = []
    for word in ("▁" + word for word in text.split()):
        while word:
            lengths = [n for n in range(1, len(word) + 1) if n == 1 or word[:n] in pieces]
            found.append(word[: max(lengths)])
            word = word[max(lengths) :]
    return found or ["[UNK]"]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Unbelievable", "▁un believ able"),
        ("un able", "▁un ▁ able"),
        ("believable, unable!", "▁ believ able ▁un able ▁ !"),
        ("unable▁un ▁", "▁un able ▁un"),  # the mark in a text is no letter
        ("好电影 電", "▁ 好 电影 ▁ 電"),
        ("", "[UNK]"),
        (" ...", "[UNK]"),
        ("q", "▁ q"),
    ],
)
def test_words_are_split_into_their_longest_pieces(text, tokens):
    pieces = ["▁un", "▁", "believ", "able", "a", "b", "l", "e", "be", "电影", "!"]
    assert tokens_of(preprocessor_of(pieces), [text, "un"]) == [tokens.split(), ["▁un"]]


def test_any_texts_and_pieces_agree_with_the_definition():
    source = random.Random(0)

    def word(longest):
        return "".join(source.choice("abกา") for _ in range(source.randint(1, longest)))

    for _ in range(20):
        pieces = {source.choice(["", "▁"]) + word(5) for _ in range(20)}
        texts = [" ".join(word(30) for _ in range(source.randrange(5))) for _ in range(6)]
        expected = [longest_match(text, pieces) for text in texts]
        assert tokens_of(preprocessor_of(sorted(pieces)), texts) == expected


def test_every_character_and_common_pieces_are_learned():
    preprocessor = adapted(SENTENCES)
    vocabulary = preprocessor.vocabulary
    assert vocabulary[:2] == ["", "[UNK]"] and len(set(vocabulary)) == len(vocabulary)
    assert set("thunbelivrdsgao'!?") < set(vocabulary)
    (tokens,) = tokens_of(preprocessor, ["Unbelieving rats"])
    assert "".join(tokens) == "▁unbelieving▁rats" and len(tokens) < 17
    assert not np.any(np.asarray(preprocessor(["Unbelieving rats"])) == 1)
    assert adapted(SENTENCES).vocabulary == vocabulary


@pytest.mark.parametrize("texts", [[""], ["a"], ["a b", "..."], ["很好 电影"], ["abcdefghij" * 9]])
@pytest.mark.parametrize("size", [3, 4, 8, 1000])
def test_any_texts_have_a_vocabulary_of_any_size(texts, size):
    preprocessor = adapted(texts, size)
    assert 3 <= len(preprocessor.vocabulary) <= size
    assert preprocessor(texts).shape[0] == len(texts)


def test_the_most_frequent_characters_are_kept():
    assert set(learn_subwords(["aaaa bbb cc d"], 3)) == {"▁", "a", "b"}


def test_very_long_words_are_split():
    source = random.Random(0)
    texts = ["".join(source.choice("acgt") for _ in range(5000)) for _ in range(20)]
    preprocessor = adapted(texts[:10], max_length=5000)
    tokens = tokens_of(preprocessor, texts)
    assert ["".join(row) for row in tokens] == ["▁" + text for text in texts]
    assert all(len(row) < 2500 for row in tokens)
    assert not np.any(np.asarray(preprocessor(texts)) == 1)


def test_same_ids_in_tf_data_in_a_model_and_saved(tmp_path):
    texts, _ = unspaced_texts(50)
    preprocessor = adapted(texts, max_length=12)
    texts = [*texts[:5], "", "Other letters", "ก"]
    expected = preprocessor(texts)
    assert expected.shape == (8, 12) and expected.dtype == "int32"
    dataset = tf.data.Dataset.from_tensor_slices(texts).batch(8)
    np.testing.assert_array_equal(next(iter(dataset.map(preprocessor))), expected)
    inputs = keras.Input((), dtype="string")
    model = keras.Model(inputs, preprocessor(inputs))
    np.testing.assert_array_equal(model.predict(dataset, verbose=0), expected)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(loaded(tf.constant(texts)), expected)
    assert loaded.layers[-1].tokens == "subwords"


def test_layers_of_older_versions_split_into_words():
    config = TextPreprocessor().get_config()
    del config["tokens"]
    assert TextPreprocessor.from_config(config).tokens == "words"


def test_other_tokens_are_refused():
    with pytest.raises(ValueError, match="one of .* Received: tokens='letters'"):
        TextPreprocessor(tokens="letters")

import keras
import numpy as np
import pytest
import tensorflow as tf

from nrnm_keras.preprocessing import TextPreprocessor


def tokens_of(texts, **arguments):
    """The tokens that a preprocessor splits texts into, as lists of strings."""
    rows = TextPreprocessor(**arguments).tokenize(texts).to_list()
    return [[token.decode() for token in row] for row in rows]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("A good film.", "a good film"),
        ("One.<br /><br />Two<br>three<BR/>four", "one two three four"),
        ("Didn't, DON’T and can't!", "did n't do n't and ca n't !"),
        ("It's his; I'm she'll they're we've he'd", "it 's his i 'm she 'll they 're we 've he 'd"),
        ("'Quoted words' and ''two''", "quoted words and two"),
        ("the dogs' O'Brien rock 'n' roll", "the dogs o'brien rock n roll"),
        ("What?!! No??", "what ? ! no ?"),
        ('10/10, 3-D: "great" (really)…', "10 10 3 d great really"),
        ("TRÈS bien, ÄÖÜ straße", "très bien äöü straße"),
        ("Good\U0001f600film ❤", "good \U0001f600 film ❤"),
        ("很好 film, ですよ", "很 好 film で す よ"),
        ("a\u00a0b\u2028c\td\r\ne", "a b c d e"),
        ("snake_case & <tag>", "snake case tag"),
    ],
)
def test_normalisation(text, tokens):
    assert tokens_of([text]) == [tokens.split()]


@pytest.mark.parametrize("text", ["", "  ", "...", "<br />", "'", b"\xff\xfe"])
def test_text_without_tokens_is_one_unknown_token(text):
    preprocessor = TextPreprocessor()
    preprocessor.adapt(["one two"])
    np.testing.assert_array_equal(preprocessor(tf.constant([text])), [[1]])


def test_bytes_that_are_not_utf8_lose_nothing_else():
    assert tokens_of(tf.constant([b"good \xff\xc3 film"])) == [["good", "film"]]


@pytest.mark.parametrize(
    ("head_fraction", "kept"),
    [(0.0, "defg"), (0.25, "aefg"), (0.5, "abfg"), (0.7, "abfg"), (0.75, "abcg"), (1.0, "abcd")],
)
def test_truncation_keeps_both_ends(head_fraction, kept):
    preprocessor = TextPreprocessor(max_length=4, head_fraction=head_fraction)
    tokens = tf.ragged.constant([list("abcdefg"), list("abcd"), ["a"], list("abcde")])
    rows = [b"".join(row).decode() for row in preprocessor.truncate(tokens).to_list()]
    assert rows[:3] == [kept, "abcd", "a"]
    assert len(rows[3]) == 4 and set(rows[3]) < set("abcde")


def test_ids_follow_frequency_with_padding_on_the_right():
    preprocessor = TextPreprocessor()
    preprocessor.adapt(["b b b c", "c a!", "c b"])  # b 4, c 3, then a and ! once
    assert preprocessor.vocabulary[:4] == ["", "[UNK]", "b", "c"]
    for texts in (["C zebra B", "b"], np.array(["C zebra B", "b"])):
        ids = preprocessor(texts)
        assert ids.dtype == "int32"
        np.testing.assert_array_equal(ids, [[3, 1, 2], [2, 0, 0]])


def test_vocabulary_keeps_the_most_frequent_tokens():
    preprocessor = TextPreprocessor(vocabulary_size=4)
    preprocessor.adapt(tf.data.Dataset.from_tensor_slices(["b b b c c a", "b c a a c c"]).batch(1))
    assert preprocessor.vocabulary == ["", "[UNK]", "c", "b"]


def test_vocabulary_counts_what_truncation_drops():
    preprocessor = TextPreprocessor(max_length=2)
    preprocessor.adapt(["a b c d e"])
    assert set("abcde") <= set(preprocessor.vocabulary)


def test_same_ids_in_tf_data_and_in_a_model():
    texts = ["One two three.", "Two?", "", "Four words are here"]
    preprocessor = TextPreprocessor(max_length=3)
    preprocessor.adapt(texts[:3])
    expected = preprocessor(texts)
    dataset = tf.data.Dataset.from_tensor_slices(texts).batch(4)
    np.testing.assert_array_equal(next(iter(dataset.map(preprocessor))), expected)
    np.testing.assert_array_equal(preprocessor.encode(texts).to_tensor(), expected)
    inputs = keras.Input((), dtype="string")
    model = keras.Model(inputs, preprocessor(inputs))
    np.testing.assert_array_equal(model.predict(dataset, verbose=0), expected)


def test_saved_with_its_vocabulary_and_loaded_in_safe_mode(tmp_path):
    preprocessor = TextPreprocessor(vocabulary_size=5, max_length=3, head_fraction=0.4)
    preprocessor.adapt(["très très bien bien bien 很 很 x y z"])
    inputs = keras.Input((), dtype="string")
    model = keras.Model(inputs, preprocessor(inputs))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    texts = tf.constant(["Bien 很 bien x très", "?"])
    np.testing.assert_array_equal(loaded(texts), model(texts))
    assert loaded.layers[-1].vocabulary == ["", "[UNK]", "bien", "很", "très"]
    config = loaded.layers[-1].get_config()
    assert (config["max_length"], config["head_fraction"]) == (3, 0.4)


@pytest.mark.parametrize(
    ("name", "value"),
    [("vocabulary_size", 2), ("max_length", 0), ("head_fraction", 1.5), ("head_fraction", -0.1)],
)
def test_unusable_arguments(name, value):
    with pytest.raises(ValueError, match=f"{name}.*{value}"):
        TextPreprocessor(**{name: value})

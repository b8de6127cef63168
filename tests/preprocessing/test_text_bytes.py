"""Bytes of a `TextPreprocessor`."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from nrnm_keras.preprocessing import TextPreprocessor
from nrnm_keras.preprocessing.text_bytes import BYTE_NAMES

TEXTS = [
    b"A <br />b!\n",
    b"",
    "caf\u00e9 \u2581 \U0001f600".encode(),
    b"\xff\x00\xfe",
    b" ",
]


def adapted(**options):
    preprocessor = TextPreprocessor(300, tokens="bytes", **options)
    preprocessor.adapt([text for text in TEXTS if text])
    return preprocessor


def test_every_byte_has_a_name_of_its_own():
    assert len(set(BYTE_NAMES)) == 256
    assert [BYTE_NAMES[byte] for byte in b"a \n\xe9"] == ["a", "\u2581", "<0x0A>", "<0xE9>"]


@pytest.mark.parametrize("text", TEXTS)
def test_texts_are_their_bytes_as_they_are(text):
    (tokens,) = adapted().tokenize([text]).to_list()
    names = [token.decode() for token in tokens]
    assert names == ([BYTE_NAMES[byte] for byte in text] or ["[UNK]"])


def test_ids_follow_frequency_and_no_byte_is_unknown():
    preprocessor = adapted()
    assert preprocessor.vocabulary[:2] == ["", "[UNK]"]
    assert len(preprocessor.vocabulary) == 2 + len(set(b"".join(TEXTS)))
    ids = preprocessor(TEXTS).numpy()
    assert ids.shape == (len(TEXTS), max(map(len, TEXTS)))
    assert (ids == 1).sum() == 1 and ids[1, 0] == 1  # of the empty text alone
    assert preprocessor([b"z"]).numpy().tolist() == [[1]]  # not in the texts


def test_long_texts_keep_both_ends():
    preprocessor = adapted(max_length=4, head_fraction=0.5)
    (tokens,) = preprocessor.truncate(preprocessor.tokenize(["a<br!b"])).to_list()
    assert b"".join(tokens) == b"a<!b"


def test_same_ids_in_tf_data_and_in_a_loaded_model(tmp_path):
    preprocessor = adapted()
    model = keras.Sequential([keras.Input((), dtype="string"), preprocessor])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    texts = tf.constant(TEXTS)
    batches = tf.data.Dataset.from_tensors(texts).map(preprocessor)
    np.testing.assert_array_equal(next(iter(batches)), preprocessor(texts))
    np.testing.assert_array_equal(loaded(texts), preprocessor(texts))
    assert loaded.layers[-1].tokens == "bytes"

import numpy as np

from nrnm_keras.inference.analysis.attention import attention_of_writes, attention_received
from nrnm_keras.inference.analysis.directions import recurrent_directions
from nrnm_keras.inference.analysis.text_reading import read_text
from tests.inference.analysis.common import backbone, text_model

TEXT = "A good film, unheard of: we laughed until the end of it."


def read(trained, text=TEXT):
    attentions = attention_of_writes(recurrent_directions(trained, [text]))
    return read_text(trained, [text], attentions)


def test_words_are_known_or_not():
    reading = read(text_model(backbone()))
    words = "a good film unheard of we laughed until the end of it".split()
    assert reading.words == words
    assert reading.is_known.tolist() == [word != "unheard" for word in words]
    assert reading.num_cut == 0


def test_attention_is_that_of_the_writes():
    trained = text_model(backbone())
    attentions = attention_of_writes(recurrent_directions(trained, [TEXT]))
    reading = read(trained)
    np.testing.assert_array_equal(reading.received, attention_received(attentions, 12))
    assert reading.has_attention
    assert not read(text_model(backbone(()))).has_attention


def test_says_where_words_were_left_out():
    reading = read(text_model(backbone(), max_length=6, head_fraction=0.4))
    assert reading.words == ["a", "good", "the", "end", "of", "it"]
    assert (reading.cut_at, reading.num_cut) == (2, 6)


def test_every_word_has_the_probability_after_it_or_after_the_next_that_has_one():
    reading = read(text_model(backbone()))
    running = reading.running.probabilities
    assert running[-1, reading.label] == running[-1].max()
    np.testing.assert_array_equal(reading.probability_by_word, running[:, reading.label])
    some = reading.running._replace(counts=np.array([3, 12]), probabilities=running[[2, 11]])
    by_word = reading._replace(running=some).probability_by_word
    np.testing.assert_array_equal(by_word, running[[2] * 3 + [11] * 9, reading.label])

"""NGramClassifier: its features by hand, masks, order of words, serialization."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from nrnm_keras.models.ngram_classifier import NGramClassifier

TOKENS = np.array([[2, 3, 4, 0], [4, 3, 2, 0], [2, 2, 3, 4], [4, 4, 3, 2]])
LABELS = np.array([0, 1, 0, 1])


def _fitted(**arguments):
    classifier = NGramClassifier(2, **arguments)
    classifier.fit(TOKENS, LABELS)
    return classifier


def test_the_order_of_words_counts_with_bigrams_only():
    assert ops.argmax(_fitted()(TOKENS), -1).numpy().tolist() == LABELS.tolist()
    np.testing.assert_allclose(np.exp(_fitted(max_size=1)(TOKENS[:2])), 0.5, atol=1e-3)


def test_log_probabilities_equal_those_of_tf_idf_by_hand():
    classifier = _fitted(max_size=1)
    kernel, bias = (ops.convert_to_numpy(x) for x in (classifier.kernel, classifier.bias))
    # Every word is in each of the four texts: idf 1, and three words share the norm.
    used = ops.convert_to_numpy(classifier.rarity).nonzero()[0]
    logits = kernel[used].sum(0) / np.sqrt(3) + bias
    expected = logits - np.log(np.exp(logits).sum())
    np.testing.assert_allclose(classifier(TOKENS[2:3])[0], expected, rtol=1e-5)
    assert len(used) == 3


def test_masked_tokens_are_left_out_wherever_they_are():
    classifier, noise = _fitted(), 9
    tokens = np.array([[noise, 2, noise, 3, 4, noise]])
    output = classifier(tokens, mask=tokens != noise)
    np.testing.assert_allclose(output, classifier(TOKENS[:1]), rtol=1e-6)


def test_unknown_words_alone_give_the_bias():
    classifier = _fitted()
    expected = ops.log_softmax(classifier.bias)
    for tokens in ([[8, 9]], [[0, 0]]):
        np.testing.assert_allclose(classifier(np.array(tokens))[0], expected, rtol=1e-6)


def test_a_saved_model_gives_the_same_numbers(tmp_path):
    classifier = _fitted()
    tokens = layers.Input((None,), dtype="int32")
    keras.Model(tokens, classifier(tokens)).save(tmp_path / "model.keras")
    restored = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(restored(TOKENS), classifier(TOKENS))
    assert not restored.trainable_variables


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="max_size=0"):
        NGramClassifier(2, max_size=0)
    with pytest.raises(ValueError, match="4 texts and 3 labels"):
        NGramClassifier(2).fit(TOKENS, LABELS[:3])

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
    assert np.argmax(_fitted()(TOKENS), -1).tolist() == LABELS.tolist()
    np.testing.assert_allclose(np.exp(_fitted(max_size=1)(TOKENS[:2])), 0.5, atol=1e-3)


def test_log_probabilities_equal_those_of_scikit_learn():
    text = pytest.importorskip("sklearn.feature_extraction.text")
    linear_model = pytest.importorskip("sklearn.linear_model")
    random = np.random.default_rng(0)
    labels = np.arange(60) % 3
    tokens = random.integers(2, 12, (60, 9)) + 3 * labels[:, np.newaxis]
    tokens[np.arange(9) >= random.integers(3, 10, (60, 1))] = 0
    train, test = tokens[:40], tokens[40:]
    classifier = NGramClassifier(3, inverse_penalty=5.0)
    classifier.fit(train, labels[:40])

    vectorizer = text.CountVectorizer(ngram_range=(1, 2), token_pattern=r"\d+", binary=True)
    counts = vectorizer.fit_transform(_sentences(train)).toarray()
    counts_of_test = vectorizer.transform(_sentences(test)).toarray()
    ratios = []
    for label in range(3):
        inside, outside = (counts[labels[:40] == label], counts[labels[:40] != label])
        share, other_share = ((1 + x.sum(0)) / (1 + x.sum(0)).sum() for x in (inside, outside))
        ratios.append(np.log(share / other_share) ** 2)
    weight = (np.log(41 / (1 + counts.sum(0))) + 1) * np.sqrt(np.mean(ratios, axis=0))
    features, features_of_test = (
        x * weight / np.linalg.norm(x * weight, axis=1, keepdims=True)
        for x in (counts, counts_of_test)
    )
    oracle = linear_model.LogisticRegression(C=5.0, tol=1e-6, max_iter=1000)
    oracle.fit(features, labels[:40])
    np.testing.assert_allclose(
        classifier(test), oracle.predict_log_proba(features_of_test), atol=5e-3
    )


def _sentences(tokens):
    return [" ".join(str(token) for token in row if token) for row in tokens]


def test_the_most_frequent_ngrams_are_kept():
    # Each of the three words is in all texts; no bigram is.
    classifier = _fitted(max_ngrams=3)
    assert classifier.num_ngrams == 3
    np.testing.assert_allclose(classifier(TOKENS[:1]), classifier(TOKENS[1:2]), rtol=1e-6)


def test_texts_without_tokens_are_fitted_too():
    classifier = NGramClassifier(2)
    classifier.fit(np.zeros((4, 3), int), np.array([0, 0, 0, 1]))
    assert classifier.num_ngrams == 0
    np.testing.assert_allclose(np.exp(classifier(TOKENS)[:, 0]), 0.75, atol=1e-2)


def test_hashes_of_many_ngrams_differ():
    tokens = np.random.default_rng(0).permutation(50_000).reshape(100, 500) + 2
    classifier = NGramClassifier(2, max_size=3, max_ngrams=200_000)
    classifier.fit(tokens, np.arange(100) % 2)
    # 2^32 hashes and n(n - 1) / 2 pairs: 2.6 expected to be the same.
    assert 100 * (500 + 499 + 498) - classifier.num_ngrams < 12


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
    with pytest.raises(ValueError, match="Call `fit` first"):
        NGramClassifier(2)(TOKENS)
    with pytest.raises(ValueError, match="fitted already"):
        _fitted().fit(TOKENS, LABELS)
    with pytest.raises(ValueError, match="max_size=0"):
        NGramClassifier(2, max_size=0)
    with pytest.raises(ValueError, match="4 texts and 3 labels"):
        NGramClassifier(2).fit(TOKENS, LABELS[:3])

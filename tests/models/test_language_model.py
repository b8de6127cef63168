import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers, ops

from nrnm_keras.models import LanguageModel, RecurrentBackbone, TransformerBackbone

VOCABULARY, SIZE, UNITS = 9, 4, 6
IDS = np.array([[3, 8, 1, 5, 5, 2, 7, 1], [2, 4, 6, 8, 1, 0, 0, 0], [7, 0, 0, 0, 0, 0, 0, 0]])
DIRECTIONS = pytest.mark.parametrize("bidirectional", [False, True])


def language_model(bidirectional=False, num_layers=1, **arguments):
    """A model with weights so large that everything matters, the memory's too."""
    backbone = RecurrentBackbone(
        UNITS,
        num_layers,
        nrnm_layers=[1],
        bidirectional=bidirectional,
        nrnm_options={"block_size": 2, "stride": 1, "num_heads": 2},
    )
    encoder = keras.Sequential(
        [keras.Input((None,), dtype="int32"), layers.Embedding(VOCABULARY, SIZE, mask_zero=True)]
    )
    encoder.add(backbone)
    model = LanguageModel(encoder, **arguments)
    model.build((None, None))
    random = np.random.default_rng(0)
    for weight in model.trainable_weights:
        weight.assign(random.normal(size=weight.shape, scale=0.7))
    return model


def softmax_of(model, context, projection):
    """The probabilities of all tokens but padding, with NumPy."""
    kernel, bias = map(ops.convert_to_numpy, projection.weights)
    matrix = ops.convert_to_numpy(model.embedding.embeddings)[1:]
    logits = matrix @ (context @ kernel + bias) + ops.convert_to_numpy(model.softmax.bias)[1:]
    return np.exp(logits) / np.exp(logits).sum()


@DIRECTIONS
def test_likelihoods_by_hand(bidirectional):
    model = language_model(bidirectional)
    found = np.array(model(IDS))
    for row, ids in enumerate(IDS):
        ids = ids[ids > 0]
        hidden = np.array(model.encoder(ids[None]))[0]
        nothing = np.zeros(UNITS)
        for t, token in enumerate(ids):
            context = hidden[t - 1, :UNITS] if t > 0 else nothing
            told = [softmax_of(model, context, model.projections[0])[token - 1]]
            if bidirectional:
                context = hidden[t + 1, UNITS:] if t + 1 < len(ids) else nothing
                told.append(softmax_of(model, context, model.projections[1])[token - 1])
            assert found[row, t] == pytest.approx(-np.log(told).mean(), rel=1e-4)
        assert not found[row, len(ids) :].any()


def test_tokens_are_told_from_those_before():
    model = language_model()
    changed = IDS.copy()
    changed[0, 4] = 6
    before, after = np.array(model(IDS))[0], np.array(model(changed))[0]
    np.testing.assert_array_equal(before[:4], after[:4])
    assert (np.abs(before - after)[4:] > 1e-6).all()


def test_no_direction_sees_the_token_that_it_tells():
    """Then the token's probabilities, summed over the vocabulary, would not be 1."""
    model = language_model(bidirectional=True)
    for place in range(IDS.shape[1]):
        versions = np.repeat(IDS[:1], VOCABULARY - 1, axis=0)
        versions[:, place] = np.arange(1, VOCABULARY)
        hidden = np.array(model.encoder(versions))
        contexts = list(model._contexts(hidden))
        likelihoods = [
            model.softmax(projection(context), versions)
            for projection, context in zip(model.projections, contexts, strict=True)
        ]
        for each in likelihoods:
            assert np.exp(-np.array(each)[:, place]).sum() == pytest.approx(1, rel=1e-4)


@DIRECTIONS
def test_probabilities_of_a_direction_sum_to_one_over_all_texts(bidirectional):
    """The chain rule: those of all texts of two tokens. Of two directions, each by itself."""
    model = language_model(bidirectional)
    texts = np.array([[a, b] for a in range(1, VOCABULARY) for b in range(1, VOCABULARY)])
    totals = []
    for projection, context in zip(
        model.projections, model._contexts(np.array(model.encoder(texts))), strict=True
    ):
        likelihoods = np.array(model.softmax(projection(context), texts))
        totals.append(np.exp(-likelihoods.sum(axis=1)).sum())
    np.testing.assert_allclose(totals, np.ones(1 + bidirectional), rtol=1e-4)


@DIRECTIONS
def test_padding_changes_nothing(bidirectional):
    model = language_model(bidirectional)
    longer = np.pad(IDS, [(0, 0), (0, 5)])
    np.testing.assert_allclose(model(longer)[:, :8], model(IDS), rtol=1e-5, atol=1e-6)
    assert not np.array(model(longer))[:, 8:].any()


def test_input_and_output_embedding_are_one_variable():
    model = language_model()
    shapes = [tuple(weight.shape) for weight in model.trainable_weights]
    assert shapes.count((VOCABULARY, SIZE)) == 1
    assert len({id(weight) for weight in model.weights}) == len(model.weights)
    assert model.softmax.embedding.embeddings is model.encoder.layers[0].embeddings


@DIRECTIONS
def test_saved_and_loaded_in_safe_mode(bidirectional, tmp_path):
    model = language_model(bidirectional, dropout=0.2, num_samples=3)
    network = keras.Sequential([keras.Input((None,), dtype="int32"), model])
    network.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    np.testing.assert_allclose(loaded(IDS), model(IDS), rtol=1e-6)
    (copy,) = loaded.layers
    assert (copy.dropout, copy.num_samples) == (0.2, 3)
    assert copy.softmax.embedding.embeddings is copy.encoder.layers[0].embeddings


def test_training_draws_samples_and_drops_hidden_states():
    whole = language_model()
    expected = np.array(whole(IDS))
    for arguments in ({"num_samples": 3}, {"dropout": 0.5}):
        model = language_model(**arguments)
        np.testing.assert_allclose(model(IDS), expected, rtol=1e-5)
        assert not np.allclose(model(IDS, training=True), expected, rtol=1e-2)
    np.testing.assert_allclose(whole(IDS, training=True), expected, rtol=1e-5)


def test_more_layers_in_both_directions_would_see_what_they_tell():
    with pytest.raises(ValueError, match="bidirectional=True, num_layers=2"):
        language_model(bidirectional=True, num_layers=2)
    assert language_model(num_layers=2)(IDS).shape == IDS.shape


def transformer(causal):
    backbone = TransformerBackbone(4, num_heads=2, causal=causal)
    return keras.Sequential([layers.Embedding(VOCABULARY, SIZE, mask_zero=True), backbone])


def test_transformer_would_see_what_it_tells():
    with pytest.raises(ValueError, match="Received: TransformerBackbone"):
        LanguageModel(transformer(causal=False))


def test_causal_transformer_tells_each_token_from_those_before():
    model = LanguageModel(transformer(causal=True))
    found = np.array(model(IDS))
    assert (found[IDS == 0] == 0).all() and (found[IDS > 0] > 0).all()
    for token in range(1, 8):
        changed = IDS[:1].copy()
        changed[0, token:] = 4
        np.testing.assert_allclose(model(changed)[0, :token], found[0, :token], rtol=1e-5)
        hidden = np.array(model.encoder(IDS[:1]))[0, token - 1]
        told = softmax_of(model, hidden, model.projections[0])[IDS[0, token] - 1]
        assert found[0, token] == pytest.approx(-np.log(told), rel=1e-4)


def compute():
    """What models give for the same ids and weights, as arrays. What is drawn does not count."""
    models = [language_model(bidirectional, num_samples=3) for bidirectional in (False, True)]
    results = [model(IDS) for model in models]
    results += [ops.isfinite(model(IDS, training=True)) for model in models]
    return [ops.convert_to_numpy(result) for result in results]


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_backends_give_the_same_numbers(backend, tmp_path):
    pytest.importorskip(backend)
    code = f"""
import sys
import numpy as np
from tests.models.test_language_model import compute
np.savez({str(tmp_path / "results.npz")!r}, *compute())
"""
    environment = {"KERAS_BACKEND": backend, "PYTHONPATH": os.getcwd()}
    subprocess.run([sys.executable, "-c", code], env={**os.environ, **environment}, check=True)
    with np.load(tmp_path / "results.npz") as results:
        for found, expected in zip(results.values(), compute(), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_likelihoods_are_float32_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = language_model(bidirectional=True, num_samples=3)
        for training in (False, True):
            likelihoods = model(IDS, training=training)
            assert keras.backend.standardize_dtype(likelihoods.dtype) == "float32"
        half = np.array(model(IDS))
    finally:
        keras.config.set_dtype_policy("float32")
    np.testing.assert_allclose(half, language_model(bidirectional=True)(IDS), rtol=0.1, atol=0.05)

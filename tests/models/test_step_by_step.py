"""Networks that are fed step by step give what they give for the whole of a sequence."""

import keras
import numpy as np
import pytest

from nrnm_keras.models import (
    LanguageModel,
    RecurrentBackbone,
    SequencePooling,
    SequenceSimilarity,
    StepClassifier,
    TransformerBackbone,
)
from nrnm_keras.models.step_by_step import StepByStep
from tests.layers.common import masks, randomize

SEQUENCES = np.random.default_rng(0).normal(size=(4, 11, 5)).astype("float32")
OPTIONS = {"block_size": 4, "stride": 2, "num_heads": 2}


def backbone(**options):
    return RecurrentBackbone(8, 2, [1], nrnm_options=OPTIONS, **options)


def run(layers, sequences, mask=None):
    """Yields the output after each step."""
    steps = StepByStep(layers)
    state = steps.initial_state(len(sequences))
    for t in range(sequences.shape[1]):
        here = None if mask is None else mask[:, t : t + 1]
        output, _, state = steps.step(sequences[:, t : t + 1], here, state)
        yield np.array(output)


@pytest.mark.parametrize("kind", [None, "right", "left", "holes"])
def test_tags_are_those_of_the_whole_sequence(kind):
    model = StepClassifier(backbone(), 3)
    model.build(SEQUENCES.shape)
    randomize(model)
    mask = None if kind is None else masks(11)[kind]
    expected = np.array(model(SEQUENCES, mask=mask))
    for t, logits in enumerate(run([model], SEQUENCES, mask)):
        counts = slice(None) if mask is None else np.asarray(mask)[:, t]
        np.testing.assert_allclose(logits[counts], expected[counts, t], atol=1e-5)


@pytest.mark.parametrize("recurrence", ["lstm", "gru", "eleatt_lstm"])
def test_zoneout_takes_its_expectation_at_every_step(recurrence):
    layers = RecurrentBackbone(8, 2, [], recurrence=recurrence, zoneout=0.3)
    model = StepClassifier(layers, 3)
    model.build(SEQUENCES.shape)
    randomize(model)
    expected = np.array(model(SEQUENCES))
    for t, logits in enumerate(run([model], SEQUENCES)):
        np.testing.assert_allclose(logits, expected[:, t], atol=1e-5)


@pytest.mark.parametrize("mode", ["last", "mean_max"])
def test_a_number_is_that_of_the_sequence_so_far(mode):
    layers = [backbone(), SequencePooling(mode), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
    network = randomize(keras.Sequential([keras.Input((None, 5)), *layers]))
    for t, numbers in enumerate(run(network.layers, SEQUENCES)):
        np.testing.assert_allclose(numbers, network(SEQUENCES[:, : t + 1]), atol=1e-5)


def test_likelihoods_are_those_of_the_text_so_far():
    embedding = keras.layers.Embedding(9, 4, mask_zero=True)
    encoder = keras.Sequential([keras.Input((None,), dtype="int32"), embedding, backbone()])
    model = LanguageModel(encoder)
    network = randomize(keras.Sequential([keras.Input((None,), dtype="int32"), model]))
    ids = np.random.default_rng(0).integers(1, 9, size=(3, 10)).astype("int32")
    ids[1, 6:] = 0
    for t, results in enumerate(run(network.layers, ids)):
        expected = np.array(network(ids[:, : t + 1])).sum(axis=1)
        count = (ids[:, : t + 1] != 0).sum(axis=1)
        np.testing.assert_array_equal(results[:, 1], count)
        np.testing.assert_allclose(results[:, 0] * count, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (StepClassifier(backbone(bidirectional=True), 2), "bidirectional"),
        (StepClassifier(TransformerBackbone(8, 1), 2), "whole sequence"),
        (TransformerBackbone(8, 1), "whole sequence"),
        (SequenceSimilarity(keras.Sequential()), "both are complete"),
    ],
)
def test_what_needs_whole_sequences_is_refused(layer, reason):
    with pytest.raises(ValueError, match=reason):
        StepByStep([layer])

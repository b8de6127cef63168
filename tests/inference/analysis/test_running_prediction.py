import numpy as np
import pytest
import tensorflow as tf

from nrnm_keras.inference.analysis.running_prediction import running_prediction
from tests.inference.analysis.common import (
    backbone,
    sequence,
    sequence_model,
    skeleton,
    skeleton_model,
    text_model,
)


def assert_equal_to_the_model(trained, running, beginning):
    """Compares some predictions with what the model says of the beginning `beginning(count)`."""
    assert np.ptp(running.probabilities[:, 0]) > 1e-3
    for place in (0, len(running.counts) // 2, -1):
        by_name = trained.model(tf.constant(beginning(running.counts[place])))
        expected = [by_name[name][0] for name in trained.class_names]
        np.testing.assert_allclose(running.probabilities[place], expected, atol=1e-5)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_predicts_after_every_step_of_a_sequence(bidirectional):
    trained = sequence_model(backbone(() if bidirectional else (1,), bidirectional=bidirectional))
    raw = sequence(9, holes=(2,))
    running = running_prediction(trained, raw)
    assert running.counts.tolist() == list(range(1, 10))
    assert_equal_to_the_model(trained, running, lambda count: raw[:, :count])


@pytest.mark.parametrize("bidirectional", [False, True])
def test_predicts_after_every_word_of_a_text(bidirectional):
    trained = text_model(backbone((), bidirectional=bidirectional))
    words = "a good film and a bad end of nothing".split()
    running = running_prediction(trained, [" ".join(words)])
    assert running.counts.tolist() == list(range(1, 10))
    assert_equal_to_the_model(trained, running, lambda count: [" ".join(words[:count])])


@pytest.mark.parametrize("length", ["all", "resample"])
def test_predicts_after_every_frame_of_a_skeleton(length):
    trained, raw = skeleton_model(backbone(()), length=length), skeleton(12)
    running = running_prediction(trained, raw)
    assert running.counts.tolist() == list(range(1, 13))
    assert_equal_to_the_model(trained, running, lambda count: raw[:, :count])


def test_of_many_beginnings_some_are_chosen_from_the_first_to_the_last():
    trained, raw = sequence_model(backbone((), bidirectional=True)), sequence(25)
    running = running_prediction(trained, raw, most_prefixes=7)
    assert running.counts.tolist() == [1, 5, 9, 13, 17, 21, 25]
    assert_equal_to_the_model(trained, running, lambda count: raw[:, :count])

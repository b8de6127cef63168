import numpy as np
import pytest

from nrnm_keras.inference.analysis.time_steps import name_time_steps
from tests.inference.analysis.common import (
    backbone,
    sequence,
    sequence_model,
    skeleton_model,
    text_model,
)


def test_steps_of_a_text_are_its_words_as_the_model_takes_them():
    trained = text_model(backbone(), max_length=4, head_fraction=0.5)
    time_steps = name_time_steps(trained, ["The end... It wasn't, Anna!"])
    assert time_steps.unit == "word"
    assert time_steps.names == ["the", "end", "anna", "!"]
    assert time_steps.numbers.tolist() == [1, 2, 3, 4]


def test_steps_of_a_sequence_are_numbered():
    time_steps = name_time_steps(sequence_model(backbone()), sequence(3))
    assert (time_steps.unit, time_steps.names) == ("time step", ["1", "2", "3"])


@pytest.mark.parametrize("frames", [4, 9, 21])
@pytest.mark.parametrize(
    "options",
    [
        {"length": "resample"},
        {"length": "first"},
        {"length": "central"},
        {"length": "all"},
        {"length": "first", "fill": "repeat"},
        {"length": "resample", "fill": "repeat"},
    ],
)
def test_steps_of_a_skeleton_are_its_frames(options, frames):
    """A body that is at x = its frame's number, and after that two frames of padding."""
    trained = skeleton_model(backbone(), center="none", view="none", **options)
    raw = np.ones((1, frames + 2, 1, 20, 3), "float32")
    raw[..., 0] = np.arange(1, frames + 3)[:, None, None]
    raw[:, frames:] = 0
    features, mask = (np.array(x)[0] for x in trained.head_inputs(trained.encode(raw)))
    time_steps = name_time_steps(trained, raw)
    assert time_steps.unit == "frame"
    np.testing.assert_allclose(time_steps.numbers[mask], features[mask, 0], rtol=1e-5)
    assert [time_steps.names[i] for i in np.flatnonzero(mask)] == [
        f"{x:.0f}" for x in time_steps.numbers[mask]
    ]


def test_steps_that_repeat_a_body_that_comes_late_are_its_frames():
    trained = skeleton_model(backbone(), center="none", view="none", length="first", fill="repeat")
    raw = np.ones((1, 9, 1, 20, 3), "float32")
    raw[..., 0] = np.arange(1, 10)[:, None, None]
    raw[:, :4] = 0
    features, _ = trained.head_inputs(trained.encode(raw))
    numbers = name_time_steps(trained, raw).numbers
    np.testing.assert_allclose(numbers, np.array(features)[0, :, 0], rtol=1e-5)

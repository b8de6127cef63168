import weakref

import numpy as np
import pytest

from nrnm_keras.errors import UsageError
from nrnm_keras.inference.batches import predict_each

WORDS = ["good", "bad", "one", "he", "said", "很", "nothing"]


def random_inputs(kind, count):
    """Raw inputs of lengths from 1 to 19, in no order."""
    random = np.random.default_rng(1)
    lengths = random.permutation(np.arange(count) % 19 + 1)
    if kind == "texts":
        return [" ".join(random.choice(WORDS, length)) for length in lengths]
    shape = (2, 25, 3) if kind == "skeletons" else (3,)
    return [random.normal(size=(length, *shape)) for length in lengths]


@pytest.mark.parametrize("kind", ["texts", "skeletons", "sequences"])
def test_predictions_do_not_depend_on_batches_padding_and_order(kind, request):
    run = request.getfixturevalue(kind)
    inputs = random_inputs(kind, 21)
    expected = [run.expected(value) for value in inputs]
    assert np.ptp(expected, axis=0).min() > 0.01
    for batch_size in (1, 4):
        found = run.trained.predict(inputs, batch_size)["probabilities"]
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e39])
def test_inputs_that_are_not_finite_are_named(sequences, value):
    inputs = [np.ones((4, 3)) for _ in range(80)]
    inputs[70][2, 1] = value
    with pytest.raises(UsageError, match=r"^input 70 \(from 0\), step 2 \(from 0\): feature 1"):
        sequences.trained.predict(inputs, batch_size=2)
    with pytest.raises(UsageError, match=r"^a\.npz, sequence 9, step 2"):
        list(predict_each(sequences.trained, [("a.npz, sequence 9", inputs[70])]))


def test_inputs_without_probabilities_are_named(sequences):
    bias = sequences.trained.classifier.logits_layer.bias
    before = bias.numpy()
    bias.assign([np.nan, 0])
    try:
        message = r"^x+\.\.\.: the model's output, probabilities, is not finite"
        with pytest.raises(UsageError, match=message):
            list(predict_each(sequences.trained, [("x" * 9999, np.ones((4, 3)))]))
    finally:
        bias.assign(before)


def test_steps_that_are_missing_are_no_mistake(sequences, skeletons):
    values = np.ones((4, 3))
    values[1] = np.nan
    found = sequences.trained.predict([values])["probabilities"][0]
    np.testing.assert_allclose(found, sequences.expected(values), atol=1e-6)
    joints = np.random.default_rng(0).normal(size=(5, 2, 25, 3))
    joints[1, 0, 3] = joints[4] = np.nan
    found = skeletons.trained.predict([joints])["probabilities"][0]
    np.testing.assert_allclose(found, skeletons.expected(joints), atol=1e-6)


def test_no_inputs(sequences):
    assert sequences.trained.predict([])["probabilities"].shape == (0, 2)


def test_memory_does_not_grow_with_the_number_of_inputs(sequences):
    alive, most = weakref.WeakSet(), 0

    class Counted(np.ndarray):
        """Can be in a set."""

        __hash__ = object.__hash__

    def read():
        for number in range(200):
            value = np.zeros((2, 3)).view(Counted)
            alive.add(value)
            yield number, value

    done = []
    names = []
    for name, _ in predict_each(sequences.trained, read(), 2, done.append):
        names.append(name)
        most = max(most, len(alive))
    assert names == list(range(200)) and sum(done) == 200 and max(done) == 2
    assert most < 100

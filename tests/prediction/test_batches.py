import weakref

import numpy as np
import pytest

from nrnm_keras.predict import predict
from nrnm_keras.prediction.batches import predict_each

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
        found = predict(run.trained, inputs, batch_size)
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_no_inputs(sequences):
    assert predict(sequences.trained, []).shape == (0, 2)


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

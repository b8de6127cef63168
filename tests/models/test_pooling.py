import keras
import numpy as np
import pytest

from nrnm_keras.models import SequencePooling

SEQUENCES = np.array(
    [
        [[1.0, -5.0], [3.0, -7.0], [100.0, 100.0]],
        [[2.0, -1.0], [50.0, 50.0], [4.0, -2.0]],
        [[9.0, 9.0], [9.0, 9.0], [9.0, 9.0]],
    ]
)
MASK = np.array([[True, True, False], [True, False, True], [False, False, False]])


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("last", [[3, -7], [4, -2], [0, 0]]),
        ("mean", [[2, -6], [3, -1.5], [0, 0]]),
        ("max", [[3, -5], [4, -1], [0, 0]]),
        ("mean_max", [[2, -6, 3, -5], [3, -1.5, 4, -1], [0, 0, 0, 0]]),
    ],
)
def test_pools_valid_steps_only(mode, expected):
    pooling = SequencePooling(mode)
    pooled = pooling(SEQUENCES, mask=MASK)
    np.testing.assert_allclose(pooled, expected)
    assert pooled.shape == pooling.compute_output_shape(SEQUENCES.shape)


@pytest.mark.parametrize("mode", SequencePooling.MODES)
def test_without_mask_all_steps_count(mode):
    pooling = SequencePooling(mode)
    np.testing.assert_allclose(
        pooling(SEQUENCES), pooling(SEQUENCES, mask=np.ones_like(MASK)), rtol=1e-6
    )


def test_mean_of_a_long_sequence_in_half_precision():
    pooling = SequencePooling("mean", dtype="mixed_float16")
    sequences = np.full((1, 5000, 1), 20.0, "float16")
    np.testing.assert_allclose(pooling(sequences), [[20.0]], rtol=1e-3)


def test_config():
    pooling = SequencePooling.from_config(SequencePooling("mean_max").get_config())
    assert pooling.mode == "mean_max"
    assert keras.saving.get_registered_name(SequencePooling) == "nrnm_keras>SequencePooling"


def test_unknown_mode():
    with pytest.raises(ValueError, match="median"):
        SequencePooling("median")


def test_symbolic_call():
    sequences = keras.layers.Masking()(keras.Input((None, 4)))
    assert SequencePooling("mean_max")(sequences).shape == (None, 8)

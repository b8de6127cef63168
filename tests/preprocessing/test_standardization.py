import keras
import numpy as np
import pytest
import tensorflow as tf

from nrnm_keras.preprocessing import NanPadding, Standardization

NAN = float("nan")


def test_features_are_standardised_by_the_training_steps():
    layer = Standardization()
    layer.adapt([np.array([[1.0, 7.0], [3.0, 7.0]])])  # means 2 and 7, variances 1 and 0
    np.testing.assert_allclose(layer(np.array([[[4.0, 8.0], [2.0, 7.0]]])), [[[2, 1], [0, 0]]])


def test_batches_of_any_size_and_kind_give_what_all_steps_together_give():
    steps = np.random.default_rng(0).normal(loc=3.0, size=(60, 2)).astype("float32")
    whole, parts = Standardization(), Standardization()
    whole.adapt([steps])
    batches = (steps[:1], tf.constant(steps[1:7]), steps[7:7], steps[7:].reshape(1, 53, 2))
    parts.adapt(batch for batch in batches)
    for learnt in (whole, parts):
        np.testing.assert_allclose(learnt.mean, steps.mean(0, "float64"), rtol=1e-12)
        np.testing.assert_allclose(learnt.variance, steps.astype("float64").var(0), rtol=1e-10)


def test_small_changes_of_large_numbers_are_seen():
    steps = 1e9 + np.random.default_rng(0).integers(-1, 2, (400, 2))
    layer = Standardization()
    layer.adapt(np.split(steps, 20))
    np.testing.assert_allclose(layer.variance, steps.var(axis=0), rtol=1e-6)


def test_masked_steps_are_zeros():
    layer = Standardization(mean=[1.0], variance=[4.0])
    result = layer(np.array([[[3.0], [9.0]]]), mask=np.array([[True, False]]))
    np.testing.assert_array_equal(result, [[[1], [0]]])


def test_nan_padding_is_masked_and_zero():
    sequences = np.array([[[2.0, 3.0], [0.0, 0.0], [NAN, NAN]], [[5.0, 1.0], [NAN] * 2, [NAN] * 2]])
    expected = np.nan_to_num(sequences)
    np.testing.assert_array_equal(NanPadding()(sequences), expected)
    mask = NanPadding().compute_mask(sequences)
    np.testing.assert_array_equal(mask, [[True, True, False], [True, False, False]])


def sequence_model():
    return keras.Sequential(
        [
            keras.Input((None, 1)),
            NanPadding(),
            Standardization(mean=[3.0], variance=[4.0]),
            keras.layers.LSTM(3),
        ]
    )


def test_the_next_layers_see_the_mask():
    model = sequence_model()
    short = np.array([[[1.0], [2.0]]])
    padded = np.array([[[1.0], [2.0], [NAN], [NAN]]])
    np.testing.assert_allclose(model(padded), model(short), rtol=1e-6)


def test_padding_leaves_the_gradient_finite():
    sequences = tf.constant([[[1.0], [NAN]]])
    with tf.GradientTape() as tape:
        tape.watch(sequences)
        total = tf.reduce_sum(sequence_model().layers[1](NanPadding()(sequences)))
    np.testing.assert_array_equal(tape.gradient(total, sequences), [[[0.5], [0]]])


def test_what_was_learnt_is_saved(tmp_path):
    layer = Standardization()
    layer.adapt([np.arange(12.0).reshape(4, 3)])
    model = keras.Sequential([keras.Input((None, 3)), keras.layers.Masking(), layer])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    x = np.array([[[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]]])
    np.testing.assert_array_equal(loaded(x), model(x))
    np.testing.assert_array_equal(loaded(x)[0, 1], [0, 0, 0])


def test_unusable_arguments():
    with pytest.raises(ValueError, match="mean.*variance"):
        Standardization(mean=[0.0])
    with pytest.raises(ValueError, match="adapt"):
        Standardization()(np.zeros((1, 2, 3)))

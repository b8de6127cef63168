import keras
import numpy as np
import pytest
import tensorflow as tf

from nrnm_keras.preprocessing import SequencePreprocessor

NAN = float("nan")


def test_features_are_standardised_by_the_training_steps():
    preprocessor = SequencePreprocessor()
    preprocessor.adapt(np.array([[1.0, 7.0], [3.0, 7.0]]))  # means 2 and 7, variances 1 and 0
    result = preprocessor(np.array([[[4.0, 8.0], [2.0, 7.0]]]))
    np.testing.assert_allclose(result, [[[2, 1], [0, 0]]], atol=1e-6)


def test_padding_is_masked_and_zero():
    preprocessor = SequencePreprocessor(mean=[1.0, 1.0], variance=[1.0, 1.0])
    sequences = np.array([[[2.0, 3.0], [0.0, 0.0], [NAN, NAN]], [[5.0, 1.0], [NAN] * 2, [NAN] * 2]])
    np.testing.assert_array_equal(
        preprocessor(sequences), [[[1, 2], [-1, -1], [0, 0]], [[4, 0], [0, 0], [0, 0]]]
    )
    expected = [[True, True, False], [True, False, False]]
    np.testing.assert_array_equal(preprocessor.compute_mask(sequences), expected)


def test_the_next_layer_sees_the_mask():
    model = keras.Sequential(
        [
            keras.Input((None, 1)),
            SequencePreprocessor(mean=[0.0], variance=[1.0]),
            keras.layers.LSTM(3),
        ]
    )
    short = np.array([[[1.0], [2.0]]])
    padded = np.array([[[1.0], [2.0], [NAN], [NAN]]])
    np.testing.assert_allclose(model(padded), model(short), rtol=1e-6)


def test_no_gradient_is_lost_to_padding():
    preprocessor = SequencePreprocessor(mean=[0.0], variance=[4.0])
    sequences = tf.constant([[[1.0], [NAN]]])
    with tf.GradientTape() as tape:
        tape.watch(sequences)
        total = tf.reduce_sum(preprocessor(sequences))
    np.testing.assert_array_equal(tape.gradient(total, sequences), [[[0.5], [0]]])


def test_what_was_learnt_is_saved(tmp_path):
    preprocessor = SequencePreprocessor()
    preprocessor.adapt(np.arange(12.0).reshape(4, 3))
    model = keras.Sequential([keras.Input((None, 3)), preprocessor])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    x = np.ones((1, 2, 3), "float32")
    np.testing.assert_array_equal(loaded(x), model(x))


def test_unusable_arguments():
    with pytest.raises(ValueError, match="mean.*variance"):
        SequencePreprocessor(mean=[0.0])
    with pytest.raises(ValueError, match="adapt"):
        SequencePreprocessor()(np.zeros((1, 2, 3)))

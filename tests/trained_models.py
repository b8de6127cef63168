"""Tiny trained models of every kind, with random weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from nrnm_keras.inference import TrainedModel
from nrnm_keras.models import ClassProbabilities, RecurrentBackbone, SequenceClassifier
from nrnm_keras.preprocessing import NanPadding, SkeletonPreprocessor, TextPreprocessor

TEXTS = ["A good one.", 'He said "bad,\nbad"', "Très bien 很好"]


class Run:
    """A run folder, as far as predictions need it, and the model in it."""

    def __init__(self, path):
        self.path = path
        self.trained = TrainedModel.load(path)
        (raw,) = self.trained.model.inputs
        signature = [tf.TensorSpec(raw.shape, raw.dtype)]
        self._model = tf.function(self.trained.model, input_signature=signature)

    def expected(self, value):
        """Returns the probabilities of a raw input alone, `(classes,)`, which the model gives."""
        raw = value if self.trained.kind == "text" else tf.constant(value, "float32")
        outputs = self._model(tf.expand_dims(raw, 0))
        return np.array([float(outputs[name][0]) for name in self.trained.class_names])


@pytest.fixture(scope="session")
def save_run(tmp_path_factory):
    """Returns a function that saves a model of some preprocessing, and of random weights."""

    def save(name, raw, layers, class_names, text_preprocessor=None, **options):
        keras.utils.set_random_seed(0)
        memory = {"block_size": 4, "stride": 2, "window_size": 2, "num_heads": 2}
        backbone = RecurrentBackbone(4, 1, [1], nrnm_options=memory, **options)
        classifier = SequenceClassifier(backbone, len(class_names))
        encoded = text_preprocessor(raw) if text_preprocessor else raw
        inputs = keras.Input(encoded.shape[1:], dtype=encoded.dtype)
        network = keras.Sequential([inputs, *layers, classifier])
        model = keras.Model(raw, ClassProbabilities(class_names)(network(encoded)))
        random = np.random.default_rng(0)
        for weight in network.trainable_weights:
            weight.assign(random.normal(0, 0.6, weight.shape))
        path = tmp_path_factory.mktemp(name)
        model.save(path / "model.keras")
        return Run(path)

    return save


@pytest.fixture(scope="session")
def texts(save_run):
    preprocessor = TextPreprocessor(max_length=20)
    preprocessor.adapt(TEXTS)
    embedding = keras.layers.Embedding(20, 4, mask_zero=True)
    raw = keras.Input((), dtype="string")
    return save_run("texts", raw, [embedding], ["no", "so so"], preprocessor)


@pytest.fixture(scope="session")
def skeletons(save_run):
    """Takes NTU RGB+D's skeletons, all frames."""
    raw = keras.Input((None, 2, 25, 3))
    return save_run("skeletons", raw, [SkeletonPreprocessor(length="all")], ["sit", "stand"])


@pytest.fixture(scope="session")
def nw_ucla(save_run):
    """Takes NW-UCLA's skeletons, which get one length."""
    raw = keras.Input((None, 1, 20, 3))
    preprocessor = SkeletonPreprocessor("kinect_v1", timesteps=9)
    return save_run("nw_ucla", raw, [preprocessor], ["sit", "stand", "walk"])


@pytest.fixture(scope="session")
def sequences(save_run):
    return save_run("sequences", keras.Input((None, 3)), [NanPadding()], ["up", "down"])


@pytest.fixture(scope="session")
def bidirectional(save_run):
    raw = keras.Input((None, 3))
    return save_run("both_ways", raw, [NanPadding()], ["up", "down"], bidirectional=True)

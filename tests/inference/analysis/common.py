"""Small models of every kind, with random weights, and inputs for them."""

import keras
import numpy as np

from nrnm_keras.inference.trained_model import TrainedModel
from nrnm_keras.models import ClassProbabilities, RecurrentBackbone, SequenceClassifier
from nrnm_keras.preprocessing import NanPadding, SkeletonPreprocessor, TextPreprocessor
from tests.layers.common import randomize

FEATURES = 3
TEXTS = [
    "A good film, and a long one: we laughed until the end of it.",
    "Bad. It is bad from beginning to end, and the end is a long time to come!",
]


def backbone(nrnm_layers=(1,), num_layers=1, bidirectional=False, **options):
    options = {"block_size": 4, "stride": 2, "num_heads": 2, **options}
    return RecurrentBackbone(
        4, num_layers, nrnm_layers, bidirectional=bidirectional, nrnm_options=options
    )


def sequence_model(backbone, class_names=("down", "up")):
    return _trained(keras.Input((None, FEATURES)), [NanPadding()], backbone, class_names)


def skeleton_model(backbone, class_names=("sit", "stand"), bodies=1, **options):
    options = {"layout": "kinect_v1", "timesteps": 9, **options}
    joints = keras.Input((None, bodies, 20 if options["layout"] == "kinect_v1" else 25, 3))
    return _trained(joints, [SkeletonPreprocessor(**options)], backbone, class_names)


def text_model(backbone, class_names=("neg", "pos"), vocabulary=TEXTS, **options):
    preprocessor = TextPreprocessor(**options)
    preprocessor.adapt(vocabulary)
    embedding = keras.layers.Embedding(len(preprocessor.vocabulary), FEATURES, mask_zero=True)
    texts = keras.Input((), dtype="string")
    ids = keras.Input((None,), dtype="int32")
    return _trained(texts, [embedding], backbone, class_names, ids, preprocessor)


def sequence(timesteps, holes=(), seed=0):
    """A batch of one sequence, with steps that do not count."""
    x = np.random.default_rng(seed).normal(size=(1, timesteps, FEATURES)).astype("float32")
    x[:, list(holes)] = np.nan
    return x


def skeleton(frames, bodies=1, joints=20, seed=0):
    """A batch of one sequence of bodies that move."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(size=(1, frames, bodies, joints, 3)) * 0.05
    start = rng.normal(size=(1, 1, bodies, joints, 3)) + (0, 0, 3)
    return (start + steps.cumsum(axis=1)).astype("float32")


def _trained(raw, layers, backbone, class_names, encoded=None, preprocessor=None):
    classifier = SequenceClassifier(backbone, len(class_names), pooling="mean_max")
    network = keras.Sequential([raw if encoded is None else encoded, *layers, classifier])
    randomize(network, scale=0.6)
    logits = network(raw if preprocessor is None else preprocessor(raw))
    return TrainedModel(keras.Model(raw, ClassProbabilities(class_names)(logits)))

import keras
import numpy as np
import pytest

from nrnm_keras.errors import UsageError
from nrnm_keras.inference.trained_model import TrainedModel
from nrnm_keras.models import ClassProbabilities, RecurrentBackbone, SequenceClassifier
from nrnm_keras.preprocessing import NanPadding, SkeletonPreprocessor, TextPreprocessor
from tests.layers.common import close, randomize


def classifier():
    return SequenceClassifier(RecurrentBackbone(8, 1, [1]), num_classes=2, pooling="mean")


def model_of(raw, network, inputs):
    return keras.Model(raw, ClassProbabilities(["a", "b"])(randomize(network)(inputs)))


def of_texts():
    preprocessor = TextPreprocessor()
    preprocessor.adapt(["one two"])
    embedding = keras.layers.Embedding(9, 3, mask_zero=True)
    network = keras.Sequential([keras.Input((None,), dtype="int32"), embedding, classifier()])
    texts = keras.Input((), dtype="string")
    return model_of(texts, network, preprocessor(texts)), keras.ops.array(["one two", "two"])


def of_skeletons():
    joints = keras.Input((None, 2, 20, 3))
    layers = [SkeletonPreprocessor("kinect_v1", timesteps=6), classifier()]
    raw = np.random.default_rng(0).normal(size=(2, 9, 2, 20, 3)).astype("f4")
    raw[1, 3:] = 0
    return model_of(joints, keras.Sequential([keras.Input(joints.shape[1:]), *layers]), joints), raw


def of_sequences():
    sequences = keras.Input((None, 3))
    network = keras.Sequential([keras.Input((None, 3)), NanPadding(), classifier()])
    raw = np.random.default_rng(0).normal(size=(2, 9, 3)).astype("f4")
    raw[1, 4:] = np.nan
    return model_of(sequences, network, sequences), raw


@pytest.mark.parametrize(
    ("make", "kind"), [(of_texts, "text"), (of_skeletons, "skeleton"), (of_sequences, "sequence")]
)
def test_parts_are_those_of_the_model(make, kind, tmp_path):
    model, raw = make()
    model.save(tmp_path / "model.keras")
    for path in (tmp_path, tmp_path / "model.keras"):
        trained = TrainedModel.load(path)
        assert trained.kind == kind and trained.class_names == ["a", "b"]
    sequences, mask = trained.head_inputs(trained.encode(raw))
    assert not np.all(mask) or kind == "skeleton"
    probabilities = keras.ops.softmax(trained.classifier(sequences, mask=mask))
    expected = model(raw)
    close(probabilities, np.stack([expected["a"], expected["b"]], axis=-1))
    close(keras.ops.softmax(trained.network(trained.encode(raw))), probabilities)


def test_other_models_are_refused(tmp_path):
    one = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    for model in (one, keras.Model(one.inputs, ClassProbabilities(["a", "b"])(one.outputs[0]))):
        model.save(tmp_path / "model.keras")
        with pytest.raises(UsageError, match="model.keras cannot be loaded: the model"):
            TrainedModel.load(tmp_path)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 no model"])
def test_what_is_no_model_is_named(content, tmp_path):
    if content is not None:
        (tmp_path / "model.keras").write_bytes(content)
    with pytest.raises(UsageError, match=str(tmp_path)):
        TrainedModel.load(tmp_path)

"""Saved models load in a new process after `import nrnm_keras` alone, on every backend."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers, ops

from nrnm_keras import models
from nrnm_keras.preprocessing import (
    NanPadding,
    SkeletonAugmentation,
    SkeletonPreprocessor,
    SkeletonRotation,
    Standardization,
    TextPairPreprocessor,
    TextPreprocessor,
)

TEXTS = np.array(["A good film.", "bad, bad", "", "So so!"], object)
MEMORY = {"block_size": 4, "stride": 2, "num_heads": 2}
NAMES = ["no", "yes"]

_SCRIPT = """
import pathlib, sys
import nrnm_keras
assert "keras" in sys.modules
import keras, numpy as np
assert keras.backend.backend() == "tensorflow" or "tensorflow" not in sys.modules
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.keras")):
    if keras.backend.backend() != "tensorflow" and path.stem.startswith("strings_"):
        continue
    model = keras.models.load_model(path)
    with np.load(path.with_suffix(".npz"), allow_pickle=False) as file:
        inputs = [file[key] for key in file.files if key.startswith("input")]
        expected = [file[key] for key in file.files if key.startswith("output")]
    inputs = [x.astype(object) if x.dtype.kind == "U" else x for x in inputs]
    if path.stem.startswith("strings_"):
        import tensorflow as tf
        inputs = [tf.constant(x) for x in inputs]
    outputs = model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
    outputs = list(outputs.values()) if isinstance(outputs, dict) else [outputs]
    assert len(outputs) == len(expected)
    for actual, right in zip(outputs, expected):
        np.testing.assert_allclose(actual, right, atol=2e-5, err_msg=path.stem)
    print(path.stem)
"""

_REGISTERED = """
import importlib, pkgutil
import nrnm_keras, keras
found = set(keras.saving.get_custom_objects())
for module in pkgutil.walk_packages(nrnm_keras.__path__, "nrnm_keras."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
assert any(name.startswith("nrnm_keras>") for name in found)
print(*sorted(set(keras.saving.get_custom_objects()) - found))
"""


def backbone(**options):
    defaults = {"num_layers": 1, "nrnm_layers": (1,), "nrnm_options": MEMORY}
    return models.RecurrentBackbone(4, **{**defaults, **options})


def probabilities(raw, logits):
    return keras.Model(raw, models.ClassProbabilities(NAMES)(logits))


def token_layers():
    return [
        keras.Input((None,), dtype="int32"),
        layers.Embedding(12, 4, mask_zero=True),
        layers.Dropout(0.1, noise_shape=(None, None, 1)),
        layers.SpatialDropout1D(0.1),
    ]


def text_preprocessor():
    preprocessor = TextPreprocessor(vocabulary_size=12, max_length=6)
    preprocessor.adapt(TEXTS.tolist())
    return preprocessor


def compiled(network, loss, metric):
    network.compile("adam", loss, metrics=[metric], jit_compile=False)
    return network


def text_classification():
    text = keras.Input((), dtype="string")
    network = keras.Sequential([*token_layers(), models.SequenceClassifier(backbone(), 2)])
    return probabilities(text, network(text_preprocessor()(text))), [TEXTS]


def language_model():
    text = keras.Input((), dtype="string")
    encoder = keras.Sequential([*token_layers(), backbone()])
    ids = text_preprocessor()(text)
    likelihoods = keras.Sequential([keras.Input((None,)), models.LanguageModel(encoder)])(ids)
    log_probability = -ops.sum(likelihoods, axis=1)
    tokens = ops.sum(ops.cast(ops.not_equal(ids, 0), "float32"), axis=1)
    outputs = {"log": log_probability, "perplexity": ops.exp(-log_probability / tokens)}
    return keras.Model(text, outputs), [TEXTS]


def pairs_of_texts():
    texts = [keras.Input((), dtype="string", name=name) for name in ("first", "second")]
    encoder = keras.Sequential([*token_layers(), backbone(), models.SequencePooling("mean_max")])
    similarity = models.SequenceSimilarity(encoder, "head", smallest=1.0, largest=5.0)
    network = keras.Sequential([keras.Input((None, 2), dtype="int32"), similarity])
    ids = TextPairPreprocessor(text_preprocessor())(texts)
    return keras.Model(texts, {"relatedness": network(ids)}), [TEXTS, TEXTS[::-1]]


def tagging_of_residues():
    residues = keras.Input((), dtype="string")
    encoder = layers.TextVectorization(standardize=None, split="character", vocabulary=list("ACD"))
    network = keras.Sequential([*token_layers(), models.StepClassifier(backbone(), 2)])
    return probabilities(residues, network(encoder(residues))), [np.array(["ACCD", "A"], object)]


def sequences(steps=9, features=3):
    x = np.random.default_rng(0).normal(size=(4, steps, features)).astype("float32")
    x[1, 5:] = np.nan
    return x


def sequence_classification(**options):
    raw = keras.Input((None, 3))
    standardization = Standardization([0.0, 0.1, 0.2], [1.0, 2.0, 0.0])
    classifier = models.SequenceClassifier(backbone(**options), 2, pooling="mean")
    network = keras.Sequential([raw, NanPadding(), standardization, classifier])
    return probabilities(raw, network(raw)), [sequences()]


def transformer():
    raw = keras.Input((None, 3))
    classifier = models.SequenceClassifier(models.TransformerBackbone(8, 1), 2, pooling="mean")
    return probabilities(raw, keras.Sequential([raw, NanPadding(), classifier])(raw)), [sequences()]


def skeletons():
    raw = keras.Input((None, 2, 20, 3))
    parts = [
        SkeletonAugmentation("kinect_v1", noise=0.1),
        SkeletonPreprocessor("kinect_v1", timesteps=9, velocity=True),
        SkeletonRotation(30.0),
        models.SequenceClassifier(backbone(), 2),
    ]
    joints = np.random.default_rng(0).normal(size=(3, 7, 2, 20, 3)).astype("float32")
    return probabilities(raw, keras.Sequential([raw, *parts])(raw)), [joints]


def token_ids():
    return np.array([[3, 8, 1, 5, 2], [2, 7, 0, 0, 0]], "int32")


def classification_of_tokens():
    raw = keras.Input((None,), dtype="int32")
    network = keras.Sequential([*token_layers(), models.SequenceClassifier(backbone(), 2)])
    return probabilities(raw, network(raw)), [token_ids()]


def regression():
    raw = keras.Input((None, 3))
    parts = [backbone(), models.SequencePooling("last"), layers.Dense(1, dtype="float32")]
    network = keras.Sequential([keras.Input((None, 3)), *parts])
    return keras.Model(raw, {"value": network(raw)}), [np.nan_to_num(sequences())]


def compiled_tagger():
    network = keras.Sequential([*token_layers(), models.StepClassifier(backbone(), 2)])
    return compiled(network, models.StepCrossentropy(), models.StepAccuracy()), [token_ids()]


def compiled_language_model():
    encoder = keras.Sequential([*token_layers(), backbone()])
    network = keras.Sequential([keras.Input((None,), dtype="int32"), models.LanguageModel(encoder)])
    return compiled(network, models.TokenNegativeLogLikelihood(), models.Perplexity()), [
        token_ids()
    ]


def compiled_classifier():
    network = keras.Sequential([*token_layers(), models.SequenceClassifier(backbone(), 2)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return compiled(network, loss, models.LabeledAccuracy()), [token_ids()]


MODELS = {
    "strings_text_classification": text_classification,
    "strings_language_model": language_model,
    "strings_pairs_of_texts": pairs_of_texts,
    "strings_tagging_of_residues": tagging_of_residues,
    "sequences": lambda: sequence_classification(num_layers=2, nrnm_layers=(2,)),
    "bidirectional": lambda: sequence_classification(bidirectional=True),
    "zoneout": lambda: sequence_classification(recurrence="gru", nrnm_layers=(), zoneout=0.2),
    "high_order": lambda: sequence_classification(recurrence="high_order_rnn"),
    "element_attention": lambda: sequence_classification(recurrence="eleatt_gru", nrnm_layers=()),
    "relational_memory": lambda: sequence_classification(
        recurrence="relational_memory",
        nrnm_layers=(),
        relational_options={"slots": 2, "num_heads": 2},
    ),
    "transformer": transformer,
    "skeletons": skeletons,
    "tokens": classification_of_tokens,
    "regression": regression,
    "compiled_tagger": compiled_tagger,
    "compiled_language_model": compiled_language_model,
    "compiled_classifier": compiled_classifier,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Every model, with random weights, beside inputs and what TensorFlow makes of them."""
    folder, random = tmp_path_factory.mktemp("models"), np.random.default_rng(0)
    for name, build in MODELS.items():
        keras.utils.set_random_seed(0)
        model, inputs = build()
        for weight in model.trainable_weights:
            weight.assign(random.normal(0, 0.5, weight.shape))
        outputs = model([ops.convert_to_tensor(x) for x in inputs] if inputs[1:] else inputs[0])
        outputs = list(outputs.values()) if isinstance(outputs, dict) else [outputs]
        texts = [x.astype(str) if x.dtype == object else x for x in inputs]
        arrays = {f"input_{i}": x for i, x in enumerate(texts)}
        arrays |= {f"output_{i}": ops.convert_to_numpy(x) for i, x in enumerate(outputs)}
        model.save(folder / f"{name}.keras")
        np.savez(folder / f"{name}.npz", **arrays)
    return folder


def run(script, *arguments, backend="tensorflow"):
    result = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr[-5000:]
    return result.stdout.split()


@pytest.mark.parametrize(
    "backend",
    ["tensorflow", *(pytest.param(name, marks=pytest.mark.slow) for name in ("jax", "torch"))],
)
def test_models_load_and_predict_the_same_after_the_import_alone(backend, folder):
    pytest.importorskip(backend)
    strings = backend == "tensorflow"
    expected = [name for name in MODELS if strings or not name.startswith("strings_")]
    assert run(_SCRIPT, folder, backend=backend) == sorted(expected)


def test_the_import_registers_every_class():
    assert run(_REGISTERED) == []


@pytest.mark.parametrize(
    ("old", "kind"),
    [
        ("TokenLikelihood", models.TokenNegativeLogLikelihood),
        ("LabelledAccuracy", models.LabeledAccuracy),
    ],
)
def test_renamed_classes_load_from_files_with_the_old_names(old, kind):
    config = kind().get_config()
    saved = {"class_name": old, "registered_name": f"nrnm_keras>{old}", "config": config}
    loaded = keras.saving.deserialize_keras_object({"module": "nrnm_keras.models.old", **saved})
    assert type(loaded) is kind
    assert keras.saving.serialize_keras_object(kind())["registered_name"] == f"nrnm_keras>{old}"

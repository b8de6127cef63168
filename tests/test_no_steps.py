"""Nothing as input: no texts, texts without a word, sequences without a step; all say the same."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from nrnm_keras.inference.exporting import signatures
from nrnm_keras.inference.exporting.formats import find_formats
from nrnm_keras.inference.streaming import Streams
from nrnm_keras.inference.trained_model import TrainedModel
from nrnm_keras.models import (
    ClassProbabilities,
    RecurrentBackbone,
    SequenceClassifier,
    SequencePooling,
    StepClassifier,
    TransformerBackbone,
)
from nrnm_keras.predict.live import follow
from nrnm_keras.preprocessing import NanPadding, SkeletonPreprocessor, TextPreprocessor
from tests.layers.common import randomize

NAMES = ["no", "so so"]
WORDLESS = ["", "  \n", "...", "-- ,", "\u200b"]
UNKNOWN = ["xyzzy", "Plugh!"]


def trained(raw, layers, text_preprocessor=None, recurrence="lstm"):
    options = {"block_size": 4, "stride": 2, "window_size": 2, "num_heads": 2}
    backbone = RecurrentBackbone(4, 2, [1], recurrence, nrnm_options=options)
    encoded = text_preprocessor(raw) if text_preprocessor else raw
    inputs = keras.Input(encoded.shape[1:], dtype=encoded.dtype)
    classifier = SequenceClassifier(backbone, 2, "mean_max")
    network = randomize(keras.Sequential([inputs, *layers, classifier]))
    return TrainedModel(keras.Model(raw, ClassProbabilities(NAMES)(network(encoded))))


@pytest.fixture(scope="module")
def texts():
    preprocessor = TextPreprocessor(max_length=20)
    preprocessor.adapt(["A good one.", "bad, bad!"])
    embedding = keras.layers.Embedding(20, 4, mask_zero=True)
    return trained(keras.Input((), dtype="string", name="text"), [embedding], preprocessor)


@pytest.fixture(scope="module")
def sequences():
    return trained(keras.Input((None, 3), name="features"), [NanPadding()])


def of_skeletons(length):
    raw = keras.Input((None, 2, 25, 3), name="joints")
    return trained(raw, [SkeletonPreprocessor(length=length, timesteps=4)])


@pytest.fixture(scope="module")
def all_frames():
    return of_skeletons("all")


@pytest.fixture(scope="module")
def resampled():
    return of_skeletons("resample")


def close(found, expected):
    np.testing.assert_allclose(np.array(found), expected, atol=1e-5)


def of(model, raw, dtype=tf.float32):
    """The probabilities that the Keras model gives, `(batch, classes)`."""
    outputs = model.model(tf.constant(raw, dtype))
    return np.stack([outputs[name] for name in NAMES], axis=-1)


def without_a_step(model):
    """What a network says that has seen nothing: zeros were pooled."""
    return tf.nn.softmax(model.classifier.logits_layer.bias).numpy()


def test_texts_without_a_known_word_are_one_unknown_word(texts):
    (expected,) = of(texts, ["[UNK]"], tf.string)
    assert np.abs(expected - without_a_step(texts)).max() > 0.01
    serve, features = signatures.serve(texts).function, signatures.features(texts).function
    step = signatures.step_of_tokens(texts)
    state = [tf.zeros([1, *spec.shape[1:]], spec.dtype) for spec in [*step.inputs.values()][1:]]
    for token in ("[UNK]", "xyzzy"):
        close(step.function(tf.constant([token]), *state)["probabilities"], [expected])
    for text in [*WORDLESS, UNKNOWN[0]]:
        close(of(texts, [text], tf.string), [expected])
        close(texts.predict([text, "good"])["probabilities"][0], expected)
        close(serve(tf.constant([text]))["probabilities"], [expected])
        close(features(texts.encode([text]))["probabilities"], [expected])
        close(Streams(texts).push({0: text})[0], expected)
    lines = (f"{text}\n".encode() for text in ("...", "--", UNKNOWN[0]))
    close(list(follow(texts, lines)), [expected] * 3)
    close(of(texts, UNKNOWN[1:], tf.string), of(texts, ["[UNK] !"], tf.string))


def test_wordless_beginnings_change_nothing(texts):
    streams = Streams(texts)
    close(streams.push({0: "...", 1: "good"})[1], of(texts, ["good"], tf.string)[0])
    assert len(streams) == 2
    close(streams.push({0: "good ?", 1: "--"})[0], of(texts, ["... good ?"], tf.string)[0])
    streams.end(0)
    streams.end(1)


def test_no_texts_at_all(texts):
    assert of(texts, [], tf.string).shape == (0, 2)
    served = signatures.serve(texts).function(tf.constant([], tf.string))
    assert served["probabilities"].shape == (0, 2) and served["label"].shape == (0,)
    assert texts.text_preprocessor([]).shape == (0, 1)
    features = signatures.features(texts).function
    for shape in ((0, 0), (0, 3)):
        assert features(tf.zeros(shape, tf.int32))["probabilities"].shape == (0, 2)
    for shape in ((1, 0), (1, 3)):  # of no length, or nothing but padding
        found = features(tf.zeros(shape, tf.int32))["probabilities"]
        close(found, [without_a_step(texts)])


def nothings(model):
    """Raw inputs without a step, of no length and of some."""
    shape = model.model.inputs[0].shape[2:]
    padding = np.nan if model.kind == "sequence" else 0
    return [np.full((length, *shape), padding, "float32") for length in (0, 1, 5)]


@pytest.mark.parametrize("name", ["sequences", "all_frames", "resampled"])
def test_inputs_without_a_step(name, request):
    model = request.getfixturevalue(name)
    expected = without_a_step(model)
    serve, features = signatures.serve(model).function, signatures.features(model).function
    for nothing in nothings(model):
        close(of(model, nothing[None]), [expected])
        close(model.predict([nothing])["probabilities"], [expected])
        close(serve(nothing[None])["probabilities"], [expected])
        x, mask = model.head_inputs(model.encode(tf.constant(nothing[None])))
        close(features(x, mask)["probabilities"], [expected])
        empty = np.repeat(nothing[None], 0, axis=0)
        assert of(model, empty).shape == serve(empty)["probabilities"].shape == (0, 2)
    # Beside others they say the same.
    some = np.random.default_rng(0).normal(size=(5, *nothing.shape[1:])).astype("float32")
    close(model.predict([some, *nothings(model)])["probabilities"][1:], [expected] * 3)


def test_steps_that_are_none_are_answered_too(sequences):
    streams = Streams(sequences)
    close(streams.push({0: np.full(3, np.nan)})[0], without_a_step(sequences))
    first = np.array([1.0, 2.0, 3.0])
    close(streams.push({0: first})[0], of(sequences, first[None, None])[0])


@pytest.mark.parametrize("shape", [(2, 0), (0, 3), (0, 0)])
@pytest.mark.parametrize("recurrence", ["lstm", "gru", "relational_memory"])
def test_backbones_take_nothing(recurrence, shape):
    options = {"nrnm_options": {"block_size": 2, "stride": 1, "num_heads": 2}}
    options["relational_options"] = {"slots": 2, "num_heads": 2}
    memories = [] if recurrence == "relational_memory" else [1]
    backbone = RecurrentBackbone(4, 2, memories, recurrence, bidirectional=True, **options)
    for mask in (None, np.ones(shape, "bool")):
        assert backbone(np.zeros((*shape, 3)), mask=mask).shape == (*shape, 8)
    assert StepClassifier(backbone, 3)(np.zeros((*shape, 3))).shape == (*shape, 3)
    if recurrence == "lstm":
        assert TransformerBackbone(4, 1, 2)(np.zeros((*shape, 3))).shape == (*shape, 4)


@pytest.mark.parametrize("mode", SequencePooling.MODES)
def test_pooling_takes_nothing(mode):
    pooling = SequencePooling(mode)
    for shape in ((2, 0), (0, 3), (0, 0)):
        for mask in (None, np.ones(shape, "bool")):
            pooled = pooling(np.ones((*shape, 3)), mask=mask)
            assert pooled.shape == pooling.compute_output_shape((shape[0], None, 3))
            assert not np.any(pooled)


def test_no_probabilities_are_an_error_of_a_saved_model(sequences):
    raw = np.ones((2, 4, 3), "float32")
    raw[1] = np.inf
    state = signatures.step(sequences).inputs
    zeros = [tf.zeros((2, *spec.shape[1:]), spec.dtype) for spec in [*state.values()][1:]]
    for make, inputs in (
        (signatures.serve, [raw]),
        (signatures.features, [raw, np.ones((2, 4), "bool")]),
        (signatures.step, [raw[:, 0], *zeros]),
    ):
        function = signatures.of_numbers(make(sequences)).function
        function(*(part[:1] for part in inputs))
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"extreme or not finite.* \[1\]"):
            function(*inputs)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["texts", "sequences"])
@pytest.mark.parametrize("format_name", ["saved_model", "onnx", "litert", "keras"])
def test_every_format_says_the_same(format_name, name, request, tmp_path):
    pytest.importorskip({"onnx": "tf2onnx", "litert": "ai_edge_litert"}.get(format_name, "keras"))
    model = request.getfixturevalue(name)
    export_format = find_formats()[format_name]
    written, _ = export_format.write(model, tmp_path, None)
    run = export_format.load(tmp_path)
    expected = without_a_step(model)

    def of_signature(signature, *values):
        inputs = dict(zip(written[signature].inputs, values, strict=True))
        outputs = run(signature, inputs)
        if format_name == "keras":  # the model itself, which has an output for each class
            return np.stack([outputs[each] for each in NAMES], axis=-1)
        return outputs["probabilities"]

    if "features" in written and name == "texts":
        for batch_size, shape in ((1, (1, 0)), (1, (1, 3)), (0, (0, 3)), (0, (0, 0))):
            found = of_signature("features", np.zeros(shape, "int32"))
            close(found, [expected] * batch_size) if batch_size else None
            assert found.shape == (batch_size, 2)
        padded = of_signature("features", np.array([[2, 3], [2, 0], [0, 0]], "int32"))
        close(padded[1:2], of_signature("features", np.array([[2]], "int32")))
        close(padded[2], expected)
    elif "features" in written:
        for shape, mask in (((1, 0), True), ((1, 3), False), ((0, 3), True)):
            found = of_signature("features", np.ones((*shape, 3), "f4"), np.full(shape, mask))
            close(found, [expected] * shape[0]) if shape[0] else None
            assert found.shape == (shape[0], 2)
    if "serve" in written and name == "texts":
        assert of_signature("serve", tf.constant([], tf.string)).shape == (0, 2)
        unknown = of(model, ["[UNK]"], tf.string)
        close(of_signature("serve", tf.constant(WORDLESS)), np.repeat(unknown, len(WORDLESS), 0))
    elif "serve" in written:
        close(of_signature("serve", np.zeros((1, 0, 3), "f4")), [expected])
        assert of_signature("serve", np.zeros((0, 4, 3), "f4")).shape == (0, 2)

import keras
import numpy as np
import pytest

from nrnm_keras.inference.streaming import Streams
from nrnm_keras.inference.trained_model import TrainedModel
from nrnm_keras.models import ClassProbabilities, RecurrentBackbone, SequenceClassifier
from nrnm_keras.preprocessing import NanPadding, SkeletonPreprocessor, TextPreprocessor
from tests.layers.common import close, randomize

NAMES = ["a", "b", "c"]
TEXTS = ["Good, good film!", "It didn't; bad?", "so so"]


def classifier():
    options = {"block_size": 4, "stride": 2}
    return SequenceClassifier(RecurrentBackbone(8, 2, [1], nrnm_options=options), 3, "mean_max")


def trained(raw, network, inputs):
    return TrainedModel(keras.Model(raw, ClassProbabilities(NAMES)(network(inputs))))


@pytest.fixture(scope="module")
def of_sequences():
    network = keras.Sequential([keras.Input((None, 5)), NanPadding(), classifier()])
    raw = keras.Input((None, 5))
    return trained(raw, randomize(network), raw)


@pytest.fixture(scope="module", params=["words", "subwords"])
def of_texts(request):
    preprocessor = TextPreprocessor(20, tokens=request.param)
    preprocessor.adapt(TEXTS)
    embedding = keras.layers.Embedding(20, 4, mask_zero=True)
    network = keras.Sequential([keras.Input((None,), dtype="int32"), embedding, classifier()])
    raw = keras.Input((), dtype="string")
    return trained(raw, randomize(network), preprocessor(raw))


def whole(model, raw):
    """The probabilities of one sequence or text, all at once."""
    probabilities = model.model(keras.ops.convert_to_tensor([raw]))
    return np.array([probabilities[name][0] for name in NAMES])


def test_streams_start_and_end_when_they_like(of_sequences):
    random = np.random.default_rng(0)
    streams, sequences = Streams(of_sequences), {}
    for turn in range(15):
        keys = [key for key in "xyz" if random.random() < 0.6]
        steps = {key: random.normal(size=5).astype("f4") for key in keys}
        results = streams.push(steps)
        assert list(results) == keys
        for key in keys:
            sequences.setdefault(key, []).append(steps[key])
        if keys and turn % 3 == 2:
            ended = random.choice(keys)
            close(results[ended], whole(of_sequences, np.array(sequences[ended])))
            streams.end(ended)
            del sequences[ended]
        assert len(streams) == len(sequences)


def test_pieces_of_texts_of_any_size(of_texts):
    streams = Streams(of_texts)
    pieces = {text: text.split(" ") for text in TEXTS}
    for turn in range(3):
        steps = {text: words[turn] for text, words in pieces.items() if turn < len(words)}
        results = streams.push(steps)
        for text in steps:
            close(results[text], whole(of_texts, " ".join(pieces[text][: turn + 1])))
    close(Streams(of_texts).push({0: TEXTS[0]})[0], whole(of_texts, TEXTS[0]))


def test_piece_without_a_token_changes_nothing(of_texts):
    streams = Streams(of_texts)
    before = streams.push({0: "good bad"})[0]
    close(streams.push({0: " ... "})[0], before, 0)
    close(streams.push({0: "so"})[0], whole(of_texts, "good bad so"))


def test_step_that_does_not_fit_moves_no_stream(of_sequences):
    streams = Streams(of_sequences)
    first, second = np.ones((2, 5), "f4")
    streams.push({"x": first})
    with pytest.raises(ValueError, match=r"stream 'y' must have shape \(5,\).*\(4,\)"):
        streams.push({"x": second, "y": second[:4]})
    assert len(streams) == 1
    close(streams.push({"x": second})["x"], whole(of_sequences, np.array([first, second])))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e39, 3e38])
def test_step_that_is_not_finite_is_named_and_moves_no_stream(of_sequences, value):
    streams, first = Streams(of_sequences), np.ones(5)
    before = streams.push({"x": first, "y": first})
    wrong = first.copy()
    wrong[3] = value
    named = "after step 2 of stream 'y'" if value == 3e38 else "Step 2 of stream 'y'.*feature 3"
    with pytest.raises(ValueError, match=named):
        streams.push({"x": first, "y": wrong, "z": first})
    assert len(streams) == 2
    close(streams.push({"x": np.full(5, np.nan)})["x"], before["x"], 0)  # no step at all
    for key in "xy":
        close(streams.push({key: -first})[key], whole(of_sequences, np.array([first, -first])))


def test_frames_with_unknown_and_with_infinite_joints():
    backbone = RecurrentBackbone(4, 1, [1], nrnm_options={"block_size": 2, "stride": 1})
    layers = [SkeletonPreprocessor(length="all"), SequenceClassifier(backbone, 3)]
    network = randomize(keras.Sequential([keras.Input((None, 2, 25, 3)), *layers]))
    raw = keras.Input((None, 2, 25, 3))
    model = trained(raw, network, raw)
    joints = np.random.default_rng(0).normal(size=(6, 2, 25, 3)).astype("f4")
    joints[2, 0, 7, 1] = joints[4] = np.nan  # one body is missing, then both are
    streams = Streams(model)
    for t, frame in enumerate(joints):
        close(streams.push({"x": frame})["x"], whole(model, joints[: t + 1]))
    frame = joints[0].copy()
    frame[1, 24, 2] = np.inf
    with pytest.raises(ValueError, match="Step 7 of stream 'x'.*z of joint 24 of body 1 .* is inf"):
        streams.push({"x": frame})
    joints = np.concatenate([joints, joints[:1]])
    close(streams.push({"x": joints[-1]})["x"], whole(model, joints))


def test_unknown_stream_cannot_end(of_sequences):
    with pytest.raises(KeyError):
        Streams(of_sequences).end("x")


def test_nothing_to_push(of_sequences):
    assert Streams(of_sequences).push({}) == {}

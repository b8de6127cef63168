import json

import numpy as np
import pytest

from nrnm_keras.errors import UsageError
from nrnm_keras.predict.live import follow

PIECES = [
    *("...", "A good one", "he said", "?!", "bad, bad. It isn't", "--", "很好", "nothing good"),
]


def follow_lines(run, lines):
    """Returns the predictions after lines, given as strings."""
    return list(follow(run.trained, (f"{line}\n".encode() for line in lines)))


def assert_running(run, found, expected_inputs):
    """Compares predictions with those for whole inputs."""
    expected = [run.expected(value) for value in expected_inputs]
    assert np.ptp(expected, axis=0).min() > 0.01
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_texts_piece_by_piece_are_what_they_are_whole(texts):
    found = follow_lines(texts, PIECES)
    whole = ["\n".join(PIECES[: n + 1]) for n in range(len(PIECES))]
    assert_running(texts, found, whole)


def test_skeletons_frame_by_frame_are_what_they_are_whole(skeletons):
    joints = np.random.default_rng(0).normal(size=(10, 2, 25, 3))
    joints[:, 1] = joints[4] = 0  # one body, and a frame without any
    found = follow_lines(skeletons, [json.dumps(frame.tolist()) for frame in joints])
    assert_running(skeletons, found, [joints[: n + 1] for n in range(len(joints))])


def test_sequences_step_by_step_are_what_they_are_whole(sequences):
    values = np.random.default_rng(0).normal(size=(8, 3))
    forms = (", ".join, ",".join, " ".join, "\t".join, lambda words: f" [{', '.join(words)}]")
    lines = [forms[n % len(forms)](map(str, row.tolist())) for n, row in enumerate(values)]
    found = follow_lines(sequences, lines)
    assert_running(sequences, found, [values[: n + 1] for n in range(len(values))])


def test_an_empty_line_ends_a_sequence(texts):
    pieces = PIECES[1:4]
    found = follow_lines(texts, [*pieces, "", " ", *pieces, ""])
    assert [n for n, row in enumerate(found) if row is None] == [3, 4, 8]
    np.testing.assert_array_equal(found[:3], found[5:8])
    assert np.abs(found[2] - found[0]).max() > 0.001


def test_each_line_is_answered_before_the_next_is_read(sequences):
    asked = []

    def lines():
        for number in range(3):
            asked.append(number)
            yield b"1 2 3\n"

    for answered, _ in enumerate(follow(sequences.trained, lines())):
        assert asked == list(range(answered + 1))
    assert answered == 2


FRAME = np.zeros((2, 25, 3)).tolist()


@pytest.mark.parametrize(
    ("model", "line", "message"),
    [
        ("texts", b"caf\xe9", "not UTF-8"),
        ("sequences", b"1 2", r"'1 2' has shape \(2,\); expected 3 numbers"),
        ("sequences", b"1,,2", "could not convert string to float: ''; expected 3 numbers"),
        ("sequences", b"1 2 x", "float: 'x'; expected 3 numbers"),
        ("sequences", b"1 2 1_0", "float: '1_0'; expected 3 numbers"),
        ("sequences", "1 2 ٣".encode(), "float: '٣'; expected 3 numbers"),
        ("sequences", b"1 2 nan", "not finite"),
        ("sequences", b"1 2 1e39", "not finite"),
        ("sequences", b"[1, 2", "is not JSON"),
        ("sequences", b"[1, 2, null]", "not a number"),
        ("sequences", b'[1, 2, "3"]', "not a number"),
        ("sequences", b"[[1, 2], [3]]", "unequal length"),
        ("skeletons", b"hello", "'hello' is not JSON; expected a JSON list of 2 bodies x 25"),
        ("skeletons", b"[" * 100_000, r"\[\.\.\.' is not JSON"),
        ("skeletons", b"{}", r"shape \(\)"),
        ("skeletons", json.dumps(FRAME[:1]).encode(), r"shape \(1, 25, 3\)"),
    ],
)
def test_a_malformed_line_is_named(request, model, line, message):
    run = request.getfixturevalue(model)
    good = {"texts": b"good", "sequences": b"1 2 3", "skeletons": json.dumps(FRAME).encode()}
    predictions = follow(run.trained, [good[model], b"", line])
    assert next(predictions).shape == (2,) and next(predictions) is None
    with pytest.raises(UsageError, match=message) as raised:
        next(predictions)
    assert str(raised.value).startswith("standard input, line 3: ")
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize("model", ["bidirectional", "nw_ucla"])
def test_a_model_that_needs_whole_sequences(request, model):
    run = request.getfixturevalue(model)
    with pytest.raises(UsageError, match="--nobidirectional.*--length=all"):
        follow_lines(run, ["1 2 3"])

import csv
import json

import numpy as np
import pytest

from nrnm_keras.errors import UsageError
from nrnm_keras.inference.raw_inputs import one_text, read_inputs
from pipelines.errors import SourceError
from pipelines.ntu_rgbd.bodies import track_bodies
from pipelines.ntu_rgbd.skeleton_file import BodyFrames, read_skeleton, write_skeleton
from pipelines.ntu_sample.generate import generate_files
from pipelines.nw_ucla.samples import read_samples

TEXTS = ["A good one.", 'He said "bad,\nbad"', "Très bien 很好"]
VALUES = np.random.default_rng(0).normal(size=(4, 5, 3)).astype("float32")


def assert_same(inputs, naming, expected):
    """Compares with a list of pairs, twice: inputs can be read again."""
    assert (inputs.naming, inputs.count) == (naming, len(expected))
    for _ in range(2):
        for (name, value), (other_name, other_value) in zip(inputs.read(), expected, strict=True):
            assert name == other_name
            np.testing.assert_array_equal(value, other_value)


def write_json(path, frames):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"skeletons": frames.tolist()}))


@pytest.mark.parametrize("name", ["in.csv", "IN.CSV", "in.tsv", "in.jsonl"])
def test_texts(texts, tmp_path, name):
    path = tmp_path / name
    with path.open("w", encoding="utf-8", newline="") as file:
        if name.endswith("jsonl"):
            file.writelines(json.dumps({"text": text, "id": 1}) + "\n" for text in TEXTS)
        else:
            dialect = "excel-tab" if name.endswith("tsv") else "excel"
            csv.writer(file, dialect).writerows([("id", "text"), *enumerate(TEXTS)])
    assert_same(read_inputs(path, texts.trained), "text", [(text, text) for text in TEXTS])


def test_one_text(texts):
    assert_same(one_text("A text.", texts.trained), "text", [("A text.", "A text.")])


@pytest.mark.parametrize("labels", [{}, {"y": [0, 1, 0, 1]}])
def test_sequences_in_npz_files_with_and_without_labels(sequences, tmp_path, labels):
    lengths = [5, 1, 3, 2]
    expected = [(n, VALUES[n, :length]) for n, length in enumerate(lengths)]
    np.savez(tmp_path / "padded.npz", x=VALUES, lengths=lengths, **labels)
    assert_same(read_inputs(tmp_path / "padded.npz", sequences.trained), "index", expected)
    values = np.concatenate([value for _, value in expected])
    row_splits = np.cumsum([0, *lengths])
    np.savez(tmp_path / "ragged.npz", values=values, row_splits=row_splits, **labels)
    assert_same(read_inputs(tmp_path / "ragged.npz", sequences.trained), "index", expected)


@pytest.mark.parametrize("labels", [False, True])
def test_sequences_in_ts_files_with_and_without_labels(sequences, tmp_path, labels):
    lines = [f"@classLabel {'true up down' if labels else 'false'}", "@data"]
    for value in VALUES:
        features = [",".join(map(str, column)) for column in value.T]
        lines.append(":".join([*features, *(["up"] if labels else [])]))
    (tmp_path / "in.ts").write_text("\n".join(lines))
    inputs = read_inputs(tmp_path / "in.ts", sequences.trained)
    assert_same(inputs, "line", list(enumerate(VALUES, start=3)))


def test_skeleton_file(skeletons, tmp_path):
    frames = 101  # one more than the authors keep
    joints = np.random.default_rng(0).normal(size=(frames, 25, 3)).astype("float32")
    states, ids = np.full((frames, 25), 2, "uint8"), np.full(frames, 2**56)
    body_frames = BodyFrames(frames, np.arange(frames, dtype="int32"), ids, joints, states)
    path = tmp_path / "one.skeleton"
    path.write_text(write_skeleton(body_frames))
    expected = np.stack([joints, np.zeros_like(joints)], axis=1)
    assert_same(read_inputs(path, skeletons.trained), "file", [("one.skeleton", expected)])
    inputs = read_inputs(path, skeletons.trained, ntu_bodies="authors")
    assert_same(inputs, "file", [("one.skeleton", expected[:100])])


def test_skeleton_files_at_any_depth_of_a_folder(skeletons, tmp_path):
    first, second = generate_files(tmp_path / "b", 2)
    second = second.rename(tmp_path / "a.skeleton")
    (tmp_path / ".hidden.skeleton").write_text("")
    (tmp_path / "list.txt").write_text("")
    write_json(tmp_path / "c.json", VALUES)
    expected = [
        (str(path.relative_to(tmp_path)), track_bodies(read_skeleton(path.read_bytes(), "")).joints)
        for path in (second, first)
    ]
    assert_same(read_inputs(tmp_path, skeletons.trained), "file", expected)


def test_files_of_nw_ucla(nw_ucla, nw_ucla_folder):
    expected = [(f"{s.name}.json", s.joints) for s in read_samples(nw_ucla_folder)]
    assert_same(read_inputs(nw_ucla_folder, nw_ucla.trained), "file", expected)
    path = nw_ucla_folder / expected[0][0]
    assert_same(read_inputs(path, nw_ucla.trained), "file", expected[:1])


def test_a_file_as_of_nw_ucla_needs_no_label_and_no_such_name(nw_ucla, tmp_path):
    frames = np.random.default_rng(0).normal(size=(6, 20, 3)).astype("float32")
    write_json(tmp_path / "mine.json", frames)
    inputs = read_inputs(tmp_path / "mine.json", nw_ucla.trained)
    assert_same(inputs, "file", [("mine.json", frames[:, np.newaxis])])


@pytest.mark.parametrize("labels", [{}, {"y": [0, 1]}])
def test_skeletons_in_npz_files_with_and_without_labels(nw_ucla, skeletons, tmp_path, labels):
    joints = np.random.default_rng(0).normal(size=(2, 4, 2, 25, 3)).astype("float32")
    joints[1, 3:] = np.nan
    path = tmp_path / "in.npz"
    np.savez(path, x=joints, **labels)
    expected = [(0, joints[0]), (1, joints[1, :3])]
    assert_same(read_inputs(path, skeletons.trained), "index", expected)
    np.savez(path, x=joints[:, :, 0, :20], **labels)
    expected = [(n, each[:, :1, :20]) for n, each in expected]
    assert_same(read_inputs(path, nw_ucla.trained), "index", expected)


def test_damage_in_a_file_of_many_is_found_before_anything_is_predicted(texts, tmp_path):
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n{"text": 5}\n')
    with pytest.raises(SourceError, match="in.jsonl, line 2: text is 5"):
        read_inputs(tmp_path / "in.jsonl", texts.trained)


@pytest.fixture
def files(tmp_path):
    """A folder of files that one or another model does not take."""
    generate_files(tmp_path / "ntu", 1)
    (tmp_path / "in.csv").write_text("text\nA text.\n")
    (tmp_path / "none.csv").write_text("")
    (tmp_path / "header.csv").write_text("text\n")
    (tmp_path / "in.xlsx").write_text("")
    (tmp_path / "no_suffix").write_text("")
    (tmp_path / "empty").mkdir()
    (tmp_path / "none.skeleton").write_text("")
    (tmp_path / "nobody.skeleton").write_text("1\n0\n")
    (tmp_path / "text.skeleton").write_text("text")
    write_json(tmp_path / "nw" / "in.json", np.ones((2, 20, 3)))
    write_json(tmp_path / "nobody.json", np.zeros((2, 20, 3)))
    joints = np.ones((3, 25, 3), "float32")
    joints[:, 4, 1] = np.nan
    ids = np.zeros(3, "int64"), joints, np.full((3, 25), 2, "uint8")
    unknown = BodyFrames(3, np.arange(3, dtype="int32"), *ids)
    (tmp_path / "unknown.skeleton").write_text(write_skeleton(unknown))
    np.savez(tmp_path / "nan.npz", x=np.stack([np.ones((4, 3)), np.full((4, 3), np.nan)]))
    write_json(tmp_path / "other.json", np.ones((2, 25, 3)))
    np.savez(tmp_path / "in.npz", x=np.ones((2, 4, 3)))
    np.savez(tmp_path / "wide.npz", x=np.ones((2, 4, 5)))
    np.savez(tmp_path / "none.npz", x=np.ones((0, 4, 3)))
    np.savez(tmp_path / "one_body.npz", x=np.ones((2, 4, 1, 25, 3)))
    np.savez(tmp_path / "nobody.npz", x=np.stack([np.ones((4, 20, 3)), np.zeros((4, 20, 3))]))
    unknown = np.ones((2, 4, 20, 3))
    unknown[1, :, 3] = np.nan
    np.savez(tmp_path / "unknown.npz", x=unknown)
    return tmp_path


@pytest.mark.parametrize(
    ("model", "name", "message"),
    [
        ("texts", "missing.csv", "missing.csv: no such file or folder"),
        ("texts", "x" * 300, "no such file or folder"),
        (
            "texts",
            "in.xlsx",
            "'.xlsx'; expected one of .csv, .tsv, .jsonl, .json, .npz, .ts, .txt, .parquet, .skel",
        ),
        ("texts", "no_suffix", "file type ''; expected one of .csv"),
        ("texts", "none.csv", "none.csv: no examples"),
        ("texts", "header.csv", "header.csv: no examples"),
        ("texts", "in.npz", "in.npz has sequences, but the model takes texts; expected .csv, .tsv"),
        ("texts", "ntu", "ntu is a folder, but the model takes texts; expected a file, .csv"),
        ("sequences", "in.csv", "in.csv, line 2, column 'text': 'A text.' is not a number"),
        ("sequences", "ntu", "ntu is a folder, but the model takes sequences"),
        ("sequences", "wide.npz", "sequence 0 of x: 5 features; the model takes 3"),
        ("sequences", "none.npz", "none.npz: no sequences"),
        ("skeletons", "in.csv", "has texts, but the model takes skeletons; expected .skeleton"),
        ("skeletons", "empty", "empty has no .skeleton files; the model takes skeletons of 2"),
        ("skeletons", "nw", "nw has no .skeleton files; the"),
        ("skeletons", "nw/in.json", "skeletons of 1 body with 20 joints, but the model takes"),
        ("skeletons", "none.skeleton", "none.skeleton, line 1"),
        ("skeletons", "text.skeleton", "text.skeleton, line 1"),
        ("skeletons", "nobody.skeleton", "nobody.skeleton: no frame has a body"),
        ("skeletons", "unknown.skeleton", "no frame has a body with all its joints"),
        ("sequences", "nan.npz", "sequence 1 of x: every number is NaN; expected at least one"),
        (
            "nw_ucla",
            "ntu",
            "ntu has no .json files; the model takes skeletons of 1 body with 20",
        ),
        ("nw_ucla", "nobody.json", "nobody.json: no frame has a body"),
        ("nw_ucla", "nobody.npz", "nobody.npz, skeleton 1 of x: no frame has a body"),
        ("nw_ucla", "unknown.npz", "skeleton 1 of x: no frame has a body with all its joints"),
        ("nw_ucla", "in.npz", "array x: shape .2, 4, 3.; expected .n, frames, bodies, joints, 3"),
        ("skeletons", "one_body.npz", "npz has skeletons of 1 body with 25 joints, but the model"),
        ("nw_ucla", "other.json", r"other.json, frame 1: numbers of shape \(25, 3\)"),
    ],
)
def test_errors_say_what_was_given_and_what_was_expected(request, files, model, name, message):
    trained = request.getfixturevalue(model).trained
    with pytest.raises((UsageError, SourceError), match=message) as raised:
        list(read_inputs(files / name, trained).read())
    assert str(files) in str(raised.value)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("texts", "x.jsonl"),
        ("sequences", "x.npz"),
        ("skeletons", "x.skeleton"),
        ("nw_ucla", "x.json"),
    ],
)
def test_what_is_larger_than_allowed_is_named(request, tmp_path, model, name):
    trained = request.getfixturevalue(model).trained
    path = tmp_path / name
    if name == "x.npz":
        np.savez(path, x=VALUES)
    else:
        path.write_bytes(b" " * 101 + b"\n")
    with pytest.raises(SourceError, match=f"{path}.*100.*; --source_limit_mb=N allows N MB"):
        list(read_inputs(path, trained, limit=100).read())


@pytest.mark.parametrize(
    ("text", "message"),
    [(" \n", "--text is empty"), ("\udcff", "--text is not UTF-8")],
)
def test_a_text_that_is_none(texts, text, message):
    with pytest.raises(UsageError, match=message):
        one_text(text, texts.trained)


def test_a_text_for_another_model(nw_ucla):
    with pytest.raises(UsageError, match="texts were given, but the model takes skeletons"):
        one_text("A text.", nw_ucla.trained)

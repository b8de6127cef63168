"""Trainings from Python, on data in memory and on files."""

import json

import keras
import numpy as np
import pytest

from nrnm_keras.errors import UsageError
from nrnm_keras.inference import TrainedModel
from nrnm_keras.inference.run_config import config_lines, parse_lines
from nrnm_keras.predict import __main__ as predict
from nrnm_keras.train import (
    AddingTask,
    NetworkConfig,
    SequenceTask,
    SkeletonTask,
    TextTask,
    TrainConfig,
    train,
)
from nrnm_keras.train.data_in_memory import with_data
from pipelines.errors import SourceError
from pipelines.sequence_files.reader import read_sequences
from pipelines.skeleton_files.reader import read_skeletons
from pipelines.text_files.reader import read_examples

TEXTS = ["a fine film", 'dull, "so" dull\n', "fine", "a dull film\t"]
LABELS = ["good", "bad", "good", "bad"]
NETWORK = NetworkConfig(units=8, num_layers=1, nrnm_layers=[1], block_size=4, stride=2)


def config_of(task, folder, **options):
    return TrainConfig(task=task, network=NETWORK, run_dir=folder / "run", epochs=1, **options)


def test_texts_become_a_file_of_the_run(tmp_path):
    config = with_data(config_of(TextTask(), tmp_path), (TEXTS, LABELS), None, (TEXTS[:1], ["bad"]))
    assert config.data_dir == f"{tmp_path}/run/data" and config.task.validation_file is None
    assert list(read_examples(config.task.train_file)) == list(zip(TEXTS, LABELS, strict=True))
    assert list(read_examples(config.task.test_file)) == [(TEXTS[0], "bad")]


@pytest.mark.parametrize("form", ["padded", "ragged"])
def test_sequences_become_a_file_of_the_run(tmp_path, form):
    x = np.arange(24, dtype="float32").reshape(3, 4, 2)
    x[1, 2:] = np.nan
    sequences = x if form == "padded" else [x[0].tolist(), x[1, :2], x[2]]
    config = with_data(config_of(SequenceTask(), tmp_path), (sequences, np.array([0, 1, 0])))
    found = list(read_sequences(config.task.train_file, with_labels=True))
    for sequence, expected in zip(found, (x[0], x[1, :2], x[2]), strict=True):
        np.testing.assert_array_equal(sequence.values, expected)
    assert [sequence.label for sequence in found] == ["0", "1", "0"]


@pytest.mark.parametrize("kind", ["int64", "float32", "bool"])
def test_one_hot_labels_are_classes(tmp_path, capsys, kind):
    x, y = np.zeros((3, 4, 2)), np.eye(4)[[2, 0, 2]].astype(kind)
    config = with_data(config_of(SequenceTask(), tmp_path), (x, y))
    found = read_sequences(config.task.train_file)
    assert [sequence.label for sequence in found] == ["2", "0", "2"]
    said = capsys.readouterr()
    assert "train_data: one-hot labels, taken as the classes 0 to 3" in said.out + said.err


@pytest.mark.parametrize("bodies", [None, 1, 2])
@pytest.mark.parametrize("form", ["padded", "ragged"])
def test_skeletons_become_a_file_of_the_run(tmp_path, form, bodies):
    x = np.random.default_rng(0).normal(size=(3, 4, bodies or 1, 20, 3)).astype("float32")
    x[1, 2:] = np.nan
    x[2, 1, 0, 3] = np.nan  # a joint that is not known is no padding
    expected = (x[0], x[1, :2], x[2])
    if bodies is None:
        x = x[:, :, 0]
    skeletons = x if form == "padded" else [x[0].tolist(), x[1, :2], x[2].astype("float64")]
    task = SkeletonTask(layout="kinect_v1")
    config = with_data(config_of(task, tmp_path), (skeletons, ["a", "b", "a"]))
    found = list(read_skeletons(config.task.train_file))
    for skeleton, joints in zip(found, expected, strict=True):
        np.testing.assert_array_equal(skeleton.joints, joints)
    assert [skeleton.label for skeleton in found] == ["a", "b", "a"]


JOINTS = np.ones((2, 3, 1, 20, 3))


@pytest.mark.parametrize(
    ("task", "data", "message"),
    [
        (TextTask(), (TEXTS, LABELS[:3]), "train_data: 4 examples and 3 labels"),
        *((task, ([], []), "train_data: no examples") for task in (TextTask(), SkeletonTask())),
        (TextTask(), TEXTS, "train_data: expected a pair of examples and labels"),
        (TextTask(), (["a", 7], [0, 1]), "train_data: text 1 is a int; expected a string"),
        (TextTask(), (["a", "b"], [0.5, 1]), "type float64; expected one integer or string"),
        (TextTask(), (["a", "b"], [[0, 1], [1, 1]]), r"labels of shape \(2, 2\), type int64"),
        (TextTask(), (["a", "b"], [[0], [1]]), r"labels of shape \(2, 1\), type int64"),
        (TextTask(train_file="a.csv"), (TEXTS, LABELS), "train_file and train_data are both given"),
        (SequenceTask(), ([[1, 2], [3]], [0, 1]), "expected sequences .timesteps, features."),
        (SequenceTask(), (["a", "b"], [0, 1]), "sequences are no arrays of numbers"),
        (SequenceTask(), ([[[1, 2]], []], [0, 1]), "train_data: sequence 1 has no steps"),
        (SequenceTask(), ([[[1, 2]], [[1]]], [0, 1]), r"sequence 1 has shape \(1, 1\), and seq"),
        (SkeletonTask(), (JOINTS[..., 0], [0, 1]), "expected skeletons .frames, bodies, joints"),
        (
            SkeletonTask(),
            ([JOINTS[0], JOINTS[0, :, :, :9]], [0, 1]),
            "skeleton 1 has shape .3, 1, 9",
        ),
        (SkeletonTask(), ([JOINTS[0], JOINTS[0, :0]], [0, 1]), "skeleton 1 has no steps"),
        (SkeletonTask(), (JOINTS.astype(str), [0, 1]), "skeletons are no arrays of numbers"),
        (
            AddingTask(),
            (TEXTS, LABELS),
            "--task=adding takes no data in memory; sequence, sequence_regression, ",
        ),
    ],
)
def test_mistakes_are_one_line(tmp_path, task, data, message):
    with pytest.raises(UsageError, match=message):
        with_data(config_of(task, tmp_path), data)
    assert not list(tmp_path.rglob("*.*"))


def test_infinite_joints_are_named_before_the_training(tmp_path):
    joints = np.tile(JOINTS, (5, 1, 1, 1, 1))
    joints[3, 1, 0, 7, 2] = -np.inf
    config = config_of(SkeletonTask(layout="kinect_v1"), tmp_path)
    with pytest.raises(SourceError, match="skeleton 3 of values: z of joint 7 of body 0 is -inf"):
        train(config, (joints, np.arange(10) % 2))


def test_other_data_are_another_run(tmp_path):
    config = config_of(TextTask(), tmp_path)
    first = with_data(config, (TEXTS, LABELS))
    (tmp_path / "run" / "flags.txt").write_text("\n".join(config_lines(first)))
    assert with_data(config, (TEXTS, LABELS)) == first
    with pytest.raises(UsageError, match="holds a run on other data"):
        with_data(config, (TEXTS, LABELS[::-1]))
    again = with_data(config.replace(overwrite=True), (TEXTS, LABELS[::-1]))
    assert [label for _, label in read_examples(again.task.train_file)] == LABELS[::-1]


def test_training_in_python(tmp_path, capsys):
    """The report, the model, the flags, and Keras's settings afterwards."""
    random = np.random.default_rng(0)
    labels = np.arange(40) % 2
    sequences = random.normal(size=(40, 6, 3)) + labels[:, None, None]
    config = config_of(SequenceTask(settings="fixed"), tmp_path, batch_size=8)
    policy = keras.config.dtype_policy()
    run = train(config, (sequences, labels), test_data=(sequences[:6], labels[:6]))
    assert keras.config.dtype_policy() is policy
    assert run.folder == tmp_path / "run" and run.is_chief
    assert run.report["data"]["examples"] == {"train": 36, "validation": 4, "test": 6}
    assert set(run.report["metrics"]["test"]) == {"accuracy", "loss"}
    found = run.model.predict(sequences[:6])
    accuracy = np.mean(np.array(found["label"]) == labels[:6].astype(str))
    assert accuracy == pytest.approx(run.report["metrics"]["test"]["accuracy"])
    assert isinstance(run.model, TrainedModel)
    again, unknown = parse_lines((tmp_path / "run" / "flags.txt").read_text().splitlines())
    assert not unknown and again.replace(run_dir=config.run_dir) == with_data(
        config, (sequences, labels), test_data=(sequences[:6], labels[:6])
    )
    with pytest.raises(UsageError, match="holds a finished run"):
        train(config, (sequences, labels), test_data=(sequences[:6], labels[:6]))


@pytest.mark.slow
def test_skeletons_are_trained_on_and_predicted(tmp_path, capsys):
    """Joints of one body: in memory to train on; as arrays, in a file and as frames to predict."""
    random = np.random.default_rng(0)
    labels = np.array(["sit", "stand"])[np.arange(24) % 2]
    joints = random.normal(size=(24, 6, 20, 3)).astype("float32")
    joints[::2, :, 3, 1] += 5
    joints[1, 4:] = np.nan
    task = SkeletonTask(layout="kinect_v1", length="all", random_rotation=20.0, random_crop=0.1)
    config = config_of(task, tmp_path, batch_size=8)
    run = train(config, (joints, labels), test_data=(list(joints[:6]), labels[:6]))
    assert run.report["data"]["examples"] == {"train": 22, "validation": 2, "test": 6}
    found = run.model.predict(joints[:6])
    accuracy = np.mean(np.array(found["label"]) == labels[:6])
    assert accuracy == pytest.approx(run.report["metrics"]["test"]["accuracy"])
    np.savez(tmp_path / "new.npz", x=joints[:6])
    command = [f"--run={run.folder}", f"--input={tmp_path}/new.npz", "--format=jsonl"]
    capsys.readouterr()
    assert predict.main(command) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["label"] for row in rows] == found["label"]
    assert [row["index"] for row in rows] == list(range(6))
    streams = run.model.streams()
    for frame in joints[0]:
        probabilities = streams.push({"a": frame})["a"]
    np.testing.assert_allclose(probabilities, found["probabilities"][0], rtol=1e-4, atol=1e-5)

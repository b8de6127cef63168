import csv
import json
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from nrnm_keras import predict
from nrnm_keras.models import ClassProbabilities, RecurrentBackbone, SequenceClassifier
from nrnm_keras.preprocessing import SkeletonPreprocessor, TextPreprocessor
from pipelines.ntu_rgbd.skeleton_file import BodyFrames, write_skeleton

TEXTS = ["A good one.", 'He said "bad,\nbad"', "Très bien 很好"]


@pytest.fixture(scope="module")
def model():
    """A classifier with random weights of the classes "no" and "so so"."""
    keras.utils.set_random_seed(0)
    preprocessor = TextPreprocessor()
    preprocessor.adapt(TEXTS)
    texts = keras.Input((), dtype="string")
    embedded = keras.layers.Embedding(20, 4, mask_zero=True)(preprocessor(texts))
    classifier = SequenceClassifier(RecurrentBackbone(4, 1, [1]), num_classes=2)
    return keras.Model(texts, ClassProbabilities(["no", "so so"])(classifier(embedded)))


@pytest.fixture(scope="module")
def run(model, tmp_path_factory):
    """A run folder, as far as predictions need it."""
    path = tmp_path_factory.mktemp("run")
    model.save(path / "model.keras")
    return path


@pytest.fixture(scope="module")
def skeleton_run(tmp_path_factory):
    """A run folder of a classifier of skeletons with random weights."""
    keras.utils.set_random_seed(0)
    joints = keras.Input((None, 2, 25, 3))
    classifier = SequenceClassifier(RecurrentBackbone(4, 1, [1]), num_classes=2)
    logits = classifier(SkeletonPreprocessor(timesteps=9)(joints))
    path = tmp_path_factory.mktemp("skeleton_run")
    keras.Model(joints, ClassProbabilities(["sit", "stand"])(logits)).save(path / "model.keras")
    return path


@pytest.fixture
def rows(model):
    """The CSV that the texts should give."""
    probabilities = model(tf.constant(TEXTS))
    columns = [np.array(probabilities[name]) for name in ("no", "so so")]
    return [
        {
            "text": text,
            "label": "no" if no > so_so else "so so",
            "probability_no": f"{no:.6f}",
            "probability_so so": f"{so_so:.6f}",
        }
        for text, no, so_so in zip(TEXTS, *columns, strict=True)
    ]


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def assert_equal_rows(found, expected):
    assert [(row["text"], row["label"]) for row in found] == [
        (row["text"], row["label"]) for row in expected
    ]
    for one, other in zip(found, expected, strict=True):
        assert list(one) == list(other)
        for name in list(one)[2:]:
            assert float(one[name]) == pytest.approx(float(other[name]), abs=2e-6)


def test_command_on_one_text(run, rows):
    result = subprocess.run(
        [sys.executable, "-m", "nrnm_keras.predict", f"--model={run}", f"--text={TEXTS[0]}"],
        check=True,
        capture_output=True,
        text=True,
    )
    line = result.stdout.splitlines()[-1]
    label = rows[0]["label"]
    assert line.startswith(f"{label}  {label} ")
    assert f"so so {float(rows[0]['probability_so so']):.4f}" in line


def test_action_of_a_skeleton_file(skeleton_run, tmp_path, capsys):
    joints = np.random.default_rng(0).normal(size=(12, 25, 3)).astype("float32")
    frames = np.arange(12, dtype="int32")
    body = BodyFrames(12, frames, np.full(12, 2**56 + 1), joints, np.full((12, 25), 2, "uint8"))
    (tmp_path / "S001C001P001R001A001.skeleton").write_text(write_skeleton(body))
    flags = [f"--model={skeleton_run}", f"--skeleton={tmp_path}/S001C001P001R001A001.skeleton"]
    assert predict.main(flags) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    model = predict.load_model(skeleton_run)
    expected = model(np.stack([joints, np.zeros_like(joints)], axis=1)[None])
    for name, probability in expected.items():
        assert f"{name} {float(probability[0]):.4f}" in line
    assert line.split()[0] == max(expected, key=lambda name: float(expected[name][0]))


@pytest.mark.parametrize("batch_size", [1, 32])
def test_csv_in_csv_out(run, rows, tmp_path, batch_size):
    with (tmp_path / "in.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "text"), *enumerate(TEXTS)])
    places = [f"--input={tmp_path}/in.csv", f"--output={tmp_path}/out.csv"]
    flags = [f"--model={run}/model.keras", f"--batch_size={batch_size}", *places]
    assert predict.main(flags) == 0
    assert_equal_rows(read(tmp_path / "out.csv"), rows)
    assert len(list(tmp_path.iterdir())) == 2


def test_json_lines_in(run, rows, tmp_path):
    lines = "".join(json.dumps({"text": text}) + "\n" for text in TEXTS)
    (tmp_path / "in.jsonl").write_text(lines)
    places = [f"--input={tmp_path}/in.jsonl", f"--output={tmp_path}/out.csv"]
    assert predict.main([f"--model={run}", *places]) == 0
    assert_equal_rows(read(tmp_path / "out.csv"), rows)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--model"),
        (["--model={run}"], "--text"),
        (["--model={run}", "--text=a", "--input={here}/in.csv"], "one of"),
        (["--model={run}", "--skeleton={here}/in.csv"], "takes texts, not skeletons"),
        (["--model={skeletons}", "--text=a"], "takes skeletons, not texts"),
        (["--model={skeletons}", "--skeleton={here}/in.csv"], "in.csv, line 1"),
        (["--model={skeletons}", "--skeleton={here}/none.skeleton"], "none.skeleton"),
        (["--model={skeletons}", "--skeleton={here}/empty.skeleton"], "no frame has a body"),
        (["--model={run}", "--input={here}/in.csv"], "--output"),
        (["--model={run}", "--text=a", "--output={here}/out.csv"], "--input"),
        (["--model={here}/none", "--text=a"], "none"),
        (["--model={here}", "--text=a"], "model.keras"),
        (["--model={here}/in.csv", "--text=a"], "in.csv"),
        (["--model={here}/broken.keras", "--text=a"], "broken.keras"),
        (["--model={here}/other.keras", "--text=a"], "not a classifier"),
        (["--model={run}", "--input={here}/no.csv", "--output={here}/out.csv"], "no.csv"),
        (["--model={run}", "--input={here}/in.csv", "--output={here}/in.csv"], "input"),
        (["--model={run}", "--input={here}/in.csv", "--output={here}/out.xlsx"], ".csv"),
        (
            ["--model={run}", "--input={here}/in.csv", "--output={here}/no/out.csv"],
            "no such folder",
        ),
        (["--modle={run}"], "modle"),
    ],
)
def test_errors_are_one_line(run, skeleton_run, tmp_path, capsys, arguments, message):
    (tmp_path / "in.csv").write_text("text\nA text.\n")
    (tmp_path / "empty.skeleton").write_text("1\n0\n")
    with zipfile.ZipFile(tmp_path / "broken.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    other = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    other.save(tmp_path / "other.keras")
    capsys.readouterr()
    places = {"run": run, "skeletons": skeleton_run, "here": tmp_path}
    assert predict.main([word.format(**places) for word in arguments]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and message in line
    assert not (tmp_path / "out.csv").exists()
    assert (tmp_path / "in.csv").read_text() == "text\nA text.\n"


def test_model_with_code_in_it_is_refused(tmp_path, capsys):
    texts = keras.Input((), dtype="string")
    lengths = keras.layers.Lambda(lambda x: tf.one_hot(tf.strings.length(x), 2), (2,))(texts)
    model = keras.Model(texts, ClassProbabilities(["a", "b"])(lengths))
    model.save(tmp_path / "model.keras")
    capsys.readouterr()
    assert predict.main([f"--model={tmp_path}", "--text=a"]) == 1
    assert "cannot be loaded" in capsys.readouterr().err

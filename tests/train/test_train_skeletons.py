import json
import subprocess
import sys

import keras
import numpy as np
import pytest

from nrnm_keras.train import __main__ as train


@pytest.fixture(scope="module")
def run(nw_ucla_folder, tmp_path_factory):
    """A finished run on skeletons."""
    folder = tmp_path_factory.mktemp("run")
    small = ["--units=4", "--num_layers=1", "--nrnm_layers=1", "--timesteps=8", "--epochs=2"]
    places = [f"--nw_ucla_source={nw_ucla_folder}", f"--data_dir={folder}/data"]
    flags = ["--task=nw_ucla", "--split=cross_view", "--random_rotation=30", *small, *places]
    assert train.main([*flags, f"--run_dir={folder}/run"]) == 0
    return folder / "run"


def test_report_shows_classes_and_cases(run):
    report = json.loads((run / "report.json").read_text())
    accuracies = report["analysis"]["class_accuracy"]
    # There are as many test samples of either class.
    assert list(accuracies) == report["data"]["classes"][:2]
    assert sum(accuracies.values()) / 2 == pytest.approx(report["metrics"]["test"]["accuracy"])
    text = (run / "report.md").read_text()
    for picture in (run / "pictures").iterdir():
        assert f"pictures/{picture.name})" in text
    pictures = {picture.stem for picture in (run / "pictures").iterdir()}
    cases = pictures - {"learning_curves", "confusion_matrix"}
    assert cases and cases <= {"right", "wrong"}
    for name, accuracy in accuracies.items():
        row = report["analysis"]["class_scores"][name]
        assert row["recall"] == accuracy
        numbers = [f"{row[key]:.4f}" for key in ("precision", "recall", "f1")]
        counts = [f"{row[key]:,}" for key in ("examples", "predicted")]
        assert f"| {' | '.join([name, *counts, *numbers])} |" in text
    assert "| *macro average* |" in text


def test_saved_model_takes_raw_joints_and_needs_tensorflow_only(run, tmp_path):
    joints = np.random.default_rng(0).normal(size=(2, 11, 1, 20, 3)).astype("float32")
    np.save(tmp_path / "joints.npy", joints)
    code = f"""
import sys, json
import numpy as np, tensorflow as tf
model = tf.saved_model.load({str(run / "saved_model")!r})
served = model.serve(tf.constant(np.load("joints.npy")))
assert "nrnm_keras" not in sys.modules
print(json.dumps({{name: values.numpy().tolist() for name, values in served.items()}}))
"""
    output = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, cwd=tmp_path
    ).stdout
    served = json.loads(output)
    model = keras.saving.load_model(run / "model.keras", safe_mode=True)
    assert len(served) == 10
    for name, expected in model(joints).items():
        np.testing.assert_allclose(served[name], expected, rtol=1e-4, atol=1e-6)

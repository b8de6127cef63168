"""A training on a table, and tables to predict for whose columns stand in another order."""

import csv
import io

import numpy as np
import pytest

from nrnm_keras.predict import __main__ as predict
from nrnm_keras.train import NetworkConfig, SequenceTask, TrainConfig, train

SERIES = np.random.default_rng(0).normal(size=(24, 5, 2)).round(3)
SERIES[:, :, 0] *= 10
LABELS = [f"kind {i % 2}" for i in range(24)]


def write(path, names):
    """Writes the series with columns in the order of names."""
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(names)
        for number, (series, label) in enumerate(zip(SERIES, LABELS, strict=True)):
            for time, (heat, speed) in enumerate(series):
                cells = {"id": number, "time": time, "heat": heat, "speed": speed, "label": label}
                table.writerow([cells[name.replace("wind", "heat")] for name in names])
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    file = write(folder / "train.csv", ["id", "time", "heat", "speed", "label"])
    task = SequenceTask(train_file=str(file), settings="fixed")
    network = NetworkConfig(units=4, num_layers=1, model="gru")
    config = TrainConfig(task=task, network=network, run_dir=str(folder / "run"), epochs=1)
    return train(config.replace(data_dir=str(folder / "data")))


def predictions(run, table, capsys):
    assert predict.main([f"--run={run.folder}", f"--input={table}", "--format=csv"]) == 0
    return list(csv.DictReader(io.StringIO(capsys.readouterr().out)))


def test_features_are_known_by_their_names(run, tmp_path, capsys):
    same = write(tmp_path / "same.csv", ["id", "time", "heat", "speed"])
    other = write(tmp_path / "other.csv", ["speed", "id", "heat", "time"])
    rows = predictions(run, other, capsys)
    assert rows == predictions(run, same, capsys)
    probabilities = [float(row["probability_kind 0"]) for row in rows]
    np.testing.assert_allclose(
        probabilities, run.model.predict(list(SERIES))["probabilities"][:, 0], atol=1e-5
    )


def test_other_features_are_refused(run, tmp_path, capsys):
    table = write(tmp_path / "other.csv", ["id", "time", "wind", "speed"])
    assert predict.main([f"--run={run.folder}", f"--input={table}"]) == 1
    error = capsys.readouterr().err
    assert "wind" in error and "those of the training file" in error and "heat" in error

import numpy as np
import pytest

from pipelines.build import build
from tests.configs import open_task

SMALL = {"units": 8, "num_layers": 1, "nrnm_layers": 1, "validation_fraction": 0.25}
LENGTHS = np.array([3, 5, 4, 2] * 4)


@pytest.fixture
def opened(tmp_path):
    random = np.random.default_rng(0)
    x = random.normal(size=(16, 5, 2)).astype("float32") * [1, 1000]
    x[np.arange(5) >= LENGTHS[:, None]] = 0
    np.savez(tmp_path / "train.npz", x=x, lengths=LENGTHS, y=np.arange(16) % 2)
    path = build("sequence_files", tmp_path / "data", train_file=str(tmp_path / "train.npz"))
    return open_task(path, "sequence", **SMALL)


@pytest.fixture
def task(opened):
    return opened[0]


def test_examples_have_their_lengths(task):
    assert task.records.sizes == {"train": 12, "validation": 4}
    assert task.class_names == ["0", "1"]
    found = [sequence.shape for split in task.records.sizes for sequence, _ in task.examples(split)]
    assert sorted(map(tuple, found)) == sorted((length, 2) for length in LENGTHS)


def test_features_are_standardised_by_the_training_split(task):
    steps = np.concatenate([sequence for sequence, _ in task.examples("train")])
    np.testing.assert_allclose(task.standardization.mean, steps.mean(0), rtol=1e-4)
    np.testing.assert_allclose(task.standardization.variance, steps.var(0), rtol=1e-3)


def test_exported_model_takes_sequences_padded_with_nan(opened):
    task, network = opened
    exported = task.build_exported(task.build_network(network))
    sequences = np.random.default_rng(1).normal(size=(2, 3, 2)).astype("float32")
    padded = np.pad(sequences, [(0, 0), (0, 4), (0, 0)], constant_values=np.nan)
    probabilities = exported(padded)
    assert list(probabilities) == ["0", "1"]
    for name, expected in exported(sequences).items():
        np.testing.assert_allclose(probabilities[name], expected, rtol=1e-5)

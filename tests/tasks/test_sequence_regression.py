import keras
import numpy as np
import pytest

from nrnm_keras.tasks.heads.sequence_regression import RelativeSquaredError
from nrnm_keras.train.data_warnings import data_warnings
from nrnm_keras.train.evaluation import evaluation_of
from pipelines.build import build
from tests.configs import open_task

SMALL = {"units": 8, "num_layers": 1, "nrnm_layers": 1, "validation_fraction": 0.25}
TARGETS = {
    "large": np.linspace(1e6, 3e6, 40),
    "tiny": np.linspace(-1e-6, 3e-6, 40),
    "integers": np.arange(40) % 7,
    "constant": np.full(40, 0.1),
}


@pytest.fixture
def make(tmp_path):
    """Returns a function from targets to the open task and its network."""

    def make(y, name="train"):
        x = np.random.default_rng(0).normal(size=(len(y), 5, 2)).astype("float32")
        np.savez(tmp_path / f"{name}.npz", x=x, y=y)
        files = {"train_file": str(tmp_path / f"{name}.npz"), "labels": "numbers"}
        path = build("sequence_files", tmp_path / "data", **files)
        return open_task(path, "sequence_regression", **SMALL)

    return make


@pytest.mark.parametrize("name", TARGETS)
def test_the_network_begins_with_numbers_like_the_targets(make, name):
    """Whatever their unit; and the loss is in units of their variance."""
    task, network = make(TARGETS[name])
    examples = [(x, y) for x, y in task.examples("train").as_numpy_iterator()]
    targets = np.array([y for _, y in examples])
    assert task.records.sizes == {"train": 30, "validation": 10}
    assert set(np.float32(TARGETS[name])) >= set(targets)

    model = task.build_network(network)
    number, unit = model.layers[-2:]
    number.set_weights([np.zeros_like(weight) for weight in number.get_weights()])
    outputs = np.array(model(np.stack([x for x, _ in examples])))[:, 0]
    np.testing.assert_allclose(outputs, targets.mean(dtype="float64"), rtol=1e-6)
    # The mean has error 1, so that all units are learned alike.
    loss = float(task.loss()(targets, outputs[:, np.newaxis]))
    assert loss == pytest.approx(0 if name == "constant" else 1, abs=1e-5)
    exported = task.build_exported(model)
    assert list(exported(np.zeros((1, 3, 2), "float32"))) == ["value"]


def test_loss_is_the_squared_error_over_the_variance():
    loss = RelativeSquaredError(2.0)
    targets, outputs = np.array([1.0, 5.0]), np.array([[2.0], [1.0]])
    assert float(loss(targets, outputs)) == pytest.approx((1 + 16) / 2 / 4)
    weights = np.array([0.0, 2.0])
    assert float(loss(targets, outputs, weights)) == pytest.approx(2 * 16 / 2 / 4)


def test_report_has_errors_in_the_targets_unit_and_r2(make):
    task, _ = make(TARGETS["integers"])
    targets, outputs = np.float32([1, 2, 3, 6]), np.float32([[1], [2], [3], [4]])
    result = evaluation_of("test", task, targets, outputs)
    assert result.metrics["mean_squared_error"] == pytest.approx(1)
    assert result.metrics["mean_absolute_error"] == pytest.approx(0.5)
    analysis = task.analyze(result)
    assert analysis["r2"] == pytest.approx(1 - 4 / 14)
    text = "\n".join(task.report_sections({"split": "test", **analysis}))
    assert "R² (test): 0.7143" in text and "Pearson" in text

    equal = task.analyze(evaluation_of("test", task, np.ones(4, "float32"), outputs))
    assert equal["r2"] is None and equal["pearson"] is None
    assert "not defined" in task.report_sections({"split": "test", **equal})[0]


def test_targets_that_teach_nothing_are_named(make):
    def said(y, name):
        return "\n".join(data_warnings(make(y, name)[0]))

    assert "every training target is 0.1: there is nothing" in said(TARGETS["constant"], "a")
    assert "two numbers only: --task=sequence learns" in said(np.arange(40) % 2, "b")
    usual = said(TARGETS["large"], "c")
    assert usual == "only 10 validation examples: the choice of the best epoch is mostly chance"
    assert said(np.arange(400) / 7, "d") == ""


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_any_unit_is_learned(make, unit):
    """Targets that are the mean of the first feature."""
    x = np.random.default_rng(0).normal(size=(40, 5, 2)).astype("float32")
    task, network = make((7 + x[:, :, 0].mean(1)) * unit)
    model = task.build_network(network.replace(pooling="mean", head_dropout=0.0))
    model.compile(keras.optimizers.Adam(0.02), task.loss())
    sequences, targets = map(
        np.stack, zip(*task.examples("train").as_numpy_iterator(), strict=True)
    )
    history = model.fit(sequences, targets, epochs=40, batch_size=30, verbose=0).history["loss"]
    assert history[-1] < 0.2 * history[0]

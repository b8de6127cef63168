import numpy as np
import pytest

from pipelines.build import build
from tests.configs import make_config

SMALL = {
    "units": 8,
    "num_layers": 1,
    "nrnm_layers": 1,
    "embedding_size": 4,
    "problem_length": 17,
    "problem_train": 20,
    "problem_test": 6,
}
SHAPES = {
    "adding": (4, 1),
    "copy_memory": (4, 17, 9),
    "associative_recall": (4, 10),
    "induction": (4, 16),
}


@pytest.fixture(params=SHAPES)
def name(request):
    return request.param


@pytest.fixture
def opened(name, tmp_path):
    difficulty = {"copy_memory": 3, "associative_recall": 4}.get(name, 0)
    config = make_config(name, problem_difficulty=difficulty, **SMALL)
    records = build("long_memory", tmp_path, **config.task.build_options())
    return config.task.open(records), config.network


@pytest.fixture
def task(opened):
    return opened[0]


def test_network_and_exported_model(name, opened):
    task, network = opened
    assert task.records.sizes == {"train": 20, "validation": 6, "test": 6}
    network = task.build_network(network)
    sequences, targets = next(iter(task.examples("train").batch(4)))
    outputs = network(sequences)
    assert outputs.shape == SHAPES[name]
    assert np.isfinite(float(task.loss()(targets, outputs)))
    for metric in task.metrics():
        assert np.isfinite(float(metric(targets, outputs)))
    assert task.metric in {"loss", *(metric.name for metric in task.metrics())}
    exported = task.build_exported(network)(sequences)
    assert set(exported) == set(task.class_names or ["value"])


@pytest.mark.parametrize("name", ["copy_memory"], indirect=True)
def test_of_copy_memory_the_answer_alone_counts(task):
    for sequence, target in task.examples("test").as_numpy_iterator():
        assert target[:-3].tolist() == [-1] * 14
        assert target[-3:].tolist() == sequence[:3].tolist()


@pytest.mark.parametrize("name", ["adding"], indirect=True)
def test_error_of_adding_is_the_mean_square(task):
    targets = np.array([0.5, 1.5], "float32")
    (metric,) = task.metrics()
    assert float(metric(targets, np.array([[1.0], [1.0]], "float32"))) == pytest.approx(0.25)
    assert (task.metric, task.metric_mode) == (metric.name, "min")

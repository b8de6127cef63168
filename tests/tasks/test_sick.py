import numpy as np
import pytest
import tensorflow as tf

from nrnm_keras.data.batches import evaluation_batches
from nrnm_keras.inference.exporting.graphs import save_graphs
from nrnm_keras.train.evaluation import Evaluation
from pipelines.build import build
from tests.configs import open_task

SMALL = {"units": 8, "num_layers": 1, "nrnm_layers": 1, "embedding_size": 4}
HEADER = "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment\n"
PAIRS = {
    "train": [("A man sings", "A man is singing", 4.5), ("A dog", "No man", 1.0)] * 2,
    "trial": [("A man sings", "A dog sings", 3.0)],
    "test_annotated": [("A cat", "A man is singing loudly", 2.5), ("A dog", "A dog", 5.0)],
}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sick")
    for name, pairs in PAIRS.items():
        rows = [f"{name}{i}\t{a}\t{b}\t{score}\tNEUTRAL\n" for i, (a, b, score) in enumerate(pairs)]
        (folder / f"SICK_{name}.txt").write_text(HEADER + "".join(rows))
    return build("sick", folder / "data", source=str(folder))


@pytest.fixture
def opened(records):
    return open_task(records, "sick", **SMALL)


@pytest.fixture
def task(opened):
    return opened[0]


@pytest.fixture
def network(opened):
    task, network = opened
    return task.build_network(network)


def test_sentences_stand_side_by_side(task):
    words = task.preprocessor.vocabulary
    assert {"man", "dog", "singing"} <= set(words) and "cat" not in words
    found = {}
    for ids, relatedness in task.examples("test").as_numpy_iterator():
        texts = [" ".join(words[i] for i in column if i) for column in ids.T]
        found[tuple(texts)] = relatedness
    assert found == {("a [UNK]", "a man is singing [UNK]"): 2.5, ("a dog", "a dog"): 5.0}


def test_equal_sentences_are_as_related_as_can_be(task, network):
    ((pairs, relatedness),) = evaluation_batches(task, "test", 2)
    outputs = network(pairs)
    assert outputs.shape == (2, 1)
    (equal,) = np.flatnonzero(relatedness == 5)
    assert float(outputs[equal, 0]) == pytest.approx(5)
    assert 1 <= float(outputs[1 - equal, 0]) < 5


def test_error_of_the_pairs_that_count(task, network):
    ((pairs, relatedness),) = evaluation_batches(task, "test", 2)
    outputs = network(pairs)
    (metric,) = task.metrics()
    metric.update_state(relatedness, outputs, sample_weight=np.array([0.0, 1.0]))
    error = (relatedness[1] - float(outputs[1, 0])) ** 2
    np.testing.assert_allclose(metric.result(), error, rtol=1e-5)


def test_saved_model_takes_two_texts(task, network, tmp_path):
    exported = task.build_exported(network)
    texts = [tf.constant(["A man", "A dog sings"]), tf.constant(["A man sings", "No dog"])]
    specs = [tf.TensorSpec((None,), tf.string, name) for name in ("first", "second")]
    save_graphs(exported, {"serve": tf.function(lambda *x: exported(list(x)), specs)}, tmp_path)
    loaded = tf.saved_model.load(str(tmp_path)).signatures["serving_default"]
    outputs = loaded(first=texts[0], second=texts[1])
    expected = exported(texts)["relatedness"]
    np.testing.assert_allclose(outputs["relatedness"], expected, rtol=1e-5)


def test_correlations(task):
    # Ranks 1, 2, 3.5, 3.5 against 2, 1, 3, 4: worked out by hand.
    outputs = np.array([[0.2], [0.1], [3.0], [4.0]])
    targets = np.array([1.0, 2.0, 5.0, 5.0])
    found = task.analyze(Evaluation("test", targets, outputs, {}))
    x, y = np.array([1, 2, 3.5, 3.5]) - 2.5, np.array([2, 1, 3, 4]) - 2.5
    assert found["spearman"] == pytest.approx((x @ y) / np.sqrt((x @ x) * (y @ y)))
    x, y = targets - targets.mean(), outputs[:, 0] - outputs.mean()
    assert found["pearson"] == pytest.approx((x @ y) / np.sqrt((x @ x) * (y @ y)))
    constant = task.analyze(Evaluation("test", targets, np.ones(4), {}))
    assert constant == {"pearson": None, "spearman": None}

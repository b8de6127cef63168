import numpy as np
import pytest
import tensorflow as tf

from nrnm_keras.data.batches import TrainingBatches, evaluation_batches
from nrnm_keras.inference.exporting.graphs import save_graphs
from nrnm_keras.train.evaluation import Evaluation, evaluate
from pipelines.build import build
from tests.configs import open_task

SMALL = {"units": 8, "num_layers": 1, "nrnm_layers": 1, "embedding_size": 4}
# Name: split, residues, states, whether they are resolved.
CHAINS = {
    "1abc-A": ("SET=train VALIDATION=False", "ACDY", "CCEH", "0111"),
    "2abc-A": ("SET=train VALIDATION=False", "WXWWWWWWWWWWWWWWWWWW", "CH" * 10, "10" * 10),
    "3abc-A": ("SET=train VALIDATION=False", "M", "E", "1"),
    "4abc-A": ("SET=train VALIDATION=True", "KK", "HH", "11"),
    "5abc-A": ("SET=test VALIDATION=False", "GA", "CE", "01"),
    "6abc-A": ("SET=test VALIDATION=False", "GAVLI", "HHHCC", "11110"),
    "7abc-A": ("SET=test VALIDATION=False", "Y" * 20, "C" * 20, "1" + "0" * 19),
}
TARGETS = {b"ACDY": [-1, 0, 1, 2], b"M": [1], b"GA": [-1, 1], b"GAVLI": [2, 2, 2, 0, -1]}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flip")
    columns = {"sequences": 1, "sampled": 2, "mask": 3}
    for file, column in columns.items():
        lines = [
            f">{name}{f' {chain[0]}' if file == 'sampled' else ''}\n{chain[column]}\n"
            for name, chain in CHAINS.items()
        ]
        (folder / f"{file}.fasta").write_text("".join(lines))
    return build("flip_secondary_structure", folder / "data", source=str(folder))


@pytest.fixture
def opened(records):
    return open_task(records, "secondary_structure", **SMALL)


@pytest.fixture
def task(opened):
    return opened[0]


@pytest.fixture
def network(opened):
    task, network = opened
    return task.build_network(network)


def test_unresolved_residues_have_no_label(task):
    assert task.class_names == ["coil", "strand", "helix"]
    assert task.records.sizes == {"train": 3, "validation": 1, "test": 3}
    encoded = {bytes(task.encoder([chain]).numpy().tobytes()): chain for chain in TARGETS}
    for split in ("train", "test"):
        for residues, states in task.examples(split).as_numpy_iterator():
            chain = encoded.get(residues.tobytes())
            if chain:
                assert states.tolist() == TARGETS.pop(chain)
    assert not TARGETS


def test_residues_are_letters_and_all_unknown_ones_are_one(task):
    ids = task.encoder(["ACDEFGHIKLMNPQRSTVWY", "XBZU"]).numpy()
    assert len(set(ids[0])) == 20
    assert len(set(ids[1, :4])) == 1 and ids[1, 0] not in {0, *ids[0]}
    assert not ids[1, 4:].any()


def test_targets_are_padded_as_the_sequences_are(task):
    batches = [*evaluation_batches(task, "test", 2), *TrainingBatches(task, 2, 0).epoch(0)]
    for residues, states, *_ in batches:
        assert residues.shape == states.shape
        assert (states.numpy()[residues.numpy() == 0] == -1).all()
    assert {len(batch) for batch in batches} == {2, 3}


def test_accuracy_is_over_the_resolved_residues_of_all_chains(task):
    """Batches of one chain, which are padded to other lengths."""
    right = {bytes(r.tobytes()): s for r, s in task.examples("test").as_numpy_iterator()}

    def predict(residues):
        chain = residues.numpy()[0]
        states = right[chain[chain > 0].tobytes()]
        logits = np.zeros((1, len(chain), 3), "float32")
        logits[0, np.arange(len(states)), np.maximum(states, 0)] = 9
        logits[0, 0] = [
            9,
            0,
            0,
        ]  # does not count for the first chain, wrong for the second, right for the third
        return logits

    evaluation = evaluate(predict, task, "test", 1)
    assert evaluation.metrics["accuracy"] == pytest.approx(5 / 6)
    assert task.analyze(evaluation)["class_accuracy"] == {
        "coil": 1.0,
        "strand": 1.0,
        "helix": pytest.approx(2 / 3),
    }


def test_pictures_show_each_residue(task, tmp_path):
    targets = np.array([[0, 1, -1], [2, 2, 2]])
    evaluation = Evaluation("test", targets, np.zeros((2, 3, 3), "float32"), {})
    assert set(task.draw(evaluation, tmp_path)) == {"confusion_matrix.png", "steps.png"}
    assert {path.name for path in tmp_path.iterdir()} == {"confusion_matrix.png", "steps.png"}


def test_exported_model_takes_letters(task, network):
    exported = task.build_exported(network)
    probabilities = exported(np.array(["ACDY", "M"]))
    assert list(probabilities) == ["coil", "strand", "helix"]
    assert probabilities["helix"].shape == (2, 4)
    np.testing.assert_allclose(sum(probabilities.values()), np.ones((2, 4)), rtol=1e-5)
    alone = exported(np.array(["M"]))
    np.testing.assert_allclose(probabilities["coil"][1, 0], alone["coil"][0, 0], rtol=1e-5)


def test_saved_model_takes_letters(task, network, tmp_path):
    exported = task.build_exported(network)
    serve = tf.function(exported, [tf.TensorSpec((None,), tf.string, "residues")])
    save_graphs(exported, {"serve": serve}, tmp_path)
    loaded, chains = tf.saved_model.load(str(tmp_path)), tf.constant(["ACDY", "M"])
    for name, expected in exported(chains).items():
        np.testing.assert_allclose(loaded.serve(chains)[name], expected, rtol=1e-5)

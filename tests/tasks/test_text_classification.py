import keras
import numpy as np
import pytest
import tensorflow as tf

from nrnm_keras.models import AdversarialTraining
from nrnm_keras.tasks import ImdbTask, SampleReviewsTask, SequenceTask, TextTask, find_tasks
from pipelines.build import build
from tests.configs import make_config, open_task

SMALL = {"units": 8, "num_layers": 1, "nrnm_layers": 1, "embedding_size": 4}
TRAIN = [(f"train{i} shared", ("good", "bad", "so so")[i % 3]) for i in range(12)]


def make_task(build_records, **options):
    path = build_records(
        train=TRAIN,
        validation=[("validation shared", "bad")],
        test=[("test shared", "good"), ("Shared shared", "so so")],
    )
    return open_task(path, "text", **SMALL, **options)


def test_vocabulary_comes_from_the_training_texts_only(build_records):
    task, _ = make_task(build_records)
    words = {"", "[UNK]", "shared", *(f"train{i}" for i in range(12))}
    assert set(task.preprocessor.vocabulary) == words


def test_vocabulary_leaves_out_a_validation_part_of_train(build_records):
    task, _ = open_task(build_records(train=TRAIN), "text", validation_fraction=0.25)
    held_out = {
        record["text"].decode() for record in task.records.read("validation").as_numpy_iterator()
    }
    assert len(held_out) == 3
    assert not {text.split()[0] for text in held_out} & set(task.preprocessor.vocabulary)


def test_examples_are_token_ids_and_labels(build_records):
    task, _ = make_task(build_records)
    assert task.class_names == ["bad", "good", "so so"]
    shared = task.preprocessor.vocabulary.index("shared")
    found = {(tuple(ids.numpy().tolist()), int(label)) for ids, label in task.examples("test")}
    assert found == {((1, shared), 1), ((shared, shared), 2)}
    assert int(task.examples("train").cardinality()) == 12


def test_exported_model_takes_strings_and_names_the_classes(build_records):
    task, network = make_task(build_records)
    network = task.build_network(network)
    exported = task.build_exported(network)
    texts = tf.constant(["Train1 and <br />more", "shared"])
    probabilities = exported(texts)
    expected = keras.ops.softmax(network(task.preprocessor(texts)))
    for i, name in enumerate(["bad", "good", "so so"]):
        np.testing.assert_allclose(probabilities[name], expected[:, i], rtol=1e-6)


def test_flags_shape_the_network(build_records):
    task, network = make_task(build_records, pooling="mean_max", zoneout=0.1, max_length=1)
    classifier = task.build_network(network).layers[-1]
    assert classifier.pooling == "mean_max"
    assert classifier.backbone.recurrent_layers[0].cell.zoneout == 0.1
    assert task.preprocessor(["shared shared"]).shape == (1, 1)


def test_only_generated_data_carry_a_notice():
    assert SampleReviewsTask.notice == "SAMPLE DATA, NOT IMDB"
    assert {name for name, task in find_tasks().items() if task.notice} == {
        *("sample_reviews", "sample_language_model", "ntu_sample")
    }


def test_build_options_are_the_tasks():
    assert ImdbTask(source="a").build_options() == {"source": "a", "source_limit_mb": 0}
    options = TextTask(train_file="b.csv", test_file="c.csv", source_limit_mb=3).build_options()
    assert {name: value for name, value in options.items() if value is not None} == {
        "train_file": "b.csv",
        "test_file": "c.csv",
        "source_limit_mb": 3,
        "on_error": "fail",
    }
    assert SampleReviewsTask().build_options() == {}
    for task in (TextTask(test_file="c"), SequenceTask(test_file="c")):
        # A file to test on is not even opened.
        assert task.without_test().build_options()["test_file"] is None


def test_films_of_imdb_are_in_one_split_only():
    ids = ["train/pos/0_9", "train/neg/12499_1", "train/pos/730_10"]
    numbers = [int(ImdbTask().validation_number({"id": tf.constant(name)})) for name in ids]
    assert numbers == [0, 12499, 730]


@pytest.fixture
def partly_labeled(tmp_path, write_csv):
    """Makes the task on 12 texts with labels, three of them to validate on, and 30 without."""

    def make(**options):
        (tmp_path / "more.csv").write_text("text\n" + "".join(f"more{i}\n" for i in range(30)))
        files = {"train_file": write_csv("train.csv", TRAIN)}
        files["unlabeled_file"] = tmp_path / "more.csv"
        config = make_config("text", **{**SMALL, "validation_fraction": 0.25, **files, **options})
        options = {name: value for name, value in config.task.build_options().items() if value}
        records = build("text_files", tmp_path / "data", **options)
        return config.task.open(records), config

    return make


@pytest.mark.parametrize("flags", [{"adversarial": "virtual"}, {"entropy_weight": 0.1}])
def test_texts_without_labels_are_trained_on_where_something_is_learned_from_them(
    partly_labeled, flags
):
    task, _ = partly_labeled(**flags)
    assert task.records.sizes == {"train": 39, "validation": 3}
    assert task.records.labeled == task.describe()["labeled"] == 9
    words = task.preprocessor.vocabulary
    labels = {}
    for ids, label in task.examples("train").as_numpy_iterator():
        labels[words[ids[0]]] = label
    assert {word: label for word, label in labels.items() if word.startswith("more")} == {
        f"more{i}": -1 for i in range(30)
    }
    assert sum(label >= 0 for label in labels.values()) == 9
    assert min(label for _, label in task.examples("validation").as_numpy_iterator()) >= 0


@pytest.mark.parametrize("flags", [{}, {"adversarial": "labels"}])
def test_otherwise_they_are_not_read(partly_labeled, flags):
    task, given = partly_labeled(**flags)
    assert task.records.sizes == {"train": 9, "validation": 3}
    assert given.task.build_options()["unlabeled_file"] is None
    assert "labeled" not in task.describe()


def test_validated_is_on_the_same_texts_with_and_without_them(partly_labeled):
    def validated(**flags):
        records = partly_labeled(**flags)[0].records.read("validation")
        return [record["text"] for record in records.as_numpy_iterator()]

    assert validated() == validated(adversarial="virtual")


def test_texts_with_and_without_labels_come_mixed(partly_labeled):
    task, _ = partly_labeled(adversarial="virtual")
    labels = [label for _, label in task.examples("train").as_numpy_iterator()]
    is_labeled = np.array(labels) >= 0
    assert 0 < is_labeled[:20].sum() < 9
    again = [label for _, label in task.examples("train").as_numpy_iterator()]
    assert labels == again


def test_labels_are_checked_among_texts_without_any(partly_labeled, monkeypatch):
    task, _ = partly_labeled(adversarial="virtual")
    monkeypatch.setattr(type(task.records), "num_classes", 1)
    with pytest.raises(tf.errors.InvalidArgumentError):
        list(task.records.read("train"))


def test_what_is_trained_follows_from_the_flags(partly_labeled):
    task, config = partly_labeled(
        adversarial="virtual", adversarial_norm=3, adversarial_weight=0.5, max_length=7
    )
    network = task.build_network(config.network)
    trained = task.build_trained(network)
    assert isinstance(trained, AdversarialTraining) and trained.network is network
    assert (trained.adversarial, trained.norm, trained.weight) == ("virtual", 3.0, 0.5)
    assert (trained.labeled_share, trained.longest) == (9 / 39, 7)
    task, _ = partly_labeled()
    assert task.build_trained(network) is network


def test_accuracy_is_that_of_the_texts_that_have_a_label(build_records):
    task, _ = make_task(build_records)
    (accuracy,) = task.metrics()
    logits = np.eye(3, dtype="float32")[[0, 1, 2, 2]]
    accuracy.update_state(np.array([0, 2, -1, 2]), logits, np.array([1, 1, 1, 0]))
    assert float(accuracy.result()) == 0.5

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from nrnm_keras.data.batches import TrainingBatches, evaluation_batches
from nrnm_keras.data.unlabeled_records import UnlabeledRecords
from nrnm_keras.inference.exporting.graphs import save_graphs
from nrnm_keras.tasks import ImdbLanguageModelTask
from nrnm_keras.train.evaluation import evaluate, evaluation_of
from pipelines.build import build
from tests.configs import make_config, open_task

SMALL = {"units": 8, "num_layers": 1, "nrnm_layers": 1, "num_heads": 2, "embedding_size": 4}
LABELS = {"train/pos": 9, "train/neg": 2, "test/pos": 9, "test/neg": 2, "train/unsup": 0}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Ten reviews a folder, each with a word of its own: folder, number."""
    folder = tmp_path_factory.mktemp("imdb")
    for name, rating in LABELS.items():
        (folder / "aclImdb" / name).mkdir(parents=True)
        for i in range(10):
            text = f"a film a film {name.replace('/', '')}{i} seen again"
            (folder / "aclImdb" / name / f"{i}_{rating}.txt").write_text(text)
    return build("imdb", folder / "data", source=str(folder))


@pytest.fixture
def without_test(records):
    """The records after what a test text lies in was overwritten."""
    shards = list(records.glob("*-test.tfrecord-*"))
    contents = {shard: shard.read_bytes() for shard in shards}
    assert shards
    for shard in shards:
        shard.write_bytes(b"x" * shard.stat().st_size)
    yield records
    for shard, content in contents.items():
        shard.write_bytes(content)


OPTIONS = {**SMALL, "validation_fraction": 0.2}


def make(path, **options):
    return open_task(path, "language_model", **{**OPTIONS, **options})


def own_words(task, split):
    """The words of its own of each text of a split, read from its ids."""
    words = task.preprocessor.vocabulary
    return [words[ids[4]] for ids, _ in task.examples(split).as_numpy_iterator()]


def test_all_but_the_labeled_validation_reviews_are_for_training(records):
    task, _ = make(records)
    assert task.records.sizes == {"train": 26, "validation": 4}
    expected = [f"train{label}{i}" for label in ("pos", "neg") for i in range(8)]
    expected += [f"trainunsup{i}" for i in range(10)]
    assert sorted(own_words(task, "train")) == sorted(expected)
    # The validation split's own words are unknown.
    assert own_words(task, "validation") == ["[UNK]"] * 4


def test_validated_is_on_what_the_classifier_is_validated_on(records):
    task, _ = make(records)
    classifier, _ = open_task(records, "imdb", **OPTIONS)
    read = [
        {record["id"] for record in each.records.read("validation").as_numpy_iterator()}
        for each in (task, classifier)
    ]
    assert read[0] == read[1] and len(read[0]) == 4


def test_no_test_text_is_read(without_test):
    task, _ = make(without_test)
    assert "test" not in task.records.sizes
    assert not [word for word in task.preprocessor.vocabulary if word.startswith("test")]
    for split, size in task.records.sizes.items():
        assert len(list(task.examples(split))) == size
    with pytest.raises(tf.errors.DataLossError):
        list(open_task(without_test, "imdb", **OPTIONS)[0].examples("test"))
    with pytest.raises(KeyError):
        task.records.read("test")


@pytest.mark.parametrize("num_parts", [2, 5])
def test_parts_are_disjoint_equal_and_together_everything(records, num_parts):
    read = UnlabeledRecords(records, 0.2, ImdbLanguageModelTask().validation_number).read
    parts = [
        [record["id"] for record in read("train", part, num_parts).as_numpy_iterator()]
        for part in range(num_parts)
    ]
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1
    assert len(set(sum(parts, []))) == sum(sizes) == 26


def test_own_validation_file_may_be_longer_than_the_training_file(build_records):
    rows = [(f"text {i}", "ab"[i % 2]) for i in range(9)]
    path = build_records(train=rows[:3], validation=rows, test=[("x", "a")])
    task, _ = open_task(path, "text_language_model", **SMALL)
    assert task.records.sizes == {"train": 3, "validation": 9}
    assert len(list(task.examples("validation"))) == 9


def test_own_texts_without_labels_are_trained_on_and_not_validated_on(tmp_path):
    labeled = [{"text": f"a {i}", "label": "xy"[i % 2]} for i in range(10)]
    files = {"train_file": labeled, "unlabeled_file": [{"text": "b"}] * 7}
    options = dict(OPTIONS)
    for name, rows in files.items():
        options[name] = tmp_path / f"{name}.jsonl"
        options[name].write_text("\n".join(map(json.dumps, rows)))
    tasks = [make_config(name, **options).task for name in ("text_language_model", "text")]
    model, classifier = (
        task.open(build("text_files", tmp_path / "data", **task.build_options())) for task in tasks
    )
    assert model.records.sizes == {"train": 15, "validation": 2}

    def texts(task, split):
        return sorted(record["text"] for record in task.records.read(split).as_numpy_iterator())

    assert texts(model, "validation") == texts(classifier, "validation")
    assert texts(model, "train") == texts(classifier, "train") + 7 * [b"b"]


def test_texts_are_their_own_targets(records):
    task, _ = make(records)
    batches = [*evaluation_batches(task, "train", 8), *TrainingBatches(task, 8, 0).epoch(0)]
    for ids, targets, *_ in batches:
        np.testing.assert_array_equal(np.where(ids == 0, -1, ids), targets)


def test_network_that_knows_nothing_has_the_vocabulary_as_perplexity(records):
    task, network = make(records, softmax_samples=5)
    network = task.build_network(network)
    for weight in network.layers[-1].softmax.weights:
        weight.assign(keras.ops.zeros_like(weight))
    evaluation = evaluate(network.predict_on_batch, task, "validation", 3)
    tokens = len(task.preprocessor.vocabulary) - 1  # but padding
    assert evaluation.metrics["perplexity"] == pytest.approx(tokens, rel=1e-5)
    assert evaluation.metrics["loss"] == pytest.approx(np.log(tokens), rel=1e-5)
    assert (task.metric, task.metric_mode) == ("perplexity", "min")


def test_report_has_the_perplexity_by_position(records, tmp_path):
    task, _ = make(records)
    targets = np.array([[5] * 9, [6] * 3 + [-1] * 6])
    outputs = np.where(targets < 0, 0.0, np.log(2.0)).astype("float32")
    outputs[0, 8] = np.log(7.0)
    evaluation = evaluation_of("validation", task, targets, outputs)
    analysis = task.analyze(evaluation)
    ranges = analysis["perplexity_by_position"]
    assert [list(each.values())[:3] for each in ranges] == [[1, 8, 11], [9, 9, 1]]
    np.testing.assert_allclose([each["perplexity"] for each in ranges], [2, 7], rtol=1e-6)
    (section,) = task.report_sections({"split": "validation", **analysis})
    assert section.splitlines()[2:] == ["| 1–8 | 11 | 2.0 |", "| 9–9 | 1 | 7.0 |"]
    (file,) = task.draw(evaluation, tmp_path)
    assert (tmp_path / file).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("samples", [0, 5])
def test_training_lowers_the_perplexity(records, samples):
    """What can be learned here: that every text is `a film a film ... seen again`."""
    keras.utils.set_random_seed(0)
    task, network = make(records, softmax_samples=samples, model="gru", units=16)
    network = task.build_network(network)
    network.compile(keras.optimizers.Adam(0.05), task.loss(), jit_compile=False)
    ((ids, targets, weights),) = TrainingBatches(task, 26, 0).epoch(0)
    for _ in range(40):
        network.train_on_batch(ids, targets, weights)
    perplexity = evaluate(network.predict_on_batch, task, "train", 26).metrics["perplexity"]
    assert perplexity < 0.3 * len(task.preprocessor.vocabulary)


def test_saved_model_takes_texts(records, tmp_path):
    task, network = make(records)
    network = task.build_network(network)
    exported = task.build_exported(network)
    texts = tf.constant(["A film seen again.", "a"])
    likelihoods = network(task.preprocessor(texts)).numpy()
    found = exported(texts)
    np.testing.assert_allclose(found["log_probability"], -likelihoods.sum(axis=1), rtol=1e-5)
    expected = np.exp([likelihoods[0].mean(), likelihoods[1, 0]])
    np.testing.assert_allclose(found["perplexity"], expected, rtol=1e-5)
    exported.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    np.testing.assert_allclose(loaded(texts)["perplexity"], expected, rtol=1e-5)
    serve = tf.function(exported, [tf.TensorSpec((None,), tf.string, "text")])
    save_graphs(exported, {"serve": serve}, tmp_path / "saved_model")
    served = tf.saved_model.load(str(tmp_path / "saved_model"))
    np.testing.assert_allclose(served.serve(texts)["perplexity"], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bidirectional": True, "num_layers": 2}, "bidirectional=True, num_layers=2"),
        ({"num_heads": 3}, "num_heads"),
    ],
)
def test_networks_that_are_no_language_models(options, message):
    with pytest.raises(ValueError, match=message):
        config = make_config("language_model", **{**SMALL, **options})
        config.task.check_network(config.network)

import keras
import numpy as np
import tensorflow as tf

from nrnm_keras.tasks import TASKS, OwnText, SampleReviews

SMALL = {"units": 8, "num_layers": 1, "nrnm_layers": 1, "embedding_size": 4}
TRAIN = [(f"train{i} shared", ("good", "bad", "so so")[i % 3]) for i in range(12)]


def make_task(build_records, make_flags, **flags):
    path = build_records(
        train=TRAIN,
        validation=[("validation shared", "bad")],
        test=[("test shared", "good"), ("Shared shared", "so so")],
    )
    flags = make_flags(**SMALL, **flags)
    return OwnText(path, flags), flags


def test_vocabulary_comes_from_the_training_texts_only(build_records, make_flags):
    task, _ = make_task(build_records, make_flags)
    words = {"", "[UNK]", "shared", *(f"train{i}" for i in range(12))}
    assert set(task.preprocessor.vocabulary) == words


def test_vocabulary_leaves_out_a_validation_part_of_train(build_records, make_flags):
    task = OwnText(build_records(train=TRAIN), make_flags(validation_fraction=0.25))
    held_out = {
        record["text"].decode() for record in task.records.read("validation").as_numpy_iterator()
    }
    assert len(held_out) == 3
    assert not {text.split()[0] for text in held_out} & set(task.preprocessor.vocabulary)


def test_examples_are_token_ids_and_labels(build_records, make_flags):
    task, _ = make_task(build_records, make_flags)
    assert task.class_names == ["bad", "good", "so so"]
    shared = task.preprocessor.vocabulary.index("shared")
    found = {(tuple(ids.numpy().tolist()), int(label)) for ids, label in task.examples("test")}
    assert found == {((1, shared), 1), ((shared, shared), 2)}
    assert int(task.examples("train").cardinality()) == 12


def test_exported_model_takes_strings_and_names_the_classes(build_records, make_flags):
    task, flags = make_task(build_records, make_flags)
    network = task.build_network(flags)
    exported = task.build_exported(network)
    texts = tf.constant(["Train1 and <br />more", "shared"])
    probabilities = exported(texts)
    expected = keras.ops.softmax(network(task.preprocessor(texts)))
    for i, name in enumerate(["bad", "good", "so so"]):
        np.testing.assert_allclose(probabilities[name], expected[:, i], rtol=1e-6)


def test_flags_shape_the_network(build_records, make_flags):
    task, flags = make_task(
        build_records, make_flags, pooling="mean_max", zoneout=0.1, max_length=1
    )
    classifier = task.build_network(flags).layers[-1]
    assert classifier.pooling == "mean_max"
    assert classifier.backbone.recurrent_layers[0].cell.zoneout == 0.1
    assert task.preprocessor(["shared shared"]).shape == (1, 1)


def test_only_generated_data_carry_a_notice():
    assert SampleReviews.notice == "SAMPLE DATA, NOT IMDB"
    assert {name for name, task in TASKS.items() if task.notice} == {
        *("sample_reviews", "sample_language_model", "ntu_sample")
    }


def test_build_options_stand_in_the_flags(make_flags):
    flags = make_flags(imdb_source="a", train_file="b.csv", test_file="c.csv")
    assert TASKS["imdb"].build_options(flags) == {"source": "a"}
    assert TASKS["text"].build_options(flags) == {
        "train_file": "b.csv",
        "validation_file": None,
        "test_file": "c.csv",
    }
    assert TASKS["sample_reviews"].build_options(flags) == {}


def test_films_of_imdb_are_in_one_split_only():
    ids = ["train/pos/0_9", "train/neg/12499_1", "train/pos/730_10"]
    numbers = [int(TASKS["imdb"].validation_number({"id": tf.constant(name)})) for name in ids]
    assert numbers == [0, 12499, 730]

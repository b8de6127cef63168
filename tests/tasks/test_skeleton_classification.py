import keras
import numpy as np
import pytest
import tensorflow as tf

from nrnm_keras.errors import UsageError
from nrnm_keras.tasks import NtuRgbdTask
from pipelines.build import build
from pipelines.ntu_rgbd.samples import SPLITS as NTU_SPLITS
from tests.configs import open_task

SMALL = {"units": 8, "num_layers": 1, "nrnm_layers": 1, "timesteps": 16}


@pytest.fixture(scope="module")
def records(nw_ucla_folder, tmp_path_factory):
    """The folder of their records."""
    return build("nw_ucla", tmp_path_factory.mktemp("data"), source=str(nw_ucla_folder))


def names(task, split):
    return {record["name"].decode() for record in task.records.read(split).as_numpy_iterator()}


def parts(names, start, end):
    return {int(name[start:end]) for name in names}


def test_cross_view_tests_on_the_third_camera(records):
    task, _ = open_task(records, "nw_ucla", split="cross_view", **SMALL)
    train, validation, test = (names(task, split) for split in ("train", "validation", "test"))
    assert parts(test, -2, None) == {3} and len(test) == 40
    assert parts(train | validation, -2, None) == {1, 2} and len(train | validation) == 80
    # A performance lies in one split with both cameras.
    performances = [{name[:-4] for name in split} for split in (train, validation)]
    assert not performances[0] & performances[1]
    for split, there in zip((train, validation), performances, strict=True):
        assert len(split) == 2 * len(there)
    sizes = {"train": len(train), "validation": len(validation), "test": 40}
    assert task.records.sizes == sizes and 4 <= sizes["validation"] <= 16


def test_cross_subject_validates_on_other_subjects(records):
    task, _ = open_task(records, "nw_ucla", split="cross_subject", validation_fraction=0.2, **SMALL)
    train, validation, test = (names(task, split) for split in ("train", "validation", "test"))
    assert parts(test, 5, 7) == {10}
    assert parts(validation, 5, 7) == {8, 9}
    assert parts(train, 5, 7) == set(range(1, 8))


def test_unknown_split_names_those_there_are(records):
    with pytest.raises(UsageError, match="cross_setup.*cross_view and cross_subject"):
        open_task(records, "nw_ucla", split="cross_setup")


def test_examples_are_joints_and_labels(records):
    task, _ = open_task(records, "nw_ucla", split="cross_view", **SMALL)
    assert int(task.examples("test").cardinality()) == 40
    for joints, label in task.examples("test").take(5):
        assert joints.shape[1:] == (1, 20, 3) and 3 <= joints.shape[0] <= 4
        assert abs(float(tf.reduce_mean(joints)) - 1 - int(label)) < 0.5


@pytest.mark.parametrize("split", ["cross_view", "cross_subject"])
def test_parts_of_a_split_are_disjoint_equal_and_together_everything(records, split):
    task, _ = open_task(records, "nw_ucla", split=split, **SMALL)
    for name, size in task.records.sizes.items():
        datasets = [task.records.read(name, part, 3) for part in range(3)]
        iterators = [dataset.as_numpy_iterator() for dataset in datasets]
        parts = [{record["name"].decode() for record in part} for part in iterators]
        assert [int(dataset.cardinality()) for dataset in datasets] == [len(p) for p in parts]
        assert set.union(*parts) == names(task, name) and sum(map(len, parts)) == size
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_exported_model_takes_raw_joints_of_any_length(records):
    options = {"split": "cross_view", "random_rotation": 90, "velocity": True, **SMALL}
    task, network = open_task(records, "nw_ucla", **options)
    network = task.build_network(network)
    exported = task.build_exported(network)
    joints = np.random.default_rng(0).normal(size=(2, 9, 1, 20, 3)).astype("float32")
    probabilities = exported(joints)
    assert list(probabilities) == task.class_names and len(task.class_names) == 10
    np.testing.assert_allclose(sum(probabilities.values()), [1, 1], rtol=1e-5)
    expected = keras.ops.softmax(network(joints))
    np.testing.assert_allclose(np.stack(list(probabilities.values()), 1), expected, rtol=1e-5)
    # Frames without a body behind the last are padding.
    padded = np.pad(joints, [(0, 0), (0, 7), (0, 0), (0, 0), (0, 0)])
    np.testing.assert_allclose(network(padded), network(joints), rtol=1e-4, atol=1e-5)


def test_flags_shape_preprocessing_and_augmentation(records):
    options = {"split": "cross_view", "view": "none", "bones": True, "random_noise": 0.5, **SMALL}
    task, network = open_task(records, "nw_ucla", **options)
    augmentation, preprocessor, *_ = task.build_network(network).layers
    assert augmentation.noise == 0.5
    assert (preprocessor.view, preprocessor.bones, preprocessor.timesteps) == ("none", True, 16)
    options = {"split": "cross_view", "preprocessing": "authors", **SMALL}
    task, network = open_task(records, "nw_ucla", **options)
    authors = task.build_network(network).layers[1]
    assert authors.timesteps == 100 and authors.fill == "repeat"


def test_features_are_standardised_by_the_training_samples(records):
    task, network = open_task(records, "nw_ucla", split="cross_view", **SMALL)
    _, preprocessor, _, standardization, _ = task.build_network(network).layers
    steps = np.concatenate([preprocessor(joints[None])[0] for joints, _ in task.examples("train")])
    np.testing.assert_allclose(standardization.mean, steps.mean(0), atol=1e-4)
    np.testing.assert_allclose(standardization.variance, steps.var(0), atol=1e-4)


def test_official_splits_of_ntu():
    for config in ("ntu60", "ntu120"):
        assert NtuRgbdTask(config=config).splits() == NTU_SPLITS[config]

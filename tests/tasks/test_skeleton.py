"""The task of a user's own skeletons."""

import dataclasses

import numpy as np
import pytest

from nrnm_keras.errors import UsageError
from nrnm_keras.preprocessing import LAYOUTS
from nrnm_keras.tasks import NtuRgbdTask, NtuSampleTask, NwUclaTask, SkeletonTask
from pipelines.build import build
from tests.configs import open_task

SMALL = {"units": 8, "num_layers": 1, "nrnm_layers": 1, "timesteps": 6}


@pytest.fixture
def records(tmp_path):
    """A function that builds records of 20 skeletons with a number of joints."""

    def records(num_joints, bodies=1):
        x = np.random.default_rng(0).normal(size=(20, 7, bodies, num_joints, 3))
        x[:, 5:] = np.nan
        path = tmp_path / f"{num_joints}.npz"
        np.savez(path, x=x, y=np.array(["sit", "stand"])[np.arange(20) % 2])
        return build("skeleton_files", tmp_path / "data", train_file=str(path))

    return records


def test_a_random_part_of_the_training_file_is_to_validate_on(records):
    task, _ = open_task(records(20), "skeleton", layout="kinect_v1", validation_fraction=0.25)
    assert task.records.sizes == {"train": 15, "validation": 5}
    assert task.class_names == ["sit", "stand"]
    for split in ("train", "validation"):
        for joints, label in task.examples(split):
            assert joints.shape == (5, 1, 20, 3) and label in (0, 1)


@pytest.mark.parametrize(
    ("num_joints", "layout", "message"),
    [
        (20, "kinect_v2", "20 joints, not those of layout=kinect_v2; --layout=kinect_v1 fits"),
        (25, "kinect_v1", "25 joints, not those of layout=kinect_v1; --layout=kinect_v2 fits"),
        (17, "kinect_v2", "skeletons of 17 joints.*expected 25 .kinect_v2. or 20 .kinect_v1."),
    ],
)
def test_another_number_of_joints_names_the_layout_that_fits(records, num_joints, layout, message):
    path = records(num_joints)
    for _ in range(2):  # the records are there the second time
        with pytest.raises(UsageError, match=message):
            open_task(path, "skeleton", layout=layout)


@pytest.mark.parametrize("bodies", [1, 2])
def test_exported_model_takes_joints_padded_with_nan_or_zeros(records, bodies):
    task, network = open_task(records(25, bodies), "skeleton", length="all", **SMALL)
    exported = task.build_exported(task.build_network(network))
    joints = np.random.default_rng(1).normal(size=(2, 4, bodies, 25, 3)).astype("float32")
    expected = exported(joints)
    assert list(expected) == ["sit", "stand"]
    for padding in (0, np.nan):
        width = [(0, 0), (0, 3), (0, 0), (0, 0), (0, 0)]
        found = exported(np.pad(joints, width, constant_values=padding))
        for name in expected:
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-5)


def test_own_skeletons_have_a_layout_and_no_split_of_subjects():
    names = {field.name for field in SkeletonTask.options()}
    assert {"layout", "train_file", "random_mirror", "view"} <= names and "split" not in names
    (layout,) = (field for field in SkeletonTask.options() if field.name == "layout")
    assert layout.metadata["choices"] == tuple(LAYOUTS)
    for task in (NtuRgbdTask, NtuSampleTask, NwUclaTask):
        names = {field.name for field in dataclasses.fields(task)}
        assert "split" in names and "layout" not in names and task().layout in LAYOUTS


def test_options_of_builds_from_raw_data():
    assert NwUclaTask(source="a", source_limit_mb=3).build_options() == {
        "source": "a",
        "source_limit_mb": 3,
    }
    assert NtuRgbdTask(source="a", config="ntu120").build_options() == {
        "source": "a",
        "config": "ntu120",
        "bodies": "tracked",
        "on_error": "fail",
        "missing_samples": None,
        "source_limit_mb": 0,
    }
    assert SkeletonTask(train_file="a").build_options() == {
        "train_file": "a",
        "validation_file": None,
        "test_file": None,
        "source_limit_mb": 0,
    }

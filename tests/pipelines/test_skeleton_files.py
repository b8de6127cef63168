"""A user's own skeletons: the forms of their files, what is refused, and the records."""

import numpy as np
import pytest

from pipelines.build import main
from pipelines.errors import SourceError
from pipelines.skeleton_files.builder import SkeletonFiles
from pipelines.skeleton_files.reader import read_labels, read_skeletons
from tests.pipelines.own_files import assert_same, build

LENGTHS, LABELS = (4, 1, 6, 3), ("up", "down", "up", "left")
JOINTS = [
    np.random.default_rng(n).normal(size=(length, 2, 20, 3)).astype("float32")
    for n, length in enumerate(LENGTHS)
]


def padded(skeletons, y, fill=np.nan):
    x = np.full(
        (len(skeletons), 2 + max(map(len, skeletons)), *skeletons[0].shape[1:]), float(fill)
    )
    for row, joints in zip(x, skeletons, strict=True):
        row[: len(joints)] = joints
    return {"x": x, "y": np.array(y)}


def with_lengths(skeletons, y):
    return padded(skeletons, y, 7) | {"lengths": [len(joints) for joints in skeletons]}


def ragged(skeletons, y):
    splits = np.cumsum([0, *map(len, skeletons)])
    return {"values": np.concatenate(skeletons), "row_splits": splits, "y": np.array(y)}


FORMS = {
    "padded with NaN": padded,
    "padded with zeros": lambda skeletons, y: padded(skeletons, y, 0),
    "padded, with lengths": with_lengths,
    "ragged": ragged,
}


@pytest.fixture
def write(tmp_path):
    """Writes arrays to an .npz file and returns its path."""

    def write(arrays, name="a.npz"):
        np.savez(tmp_path / name, **arrays)
        return tmp_path / name

    return write


@pytest.mark.parametrize("bodies", [2, 1, None])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_skeletons(write, form, bodies):
    given = [joints[:, 0] if bodies is None else joints[:, :bodies] for joints in JOINTS]
    path = write(FORMS[form](given, LABELS))

    found = list(read_skeletons(path))

    assert_same(
        [skeleton.joints for skeleton in found], [joints[:, : bodies or 1] for joints in JOINTS]
    )
    assert tuple(skeleton.label for skeleton in found) == LABELS
    assert [skeleton.number for skeleton in found] == [0, 1, 2, 3]
    assert read_labels(path) == ((bodies or 1, 20), {"up", "down", "left"})


def test_what_is_missing_within_a_skeleton_stays_as_it_is(write):
    joints = JOINTS[2].copy()
    joints[0] = 0  # no body yet
    joints[2] = np.nan
    joints[3, 1] = 0
    joints[4, 0, 5] = np.nan
    joints[5] = np.nan
    joints[5, 1, 3] = 1  # the only joint of the last frame

    (skeleton,) = read_skeletons(write(ragged([joints], [0])))

    np.testing.assert_array_equal(skeleton.joints, joints)


X, Y = np.ones((3, 4, 1, 20, 3)), [0, 1, 1]


def with_value(value):
    x = X.copy()
    x[1, 2, 0, 7, 1] = value
    return x


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"y": Y},
            "found y; expected x (n, frames, bodies, joints, 3), lengths (n,) if they differ",
        ),
        ({"x": X}, "no array y; expected labels y (3,)"),
        ({"x": X, "y": Y, "z": Y}, "found x, y, z; expected x (n, frames"),
        ({"x": X, "y": Y[:2]}, "array y: shape (2,); expected (3,)"),
        ({"x": X, "y": [0.5, 1, 1]}, "array y: type float64; expected integers or strings"),
        (
            {"x": X[:, :, 0, 0], "y": Y},
            "array x: shape (3, 4, 3); expected (n, frames, bodies, joints, 3) or (n, frames, "
            "joints, 3)",
        ),
        (
            {"values": X, "row_splits": [0, 3], "y": [0]},
            "expected (total, bodies, joints, 3) or (total, joints, 3)",
        ),
        ({"x": X[:, :0], "y": Y}, "array x: shape (3, 0, 1, 20, 3); expected (n, frames"),
        ({"x": X[:0], "y": []}, "no skeletons in it"),
        ({"x": X[..., :2], "y": Y}, "skeleton 0 of x: 2 coordinates of a joint; expected x, y"),
        ({"x": np.ones((3, 4, 3, 20, 3)), "y": Y}, "skeleton 0 of x: 3 bodies; expected at most 2"),
        ({"x": X.astype(str), "y": Y}, "array x: type <U32; expected numbers"),
        ({"x": X.astype(object), "y": Y}, "array x: an object array, which is never loaded"),
        (
            {"x": with_value(np.inf), "y": Y},
            "skeleton 1 of x: y of joint 7 of body 0 is inf in frame 2 (all from 0); expected ",
        ),
        ({"x": with_value(-1e39), "y": Y}, "skeleton 1 of x: y of joint 7 of body 0 is -1e+39"),
        (
            {"values": X[0], "row_splits": [0, 2, 2, 4], "y": Y},
            "2, then 2 at index 2; expected increasing numbers, since no skeleton may be empty",
        ),
    ],
)
def test_mistakes_are_one_line(write, arrays, message):
    path = write(arrays)
    with pytest.raises(SourceError) as error:
        list(read_skeletons(path))
    assert str(error.value).startswith(str(path)) and message in str(error.value)
    assert "\n" not in str(error.value) and len(str(error.value)) < 400


def test_records_hold_the_skeletons(write, tmp_path):
    train = write(padded(JOINTS, LABELS), "train.npz")
    test = write(ragged(JOINTS[1:], LABELS[1:]), "test.npz")

    builder = build(SkeletonFiles, tmp_path / "data", train_file=train, test_file=str(test))

    assert set(builder.info.splits) == {"train", "test"}
    names = builder.info.features["label"].names
    assert names == ["down", "left", "up"]
    assert builder.info.features["joints"].shape == (None, 2, 20, 3)
    for split, start in (("train", 0), ("test", 1)):
        records = {
            record["id"].decode(): record
            for record in builder.as_dataset(split=split).as_numpy_iterator()
        }
        ids = [f"{split}/{number}" for number in range(4 - start)]
        assert sorted(records) == ids
        assert_same([records[i]["joints"] for i in ids], JOINTS[start:])
        assert [names[records[i]["label"]] for i in ids] == list(LABELS[start:])


def test_skeletons_without_one_usable_joint_are_left_out_and_named(write, tmp_path, capsys):
    one_axis = np.full((2, 2, 20, 3), np.nan, "float32")
    one_axis[..., 0] = 1
    skeletons = [np.zeros((2, 2, 20, 3)), *JOINTS, one_axis]
    path = write(ragged(skeletons, ["up", *LABELS, "up"]))

    assert main(["skeleton_files", f"--train_file={path}", f"--data_dir={tmp_path / 'data'}"]) == 0

    warning = f"left out: 2 without one usable joint: {path}, skeleton 0 of values, {path}, skel"
    assert warning in "".join(capsys.readouterr()).replace("\n", " ")
    builder = SkeletonFiles(data_dir=tmp_path / "data", train_file=path)
    assert builder.info.splits["train"].num_examples == 4
    nothing = write(ragged(skeletons[:1] * 2, [0, 1]), "nothing.npz")
    with pytest.raises(SourceError, match="every skeleton is without one usable joint"):
        build(SkeletonFiles, tmp_path / "data", train_file=nothing)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            JOINTS[0][:, :1],
            "1 body with 20 joints; expected 2 bodies with 20 joints like all others",
        ),
        (JOINTS[0][:, :, :19], "2 bodies with 19 joints; expected 2 bodies with 20 joints"),
    ],
)
def test_other_skeletons_than_those_of_the_training_file(write, tmp_path, other, message):
    train = write(padded(JOINTS, LABELS), "train.npz")
    test = write(ragged([other], ["up"]), "test.npz")
    with pytest.raises(SourceError, match=f"{test}, skeleton 0 of values: {message}"):
        build(SkeletonFiles, tmp_path / "data", train_file=train, test_file=test)


def test_larger_than_allowed(write):
    path = write({"x": np.ones((2, 4, 1, 20, 3)), "y": [0, 1]})
    with pytest.raises(SourceError, match="expected at most 1,000; --source_limit_mb=N allows"):
        list(read_skeletons(path, limit=1000))


def test_one_hot_labels_are_classes(tmp_path):
    path = tmp_path / "one_hot.npz"
    np.savez(path, x=np.ones((3, 2, 1, 20, 3)), y=np.eye(3)[[2, 0, 2]])
    builder = SkeletonFiles(train_file=path, data_dir=tmp_path / "data")
    assert builder.info.features["label"].names == ["0", "2"]
    assert builder.warnings() == [f"{path}: one-hot labels, taken as the classes 0 to 2"]

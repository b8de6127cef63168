import json
import os
import pathlib
import zipfile

import numpy as np
import pytest
import tensorflow_datasets as tfds

from pipelines.errors import SourceError
from pipelines.nw_ucla.builder import NwUcla
from pipelines.nw_ucla.samples import ACTIONS, SPLITS, parse_sample, read_samples

# Name -> (frames, label as in the file).
NAMES = {
    "a01_s01_e00_v01": (5, 1),
    "a06_s10_e10_v03": (1, 6),
    "a08_s02_e03_v02": (201, 7),
    "a09_s03_e00_v01": (2, 8),
    "a11_s09_e01_v03": (3, 9),
    "a12_s04_e02_v02": (4, 10),
}


def skeletons(frames, seed=0):
    return np.random.default_rng(seed).uniform(-3, 5, (frames, 20, 3)).round(6).tolist()


def content(name, frames, label, changes=()):
    record = {"file_name": name, "skeletons": skeletons(frames), "label": label}
    return json.dumps({**record, **dict(changes)})


@pytest.fixture
def files():
    return {f"{name}.json": content(name, *values) for name, values in NAMES.items()}


@pytest.fixture
def write(tmp_path):
    """Writes files as a folder, or as a zip archive if the name says so."""

    def write(files, name="all_sqe"):
        path = tmp_path / name
        if path.suffix == ".zip":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                for file, text in files.items():
                    archive.writestr(f"all_sqe/{file}", text)
            return path
        for file, text in files.items():
            (path / file).parent.mkdir(parents=True, exist_ok=True)
            (path / file).write_text(text)
        return path

    return write


def build(source, data_dir):
    builder = NwUcla(source=str(source), data_dir=data_dir)
    builder.download_and_prepare()
    return tfds.builder_from_directory(builder.data_dir)


def read_records(builder):
    records = builder.as_dataset(split="all").as_numpy_iterator()
    return {record["name"].decode(): record for record in records}


@pytest.mark.parametrize("name", ["all_sqe", "all_sqe.zip"])
def test_every_sample_is_in_the_records(files, write, tmp_path, name):
    builder = build(write(files, name), tmp_path / "data")

    assert list(builder.info.splits) == ["samples"]
    records = read_records(builder)
    assert records.keys() == NAMES.keys()
    for name, (frames, label) in NAMES.items():
        record = records[name]
        np.testing.assert_array_equal(
            record["joints"], np.array(skeletons(frames), np.float32)[:, None]
        )
        assert record["joints"].dtype == np.float32
        assert record["label"] == label - 1
        assert (
            f"_s{record['subject']:02}_e{record['environment']:02}_v{record['camera']:02}" in name
        )


def test_labels_are_the_ten_actions_in_order(files, write, tmp_path):
    builder = build(write(files), tmp_path / "data")

    label = builder.info.features["label"]
    assert label.names == list(ACTIONS.values())
    assert label.num_classes == 10
    assert label.names[7 - 1] == "donning" and ACTIONS[8] == "donning"
    assert label.names[10 - 1] == "carry" and ACTIONS[12] == "carry"


def test_files_are_found_at_any_depth_and_others_passed_over(files, write):
    deep = {f"a/b{i}/{name}": text for i, (name, text) in enumerate(files.items())}
    others = {".a01_s01_e00_v02.json": "x", "a/._a01_s01_e00_v01.json": "x", "README.txt": "x"}

    samples = list(read_samples(write({**deep, **others})))

    assert [sample.name for sample in samples] == sorted(NAMES)


def test_splits_share_nothing_and_leave_something_to_test():
    assert SPLITS["cross_view"] == ("camera", {1, 2})
    field, training = SPLITS["cross_subject"]
    assert field == "subject"
    assert training < set(range(1, 11))


def joints_with(value, frame=2):
    """Three frames with one number replaced in one of them."""
    changed = skeletons(3)
    changed[frame - 1][4][1] = value
    return changed


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": 2}, "label is 2; expected 1 from the file's name"),
        ({"label": 0}, "label is 0; expected 1"),
        ({"label": 11}, "label is 11; expected 1"),
        ({"label": "1"}, "label is '1'; expected 1"),
        ({"label": True}, "label is True; expected 1"),
        ({"label": None}, "label is None; expected 1"),
        ({"file_name": "a01_s01_e00_v02"}, "file_name is 'a01_s01_e00_v02'; expected 'a01_s01_e00"),
        ({"skeletons": []}, "'skeletons' has no frames"),
        ({"skeletons": None}, "'skeletons' has no frames"),
        ({"skeletons": [[]]}, "frame 1: numbers of shape (0,); expected 20 joints of 3 numbers"),
        ({"skeletons": [5]}, "frame 1: numbers of shape (); expected 20 joints of 3 numbers"),
        ({"skeletons": [[[1.0, 2, 3]] * 19]}, "frame 1: numbers of shape (19, 3); expected 20"),
        ({"skeletons": [[[1.0, 2, 3]] * 25]}, "frame 1: numbers of shape (25, 3); expected 20"),
        ({"skeletons": [[[1.0, 2]] * 20]}, "frame 1: numbers of shape (20, 2); expected 20"),
        ({"skeletons": [[[1.0, 2, 3]] * 19 + [[1, 2]]]}, "frame 1: joints of unequal length"),
        ({"skeletons": [*skeletons(2), skeletons(1)[0][:19]]}, "frame 3: numbers of shape (19, 3)"),
        ({"skeletons": joints_with(float("nan"))}, "frame 2: a coordinate is not finite"),
        ({"skeletons": joints_with(-float("inf"), 3)}, "frame 3: a coordinate is not finite"),
        ({"skeletons": joints_with(1e39)}, "frame 2: a coordinate is not finite"),
        ({"skeletons": joints_with("1.5")}, "frame 2: a value is not a number"),
        ({"skeletons": joints_with(None)}, "frame 2: a value is not a number"),
        ({"skeletons": joints_with(10**30)}, "frame 2: a value is not a number"),
        ({"skeletons": joints_with([1])}, "frame 2: joints of unequal length"),
    ],
)
def test_wrong_content_is_named(write, changes, message):
    source = write({"a01_s01_e00_v01.json": content("a01_s01_e00_v01", 3, 1, changes)})

    with pytest.raises(SourceError) as error:
        list(read_samples(source))

    assert str(error.value).startswith(f"{source}/a01_s01_e00_v01.json")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "damaged or not JSON"),
        ('{"label": 1, "skel', "damaged or not JSON"),
        (b"\xff\xfe\xfa", "damaged or not JSON"),
        ("[" * 100_000, "damaged or not JSON"),
        ("[1, 2]", "expected a JSON object with the keys 'label' and 'skeletons'"),
        ('{"label": 1}', "expected a JSON object with the keys 'label' and 'skeletons'"),
        ('{"skeletons": []}', "expected a JSON object with the keys 'label' and 'skeletons'"),
    ],
)
def test_damaged_file_is_named(text, message):
    with pytest.raises(SourceError, match=f"a01_s01_e00_v01.json: {message}"):
        parse_sample("x/a01_s01_e00_v01.json", text)


def test_file_cut_at_any_byte_is_never_taken_for_whole():
    whole = content("a01_s01_e00_v01", 1, 1).encode()
    for length in range(len(whole)):
        with pytest.raises(SourceError, match="damaged or not JSON"):
            parse_sample("a01_s01_e00_v01.json", whole[:length])
    assert parse_sample("a01_s01_e00_v01.json", whole).joints.shape == (1, 1, 20, 3)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a01_s01_e00.json", "the file name does not give action, subject, episode and camera"),
        ("b01_s01_e00_v01.json", "the file name does not give action"),
        ("a01_s01_e00_v01_copy.json", "the file name does not give action"),
        ("a07_s01_e00_v01.json", "action 7 in the name; expected one of 1, 2, 3, 4, 5, 6, 8, 9"),
        ("a13_s01_e00_v01.json", "action 13 in the name"),
        ("a01_s00_e00_v01.json", "subject 0 in the name; expected one of 1, 2"),
        ("a01_s11_e00_v01.json", "subject 11 in the name"),
        ("a01_s01_e00_v04.json", "camera 4 in the name; expected one of 1, 2, 3"),
    ],
)
def test_wrong_name_is_named(write, name, message):
    with pytest.raises(SourceError, match=f"{name}: {message}"):
        list(read_samples(write({name: content(name[:-5], 1, 1)})))


def test_two_files_of_one_name_are_an_error(files, write):
    name = "a01_s01_e00_v01.json"
    source = write({**files, f"again/{name}": files[name]})

    with pytest.raises(SourceError, match=f"{name} and .*{name} have the same name"):
        list(read_samples(source))


def test_source_without_samples_is_named(write, tmp_path):
    for source, message in (
        (tmp_path / "nowhere", "no such file or folder"),
        (write({"README.txt": "x"}), "no .json files in it"),
        (write({}, "empty.zip"), "no .json files in it"),
    ):
        with pytest.raises(SourceError, match=f"{source}: {message}"):
            list(read_samples(source))
    with pytest.raises(SourceError, match="no source given"):
        NwUcla(data_dir=tmp_path / "data").download_and_prepare()


def test_damaged_archive_is_named(files, write):
    archive = write(files, "x.zip")
    whole = archive.read_bytes()
    for length in range(0, len(whole), len(whole) // 50):
        archive.write_bytes(whole[:length])
        with pytest.raises(SourceError, match=f"{archive}: not a zip archive"):
            list(read_samples(archive))

    changed = bytearray(whole)
    changed[200] ^= 255  # within the first file's data
    archive.write_bytes(changed)
    with pytest.raises(SourceError, match=f"{archive}: .*a01_s01_e00_v01.json cannot be read"):
        list(read_samples(archive))


def test_wrong_sample_leaves_no_build(files, write, tmp_path):
    files["a05_s01_e00_v01.json"] = content("a05_s01_e00_v01", 1, 4)

    with pytest.raises(SourceError, match="a05_s01_e00_v01.json: label is 4; expected 5"):
        build(write(files), tmp_path / "data")
    assert not list((tmp_path / "data").rglob("*.tfrecord*"))


def test_partial_data_and_another_source_are_reported(files, write, tmp_path):
    source = write(files)
    build(source, tmp_path / "data")

    assert NwUcla(source=str(source), data_dir=tmp_path / "data").warnings() == [
        "split samples has 6 samples, the complete data set has 1,484"
    ]
    again = NwUcla(source=str(tmp_path / "other"), data_dir=tmp_path / "data").warnings()
    assert f"already built from {source}; {tmp_path / 'other'} was not read" in again[-1]
    assert len(NwUcla(data_dir=tmp_path / "data").warnings()) == 1


def test_samples_without_one_usable_joint_are_left_out_and_named(files, write, tmp_path):
    nothing = np.zeros((4, 20, 3)).tolist()
    one_joint = np.zeros((4, 20, 3))
    one_joint[2, 5, 1] = 0.5
    for number, frames in enumerate((nothing, nothing, one_joint.tolist())):
        name = f"a05_s01_e{number:02}_v01"
        files[f"{name}.json"] = content(name, 1, 5, {"skeletons": frames})
    source = write(files)

    found = read_records(build(source, tmp_path / "data"))

    assert set(found) == {*NAMES, "a05_s01_e02_v01"}
    assert NwUcla(source=str(source), data_dir=tmp_path / "data").warnings()[1:] == [
        "left out: 2 without a usable joint: a05_s01_e00_v01, a05_s01_e01_v01"
    ]


def test_nothing_but_samples_without_one_usable_joint(write, tmp_path):
    name = "a05_s01_e00_v01"
    empty = content(name, 1, 5, {"skeletons": np.zeros((4, 20, 3)).tolist()})
    with pytest.raises(SourceError, match="no sample has a usable joint"):
        build(write({f"{name}.json": empty}), tmp_path / "data")
    assert not list((tmp_path / "data").rglob("*.tfrecord*"))


@pytest.mark.skipif("NRNM_DATA" not in os.environ, reason="needs the real skeletons")
def test_real_skeletons(tmp_path):
    folder = pathlib.Path(os.environ["NRNM_DATA"]) / "NW-UCLA"
    builder = build(folder, tmp_path)
    assert NwUcla(data_dir=tmp_path).warnings() == []

    records = read_records(builder)
    files = list(folder.rglob("*.json"))
    assert len(files) == len(records) == 1_484
    for file in files:
        expected = json.loads(file.read_text())
        record = records[file.stem]
        joints = np.array(expected["skeletons"], np.float32)
        np.testing.assert_array_equal(record["joints"][:, 0], joints)
        assert record["label"] == expected["label"] - 1
    assert {len(record["joints"]) for record in records.values()} >= {1, 201}

    sizes = {
        split: sum(record[field] in training for record in records.values())
        for split, (field, training) in SPLITS.items()
    }
    assert sizes["cross_view"] == 1_020
    assert sizes["cross_subject"] == sum("_s10_" not in file.name for file in files)

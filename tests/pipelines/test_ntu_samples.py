import os
import pathlib

import pytest

from pipelines.errors import SourceError
from pipelines.ntu_rgbd.samples import (
    ACTIONS,
    SPLITS,
    Sample,
    parse_name,
    read_missing_list,
)

needs_lists = pytest.mark.skipif("NRNM_DATA" not in os.environ, reason="needs the official lists")


def official(name):
    return pathlib.Path(os.environ["NRNM_DATA"], "ntu_rgbd_lists", name)


def test_name():
    assert parse_name("S032C003P106R002A120") == Sample(
        setup=32, camera=3, subject=106, replication=2, action=120
    )


@pytest.mark.parametrize(
    "name",
    [
        "",
        "S001C002P003R002A01",
        "S001C002P003R002A0133",
        "s001c002p003r002a013",
        "S001C002P003A013R002",
        "S001C002P003R002A013.skeleton",
        "x/S001C002P003R002A013",
        "S001C002P003R002A013\n",
        "S001C002P003R002A0\u0661\u0663",
        "S001C002P003R002A+13",
    ],
)
def test_other_names(name):
    with pytest.raises(SourceError, match="expected one like S001C002P003R002A013"):
        parse_name(name)


@pytest.mark.parametrize(
    "name, complaint",
    [
        ("S000C001P001R001A001", "setup 0; expected 1 to 32"),
        ("S033C001P001R001A001", "setup 33; expected 1 to 32"),
        ("S001C004P001R001A001", "camera 4; expected 1 to 3"),
        ("S001C001P107R001A001", "subject 107; expected 1 to 106"),
        ("S001C001P001R003A001", "replication 3; expected 1 to 2"),
        ("S001C001P001R001A000", "action 0; expected 1 to 120"),
        ("S001C001P001R001A121", "action 121; expected 1 to 120"),
    ],
)
def test_numbers_out_of_range(name, complaint):
    with pytest.raises(SourceError, match=f"^{name}: {complaint}$"):
        parse_name(name)


def test_actions():
    assert len(ACTIONS) == len(set(ACTIONS)) == 120
    known = {1: "drink water", 50: "punch or slap", 60: "walk apart", 61: "put on headphone"}
    assert {number: ACTIONS[number - 1] for number in known} == known
    assert ACTIONS[119] == "rock-paper-scissors"


def test_splits_by_hand():
    sample = Sample(setup=18, camera=1, subject=45, replication=1, action=61)
    training = {
        (config, name): split.is_training(sample)
        for config, splits in SPLITS.items()
        for name, split in splits.items()
    }

    assert training == {
        ("ntu60", "cross_subject"): False,
        ("ntu60", "cross_view"): False,
        ("ntu120", "cross_subject"): True,
        ("ntu120", "cross_setup"): True,
    }
    assert len(SPLITS["ntu60"]["cross_subject"].training) == 20
    assert len(SPLITS["ntu120"]["cross_subject"].training) == 53
    fields = {split.field for splits in SPLITS.values() for split in splits.values()}
    assert fields == {"subject", "camera", "setup"}


@needs_lists
@pytest.mark.parametrize(
    "config, name, training, testing",
    [
        ("ntu60", "cross_subject", 40_091, 16_487),
        ("ntu60", "cross_view", 37_646, 18_932),
        ("ntu120", "cross_subject", 63_026, 50_919),
        ("ntu120", "cross_setup", 54_468, 59_477),
    ],
)
def test_official_counts(config, name, training, testing):
    names = official(f"{config}_usable_names.txt").read_text().split()
    is_training = [SPLITS[config][name].is_training(parse_name(name_)) for name_ in names]

    assert (sum(is_training), len(names) - sum(is_training)) == (training, testing)


@needs_lists
@pytest.mark.parametrize("config, title, count", [("ntu60", "", 302), ("ntu120", "120", 535)])
def test_official_missing_lists(config, title, count):
    missing = read_missing_list(official(f"NTU_RGBD{title}_samples_with_missing_skeletons.txt"))

    assert len(missing) == count
    assert missing.isdisjoint(official(f"{config}_usable_names.txt").read_text().split())


def write(path, text):
    path.write_bytes(text)
    return path


def test_missing_list(tmp_path):
    text = (
        b"2 of the samples\r\nPlease ignore\r\n\r\nS001C002P005R002A008\r\n\r\nS001C002P006R001A008"
    )

    assert read_missing_list(write(tmp_path / "missing.txt", text)) == {
        "S001C002P005R002A008",
        "S001C002P006R001A008",
    }


@pytest.mark.parametrize("before", ["", "\ufeff", "\n", "One line\n", "One\nTwo\n", "1\n2\n3\n"])
def test_missing_list_with_any_explanation(tmp_path, before):
    names = [f"S001C002P005R002A{action:03}" for action in range(1, 6)]
    path = write(tmp_path / "missing.txt", (before + "\n".join(names)).encode())

    assert read_missing_list(path) == set(names)


@pytest.mark.parametrize(
    "text, complaint",
    [
        (b"", "missing.txt: no sample names in it; expected one per line"),
        (b"\n \n\n\n", "missing.txt: no sample names in it"),
        (b"a\nb\nc\n", "missing.txt: no sample names in it"),
        (b"S001C002P005R002A008\nmore\n", "missing.txt, line 2: 'more' is not a sample name"),
        (b"S001C002P005R002AOO8\n", "missing.txt, line 1: 'S001C002P005R002AOO8' is not a"),
        (b"a\nb\nc\nS001C002P005R002A008\nS1\n", "missing.txt, line 5: 'S1' is not a sample name"),
        (b"a\nb\nc\nS001C002P005R002A999\n", "line 4: S001C002P005R002A999: action 999; expected"),
        (b"a\nb\nc\n\xff\n", "missing.txt, line 4: not UTF-8 text"),
        (None, "missing.txt: No such file"),
    ],
)
def test_damaged_missing_list(tmp_path, text, complaint):
    path = tmp_path / "missing.txt"
    if text is not None:
        write(path, text)
    with pytest.raises(SourceError) as raised:
        read_missing_list(path)
    assert complaint in str(raised.value)

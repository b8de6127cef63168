"""One language of numbers in all formats that are text."""

import json
import math

import pytest

from pipelines.errors import SourceError
from pipelines.ntu_rgbd.skeleton_file import read_skeleton
from pipelines.numbers import parse_count, parse_float
from pipelines.nw_ucla.samples import parse_joints
from pipelines.sequence_files.reader import read_sequences
from pipelines.sick.samples import _score

GOOD = ["4", "+4.5", "-.5", "5.", "1e-3", "-2.5E+1", "007.25"]
# Arabic, Devanagari and full-width digits, and what only Python, C or nobody takes.
BAD = [
    "1_0",
    "1_000.5",
    "٣",
    "1.٣",
    "३",
    "３.5",
    "0x10",
    "1.2.3",
    "--1",
    "1e",
    "e5",
    ".",
    "",
    "1,5",
    "1 2",
]


@pytest.mark.parametrize("text", GOOD)
def test_numbers(text):
    assert parse_float(f" {text}\t") == float(text)


@pytest.mark.parametrize("text", ["nan", "NaN", "-nan", "inf", "-Infinity", "+INF"])
def test_what_is_not_finite(text):
    assert str(parse_float(text)) == str(float(text)) or math.isnan(float(text))


@pytest.mark.parametrize("text", BAD)
def test_other_texts(text):
    with pytest.raises(ValueError, match="could not convert string to float"):
        parse_float(text)


def test_long_text_is_cut():
    with pytest.raises(ValueError) as raised:
        parse_float("x" * 10_000)
    assert len(str(raised.value)) < 100


def test_counts():
    assert [parse_count(text) for text in ("0", "12", "999999999")] == [0, 12, 999_999_999]
    for text in ("-1", "+1", "1.0", "1_0", "٣", "²", "", " 1", "1000000000", "9" * 5000):
        assert parse_count(text) is None


def ts(text, tmp_path):
    path = tmp_path / "one.ts"
    path.write_text(f"@classLabel false\n@data\n1,{text}\n", encoding="utf-8")
    (sequence,) = read_sequences(path, with_labels=False)
    return sequence.values[1, 0]


def skeleton(text, tmp_path):
    joint = f"{text} 0 0" + 8 * " 1" + " 2"
    lines = ["1", "1", "7 0 1 1 1 1 0 0 0 2", "25", *[joint] * 25]
    return read_skeleton("\n".join(lines).encode(), "one.skeleton").joints[0, 0, 0]


def frame(text, tmp_path):
    content = json.dumps({"skeletons": [[[1, 0, 0]] * 20]}).replace("1", text)
    return parse_joints("one.json", content.encode())[0, 0, 0, 0]


FORMATS = {
    ".ts": ts,
    ".skeleton": skeleton,
    ".json": frame,
    "SICK": lambda text, tmp_path: _score("line 2", text),
}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("text", ["1_0", "٣", "2.٣", "３"])
def test_every_format_refuses_the_same(name, text, tmp_path):
    assert FORMATS[name]("4.5", tmp_path) == 4.5
    with pytest.raises(SourceError):
        FORMATS[name](text, tmp_path)

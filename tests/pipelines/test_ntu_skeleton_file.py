import os
import pathlib
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import SourceError
from pipelines.ntu_rgbd import skeleton_file
from pipelines.ntu_rgbd.skeleton_file import BodyFrames, read_skeleton, write_skeleton

BODY = "72057594037931101 0 1 1 1 1 0 0.02764709 0.05745083 2"
JOINT = "0.2181153 -0.1725972 3.785547 277.419 191.8218 1036.233 519.1677 -0.2 0.05 0.96 -0.12 2"


def lines(bodies_per_frame=(1,)):
    """The lines of a legal file."""
    body = [BODY, "25", *[JOINT] * 25]
    frames = [[str(bodies), *bodies * body] for bodies in bodies_per_frame]
    return [str(len(frames)), *sum(frames, [])]


def read(text, name="a.skeleton"):
    return read_skeleton(text if isinstance(text, bytes) else text.encode(), name)


def changed(number, line, bodies_per_frame=(1, 2)):
    """The lines of a legal file with one replaced, counted from 1; None takes it out."""
    all_lines = lines(bodies_per_frame)
    all_lines[number - 1 : number] = [] if line is None else [line]
    return "\n".join(all_lines) + "\n"


def with_value(column, value, line=JOINT):
    values = line.split()
    values[column] = value
    return " ".join(values)


class Illegal(Exception):
    """What the naive reader says of a damaged file."""


def naive_read(content):
    """The format as its description has it: one line after the other, one value at a time."""
    rows = [line.split() for line in content.split(b"\n") if line.split()]

    def demand(condition):
        if not condition:
            raise Illegal

    def take(size):
        demand(rows and len(rows[0]) == size)
        return rows.pop(0)

    def count(token):
        demand(all(48 <= byte <= 57 for byte in token) and len(token) < 10)
        return int(token)

    def number(token):
        try:
            value = float(token.replace(b"_", b"?"))
        except ValueError:
            raise Illegal from None
        with np.errstate(over="ignore"):
            return np.float32(value)

    bodies = []
    num_frames = count(take(1)[0])
    for frame in range(num_frames):
        for _ in range(count(take(1)[0])):
            values = take(10)
            digits = values[0].removeprefix(b"-")
            demand(digits.isdigit() and len(digits) < 20)
            demand(int(values[0]).bit_length() < 64 or int(values[0]) == -(2**63))
            demand(not any(np.isinf(number(value)) for value in values))
            demand(count(take(1)[0]) == 25)
            joints = [take(12) for _ in range(25)]
            for joint in joints:
                numbers = [number(value) for value in joint]
                demand(not np.isinf(numbers[:3] + numbers[7:]).any())
                written_out = [value.lower().strip(b"+-") for value in joint[3:7]]
                for value, as_written in zip(numbers[3:7], written_out, strict=True):
                    demand(not np.isinf(value) or as_written in (b"inf", b"infinity"))
                demand(joint[11] in (b"0", b"1", b"2"))
            positions = [[number(value) for value in joint[:3]] for joint in joints]
            states = [int(joint[11]) for joint in joints]
            bodies.append((frame, int(values[0]), positions, states))
    demand(not rows)
    return num_frames, bodies


def assert_reads_as(body_frames, naive):
    """Compares with what the naive reader gave, floats bit by bit except for the kind of NaN."""
    num_frames, bodies = naive
    frame, body_id, joints, states = zip(*bodies, strict=True) if bodies else ((), (), (), ())
    assert_same(
        body_frames,
        BodyFrames(
            num_frames,
            np.array(frame, np.int32),
            np.array(body_id, np.int64),
            np.array(joints, np.float32).reshape(-1, 25, 3),
            np.array(states, np.uint8).reshape(-1, 25),
        ),
    )


def assert_same(one, other):
    assert one.num_frames == other.num_frames
    for name, value, expected in zip(one._fields[1:], one[1:], other[1:], strict=True):
        assert value.dtype == expected.dtype, name
        assert value.shape == expected.shape, name
    np.testing.assert_array_equal(one.frame, other.frame)
    np.testing.assert_array_equal(one.body_id, other.body_id)
    np.testing.assert_array_equal(one.joints, other.joints)
    # A NaN has no sign that a text could tell.
    signs = [np.signbit(np.nan_to_num(each.joints, nan=0.0)) for each in (one, other)]
    np.testing.assert_array_equal(*signs)
    np.testing.assert_array_equal(one.tracking_state, other.tracking_state)


# What real files contain.


def test_every_value_in_its_place():
    joints = [
        f"{joint}.5 -{joint}.25 {joint}e-3 1 2 3 4 5 6 7 8 {joint % 3}" for joint in range(25)
    ]
    body_frames = read("\n".join(["1", "1", BODY, "25", *joints]))

    assert body_frames.num_frames == 1
    assert body_frames.frame.tolist() == [0]
    assert body_frames.body_id.tolist() == [72057594037931101]
    expected = [[[joint + 0.5, -joint - 0.25, joint / 1000] for joint in range(25)]]
    np.testing.assert_array_equal(body_frames.joints, np.array(expected, np.float32))
    assert body_frames.tracking_state.tolist() == [[joint % 3 for joint in range(25)]]
    assert [value.dtype for value in body_frames[1:]] == [np.int32, np.int64, np.float32, np.uint8]


@pytest.mark.parametrize(
    "separate",
    [
        "\n".join,
        "\r\n".join,
        lambda all_lines: "\n\n  \n\t\r\n".join(["", *all_lines, "", ""]),
        lambda all_lines: "".join(f"  {line.replace(' ', '  ')} \t\r\n" for line in all_lines),
    ],
    ids=["LF, none at the end", "CRLF", "blank lines", "white space around"],
)
def test_white_space_means_nothing(separate):
    usual = read("\n".join(lines((2, 0, 1))) + "\n")

    assert usual.frame.tolist() == [0, 0, 2]
    assert_same(read(separate(lines((2, 0, 1)))), usual)


def test_frames_without_a_body_count():
    body_frames = read("\n".join(lines((0, 1, 0, 0))))

    assert body_frames.num_frames == 4
    assert body_frames.frame.tolist() == [1]


@pytest.mark.parametrize("text", ["0\n", "3\n0\n0\n0\n"])
def test_file_without_any_body(text):
    body_frames = read(text)

    assert body_frames.num_frames == int(text[0])
    assert body_frames.joints.shape == (0, 25, 3)
    assert body_frames.tracking_state.shape == (0, 25)


def test_six_bodies_in_a_frame():
    assert read("\n".join(lines((6, 1)))).frame.tolist() == [0] * 6 + [1]


@pytest.mark.parametrize("spelling", ["NaN", "nan", "-nan"])
def test_nan_stays_nan(spelling):
    joint = with_value(1, spelling, with_value(8, spelling))
    body_frames = read(changed(5, joint))

    expected = np.zeros((3, 25, 3), bool)
    expected[0, 0, 1] = True
    np.testing.assert_array_equal(np.isnan(body_frames.joints), expected)


@pytest.mark.parametrize("column", [3, 4, 5, 6])
@pytest.mark.parametrize("spelling", ["-Infinity", "inf"])
def test_point_outside_an_image_is_infinite_there(column, spelling):
    usual = read("\n".join(lines((1, 2))))

    assert_same(read(changed(5, with_value(column, spelling))), usual)


def test_neighboring_ids_stay_apart():
    ids = [2**56 - 1, 2**56, 2**56 + 1, 2**63 - 1, 2**63 - 2]
    all_lines = lines((5,))
    for body, body_id in enumerate(ids):
        all_lines[2 + 27 * body] = with_value(0, str(body_id), BODY)

    assert read("\n".join(all_lines)).body_id.tolist() == ids


def assert_rounded_as_python_and_numpy_do(tokens):
    tokens = np.resize(tokens, (-(-len(tokens) // 75), 25, 3))
    all_lines = lines((len(tokens),))
    for body, joints in enumerate(tokens):
        all_lines[4 + 27 * body : 29 + 27 * body] = [
            f"{' '.join(joint)} 1 2 3 4 5 6 7 8 2" for joint in joints
        ]
    found = read("\n".join(all_lines)).joints

    expected = np.array([float(token) for token in tokens.ravel()]).astype(np.float32)
    np.testing.assert_array_equal(found.ravel(), expected)
    signed = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(found.ravel()[signed]), np.signbit(expected[signed]))


@settings(deadline=None)
@given(
    st.lists(
        st.from_regex(
            r"[-+]?([0-9]{1,18}(\.[0-9]{0,18})?|\.[0-9]{1,9})([eE][-+]?[0-9]{1,2})?|[-+]?[Nn]a[Nn]",
            fullmatch=True,
        ).filter(lambda token: not abs(float(token)) > 3e38),
        min_size=1,
        max_size=8,
    )
)
def test_any_spelling_of_a_number(tokens):
    assert_rounded_as_python_and_numpy_do(tokens)


@pytest.mark.parametrize("digits", range(18))
def test_decimal_numbers_of_any_length(digits):
    numbers = np.random.default_rng(digits).normal(size=1500) * 10.0 ** (np.arange(1500) % 5)
    assert_rounded_as_python_and_numpy_do([f"{number:.{digits}f}" for number in numbers])


def test_largest_float32_is_a_number():
    largest = np.finfo(np.float32).max
    for text in (str(largest), repr(float(largest))):
        assert read(changed(5, with_value(0, text))).joints[0, 0, 0] == largest


# Damage.

FIRST_JOINT = "joint 1 of body 1 of 1 in frame 1 of 2"


@pytest.mark.parametrize(
    "number, line, found, expected",
    [
        (1, "2.0", "'2.0'", "the number of frames"),
        (1, "-2", "'-2'", "the number of frames"),
        (1, "99999999999", "'99999999999'", "the number of frames"),
        (2, "many", "'many'", "the number of bodies in frame 1 of 2"),
        (2, "1 1", "'1 1' (values on the line: 2)", "the number of bodies in frame 1 of 2"),
        (3, with_value(0, "7.2057594e+16", BODY), "'7.2057594e+16'", "an integer of 64 bits"),
        (3, with_value(0, "9223372036854775808", BODY), "'9223372036854775808'", "an integer of"),
        (3, with_value(0, "72_057", BODY), "'72_057'", "an integer of 64 bits"),
        (3, with_value(7, "left", BODY), "'left'", "the lean in x of body 1 of 1 in frame 1 of 2"),
        (3, with_value(7, "inf", BODY), "'inf'", "a finite number or NaN, the lean in x of body 1"),
        (
            3,
            BODY + " 1",
            "(values on the line: 11)",
            "the 10 values of body 1 of 1 in frame 1 of 2",
        ),
        (4, "24", "'24'", "25, the number of joints of body 1 of 1 in frame 1 of 2"),
        (4, "26", "'26'", "25, the number of joints of body 1 of 1 in frame 1 of 2"),
        (5, JOINT + " 2", "(values on the line: 13)", f"the 12 values of {FIRST_JOINT}"),
        (5, JOINT[:-2], "(values on the line: 11)", f"the 12 values of {FIRST_JOINT}"),
        (5, with_value(0, "O.2"), "'O.2'", f"a finite number or NaN, x of {FIRST_JOINT}"),
        (5, with_value(1, "1.2.3"), "'1.2.3'", f"a finite number or NaN, y of {FIRST_JOINT}"),
        (5, with_value(1, "1-2"), "'1-2'", f"a finite number or NaN, y of {FIRST_JOINT}"),
        (5, with_value(1, "1_0"), "'1_0'", f"a finite number or NaN, y of {FIRST_JOINT}"),
        (5, with_value(1, "."), "'.'", f"a finite number or NaN, y of {FIRST_JOINT}"),
        (5, with_value(1, "NaNN"), "'NaNN'", f"a finite number or NaN, y of {FIRST_JOINT}"),
        (5, with_value(1, "0x1p3"), "'0x1p3'", f"a finite number or NaN, y of {FIRST_JOINT}"),
        (5, with_value(2, "Infinity"), "'Infinity'", f"a finite number or NaN, z of {FIRST_JOINT}"),
        (5, with_value(2, "1e39"), "'1e39'", f"a finite number or NaN, z of {FIRST_JOINT}"),
        (5, with_value(2, "9" * 50), "'9999", f"a finite number or NaN, z of {FIRST_JOINT}"),
        (5, with_value(5, "x"), "'x'", f"x in the color image of {FIRST_JOINT}"),
        (5, with_value(5, "1e999"), "'1e999'", f"x in the color image of {FIRST_JOINT}"),
        (5, with_value(9, "-inf"), "'-inf'", f"y of the orientation of {FIRST_JOINT}"),
        (5, with_value(11, "3"), "'3'", f"0, 1 or 2, the tracking state of {FIRST_JOINT}"),
        (5, with_value(11, "2.0"), "'2.0'", f"0, 1 or 2, the tracking state of {FIRST_JOINT}"),
    ],
)
def test_damaged_value(number, line, found, expected):
    with pytest.raises(SourceError) as raised:
        read(changed(number, line))

    place, _, wanted = str(raised.value).partition(", expected ")
    assert place.startswith(f"a.skeleton, line {number}: ")
    assert found in place
    assert expected in wanted


@pytest.mark.parametrize(
    "content, line, message",
    [
        (b"", 1, "the file ends, expected the number of frames"),
        (b"\r\n \n", 3, "the file ends, expected the number of frames"),
        (b"2\n0\n", 3, "the file ends, expected the number of bodies in frame 2 of 2"),
        (b"1\n0\n0\n", 3, "'0', expected the end of the file after 1 frame(s)"),
        (b"1\n2\n", 3, "the file ends, expected the 10 values of body 1 of 2 in frame 1 of 1"),
        (b"1\n\xff\xfe\n", 2, r"'\xff\xfe', expected the number of bodies in frame 1 of 1"),
        (b"1\n0\n\0\n", 3, r"'\x00', expected the end of the file after 1 frame(s)"),
        (b"\xef\xbb\xbf1\n0\n", 1, r"'\xef\xbb\xbf1', expected the number of frames"),
    ],
)
def test_damaged_structure(content, line, message):
    with pytest.raises(SourceError) as raised:
        read(content)
    assert str(raised.value) == f"a.skeleton, line {line}: {message}"


@pytest.mark.parametrize("bodies_per_frame", [(1, 1), (2, 1), (1, 0)])
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("step", [-1, 1])
def test_count_that_disagrees(bodies_per_frame, number, step):
    count = int(lines(bodies_per_frame)[number - 1])
    with pytest.raises(SourceError, match=r"a\.skeleton, line [0-9]+: .*, expected "):
        read(changed(number, str(count + step), bodies_per_frame))


def test_file_cut_at_any_byte():
    content = "\n".join(lines((1,))).encode()
    for end in range(len(content)):
        with pytest.raises(SourceError, match=r"^a\.skeleton, line [0-9]+: .*, expected "):
            read(content[:end])


@pytest.mark.parametrize("number", [1, 2])
def test_absurd_count_takes_no_memory(number):
    text = changed(number, "999999999")
    tracemalloc.start()
    try:
        with pytest.raises(SourceError, match="999999999"):
            read(text)
        assert tracemalloc.get_traced_memory()[1] < 10e6
    finally:
        tracemalloc.stop()


# Random files, whole and damaged.

float32s = st.floats(width=32, allow_infinity=False) | st.sampled_from([0.0, -0.0, 1e-5, np.nan])
ids = st.integers(-(2**63), 2**63 - 1) | st.integers(2**56 - 2, 2**56 + 2)


@st.composite
def body_frames(draw):
    bodies = draw(st.lists(st.integers(0, 3), max_size=4))
    n = sum(bodies)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    joints = rng.normal(size=(n, 25, 3)) * 10.0 ** rng.integers(-8, 3, size=(n, 25, 3))
    joints = joints.round(draw(st.integers(0, 12))).astype(np.float32)
    if n:
        rare = draw(st.lists(float32s, max_size=5))
        joints.ravel()[rng.integers(joints.size, size=len(rare))] = rare
    return BodyFrames(
        len(bodies),
        np.repeat(np.arange(len(bodies), dtype=np.int32), bodies),
        np.array(draw(st.lists(ids, min_size=n, max_size=n)), np.int64),
        joints,
        rng.integers(3, size=(n, 25), dtype=np.uint8),
    )


byte_runs = st.binary(max_size=3) | st.text("0123456789.+-eEnNaAif_ \t\r\n", max_size=4).map(
    str.encode
)


@st.composite
def damaged(draw, content):
    """Damages a file once or a few times, at any place."""
    for _ in range(draw(st.integers(1, 3))):
        all_lines = content.splitlines(keepends=True)
        line = draw(st.integers(0, max(len(all_lines) - 1, 0)))
        start = draw(st.integers(0, len(content)))
        stop = start + draw(st.integers(0, 3))
        match draw(st.sampled_from(["bytes", "cut", "drop", "double", "swap"])):
            case "bytes":
                content = content[:start] + draw(byte_runs) + content[stop:]
            case "cut":
                content = content[:start]
            case "drop":
                content = b"".join(all_lines[:line] + all_lines[line + 1 :])
            case "double":
                content = b"".join(all_lines[: line + 1] + all_lines[line:])
            case "swap":
                content = b"".join(all_lines[:line] + all_lines[line:][::-1])
    return content


@settings(deadline=None)
@given(body_frames(), st.booleans())
def test_written_file_reads_back_equal(expected, crlf):
    text = write_skeleton(expected)
    content = (text.replace("\n", "\r\n") if crlf else text).encode()

    assert_same(read(content), expected)
    assert_reads_as(expected, naive_read(content))


@settings(deadline=None, max_examples=300)
@given(body_frames(), st.data())
def test_damaged_file_gives_an_error_or_what_it_says(undamaged, data):
    content = data.draw(damaged(write_skeleton(undamaged).encode()))
    try:
        expected = naive_read(content)
    except Illegal:
        with pytest.raises(SourceError, match=r"^a\.skeleton, line [1-9][0-9]*: .*, expected "):
            read(content)
    else:
        assert_reads_as(read(content), expected)


@settings(deadline=None, max_examples=300)
@given(body_frames(), st.data())
def test_both_readers_agree(undamaged, data):
    content = data.draw(damaged(write_skeleton(undamaged).encode()))
    quick = skeleton_file._read_at_once(content)
    if quick is not None:
        assert_same(quick, skeleton_file._read_line_by_line(content, "a.skeleton"))


def test_usual_files_are_read_quickly():
    for text in ("\n".join(lines((1, 0, 2))), changed(5, with_value(0, "NaN")), changed(5, JOINT)):
        assert skeleton_file._read_at_once(text.encode()) is not None


@pytest.mark.skipif("NRNM_DATA" not in os.environ, reason="needs the real files")
def test_real_files_to_the_last_digit():
    paths = sorted(pathlib.Path(os.environ["NRNM_DATA"], "ntu").glob("*.skeleton"))
    assert len(paths) == 10
    for path in paths:
        content = path.read_bytes()
        body_frames = read(content)

        assert_reads_as(body_frames, naive_read(content))
        assert skeleton_file._read_at_once(content) is not None
        assert_same(read(write_skeleton(body_frames)), body_frames)

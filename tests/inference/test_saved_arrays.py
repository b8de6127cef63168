"""Files of arrays, whole, damaged, and of other makers."""

import io
import pickle
import zipfile

import keras
import numpy as np
import pytest

from nrnm_keras.inference.saved_arrays import (
    DamagedError,
    Form,
    check_arrays,
    form_of,
    read_arrays,
    shortened,
)

ARRAYS = {
    "a": np.arange(6, dtype="float32").reshape(2, 3),
    "b": np.array(3, "int64"),
    "c": np.zeros((0, 2), "uint8"),
    "d": np.array(True),
}
FORMS = {
    "a": Form((2, 3), "float32"),
    "b": Form((), "int64"),
    "c": Form((0, 2), "uint8"),
    "d": Form((), "bool"),
}


def npz(arrays, save=np.savez):
    file = io.BytesIO()
    save(file, **arrays)
    return file.getvalue()


def archive(*members, compression=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as written:
        for name, content in members:
            written.writestr(name, content)
    return file.getvalue()


def npy(array, allow_pickle=False):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=allow_pickle)
    return file.getvalue()


def header(text):
    """An array file with a header of any text."""
    content = text.encode("latin1") + b"\n"
    return b"\x93NUMPY\x01\x00" + len(content).to_bytes(2, "little") + content


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("unpickled",))


def test_what_was_saved_is_read():
    found = read_arrays(io.BytesIO(npz(ARRAYS)))
    check_arrays(found, FORMS)
    check_arrays(found)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)


def test_path_is_read_too(tmp_path):
    np.savez(tmp_path / "x.npz", **ARRAYS)
    assert read_arrays(tmp_path / "x.npz").keys() == ARRAYS.keys()
    for path in (tmp_path / "none.npz", tmp_path):
        with pytest.raises(DamagedError, match="cannot be read"):
            read_arrays(path)


@pytest.mark.parametrize("variable", [[1.0], [1], [True]])
def test_form_is_that_of_the_saved_array(variable):
    variable = keras.Variable(np.array(variable))
    saved = keras.ops.convert_to_numpy(variable)
    assert form_of(variable) == Form(saved.shape, saved.dtype.name)


LONG = "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is damaged"),
        (b"no archive", "is damaged"),
        (npz(ARRAYS)[:-1], "is damaged"),
        (npz(ARRAYS, np.savez_compressed), "compressed"),
        (archive(("a.npy", b"")), "is damaged"),
        (archive(("a.npy", b"no array")), "is damaged"),
        (archive(("a.npy", npy(np.ones(9))[:-1])), "is damaged"),
        (archive(("a.npy", npy(np.ones(9)) + b"x")), "more than an array"),
        (archive(("a.npy", npy(np.ones(9))), ("a.npy", npy(np.ones(9)))), "two arrays"),
        (archive(("a.npy", pickle.dumps(Bomb()))), "is damaged"),
        (archive(("a.npy", npy(np.array([Bomb()]), allow_pickle=True))), "is damaged"),
        (archive(("a.npy", header(LONG % "10 ** 9,"))), "is damaged"),
        (archive(("a.npy", header(LONG % "10000000000000000,"))), "is damaged"),
        (archive(("a.npy", header(LONG % "-1,"))), "is damaged"),
        (archive(("a.npy", header(LONG % "'x',"))), "is damaged"),
        (archive(("a.npy", header("{" * 1000))), "is damaged"),
        (archive(("a.npy", header("'''"))), "is damaged"),
        (archive(("a.npy", header("\xff\x00"))), "is damaged"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_another_file_is_refused_and_nothing_in_it_is_run(content, reason):
    with pytest.raises(DamagedError, match=reason) as caught:
        read_arrays(io.BytesIO(content))
    assert len(str(caught.value)) < 300 and "\n" not in str(caught.value)


def test_whatever_happens_to_a_file_it_is_read_or_refused():
    random, whole = np.random.default_rng(0), npz(ARRAYS)
    for _ in range(2000):
        content = bytearray(whole)
        for place in random.integers(len(whole), size=random.integers(1, 4)):
            content[place] = random.integers(256)
        try:
            check_arrays(read_arrays(io.BytesIO(content)), FORMS)
        except DamagedError as error:
            assert len(str(error)) < 600


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"b": None}, "variables of shapes"),
        ({"e": np.ones(2)}, "variables of shapes"),
        ({"a": np.ones((3, 2), "float32")}, r"shapes \[\(3, 2\), .*expected \[\(2, 3\)"),
        ({"b": np.ones(1, "int64")}, r"shapes \(1 equal\), \[\(1,\), .*\(1 equal\), \[\(\), "),
        ({"d": None, "e": np.array(True)}, "arrays named"),
        ({"a": np.ones((2, 3), "float64")}, "types .*'float64'.* expected .*'float32'"),
        ({"b": np.array(3.0)}, "types"),
        ({"a": np.full((2, 3), np.nan, "float32")}, r"value that is not finite \(a\)"),
        (
            {"a": np.array([[1, 2, 3], [4, -np.inf, 6]], "float32")},
            r"value that is not finite \(a\)",
        ),
        ({"b": np.array("x")}, "types"),
    ],
)
def test_other_arrays_are_refused(change, reason):
    arrays = {name: a for name, a in {**ARRAYS, **change}.items() if a is not None}
    with pytest.raises(DamagedError, match=reason):
        check_arrays(arrays, FORMS)


@pytest.mark.parametrize("array", [np.array("x"), np.array([b"x"]), np.array([1j])])
def test_what_is_no_number_is_refused(array):
    with pytest.raises(DamagedError, match="instead of numbers"):
        check_arrays({"a": array})


def test_order_in_the_file_does_not_matter():
    check_arrays(dict(reversed(ARRAYS.items())), FORMS)


def test_reasons_are_short():
    assert shortened("a\n b") == "a b"
    assert len(shortened("x" * 1000)) == 200
    assert shortened(KeyError()) == "KeyError"
    many = {str(number): np.ones(number) for number in range(1000)}
    with pytest.raises(DamagedError) as caught:
        check_arrays(many, {name: Form((1,), "float64") for name in many})
    assert len(str(caught.value)) < 600

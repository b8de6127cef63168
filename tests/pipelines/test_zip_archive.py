import io
import pickle
import stat
import struct
import zipfile

import numpy as np
import pytest

from pipelines.archives.zip_archive import read_members
from pipelines.errors import SourceError
from pipelines.nw_ucla.samples import read_samples
from pipelines.sequence_files.reader import read_sequences

FILES = {"a/one.txt": b"one " * 30, "two.txt": b"2", "a/three.txt": b"", "b.bin": bytes(range(256))}
LIMIT = 10_000


def is_text(name):
    return name.endswith(".txt")


TEXTS = {name: content for name, content in FILES.items() if is_text(name)}


class Unseekable(io.BytesIO):
    """A pipe: zipfile then writes sizes and checksums behind the members."""

    def seekable(self):
        return False

    def seek(self, *_):
        raise io.UnsupportedOperation

    def tell(self):
        raise io.UnsupportedOperation


def write_zip(files=FILES, method=zipfile.ZIP_DEFLATED, buffer=None, force_zip64=False):
    """An archive as Python writes it; files is name or `ZipInfo` -> content."""
    buffer = io.BytesIO() if buffer is None else buffer
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("a/", b"")
        for name, content in files.items():
            with archive.open(name, "w", force_zip64=force_zip64) as file:
                file.write(content)
    return buffer.getvalue()


def with_64_bit_end():
    """The number of members stands in a record of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 2)
        content = bytearray(write_zip())
    struct.pack_into("<HH", content, content.rindex(b"PK\5\6") + 8, 0xFFFF, 0xFFFF)
    return bytes(content)


FORMS = {
    "deflated": write_zip,
    "stored": lambda: write_zip(method=zipfile.ZIP_STORED),
    "sizes behind the members": lambda: write_zip(buffer=Unseekable()),
    "sizes of 64 bits": lambda: write_zip(force_zip64=True),
    "number of 64 bits": with_64_bit_end,
    "behind a program": lambda: b"#!/bin/sh\n" + write_zip(),
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.zip"


def read(path, content, is_wanted=is_text):
    path.write_bytes(content)
    return {member.name: member.read(LIMIT) for member in read_members(path, is_wanted)}


def fail(path, content, is_wanted=is_text):
    """What is said of an archive that must not be read, after a check of its form."""
    with pytest.raises(SourceError) as error:
        read(path, content, is_wanted)
    message = str(error.value)
    assert message.startswith(f"{path}: ") and "\n" not in message and len(message) < 1000
    return message


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read(path, form):
    assert read(path, FORMS[form]()) == TEXTS


def test_members_are_read_by_other_processes(path):
    path.write_bytes(write_zip())
    members = pickle.loads(pickle.dumps(read_members(path, is_text)))
    assert {member.name: member.read(LIMIT) for member in members} == TEXTS
    assert [member.size for member in members] == [len(content) for content in TEXTS.values()]
    assert members[0].place == f"{path}: a/one.txt"


@pytest.mark.parametrize("name", ["données.txt", "\N{SNOWMAN}/x.txt"])
def test_names_in_any_script(path, name):
    assert read(path, write_zip({name: b"x"})) == {name: b"x"}


def test_names_in_the_code_page_of_dos(path):
    content = write_zip({"donn@es.txt": b"x"}).replace(b"donn@es", b"donn\x82es")
    assert read(path, content) == {"données.txt": b"x"}


@pytest.mark.parametrize("form", FORMS)
def test_a_wrong_byte_anywhere_never_gives_another_answer(path, form):
    whole = FORMS[form]()
    noticed = 0
    for place in range(len(whole)):
        for difference in (1 << place % 8, 0xFF):
            changed = bytearray(whole)
            changed[place] ^= difference
            try:
                found = read(path, changed)
            except SourceError as error:
                noticed += 1
                assert str(error).startswith(f"{path}: ") and "\n" not in str(error)
            else:
                assert found == TEXTS, (place, difference)
    assert noticed > len(whole) // 2  # the rest are dates, and a member that is not wanted


@pytest.mark.parametrize("form", FORMS)
def test_an_archive_cut_anywhere_is_never_taken_for_whole(path, form):
    whole = FORMS[form]()
    for length in range(len(whole)):
        assert "not a zip archive, or damaged or truncated" in fail(path, whole[:length])


def replace_in_table(content, old, new):
    at = content.index(b"PK\1\2")
    assert len(old) == len(new) and content.count(old, at) == 1
    return content[:at] + content[at:].replace(old, new)


@pytest.mark.parametrize("name", [b"a/two.txt", b"two.bin", b".wo.txt"])
def test_member_of_another_name_than_its_own_header_says(path, name):
    """Even a name that would not be read: the file would be missing without a word."""
    content = write_zip({"two.txt".rjust(len(name), "/")[-len(name) :]: b"2", "one.txt": b"1"})
    old = "two.txt".rjust(len(name), "/")[-len(name) :].encode()
    message = fail(path, replace_in_table(content, old, name))
    assert f"{name.decode()} in the table of contents is {old!r} in its header" in message


def test_members_whose_places_in_the_table_are_exchanged(path):
    content = bytearray(write_zip({"one.txt": b"1", "two.txt": b"2"}))
    first = content.index(b"PK\1\2", content.index(b"PK\1\2") + 1)
    second = content.index(b"PK\1\2", first + 1)
    places = content[first + 42 : first + 46], content[second + 42 : second + 46]
    content[first + 42 : first + 46], content[second + 42 : second + 46] = reversed(places)
    assert "in the table of contents is" in fail(path, content)


def test_member_that_the_table_has_lost(path):
    """One byte, the length of a comment, makes an entry swallow the next one."""
    content = bytearray(write_zip({"one.txt": b"1", "two.txt": b"2", "six.txt": b"6"}))
    first = content.index(b"PK\1\2", content.index(b"PK\1\2") + 1)
    second = content.index(b"PK\1\2", first + 1)
    content[first + 32] = content.index(b"PK\1\2", second + 1) - second
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == ["a/", "one.txt", "six.txt"]  # and nothing is wrong
    assert "3 members in the table of contents, not 4" in fail(path, content)


def info(name, **attributes):
    member = zipfile.ZipInfo(name)
    for attribute, value in attributes.items():
        setattr(member, attribute, value)
    return member


def encrypted(where):
    content = bytearray(write_zip({"one.txt": b"1"}))
    if "table" in where:
        content[content.rindex(b"PK\1\2") + 8] |= 1
    if "header" in where:
        content[content.rindex(b"PK\3\4") + 6] |= 1
    return bytes(content)


def twice():
    with pytest.warns(UserWarning, match="Duplicate name"):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for content in ("1", "2"):
                archive.writestr("one.txt", content)
    return buffer.getvalue()


def link():
    member = info("one.txt", create_system=3, external_attr=(stat.S_IFLNK | 0o777) << 16)
    return write_zip({member: b"/etc/passwd"})


REFUSED = {
    "encrypted": (
        lambda: encrypted("table and header"),
        "one.txt is encrypted; unpack",
    ),
    "encrypted by its header alone": (lambda: encrypted("header"), "compression of one"),
    "bzip2": (lambda: write_zip(method=zipfile.ZIP_BZIP2), "method 12, expected deflate; unpack"),
    "LZMA": (lambda: write_zip(method=zipfile.ZIP_LZMA), "method 14, expected deflate; unpack"),
    "twice": (twice, "2 members are called one.txt; expected one"),
    "link": (link, "one.txt is a link; expected plain files; unpack the archive"),
    "absolute": (lambda: write_zip({"/one.txt": b"1"}), "the name /one.txt points outside the"),
    "..": (
        lambda: write_zip({"a/../../one.txt": b"1"}),
        "a/../../one.txt points outside",
    ),
    "..\\": (lambda: write_zip({"..\\one.txt": b"1"}), "points outside the archive"),
    "line break": (lambda: write_zip({"a\n.txt": b"1"}), "'a\\n.txt' is longer than 1,000 chara"),
    "long": (lambda: write_zip({"a" * 1000 + ".txt": b"1"}), "is longer than 1,000 characters or"),
    "null": (
        lambda: write_zip({"one@.txt": b"1"}).replace(b"@", b"\0"),
        "the name b'one\\x00.txt' has a null character",
    ),
    "not UTF-8": (
        lambda: write_zip({"é.txt": b"1"}).replace("é".encode(), b"\xe9_"),
        "the name b'\\xe9_.txt' is marked as UTF-8 but is not",
    ),
    "no archive": (lambda: b"Text instead of an archive.", "not a zip archive, or damaged"),
    "empty": (lambda: b"", "not a zip archive, or damaged"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_read_is_named(path, case):
    content, message = REFUSED[case]
    assert message in fail(path, content())


@pytest.mark.parametrize("case", ["encrypted", "bzip2", "LZMA", "twice", "link", "absolute", ".."])
def test_what_is_not_wanted_may_be_anything(path, case):
    content, _ = REFUSED[case]
    assert read(path, content(), lambda name: False) == {}


def test_folder_in_place_of_the_archive(tmp_path):
    with pytest.raises(SourceError, match=f"^{tmp_path}: Is a directory; it cannot be read"):
        read_members(tmp_path, is_text)


def test_member_beyond_the_limit_is_refused(path):
    path.write_bytes(write_zip({"one.txt": b"\0" * 1_000_000}))
    (member,) = read_members(path, is_text)
    assert len(member.read(1_000_000)) == 1_000_000
    with pytest.raises(SourceError, match=f"^{path}: one.txt: 1,000,000 bytes; expected at most 9"):
        member.read(999_999)


def lying(size, claimed):
    """An archive whose member expands to more than both of its headers say."""
    content = bytearray(write_zip({"one.txt": b"\0" * size}))
    for signature, at in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        struct.pack_into("<I", content, content.rindex(signature) + at, claimed)
    return bytes(content)


@pytest.mark.parametrize("claimed", [0, 1, 999, 1001])
def test_member_that_is_larger_or_smaller_than_it_says(path, claimed):
    assert "damaged archive, one.txt cannot be read" in fail(path, lying(1000, claimed))


def test_array_of_npz_that_is_there_twice(tmp_path):
    """numpy.load would take the last."""
    path = tmp_path / "x.npz"
    array = io.BytesIO()
    np.save(array, np.zeros((2, 3, 1)))
    with pytest.warns(UserWarning), zipfile.ZipFile(path, "w") as archive:
        for name in ("x.npy", "x.npy"):
            archive.writestr(name, array.getvalue())
    with pytest.raises(SourceError, match="2 members are called x.npy"):
        list(read_sequences(path, with_labels=False))
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("x.npy", "x"):
            archive.writestr(name, array.getvalue())
    with pytest.raises(SourceError, match="found x, x; expected"):
        list(read_sequences(path, with_labels=False))


def test_labels_of_npz_and_nw_ucla_are_protected(tmp_path):
    """`y` and `x` exchanged in the table; a sample under another action's name."""
    np.savez(tmp_path / "a.npz", values=np.zeros((4, 1)), row_splits=[0, 2, 4], y=[0, 1])
    content = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(replace_in_table(content, b"y.npy", b"x.npy"))
    with pytest.raises(SourceError, match="a.npz: not an .npz archive, or damaged"):
        list(read_sequences(tmp_path / "a.npz"))
    content = write_zip({"a05_s01_e00_v01.json": b"{}"})
    (tmp_path / "a.zip").write_bytes(replace_in_table(content, b"_v01", b"_v03"))
    with pytest.raises(SourceError, match="a.zip: not a zip archive, or damaged"):
        list(read_samples(tmp_path / "a.zip"))

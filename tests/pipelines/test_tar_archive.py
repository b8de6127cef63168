import io
import tarfile

import pytest

from pipelines.archives.tar_archive import read_members
from pipelines.errors import SourceError
from pipelines.imdb.reviews import count_reviews, open_source

FILES = {"a/one.txt": b"one " * 300, "two.txt": b"2", "é.txt": b""}
LIMIT = 10_000


def write_tar(path, members, mode="w", **options):
    """Members are name or `TarInfo` -> content."""
    with tarfile.open(path, mode, **options) as archive:
        for member, content in members.items():
            if isinstance(member, str):
                member = tarfile.TarInfo(member)
                member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def read(path):
    return {member.name: read(LIMIT) for member, read in read_members(path)}


def fail(path):
    with pytest.raises(SourceError) as error:
        read(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ") and "\n" not in message and len(message) < 1000
    return message


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_form_is_read(tmp_path, mode, form):
    files = FILES | ({} if form == tarfile.USTAR_FORMAT else {"x" * 300: b"long"})
    assert read(write_tar(tmp_path / "x", files, mode, format=form)) == files


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_a_wrong_byte_anywhere_never_gives_another_answer(tmp_path, mode):
    whole = write_tar(tmp_path / "x", FILES, mode).read_bytes()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 0xFF
        (tmp_path / "x").write_bytes(changed)
        try:
            assert read(tmp_path / "x") == FILES, place
        except SourceError as error:
            assert str(error).startswith(f"{tmp_path}/x: ") and "\n" not in str(error)


def test_a_wrong_byte_in_a_header_is_noticed(tmp_path):
    """What is not packed has no checksum but that of its headers."""
    path = write_tar(tmp_path / "x", {"one.txt": b"1"})
    whole = path.read_bytes()
    behind_checksum = (154, 155)
    for place in {*range(512)} - {*behind_checksum}:
        changed = bytearray(whole)
        changed[place] ^= 1
        path.write_bytes(changed)
        assert "not a tar archive, or damaged or truncated" in fail(path)


def special(kind, name="link.txt"):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, "/etc/passwd"
    return member


def test_only_regular_files_are_read(tmp_path):
    kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE)
    path = write_tar(tmp_path / "x", {**{special(kind): b"" for kind in kinds}, **FILES})
    assert read(path) == FILES


def test_names_that_are_not_utf_8(tmp_path):
    """Passed over elsewhere, named where a review should be."""
    folders = {"train/neg": 1, "train/pos": 9, "test/neg": 1, "test/pos": 9}
    reviews = {f"aclImdb/{folder}/1_{rating}.txt": b"x" for folder, rating in folders.items()}
    options = {"format": tarfile.GNU_FORMAT, "encoding": "latin-1"}

    path = write_tar(tmp_path / "x", {"aclImdb/é.txt": b"x", **reviews}, **options)
    assert b"\xe9.txt" in path.read_bytes()
    assert count_reviews(open_source(path)) == {"train": 2, "test": 2}

    write_tar(path, {"aclImdb/train/neg/é_1.txt": b"x", **reviews}, **options)
    with pytest.raises(SourceError, match=f"{path}: aclImdb/train/neg/.*not give id and rating"):
        count_reviews(open_source(path))


def test_member_beyond_the_limit_is_refused(tmp_path):
    path = write_tar(tmp_path / "x", {"one.txt": b"\0" * (LIMIT + 1)}, "w:xz")
    assert f"one.txt: 10,001 bytes; expected at most {LIMIT:,}" in fail(path)


def test_header_that_claims_a_long_name(tmp_path):
    """tarfile reads names, and whatever else is about the next member, whole."""
    member = special(tarfile.GNUTYPE_LONGNAME)
    member.size = 2**17
    path = write_tar(tmp_path / "x", {member: b"x" * member.size, "one.txt": b"1"}, "w:gz")
    assert "bad header: an extended one of 131,072 bytes" in fail(path)


def test_headers_without_end(tmp_path):
    member = special(tarfile.XGLTYPE)
    archive = write_tar(tmp_path / "x", {member: b""}).read_bytes()
    (tmp_path / "x").write_bytes(archive[:512] * 5000 + archive[512:])
    assert "not a tar archive, or damaged or truncated" in fail(tmp_path / "x")

import io
import pathlib
import tarfile

import pytest

# Folder of aclImdb -> name -> text; one text with what needs care: other scripts, markup, newline.
REVIEWS = {
    "train/neg": {"0_1.txt": "Dull.", "1_4.txt": "Not good.<br /><br />Really.", "12_2.txt": "No"},
    "train/pos": {
        "0_10.txt": "Très bien, 很好 \U0001f600\n",
        "1_7.txt": 'He said "yes"\tthen left.',
    },
    "test/neg": {"0_3.txt": "A film."},
    "test/pos": {"0_8.txt": "A film!", "7_9.txt": "Another."},
    "train/unsup": {"0_0.txt": "Who knows?", "1_0.txt": "Perhaps.", "2_0.txt": "x" * 5000},
}


@pytest.fixture(autouse=True)
def no_accelerator(monkeypatch):
    """The build command sets this variable; undone after each test."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")


@pytest.fixture
def reviews():
    """The reviews of a tiny aclImdb as (path below aclImdb, text)."""
    return [(f"{d}/{name}", text) for d, files in REVIEWS.items() for name, text in files.items()]


@pytest.fixture
def write_folder(tmp_path):
    """Writes reviews as an aclImdb folder and returns its path."""

    def write(reviews, name="aclImdb"):
        for path, text in reviews:
            file = tmp_path / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text if isinstance(text, bytes) else text.encode())
        (tmp_path / name / "README").write_text("Not a review.")
        (tmp_path / name / "train" / "labeledBow.feat").write_text("9 0:9")
        return tmp_path / name

    return write


@pytest.fixture
def write_archive(tmp_path):
    """Writes reviews, and further members, as a tar archive compressed by its suffix."""

    def write(reviews, name, extra=()):
        path = tmp_path / name
        mode = {".gz": "w:gz", ".tgz": "w:gz", ".xz": "w:xz", ".bz2": "w:bz2", ".tar": "w"}
        with tarfile.open(path, mode[pathlib.Path(name).suffix]) as archive:
            folder = tarfile.TarInfo("aclImdb")
            folder.type = tarfile.DIRTYPE
            archive.addfile(folder)
            for member, text in reviews:
                content = text if isinstance(text, bytes) else text.encode()
                info = tarfile.TarInfo(f"aclImdb/{member}")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            for info in extra:
                archive.addfile(info, io.BytesIO(b"?" * info.size))
        return path

    return write

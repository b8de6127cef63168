import functools
import hashlib
import http.server
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import threading

import pytest
import tensorflow_datasets as tfds

from pipelines.build import build
from pipelines.errors import SourceError
from pipelines.imdb import builder as imdb_builder
from pipelines.imdb.reviews import count_reviews, open_source, read_reviews

REPOSITORY = pathlib.Path(__file__).parents[2]


def expected_records(reviews):
    """What the data set's own README says of a file name, worked out from the path alone."""
    records = {"train": {}, "test": {}, "unsupervised": {}}
    for path, text in reviews:
        split, folder, name = path.split("/")
        rating = int(name.removesuffix(".txt").split("_")[1])
        record = (text, {"neg": 0, "pos": 1, "unsup": -1}[folder], rating)
        records["unsupervised" if folder == "unsup" else split][path.removesuffix(".txt")] = record
    return records


def read_records(path):
    """All records of a build by split and id, read as the training does."""
    builder = tfds.builder_from_directory(path)
    return {
        split: {
            example["id"].decode(): (
                example["text"].decode(),
                int(example["label"]),
                int(example["rating"]),
            )
            for example in builder.as_dataset(split=split).as_numpy_iterator()
        }
        for split in builder.info.splits
    }


def shards(path):
    return {file.name: file.read_bytes() for file in pathlib.Path(path).glob("*.tfrecord*")}


def finished_builds(data_dir):
    """Whatever a reader could take for a build."""
    return [*data_dir.rglob("*.tfrecord*"), *data_dir.rglob("dataset_info.json")]


def test_every_review_is_in_the_records(reviews, write_folder, tmp_path):
    path = build("imdb", tmp_path / "data", source=write_folder(reviews))

    assert path == tmp_path / "data" / "imdb" / "1.0.0"
    assert read_records(path) == expected_records(reviews)
    features = tfds.builder_from_directory(path).info.features
    assert features["label"].names == ["neg", "pos"]


def test_folder_above_is_found(reviews, write_folder, tmp_path):
    path = build("imdb", tmp_path / "data", source=write_folder(reviews, "above/aclImdb").parent)

    assert read_records(path) == expected_records(reviews)


def test_same_bytes_from_folder_and_archives_in_any_order(
    reviews, write_folder, write_archive, tmp_path
):
    from_folder = shards(build("imdb", tmp_path / "a", source=write_folder(reviews)))
    other_order = write_folder(reversed(reviews), "again")
    assert shards(build("imdb", tmp_path / "b", source=other_order)) == from_folder
    for number, suffix in enumerate((".tar", ".tar.bz2", ".tar.xz", ".tgz")):
        archive = write_archive(reversed(reviews), f"x{suffix}")
        path = build("imdb", tmp_path / f"c{number}", source=archive)
        assert shards(path) == from_folder
    assert set(from_folder) == {
        f"imdb-{split}.tfrecord-00000-of-00001" for split in ("train", "test", "unsupervised")
    }


def test_same_bytes_from_the_command_in_other_processes(reviews, write_archive, tmp_path):
    archive = write_archive(reviews, "aclImdb_v1.tar.gz")
    here = build("imdb", tmp_path / "here", source=archive)
    there = subprocess.run(
        [sys.executable, "-m", "pipelines.build", "imdb"]
        + [f"--source={archive}", f"--data_dir={tmp_path / 'there'}"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )

    assert there.returncode == 0, there.stderr
    assert shards(tmp_path / "there" / "imdb" / "1.0.0") == shards(here)
    assert "neg 3, pos 2" in there.stdout
    assert "unlabeled 3" in there.stdout
    assert "warning: split test has 3 reviews, the complete data set has 25,000" in there.stderr
    assert "Traceback" not in there.stderr


def test_archive_members_that_are_not_reviews_are_passed_over(reviews, write_archive, tmp_path):
    link = tarfile.TarInfo("aclImdb/train/pos/5_9.txt")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
    hard_link = tarfile.TarInfo("aclImdb/train/pos/6_9.txt")
    hard_link.type, hard_link.linkname = tarfile.LNKTYPE, "aclImdb/train/pos/0_10.txt"
    elsewhere = [
        tarfile.TarInfo(name)
        for name in (
            "train/pos/8_9.txt",
            "other/train/pos/8_9.txt",
            "/aclImdb/train/pos/8_9.txt",
            "aclImdb/../aclImdb/train/pos/8_9.txt",
            "aclImdb/train/pos/deeper/8_9.txt",
            "aclImdb/train/pos/._0_10.txt",
            "aclImdb/train/urls_pos.txt",
        )
    ]
    for member in elsewhere:
        member.size = 3
    archive = write_archive(reviews, "x.tar.gz", extra=[link, hard_link, *elsewhere])
    before = set(tmp_path.rglob("*"))

    source = open_source(archive)
    found = {split: list(read_reviews(source, split)) for split in count_reviews(source)}

    assert {
        split: {review.id: tuple(review)[1:] for review in found[split]} for split in found
    } == expected_records(reviews)
    assert set(tmp_path.rglob("*")) == before


def test_hidden_files_and_folders_in_a_folder_are_passed_over(reviews, write_folder):
    folder = write_folder([*reviews, ("train/pos/.DS_Store", b"\0\xff"), ("train/pos/a/b", "c")])

    assert count_reviews(open_source(folder)) == {"train": 5, "test": 3, "unsupervised": 3}


def test_source_without_unsup_has_no_such_split(reviews, write_folder, tmp_path):
    labeled = [(path, text) for path, text in reviews if "unsup" not in path]
    builder = imdb_builder.Imdb(data_dir=tmp_path, source=str(write_folder(labeled)))
    builder.download_and_prepare()

    assert set(builder.info.splits) == {"train", "test"}
    assert builder.warnings() == [
        "split train has 5 reviews, the complete data set has 25,000",
        "split test has 3 reviews, the complete data set has 25,000",
        "no train/unsup in the source: the split unsupervised is left out",
    ]


def test_finished_build_is_used_without_its_source(reviews, write_folder, tmp_path):
    folder = write_folder(reviews)
    path = build("imdb", tmp_path / "data", source=folder)
    before = {file: file.stat().st_mtime_ns for file in path.iterdir()}
    shutil.rmtree(folder)

    assert build("imdb", tmp_path / "data", source=folder) == path
    assert build("imdb", tmp_path / "data") == path
    assert {file: file.stat().st_mtime_ns for file in path.iterdir()} == before


def test_source_that_a_finished_build_ignores_is_reported(reviews, write_folder, tmp_path):
    build("imdb", tmp_path / "data", source=write_folder(reviews))
    other = tmp_path / "other"

    warnings = imdb_builder.Imdb(data_dir=tmp_path / "data", source=str(other)).warnings()

    assert f"already built from {tmp_path / 'aclImdb'}; {other} was not read" in warnings[-1]


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        ("test/pos/9_9.txt", b"caf\xe9", "test/pos/9_9.txt: not UTF-8"),
        ("test/pos/9_9.txt", b"", "test/pos/9_9.txt: the review has no text"),
        ("test/pos/9_9.txt", b" \n", "test/pos/9_9.txt: the review has no text"),
        ("test/neg/9.txt", b"x", "test/neg/9.txt: the file name does not give id and rating"),
        ("test/neg/9_1.html", b"x", "test/neg/9_1.html: the file name does not give id and rating"),
        ("test/neg/9_-1.txt", b"x", "test/neg/9_-1.txt: the file name does not give id and rating"),
        ("test/neg/9_11.txt", b"x", "9_11.txt: rating 11 in test/neg; expected 1 to 4"),
        ("test/neg/9_9.txt", b"x", "9_9.txt: rating 9 in test/neg; expected 1 to 4"),
        ("train/pos/9_0.txt", b"x", "9_0.txt: rating 0 in train/pos; expected 7 to 10"),
        ("train/unsup/9_7.txt", b"x", "rating 7 in train/unsup; expected 0 to 0"),
    ],
)
@pytest.mark.parametrize("form", ["folder", "archive"])
def test_unusable_review_ends_the_build(
    reviews, write_folder, write_archive, tmp_path, path, content, message, form
):
    wrong = [*reviews, (path, content)]
    source = write_folder(wrong) if form == "folder" else write_archive(wrong, "x.tar.gz")

    with pytest.raises(SourceError) as error:
        build("imdb", tmp_path / "data", source=source)

    assert message in str(error.value)
    assert str(source) in str(error.value)
    assert "\n" not in str(error.value)
    assert not finished_builds(tmp_path / "data")


def test_two_members_of_one_name_end_the_build(reviews, write_archive, tmp_path):
    archive = write_archive([*reviews, reviews[0]], "x.tar")

    with pytest.raises(SourceError, match="0_1.txt: there are two files with this name"):
        build("imdb", tmp_path / "data", source=archive)


@pytest.mark.parametrize("folder", ["train/neg", "train/pos", "test/neg", "test/pos"])
@pytest.mark.parametrize("form", ["folder", "archive"])
def test_missing_folder_is_named(reviews, write_folder, write_archive, folder, form):
    rest = [(path, text) for path, text in reviews if not path.startswith(folder)]
    source = write_folder(rest) if form == "folder" else write_archive(rest, "x.tar.xz")

    with pytest.raises(SourceError, match=f"{source}: no reviews in aclImdb/{folder}"):
        count_reviews(open_source(source))


def test_missing_source_is_named(tmp_path):
    with pytest.raises(SourceError, match=f"{tmp_path}/nowhere: no such file or folder"):
        build("imdb", tmp_path / "data", source=tmp_path / "nowhere")


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.xz", ".tar.bz2"])
def test_truncated_archive_is_never_taken_for_whole(reviews, write_archive, suffix):
    archive = write_archive(reviews, f"x{suffix}")
    whole = archive.read_bytes()
    # The last 8 KiB of a plain archive of this size are padding after its end.
    end = len(whole.rstrip(b"\0")) + 1 if suffix == ".tar" else len(whole)
    for length in range(0, end, max(1, end // 97)):
        archive.write_bytes(whole[:length])
        with pytest.raises(SourceError, match="x.tar") as error:
            count_reviews(open_source(archive))
        assert "\n" not in str(error.value)


def test_damaged_archive_is_noticed(reviews, write_archive):
    archive = write_archive(reviews, "x.tar")
    content = bytearray(archive.read_bytes())
    header = content.index(b"aclImdb/test/pos/0_8.txt")
    content[header] ^= 1
    archive.write_bytes(content)

    with pytest.raises(SourceError, match="damaged"):
        count_reviews(open_source(archive))

    archive = write_archive(reviews, "x.tar.gz")
    content = bytearray(archive.read_bytes())
    content[-6] ^= 1  # in the checksum, after the last review
    archive.write_bytes(content)

    with pytest.raises(SourceError, match="damaged"):
        count_reviews(open_source(archive))


def test_no_network_is_one_line_that_names_the_way_on(monkeypatch, tmp_path):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # nothing listens there

    with pytest.raises(SourceError) as error:
        build("imdb", tmp_path / "data")

    assert f"the download of {imdb_builder.URL} failed (no connection)" in str(error.value)
    assert "--source=PATH" in str(error.value)
    assert "\n" not in str(error.value)
    assert not finished_builds(tmp_path / "data")


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """Serves a folder over HTTP and takes one of its files for the official archive."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    handler = functools.partial(Handler, directory=tmp_path)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def official(name, checksum):
        url = f"http://127.0.0.1:{server.server_port}/{name}"
        size = (tmp_path / name).stat().st_size if (tmp_path / name).exists() else 1
        info = tfds.download.checksums.UrlInfo(size=size, checksum=checksum, filename=name)
        monkeypatch.setattr(imdb_builder, "URL", url)
        monkeypatch.setitem(imdb_builder.Imdb.url_infos, url, info)

    yield official
    server.shutdown()
    server.server_close()


def test_download_is_checked_and_kept(reviews, write_archive, serve, monkeypatch, tmp_path):
    archive = write_archive(reviews, "aclImdb_v1.tar.gz")
    serve(archive.name, hashlib.sha256(archive.read_bytes()).hexdigest())
    path = build("imdb", tmp_path / "data")
    assert read_records(path) == expected_records(reviews)

    shutil.rmtree(path)
    archive.unlink()
    assert read_records(build("imdb", tmp_path / "data")) == expected_records(reviews)


def test_download_of_something_else_ends_the_build(reviews, write_archive, serve, tmp_path):
    archive = write_archive(reviews, "aclImdb_v1.tar.gz")
    serve(archive.name, "0" * 64)

    with pytest.raises(SourceError, match="wrong checksum.*--source=PATH"):
        build("imdb", tmp_path / "data")
    assert not finished_builds(tmp_path / "data")


def test_missing_download_ends_the_build(serve, tmp_path):
    serve("aclImdb_v1.tar.gz", "0" * 64)

    with pytest.raises(SourceError, match="404.*--source=PATH"):
        build("imdb", tmp_path / "data")


def test_download_without_a_registered_checksum_is_refused(
    reviews, write_archive, serve, monkeypatch, tmp_path
):
    archive = write_archive(reviews, "aclImdb_v1.tar.gz")
    serve(archive.name, "0" * 64)
    monkeypatch.delitem(imdb_builder.Imdb.url_infos, imdb_builder.URL)

    with pytest.raises(ValueError, match="Missing checksums"):
        build("imdb", tmp_path / "data")
    assert not finished_builds(tmp_path / "data")


def test_official_checksum_is_registered():
    info = imdb_builder.Imdb.url_infos[imdb_builder.URL]

    assert info.checksum == "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe"
    assert info.size == 84_125_825


@pytest.mark.slow
@pytest.mark.skipif("NRNM_DATA" not in os.environ, reason="needs the real reviews")
def test_real_reviews(tmp_path):
    folder = pathlib.Path(os.environ["NRNM_DATA"]) / "aclImdb"
    builder = tfds.builder_from_directory(build("imdb", tmp_path, source=folder))

    for split in ("train", "test"):
        files = [*(folder / split / "neg").iterdir(), *(folder / split / "pos").iterdir()]
        assert builder.info.splits[split].num_examples == len(files)
    for example in builder.as_dataset(split="train").take(100).as_numpy_iterator():
        identifier = example["id"].decode()
        assert example["text"] == (folder / f"{identifier}.txt").read_bytes()

import json
import os
import sys
import zipfile

import numpy as np
import pytest
import tensorflow as tf

from pipelines.build import main
from pipelines.errors import SourceError
from pipelines.file_errors import reading, write_error
from pipelines.folders import walk

SICK = "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment\n"


def folder_of_reviews(folder):
    for place in ("train/neg/0_1.txt", "train/pos/0_9.txt", "test/neg/0_1.txt", "test/pos/0_9.txt"):
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text("A film.")


def file_for_folder(tmp_path):
    """Not a folder: it cannot be listed."""
    folder_of_reviews(tmp_path / "aclImdb")
    (tmp_path / "aclImdb" / "train" / "unsup").write_text("")
    return ["imdb", f"--source={tmp_path / 'aclImdb'}"], tmp_path / "aclImdb/train/unsup"


def unreadable(path):
    """A file that is there, and gives an input/output error; to root, too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to("/proc/self/mem")
    return path


def review(tmp_path):
    folder_of_reviews(tmp_path / "aclImdb")
    path = unreadable(tmp_path / "aclImdb" / "test" / "pos" / "1_9.txt")
    return ["imdb", f"--source={tmp_path / 'aclImdb'}"], path


def skeleton(tmp_path):
    path = unreadable(tmp_path / "source" / "S001C001P001R001A001.skeleton")
    return ["ntu_rgbd", f"--source={tmp_path / 'source'}", "--num_processes=1"], path


def nw_ucla(tmp_path):
    path = unreadable(tmp_path / "source" / "a05_s01_e00_v01.json")
    return ["nw_ucla", f"--source={tmp_path / 'source'}"], path


def source_file(dataset, name):
    def make(tmp_path):
        path = unreadable(tmp_path / name)
        return [dataset, f"--source={path}"], path

    return make


def train_file(dataset, name):
    def make(tmp_path):
        path = unreadable(tmp_path / name)
        return [dataset, f"--train_file={path}"], path

    return make


def sick(tmp_path):
    for name in ("train", "trial"):
        (tmp_path / f"SICK_{name}.txt").write_text(f"{SICK}{name}\tA\tB\t3.5\tNEUTRAL\n")
    path = unreadable(tmp_path / "SICK_test_annotated.txt")
    return ["sick", f"--source={tmp_path}"], path


def chains(tmp_path):
    for name in ("sequences", "mask"):
        (tmp_path / f"{name}.fasta").write_text(">a\n1\n")
    return ["flip_secondary_structure", f"--source={tmp_path}"], unreadable(
        tmp_path / "sampled.fasta"
    )


CASES = {
    "file in place of a folder": file_for_folder,
    "review": review,
    "reviews in a tar": source_file("imdb", "a.tar"),
    "skeleton": skeleton,
    "skeletons in a zip": source_file("ntu_rgbd", "a.zip"),
    "NW-UCLA": nw_ucla,
    "NW-UCLA in a zip": source_file("nw_ucla", "a.zip"),
    "text": train_file("text_files", "a.csv"),
    "sequences": train_file("sequence_files", "a.npz"),
    "own skeletons": train_file("skeleton_files", "a.npz"),
    "SICK": sick,
    "chains": chains,
}


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("name", CASES)
def test_what_cannot_be_read_is_named_and_not_blamed_on_the_output(name, tmp_path, capsys):
    arguments, path = CASES[name](tmp_path)

    assert main([*arguments, f"--data_dir={tmp_path / 'data'}"]) == 1

    line = capsys.readouterr().err.strip().split("\n")[-1].split("\r")[-1].strip()
    assert line.startswith(f"error: {path}: ")
    assert line.endswith("; it cannot be read") or "not a zip archive" in line
    assert "written" not in line and str(tmp_path / "data") not in line
    assert not list(tmp_path.rglob("dataset_info.json"))


def test_one_of_the_own_files_among_others(tmp_path, capsys):
    np.savez(tmp_path / "train.npz", x=np.zeros((4, 3, 2)), y=[0, 1, 0, 1])
    (tmp_path / "test.npz").mkdir()
    arguments = [f"--{split}_file={tmp_path / split}.npz" for split in ("train", "test")]

    assert main(["sequence_files", *arguments, f"--data_dir={tmp_path / 'data'}"]) == 1

    line = capsys.readouterr().err.splitlines()[-1]
    assert line == f"error: {tmp_path}/test.npz: Is a directory; it cannot be read"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("dataset", ["nw_ucla", "ntu_rgbd"])
def test_folder_that_may_not_be_listed_is_named(dataset, tmp_path, capsys):
    """Its files would be missing without a word."""
    (tmp_path / "source" / "closed").mkdir(parents=True)
    (tmp_path / "source" / "closed").chmod(0)

    assert main([dataset, f"--source={tmp_path / 'source'}", f"--data_dir={tmp_path}/data"]) == 1

    assert f"{tmp_path / 'source' / 'closed'}: Permission denied" in capsys.readouterr().err


def test_walk_passes_over_what_is_hidden_and_follows_links_once(tmp_path):
    for name in ("a/b/1", "a/.hidden", ".folder/2", "3"):
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).write_text("")
    (tmp_path / "root" / "a" / "again").symlink_to(tmp_path / "root")

    assert sorted(entry.name for entry in walk(tmp_path / "root")) == ["1", "3"]
    with pytest.raises(SourceError, match=f"{tmp_path}/none: No such file .*; it cannot be read"):
        list(walk(tmp_path / "none"))


def test_error_of_writing_names_the_file():
    folder = "/data/imdb/1.0.0"
    inside = OSError(28, "No space left on device", "/data/imdb/incomplete.1/shard")
    outside = OSError(13, "Permission denied", "/reviews/0_1.txt")

    assert write_error(inside, folder) == (
        "/data/imdb/incomplete.1/shard cannot be written: No space left on device"
    )
    assert write_error(outside, folder) == (
        "/reviews/0_1.txt: Permission denied; it cannot be read"
    )
    assert write_error(OSError(27, "File too large"), folder) == (
        "/data/imdb/1.0.0 cannot be written: File too large"
    )
    error = tf.errors.ResourceExhaustedError(None, None, "/data/imdb/x; No space left on device")
    assert write_error(error, folder) == (
        "/data/imdb/1.0.0 cannot be written: /data/imdb/x; No space left on device"
    )
    wrapped = RuntimeError("failed")
    wrapped.__cause__ = inside
    assert write_error(wrapped, folder) == write_error(inside, folder)
    assert write_error(ValueError("x"), folder) is None


def test_only_errors_of_the_system_are_told():
    with pytest.raises(SourceError, match="^a: No such file or directory; it cannot be read$"):
        with reading("a"):
            open("/no/such/file")
    with pytest.raises(json.JSONDecodeError):
        with reading("a"):
            json.loads("{")
    with pytest.raises(zipfile.BadZipFile):
        with reading("a"):
            raise zipfile.BadZipFile

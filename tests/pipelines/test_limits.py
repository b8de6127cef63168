import functools
import io
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import tarfile
import zipfile

import numpy as np
import pytest

from pipelines.build import main
from pipelines.errors import SourceError
from pipelines.flip_secondary_structure.samples import read_chains
from pipelines.imdb.reviews import open_source as open_reviews
from pipelines.limits import MB, in_bytes, read_file
from pipelines.ntu_rgbd.skeleton_file import read_skeleton
from pipelines.ntu_rgbd.source import open_source as open_skeletons
from pipelines.nw_ucla.samples import read_samples
from pipelines.sequence_files.reader import read_sequences
from pipelines.sick.samples import read_pairs
from pipelines.text_files.reader import read_rows

REPOSITORY = pathlib.Path(__file__).parents[2]
SKELETON, JSON = "S001C001P001R001A001.skeleton", "a05_s01_e00_v01.json"
REVIEW = "aclImdb/train/neg/0_1.txt"
FRAME = json.dumps({"label": 5, "skeletons": [[[0.5, 1, 2]] * 20]}).encode()
HEADER = b"@classLabel true a b\n@data\n"
SICK = b"pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment\n"


def reviews(path, limit):
    return list(open_reviews(path, limit).read(["train/neg"]))


def skeletons(path, limit):
    return [read_skeleton(file.read(), file.place) for file in open_skeletons(path, limit).files()]


def samples(path, limit):
    return list(read_samples(path, limit))


def rows(path, limit):
    return list(read_rows(path, limit=limit))


def sequences(path, limit):
    return list(read_sequences(path, limit=limit))


def chains(path, limit):
    return list(read_chains(path, limit))


def in_folder(name, content, folder):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return folder, str(folder / name)


def in_zip(name, content, folder):
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return folder / "a.zip", f"{folder / 'a.zip'}: {name}"


def in_tar(name, content, folder):
    with tarfile.open(folder / "a.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return folder / "a.tar.gz", f"{folder / 'a.tar.gz'}: {name}"


def file(name, before, line, after, folder):
    (folder / name).write_bytes(before + line + after)
    number = before.count(b"\n") + 1
    return folder / name, f"{folder / name}, line {number}: "


def fasta(size, folder):
    in_folder("sequences.fasta", b">a\n" + b"A" * size + b"\n", folder)
    in_folder("mask.fasta", b">a\n" + b"1" * size + b"\n", folder)
    in_folder("sampled.fasta", b">a SET=train VALIDATION=False\n" + b"C" * size, folder)
    return folder, str(folder / "sampled.fasta")


def sick(size, folder):
    for number, name in enumerate(("train", "test_annotated", "trial")):
        pair = b"%d\tA\tB%s\t3.5\tNEUTRAL\n" % (number, b"b" * size * (name == "trial"))
        in_folder(f"SICK_{name}.txt", SICK + pair, folder)
    return folder, str(folder / "SICK_trial.txt")


def npz(folder):
    np.savez_compressed(folder / "a.npz", x=np.zeros((2, 400, 1)), y=[0, 1])
    return folder / "a.npz", f"{folder / 'a.npz'}, arrays x.npy, y.npy".replace(".npy", "")


def case(reader, write, *arguments, size):
    return reader, functools.partial(write, *arguments), size


TEXT = b"x" * 500
# What is read -> reader, how it is written, and the size of what has a bound.
CASES = {
    "review": case(reviews, in_folder, REVIEW, TEXT, size=500),
    "review in a tar": case(reviews, in_tar, REVIEW, TEXT, size=500),
    "skeleton": case(skeletons, in_folder, SKELETON, b"0\n" + b" " * 498, size=500),
    "skeleton in a zip": case(skeletons, in_zip, SKELETON, b"0\n" + b" " * 498, size=500),
    "NW-UCLA": case(samples, in_folder, JSON, FRAME, size=len(FRAME)),
    "NW-UCLA in a zip": case(samples, in_zip, JSON, FRAME, size=len(FRAME)),
    ".csv": case(rows, file, "a.csv", b"text,label\n", TEXT + b",1", b"\nx,2\n", size=503),
    "quotes": case(
        rows, file, "a.csv", b"text,label\n", b'"' + b"a\n" * 50 + b'a",1', b"\n", size=106
    ),
    ".tsv": case(rows, file, "a.tsv", b"label\ttext\n1\tx\n", b"2\t" + TEXT, b"", size=502),
    ".jsonl": case(
        rows, file, "a.jsonl", b"", b'{"text": "%s", "label": 1}' % TEXT, b"\n", size=525
    ),
    ".ts": case(sequences, file, "a.ts", HEADER, b"1," * 250 + b"1:a", b"\n1,2:b\n", size=504),
    ".npz": case(sequences, npz, size=2 * 400 * 8 + 2 * 8 + 2 * 128),
    "FASTA": case(chains, fasta, 500, size=530),
    "SICK": case(read_pairs, sick, 500, size=len(SICK) + 518),
}


@pytest.mark.parametrize("name", CASES)
def test_largest_is_read_and_a_larger_one_is_named(name, tmp_path):
    read, write, size = CASES[name]
    path, place = write(tmp_path)

    assert read(path, size)
    with pytest.raises(SourceError) as error:
        read(path, size - 1)

    message = str(error.value)
    assert message.startswith(place), message
    assert f"{size:,} bytes" in message or f"more than {size - 1:,} bytes" in message
    assert message.endswith("--source_limit_mb=N allows N MB (of 2**20 bytes)")


MUCH = 64 * MB


def lying_zip(name, folder):
    """Both headers say a hundredth of what comes out."""
    path, _ = in_zip(name, bytes(MUCH), folder)
    content = bytearray(path.read_bytes())
    for place in (22, content.index(b"PK\1\2") + 24):
        struct.pack_into("<I", content, place, MUCH // 100)
    path.write_bytes(content)
    return path


def endless_line(name, before, folder):
    (folder / name).write_bytes(before)
    os.truncate(folder / name, MUCH)  # a hole, which is read as zeros
    return folder / name


def endless_chain(folder):
    for name in ("sequences", "sampled", "mask"):
        endless_line(f"{name}.fasta", b">a\n", folder)
    return folder


def packed_array(folder):
    np.savez_compressed(folder / "a.npz", x=np.zeros((1, MUCH, 1), "i1"), y=[0])
    return folder / "a.npz"


def claimed_array(shape, folder):
    """A shape that the data are not of."""
    content = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(content, header)
    return in_zip("x.npy", content.getvalue() + bytes(80), folder)[0].rename(folder / "a.npz")


BOMBS = {
    "review in a tar": (reviews, lambda folder: in_tar(REVIEW, bytes(MUCH), folder)[0]),
    "skeleton in a zip": (skeletons, lambda folder: in_zip(SKELETON, bytes(MUCH), folder)[0]),
    "skeleton in a lying zip": (skeletons, functools.partial(lying_zip, SKELETON)),
    "NW-UCLA in a lying zip": (samples, functools.partial(lying_zip, JSON)),
    "skeleton": (skeletons, lambda folder: endless_line(SKELETON, b"", folder).parent),
    ".csv": (rows, functools.partial(endless_line, "a.csv", b"text,label\n")),
    ".csv with a quote": (rows, functools.partial(endless_line, "a.csv", b'text,label\n"\n')),
    ".tsv": (rows, functools.partial(endless_line, "a.tsv", b"text\tlabel\n")),
    ".jsonl": (rows, functools.partial(endless_line, "a.jsonl", b"")),
    ".ts": (sequences, functools.partial(endless_line, "a.ts", HEADER)),
    "FASTA": (chains, endless_chain),
    ".npz": (sequences, packed_array),
    ".npz of a claimed shape": (sequences, functools.partial(claimed_array, (10**6, 10**6, 1))),
}


def peak():
    """The most memory that this process has had, in bytes."""
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) * 1024


def read_bombs(folder):
    """Prints what each reader says, and how much memory it took, as a process of its own does."""
    for name, (read, _) in BOMBS.items():
        path, before = (folder / name / "path").readlink(), peak()
        try:
            read(path, MB)
        except SourceError as error:
            print(json.dumps([name, peak() - before, str(error)]))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_follows_the_limit_and_not_the_data(tmp_path):
    """64 MB each, in files of a few blocks on the disk, read with a limit of 1 MB."""
    for name, (_, write) in BOMBS.items():
        (tmp_path / name / "data").mkdir(parents=True)
        (tmp_path / name / "path").symlink_to(write(tmp_path / name / "data"))
    program = "import pathlib, sys, test_limits; test_limits.read_bombs(pathlib.Path(sys.argv[1]))"
    folders = os.pathsep.join([str(REPOSITORY), str(pathlib.Path(__file__).parent)])

    result = subprocess.run(
        [sys.executable, "-c", program, tmp_path],
        env=os.environ | {"PYTHONPATH": folders},
        capture_output=True,
        text=True,
    )

    said = [json.loads(line) for line in result.stdout.splitlines()]
    assert [name for name, *_ in said] == list(BOMBS), result.stderr
    for name, grown, message in said:
        assert grown < 12 * MB, (name, grown)
        assert str(tmp_path / name / "data") in message and "\n" not in message
        assert "source_limit_mb" in message or "damaged" in message


@pytest.mark.parametrize(
    "shape", [(10**6, 10**6, 1), (2**32, 2**32, 2**32), (-2, -5, 1), (11,), (1,) * 100, (0, 5, 1)]
)
def test_array_that_claims_another_shape(tmp_path, shape):
    with pytest.raises(SourceError, match="a.npz, array x: ") as error:
        sequences(claimed_array(shape, tmp_path), None)
    assert "\n" not in str(error.value) and len(str(error.value)) < 600


def test_frames_without_a_body(tmp_path):
    """Two bytes in the file are hundreds in the records."""
    with pytest.raises(SourceError, match="a: 500,001 frames; expected at most 500,000"):
        read_skeleton(b"500001\n" + b"0\n" * 500_001, "a")


def test_flag_of_the_build(tmp_path, capsys):
    path = tmp_path / "a.csv"
    path.write_text(f"text,label\n{'x' * MB},1\ny,2\n")
    arguments = ["text_files", f"--train_file={path}", f"--data_dir={tmp_path / 'data'}"]

    assert main([*arguments, "--source_limit_mb=1"]) == 1
    assert f"{path}, line 2: more than 1,048,576 bytes; --source_limit" in capsys.readouterr().err
    assert main([*arguments, "--source_limit_mb=-1"]) == 1
    assert "source_limit_mb=-1; expected at least 0" in capsys.readouterr().err
    assert main([*arguments, "--source_limit_mb=2"]) == 0
    assert main(arguments) == 0  # and it is the same build


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_file_without_a_size():
    with pytest.raises(SourceError, match="^/proc/self/status: longer than its size of 0 bytes"):
        read_file("/proc/self/status", MB)


def test_limit_in_bytes():
    assert in_bytes(0, 5) == 5
    assert in_bytes(3, 5) == 3 * 2**20

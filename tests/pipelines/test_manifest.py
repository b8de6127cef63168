import hashlib
import importlib.util
import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from pipelines.build import build
from pipelines.datasets import dataset_names
from pipelines.errors import SourceError
from pipelines.manifest import check_hashes, check_sizes, measure_shard, read_manifest
from pipelines.ntu_rgbd import shards as shards_module
from pipelines.ntu_sample.generate import generate_files
from pipelines.sample_reviews.builder import SampleReviews
from pipelines.text_files.builder import TextFiles

REPOSITORY = pathlib.Path(__file__).parents[2]
needs_beam = pytest.mark.skipif(
    importlib.util.find_spec("apache_beam") is None, reason="needs the extra beam"
)


@pytest.fixture
def sources(tmp_path, reviews, write_folder):
    """Data set -> a function that makes a small source and returns the options for a build."""

    def texts():
        path = tmp_path / "texts.csv"
        path.write_text("text,label\na,1\nb,2\nc,1\n")
        return {"train_file": path, "test_file": path}

    def sequences():
        path = tmp_path / "sequences.npz"
        np.savez(path, x=np.arange(24.0).reshape(4, 3, 2), y=[0, 1, 0, 1])
        return {"train_file": path}

    def own_skeletons():
        path = tmp_path / "skeletons.npz"
        np.savez(path, x=np.arange(72.0).reshape(4, 3, 2, 3), y=[0, 1, 0, 1])
        return {"train_file": path}

    def nw_ucla():
        path = tmp_path / "nw_ucla"
        path.mkdir()
        for camera in (1, 2, 3):
            content = {"label": 5, "skeletons": [[[camera, 1, 2]] * 20] * 4}
            (path / f"a05_s01_e00_v0{camera}.json").write_text(json.dumps(content))
        return {"source": path}

    def skeletons():
        generate_files(tmp_path / "skeletons", 5)
        return {"source": tmp_path / "skeletons", "num_processes": 1}

    def chains():
        path = tmp_path / "chains"
        path.mkdir()
        (path / "sequences.fasta").write_text(">a\nAC\n>b\nW\n")
        (path / "mask.fasta").write_text(">a\n11\n>b\n0\n")
        (path / "sampled.fasta").write_text(
            ">a SET=train VALIDATION=False\nCH\n>b SET=test VALIDATION=False\nE\n"
        )
        return {"source": path}

    def pairs():
        path = tmp_path / "pairs"
        path.mkdir()
        header = "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment\n"
        for number, name in enumerate(("train", "trial", "test_annotated")):
            (path / f"SICK_{name}.txt").write_text(f"{header}{number}\tA\tB\t3.5\tNEUTRAL\n")
        return {"source": path}

    return {
        "flip_secondary_structure": chains,
        "sick": pairs,
        "listops": lambda: {
            **{"min_length": 3, "max_length": 30},
            **{"num_train": 5, "num_validation": 3, "num_test": 2},
        },
        "long_memory": lambda: {
            "length": 4,
            "num_train": 6,
            "num_validation": 4,
            "num_test": 4,
        },
        "imdb": lambda: {"source": write_folder(reviews)},
        "sample_reviews": lambda: {"num_train": 6, "num_test": 4},
        "text_files": texts,
        "sequence_files": sequences,
        "skeleton_files": own_skeletons,
        "nw_ucla": nw_ucla,
        "ntu_rgbd": skeletons,
        "ntu_sample": lambda: {"num_samples": 5, "num_processes": 1},
    }


@pytest.fixture(scope="module")
def three_shards(tmp_path_factory):
    """A build of two splits with three shards each; not to be changed."""
    folder = tmp_path_factory.mktemp("three_shards")
    for split in ("train", "test"):
        lines = [f"{split} {n},{n % 2}\n" for n in range(12)]
        (folder / f"{split}.csv").write_text("text,label\n" + "".join(lines))
    builder = TextFiles(
        train_file=folder / "train.csv", test_file=folder / "test.csv", data_dir=folder / "data"
    )
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(num_shards=3))
    return pathlib.Path(builder.data_dir)


@pytest.fixture
def built(three_shards, tmp_path):
    """A copy of that build, and its shards in the order of their names."""
    folder = shutil.copytree(three_shards, tmp_path / "1.0.0")
    return folder, sorted(folder.glob("*.tfrecord*"))


def expected_manifest(path):
    """What the manifest is to hold, from TFDS's list of shards and the files themselves."""
    splits = {}
    for name, split in tfds.builder_from_directory(path).info.splits.items():
        shards = [
            {
                "file": pathlib.Path(file).name,
                "records": len(list(tf.data.TFRecordDataset(str(file)))),
                "bytes": pathlib.Path(file).stat().st_size,
                "sha256": hashlib.sha256(pathlib.Path(file).read_bytes()).hexdigest(),
            }
            for file in split.filepaths
        ]
        assert [shard["records"] for shard in shards] == split.shard_lengths
        splits[name] = {
            "records": split.num_examples,
            "bytes": sum(shard["bytes"] for shard in shards),
            "shards": shards,
        }
    return splits


@pytest.mark.parametrize("dataset", dataset_names())
def test_every_data_set_gets_one(sources, dataset, tmp_path):
    path = build(dataset, tmp_path / "data", **sources[dataset]())

    assert json.loads((path / "manifest.json").read_text())["splits"] == expected_manifest(path)
    check_sizes(path)
    check_sizes(str(path))


@needs_beam
def test_beam_builds_get_the_same(sources, tmp_path, monkeypatch):
    monkeypatch.setattr(shards_module, "_TEXT_IN_SHARD", 1)  # a shard a file
    options = sources["ntu_rgbd"]()
    (options["source"] / "S001C001P001R001A001.skeleton").write_text("1\n")
    options["on_error"] = "skip"

    here = build("ntu_rgbd", tmp_path / "here", **options)
    beam = build("ntu_rgbd", tmp_path / "beam", **options, beam_runner="FnApiRunner")

    splits = json.loads((beam / "manifest.json").read_text())["splits"]
    assert splits == expected_manifest(beam)
    assert sorted(shard["records"] for shard in splits["samples"]["shards"]) == [0, 1, 1, 1, 1, 1]
    assert (beam / "manifest.json").read_bytes() == (here / "manifest.json").read_bytes()


def test_shards_are_listed_in_their_order(three_shards):
    splits = read_manifest(three_shards)

    assert {split: len(shards) for split, shards in splits.items()} == {"train": 3, "test": 3}
    for split, shards in splits.items():
        names = [f"text_files-{split}.tfrecord-{n:05}-of-00003" for n in range(3)]
        assert [shard.file for shard in shards] == names
        assert sum(shard.records for shard in shards) == 12


def test_is_complete_before_the_build_has_its_name(tmp_path):
    class Interrupted(SampleReviews):
        """Fails after the last thing that a builder does itself."""

        def _download_and_prepare(self, dl_manager, download_config=None):
            super()._download_and_prepare(dl_manager, download_config)
            assert not final.exists()
            assert sum(shard.records for shard in read_manifest(self.data_path)["train"]) == 6
            raise InterruptedError

    builder = Interrupted(num_train=6, num_test=4, data_dir=tmp_path)
    final = pathlib.Path(builder.data_dir)
    with pytest.raises(InterruptedError):
        builder.download_and_prepare()

    assert not list(tmp_path.rglob("manifest.json"))


def cut(path, size):
    path.write_bytes(path.read_bytes()[:size])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda shard: shard.unlink(), "No such file or directory"),
        (lambda shard: cut(shard, -1), "bytes instead of"),
        (lambda shard: cut(shard, 0), "0 bytes instead of"),
        (lambda shard: shard.write_bytes(shard.read_bytes() + b"\0"), "bytes instead of"),
        (lambda shard: shard.rename(shard.with_suffix(".backup")), "No such file or directory"),
        (lambda shard: (shard.unlink(), shard.mkdir()), "bytes instead of"),
    ],
)
@pytest.mark.parametrize("number", [0, 4, 5])
def test_damaged_shard_is_named(built, damage, message, number):
    folder, shards = built
    damage(shards[number])

    with pytest.raises(SourceError) as error:
        check_sizes(folder)

    assert f"{shards[number]}: " in str(error.value)
    assert message in str(error.value)
    assert str(error.value).endswith(f"; remove {folder} and build again")
    assert "\n" not in str(error.value)


def test_numbers_of_bytes_are_told(built):
    folder, shards = built
    size = shards[0].stat().st_size
    cut(shards[0], 100)

    with pytest.raises(SourceError, match=f": 100 bytes instead of {size}; "):
        check_sizes(folder)


def test_shard_too_many_is_named(built):
    folder, shards = built
    extra = folder / "text_files-train.tfrecord-00003-of-00004"
    shutil.copy(shards[0], extra)

    with pytest.raises(SourceError, match=f"{extra}: not in manifest.json; remove "):
        check_sizes(folder)


def test_other_files_do_not_matter(built):
    folder, _ = built
    (folder / "notes.txt").write_text("Mine.")

    check_sizes(folder)


BESIDE = ["dataset_info.json", "features.json", "label.labels.txt"]
DAMAGE = {
    "removed": (lambda path: path.unlink(), "missing"),
    "emptied": (lambda path: path.write_bytes(b""), "0 bytes instead of"),
    "cut": (lambda path: cut(path, -1), "bytes instead of"),
    "reversed": (lambda path: path.write_bytes(path.read_bytes()[::-1]), "SHA-256 differs"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "Is a directory"),
}


@pytest.mark.parametrize("name", BESIDE)
@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_file_beside_the_shards_is_named(built, name, damage):
    folder, _ = built
    change, message = DAMAGE[damage]
    change(folder / name)

    for check in (check_sizes, check_hashes):
        with pytest.raises(SourceError) as error:
            check(folder)
        assert f"{folder / name}: " in str(error.value) and message in str(error.value)
        assert str(error.value).endswith(f"; remove {folder} and build again")


@pytest.mark.parametrize("dataset", ["long_memory", "ntu_sample", "imdb"])
def test_every_file_of_a_build_is_listed(sources, dataset, tmp_path):
    path = build(dataset, tmp_path / "data", **sources[dataset]())
    others = {file.name for file in path.iterdir()} - {file.name for file in path.glob("*.tfr*")}
    assert len(others) >= 4

    for name in others:
        content = (path / name).read_bytes()
        (path / name).write_bytes(content.replace(b"e", b"a", 1))
        with pytest.raises(SourceError, match=name):
            check_sizes(path)
        (path / name).write_bytes(content)
    check_sizes(path)


@pytest.mark.parametrize(
    "name", ["target.labels.txt", "more.json", "x.tfrecord", "text_files-more.tfrecord-1-of-1"]
)
def test_file_too_many_that_would_be_read_is_named(built, name):
    folder, _ = built
    (folder / name).write_text("{}")

    with pytest.raises(SourceError, match=f"{folder / name}: not in manifest.json; remove "):
        check_sizes(folder)


def test_equal_builds_of_sources_in_other_places_have_equal_manifests(
    reviews, write_folder, tmp_path
):
    sources = [write_folder(reviews, name) for name in ("a", "the_same")]

    paths = [build("imdb", tmp_path / s.name / "data", source=s) for s in sources]

    texts = [(path / "metadata.json").read_text() for path in paths]
    assert all(str(source) in text for source, text in zip(sources, texts, strict=True))
    first, second = (path / "manifest.json" for path in paths)
    assert first.read_bytes() == second.read_bytes()


def test_manifest_of_the_shards_alone_is_of_an_older_version(built):
    folder, _ = built
    path = folder / "manifest.json"
    splits = json.loads(path.read_text())["splits"]
    digest = hashlib.sha256(json.dumps(splits, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps({"splits": splits, "sha256": digest}))

    message = f"^{path}: written by an older version.*names of the classes"
    with pytest.raises(SourceError, match=message):
        check_sizes(folder)


def test_build_of_an_older_version_is_to_be_made_again(built):
    folder, _ = built
    (folder / "manifest.json").unlink()

    with pytest.raises(SourceError, match=f"^{folder}: no manifest.json, .*and build again$"):
        check_sizes(folder)


def edited(text, **changes):
    content = json.loads(text)
    content["splits"]["train"]["shards"][0] |= changes
    return json.dumps(content)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: "\0" * len(text),
        lambda text: "[" * 100_000,
        lambda text: "[]",
        lambda text: "null",
        lambda text: "{}",
        lambda text: '{"splits": {}, "sha256": ""}',
        lambda text: '{"splits": [], "sha256": 5}',
        lambda text: text.replace('"records": 12', '"records": 13', 1),
        lambda text: text.replace("text_files-train", "text_files-test", 1),
        lambda text: edited(text, bytes=1),
        lambda text: edited(text, sha256="0" * 64),
        lambda text: edited(text, more=0),
        lambda text: text.replace("0", "1"),
    ],
)
def test_damaged_or_edited_manifest_is_noticed(built, damage):
    folder, _ = built
    path = folder / "manifest.json"
    text = path.read_text()
    path.write_text(damage(text))

    with pytest.raises(SourceError, match=f"^{path}: damaged or edited .*and build again$"):
        check_sizes(folder)


def test_unreadable_manifest_is_one_line(built):
    folder, _ = built
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").mkdir()

    with pytest.raises(SourceError, match="manifest.json: Is a directory"):
        check_sizes(folder)


def test_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SourceError, match=f"{tmp_path}/none: no manifest.json"):
        check_sizes(tmp_path / "none")


@pytest.mark.parametrize("size", [0, 1, 12, 1000, 3 * 2**20])
def test_records_of_any_size_are_counted(tmp_path, size):
    path = tmp_path / "shard"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for _ in range(3):
            writer.write(b"x" * size)

    shard = measure_shard(path)

    content = path.read_bytes()
    assert shard == ("shard", 3, len(content), hashlib.sha256(content).hexdigest())
    for missing in (1, 4, 5, 16 + size - 1):  # a part of the last record
        cut(path, len(content) - missing)
        assert measure_shard(path)[1:3] == (2, len(content) - missing)


def test_length_beyond_the_file_ends_the_count(tmp_path):
    (tmp_path / "shard").write_bytes(b"\xff" * 100)

    assert measure_shard(tmp_path / "shard")[1:3] == (0, 100)


def test_tensorflow_is_not_needed(built):
    program = (
        "import sys\n"
        "from pipelines.manifest import check_sizes\n"
        "check_sizes(sys.argv[1])\n"
        "assert not {'tensorflow', 'tensorflow_datasets', 'numpy', 'keras'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program, built[0]], cwd=REPOSITORY, check=True)

import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from pipelines.build import build
from pipelines.dataset_builder import DatasetBuilder
from pipelines.manifest import check_sizes, write_manifest
from pipelines.nw_ucla.builder import NwUcla
from pipelines.text_files.builder import TextFiles
from pipelines.verify import find_builds, main, verify

REPOSITORY = pathlib.Path(__file__).parents[2]


def csv(path, examples):
    path.write_text("text,label\n" + "".join(f'"{text}",{label}\n' for text, label in examples))
    return path


@pytest.fixture(scope="module")
def two_shards(tmp_path_factory):
    """A build of two splits with two shards each; not to be changed."""
    folder = tmp_path_factory.mktemp("two_shards")
    files = {
        f"{split}_file": csv(folder / f"{split}.csv", [(f"{split} {n}", n % 3) for n in range(10)])
        for split in ("train", "test")
    }
    builder = TextFiles(**files, data_dir=folder / "data")
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(num_shards=2))
    return pathlib.Path(builder.data_dir)


@pytest.fixture
def built(two_shards, tmp_path):
    """A copy of that build, and its shards: two for testing, two for training."""
    folder = shutil.copytree(two_shards, tmp_path / "data" / "text_files" / "1.0.0")
    return folder, sorted(folder.glob("*.tfrecord*"))


@pytest.fixture
def build_texts(tmp_path):
    """Builds text_files from a list of (text, label) for each split; returns the folder."""

    def build_texts(**splits):
        files = {
            f"{split}_file": csv(tmp_path / f"{split}.csv", examples)
            for split, examples in splits.items()
        }
        return build("text_files", tmp_path / "data", **files)

    return build_texts


def record_ends(path):
    """Where the records of a shard end, by the definition of TFRecord."""
    content, ends = path.read_bytes(), [0]
    while ends[-1] < len(content):
        (length,) = struct.unpack_from("<Q", content, ends[-1])
        ends.append(ends[-1] + 8 + 4 + length + 4)
    return ends[1:]


def cut(path, size):
    path.write_bytes(path.read_bytes()[:size])


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def exchange(one, other):
    contents = one.read_bytes(), other.read_bytes()
    other.write_bytes(contents[0])
    one.write_bytes(contents[1])


def run(folder, capsys):
    """Runs the command; returns its exit code and the lines with problems."""
    code = main([str(folder)])
    lines = capsys.readouterr().out.splitlines()
    problems = [line.strip() for line in lines if line.startswith("  problem: ")]
    assert lines[-1].endswith(f"problems: {len(problems)}")
    return code, problems


def test_intact_build_passes(built, capsys):
    folder, shards = built

    assert main([str(folder)]) == 0

    size = sum(shard.stat().st_size for shard in shards[:2]) / 2**20
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(folder)
    assert lines[-1] == "builds: 1, problems: 0"
    assert f"  test: 10 records, 2 shards, {size:.1f} MiB; 0 4, 1 3, 2 3" in lines
    assert verify(folder).warnings == verify(folder).problems == []


def test_labels_are_counted_by_split(build_texts, reviews, write_folder, tmp_path):
    folder = build_texts(train=[("a", "x"), ("b", "y"), ("c", "x")], test=[("d", "y")])
    assert verify(folder).label_counts == {"train": {"x": 2, "y": 1}, "test": {"y": 1}}

    imdb = build("imdb", tmp_path / "imdb", source=write_folder(reviews))
    assert verify(imdb).label_counts == {
        "train": {"neg": 3, "pos": 2},
        "test": {"neg": 1, "pos": 2},
        "unsupervised": {"unlabeled": 3},
    }


@pytest.mark.parametrize("number", range(4))
def test_flipped_byte_is_found_wherever_it_is(built, number, capsys):
    folder, shards = built
    start, end = record_ends(shards[number])[1:3]
    whole = shards[number].read_bytes()
    # Length, its checksum, record, its checksum; and the shard's last byte.
    for place in (start, start + 7, start + 9, start + 30, end - 2, len(whole) - 1):
        flip(shards[number], place)

        code, problems = run(folder, capsys)

        assert code == 1
        assert len(problems) == 1
        assert problems[0].startswith(f"problem: {shards[number].name}: ")
        assert "SHA-256 differs" in problems[0]
        broken = len(record_ends(shards[number])) if place == len(whole) - 1 else 3
        assert f"record {broken} cannot be read" in problems[0]
        check_sizes(folder)  # the cheap check cannot see it
        shards[number].write_bytes(whole)


def test_shard_cut_at_a_record_boundary_is_found(built, capsys):
    folder, shards = built
    ends = record_ends(shards[3])
    cut(shards[3], ends[1])
    assert len(list(tf.data.TFRecordDataset(str(shards[3])))) == 2  # TFRecord itself is content

    code, problems = run(folder, capsys)

    assert code == 1
    assert problems == [
        f"problem: {shards[3].name}: {ends[1]} bytes instead of {ends[-1]}, "
        f"2 records instead of {len(ends)}, SHA-256 differs"
    ]


def test_shard_cut_to_nothing_is_found(built, capsys):
    folder, shards = built
    cut(shards[0], 0)

    code, problems = run(folder, capsys)

    assert code == 1
    assert len(problems) == 1
    assert f"{shards[0].name}: 0 bytes instead of " in problems[0]


@pytest.mark.parametrize("too_many", [1, 11, 12, 13, 20])
def test_shard_cut_in_a_record_is_found(built, too_many, capsys):
    folder, shards = built
    ends = record_ends(shards[1])
    cut(shards[1], ends[2] + too_many)

    code, problems = run(folder, capsys)

    assert code == 1
    assert len(problems) == 1
    assert f"{shards[1].name}: {ends[2] + too_many} bytes instead of {ends[-1]}" in problems[0]
    assert "3 records instead of" in problems[0]
    # TensorFlow takes an incomplete length for the end of the file.
    assert ("record 4 cannot be read" in problems[0]) == (too_many >= 12)


def test_missing_shard_is_named_and_the_others_are_read(built, capsys):
    folder, shards = built
    lost = len(record_ends(shards[2]))
    shards[2].unlink()
    flip(shards[0], 30)

    code, problems = run(folder, capsys)

    assert code == 1
    assert len(problems) == 2
    assert f"problem: {shards[2].name}: missing" in problems
    assert sum(verify(folder).label_counts["train"].values()) == 10 - lost


def test_extra_shard_is_named(built, capsys):
    folder, shards = built
    shutil.copy(shards[0], folder / "text_files-test.tfrecord-00002-of-00003")

    assert run(folder, capsys) == (
        1,
        ["problem: text_files-test.tfrecord-00002-of-00003: not in manifest.json"],
    )


@pytest.mark.parametrize(("one", "other"), [(0, 1), (1, 2)], ids=["in a split", "of two splits"])
def test_exchanged_shards_are_both_named(built, one, other, capsys):
    folder, shards = built
    exchange(shards[one], shards[other])

    code, problems = run(folder, capsys)

    assert code == 1
    assert len(problems) == 2
    for shard, owner in ((shards[one], shards[other]), (shards[other], shards[one])):
        (problem,) = [line for line in problems if line.startswith(f"problem: {shard.name}: ")]
        assert f"SHA-256 is that of {owner.name}" in problem


def test_shard_that_is_no_file_is_one_line(built, capsys):
    folder, shards = built
    shards[0].unlink()
    shards[0].mkdir()

    assert run(folder, capsys) == (1, [f"problem: {shards[0].name}: Is a directory"])


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-20],
        lambda text: text.replace('"records": 10', '"records": 11', 1),
        lambda text: text.replace('"sha256": "', '"sha256": "0', 1),
    ],
)
def test_damaged_or_edited_manifest_is_a_problem(built, damage, capsys):
    folder, _ = built
    path = folder / "manifest.json"
    path.write_text(damage(path.read_text()))

    code, problems = run(folder, capsys)

    assert code == 1
    assert len(problems) == 1
    assert f"{path}: damaged or edited" in problems[0]


def test_manifest_of_another_build_is_found(built, build_texts, capsys):
    folder, shards = built
    other = build_texts(train=[("a", 0), ("b", 1)])
    shutil.copy(other / "manifest.json", folder / "manifest.json")

    code, problems = run(folder, capsys)

    assert code == 1
    assert [line for line in problems if "dataset_info.json: split test has " in line]
    for shard in shards:
        assert f"problem: {shard.name}: not in manifest.json" in problems
    assert "problem: text_files-train.tfrecord-00000-of-00001: missing" in problems


def test_build_of_an_older_version_is_one_line(built, capsys):
    folder, _ = built
    (folder / "manifest.json").unlink()

    code, problems = run(folder, capsys)

    assert code == 1
    assert len(problems) == 1
    assert f"{folder}: no manifest.json" in problems[0]
    assert problems[0].endswith("and build again")


def edit_info(folder, edit):
    path = folder / "dataset_info.json"
    info = json.loads(path.read_text())
    edit(info)
    path.write_text(json.dumps(info))


@pytest.mark.parametrize(
    ("split", "edit"),
    [
        ("train", lambda info: info["splits"][0].update(shardLengths=["1", "9"])),
        ("train", lambda info: info["splits"][0].update(shardLengths=["10"])),
        ("test", lambda info: info["splits"].pop()),
        ("more", lambda info: info["splits"].append({**info["splits"][0], "name": "more"})),
    ],
)
def test_what_tfds_would_read_is_compared(built, split, edit, capsys):
    folder, _ = built
    edit_info(folder, edit)

    code, problems = run(folder, capsys)

    assert code == 1
    assert len(problems) == 1
    assert problems[0].startswith(f"problem: dataset_info.json: split {split} has ")


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "dataset_info.json").unlink(),
        lambda folder: (folder / "dataset_info.json").write_text(""),
        lambda folder: (folder / "dataset_info.json").write_text("null"),
        lambda folder: edit_info(folder, lambda info: info.pop("supervisedKeys")),
        lambda folder: (folder / "features.json").unlink(),
        lambda folder: (folder / "features.json").write_text("{"),
        lambda folder: (folder / "features.json").write_text("[]"),
    ],
)
def test_folder_that_tfds_cannot_open_is_one_line(built, damage, capsys):
    folder, _ = built
    damage(folder)

    code, problems = run(folder, capsys)

    assert code == 1
    assert len(problems) == 1
    assert f"{folder}: dataset_info.json or features.json is missing or damaged" in problems[0]


def test_class_names_in_another_order_are_a_problem(built, capsys):
    folder, _ = built
    path = folder / "label.labels.txt"
    path.write_text("".join(reversed(path.read_text().splitlines(keepends=True))))

    assert run(folder, capsys) == (
        1,
        ["problem: label.labels.txt: changed since it was built (SHA-256 differs)"],
    )


def edit_features(folder, old, new):
    path = folder / "features.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("label.labels.txt", lambda folder: (folder / "label.labels.txt").unlink()),
        ("label.labels.txt", lambda folder: (folder / "label.labels.txt").write_text("a\n" * 9)),
        ("label.labels.txt", lambda folder: (folder / "label.labels.txt").write_bytes(b"\xff\n0")),
        ("features.json", lambda folder: edit_features(folder, "Text", "Image")),
        ("features.json", lambda folder: edit_features(folder, '"id"', '"di"')),
        ("features.json", lambda folder: edit_features(folder, '"3"', '"5"')),
        ("dataset_info.json", lambda folder: edit_info(folder, lambda info: info.pop("splits"))),
        (
            "dataset_info.json",
            lambda folder: edit_info(
                folder, lambda info: info["splits"][0].update(filepathTemplate="{X}")
            ),
        ),
    ],
)
def test_whatever_is_wrong_beside_the_records_is_named(built, name, damage, capsys):
    folder, _ = built
    damage(folder)

    code, problems = run(folder, capsys)

    assert code == 1
    assert [line for line in problems if name in line]


def test_file_too_many_is_named_but_logs_and_hidden_files(built, capsys):
    folder, _ = built
    for name in ("notes.txt", "more", "target.labels.txt", "build.log", ".DS_Store"):
        (folder / name).write_text("")

    assert run(folder, capsys) == (
        1,
        [f"problem: {n}: not in manifest.json" for n in ("more", "notes.txt", "target.labels.txt")],
    )


def test_record_that_does_not_fit_the_features_is_named(built, capsys):
    folder, shards = built
    records = [record.numpy() for record in tf.data.TFRecordDataset(str(shards[0]))]
    example = tf.train.Example.FromString(records[1])
    example.features.feature.pop("text")
    with tf.io.TFRecordWriter(str(shards[0])) as writer:
        for record in [records[0], example.SerializeToString(), *records[2:]]:
            writer.write(record)
    splits = {"train": [path.name for path in shards[2:]], "test": [p.name for p in shards[:2]]}
    write_manifest(folder, splits)

    code, problems = run(folder, capsys)

    assert code == 1
    assert len(problems) == 1
    assert f"{shards[0].name}: record 2 cannot be read" in problems[0]


def test_same_text_in_two_splits_is_a_problem(build_texts, capsys):
    folder = build_texts(
        train=[("a", 0), ("b", 1), ("c", 0)],
        validation=[("d", 0), ("b", 0)],
        test=[("e", 0), ("b", 1), ("d", 1), ("B", 0), ("b ", 0), ("c", 1)],
    )

    code, problems = run(folder, capsys)

    assert code == 1
    found = {}
    for problem in problems:
        start, _, pairs = problem.rpartition(": ")
        found[start] = set(pairs.split(", "))
    assert found == {
        "problem: leakage: 1 of 2 records of validation have the same text as one of train": {
            "train/3 = validation/3"
        },
        "problem: leakage: 2 of 6 records of test have the same text as one of train": {
            "train/3 = test/3",
            "train/4 = test/7",
        },
        "problem: leakage: 2 of 6 records of test have the same text as one of validation": {
            "validation/3 = test/3",
            "validation/2 = test/4",
        },
    }


def test_same_sequence_in_two_splits_is_a_problem(tmp_path, capsys):
    x = np.random.default_rng(0).normal(size=(4, 5, 2)).astype(np.float32)
    x[0, 0, 0] = 0.0
    negative_zero = x[:1].copy()
    negative_zero[0, 0, 0] = -0.0
    np.savez(tmp_path / "train.npz", x=x, y=[0, 1, 0, 1])
    near = np.nextafter(x[1:2], np.inf)
    np.savez(tmp_path / "test.npz", x=np.concatenate([near, negative_zero]), y=[0, 1])
    np.savez(tmp_path / "other.npz", x=np.concatenate([near, near + 1]), y=[0, 1])
    # The first frames only are another sequence.
    np.savez(tmp_path / "shorter.npz", x=x, y=[0, 1, 0, 1], lengths=[4, 4, 4, 4])

    def build_with(name):
        return build(
            "sequence_files",
            tmp_path / "data",
            train_file=tmp_path / "train.npz",
            test_file=tmp_path / name,
        )

    assert run(build_with("other.npz"), capsys) == (0, [])
    assert run(build_with("shorter.npz"), capsys) == (0, [])
    assert run(build_with("test.npz"), capsys) == (
        1,
        [
            "problem: leakage: 1 of 2 records of test have the same sequence as one of train: "
            "train/0 = test/1"
        ],
    )


def test_same_id_in_two_splits_is_a_problem(tmp_path, capsys):
    class Overlapping(DatasetBuilder):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            return self.dataset_info_from_configs(
                features=tfds.features.FeaturesDict(
                    {
                        "text": tfds.features.Text(),
                        "label": tfds.features.ClassLabel(names=["a", "b"]),
                        "id": tfds.features.Text(),
                    }
                ),
                supervised_keys=("text", "label"),
            )

        def _split_generators(self, dl_manager):
            return {split: self._generate_examples(split) for split in ("train", "test")}

        def _generate_examples(self, split):
            for n in range(8) if split == "train" else (5, 9, 7, 6, 4):
                yield n, {"text": f"{split} {n}", "label": n % 2, "id": f"film {n}"}

    builder = Overlapping(data_dir=tmp_path)
    builder.download_and_prepare()

    code, (problem,) = run(builder.data_dir, capsys)

    assert code == 1
    start = "problem: leakage: 4 of 5 records of test have the same id as one of train: "
    assert problem.startswith(start)
    shown = problem.removeprefix(start).split(", ")
    assert set(shown[:3]) < {"film 4", "film 5", "film 6", "film 7"}
    assert shown[3:] == ["..."]


def test_repeated_text_in_a_split_is_a_warning(build_texts, capsys):
    folder = build_texts(train=[("a", 0), ("b", 1), ("a", 0), ("a", 1)], test=[("c", 0)])

    assert main([str(folder)]) == 0

    (line,) = [x for x in capsys.readouterr().out.splitlines() if x.startswith("  warning: ")]
    start = "  warning: 2 of 4 records of train have the same text as an earlier one: "
    assert line.startswith(start)
    pairs = [pair.split(" = ") for pair in line.removeprefix(start).split(", ")]
    assert {name for pair in pairs for name in pair} == {"train/2", "train/4", "train/5"}


def test_one_split_of_samples_tells_which_are_equal(tmp_path):
    numbers = np.random.default_rng(0).normal(size=(6, 4, 20, 3)).round(3).tolist()
    numbers[5] = numbers[2]
    for n, skeletons in enumerate(numbers):
        name = f"a05_s0{1 + n % 3}_e00_v0{1 + n // 3}.json"
        (tmp_path / "source").mkdir(exist_ok=True)
        (tmp_path / "source" / name).write_text(json.dumps({"label": 5, "skeletons": skeletons}))

    report = verify(build("nw_ucla", tmp_path / "data", source=tmp_path / "source"))

    assert report.problems == []
    (warning,) = report.warnings
    start, _, pair = warning.rpartition(": ")
    assert start == "1 of 6 records of samples have the same joints as an earlier one"
    assert set(pair.split(" = ")) == {"a05_s03_e00_v01", "a05_s03_e00_v02"}


def test_all_builds_of_a_data_folder_are_verified(tmp_path, capsys):
    first = build("sample_reviews", tmp_path, num_train=4, num_test=2)
    second = build("sample_reviews", tmp_path, num_train=6, num_test=2)
    third = build("ntu_sample", tmp_path, num_samples=2, num_processes=1)
    assert find_builds(tmp_path) == sorted([first, second, third])
    assert run(tmp_path, capsys) == (0, [])

    (shard,) = second.glob("*train.tfrecord*")
    shard.unlink()
    (third / "manifest.json").unlink()
    assert main([str(tmp_path)]) == 1

    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "builds: 3, problems: 2"
    problems = lines.index(str(second)), lines.index(str(third))
    assert f"  problem: {shard.name}: missing" in lines[problems[0] :]
    assert not [line for line in lines[lines.index(str(first)) + 1 : problems[0]] if "prob" in line]
    assert f"  problem: {third}: no manifest.json" in "\n".join(lines[problems[1] :])


def test_unfinished_builds_are_passed_over(built):
    folder, _ = built
    shutil.copytree(folder, folder.with_name("incomplete.ABC123_1.0.0"))

    assert find_builds(folder.parents[1]) == [folder]


def test_shards_alone_are_a_build_without_manifest(built, capsys):
    folder, shards = built
    for file in folder.iterdir():
        if file not in shards:
            file.unlink()

    code, (problem,) = run(folder.parents[1], capsys)

    assert code == 1
    assert f"{folder}: no manifest.json" in problem


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "0 folders given, expected one; usage: python -m pipelines.verify DIR"),
        (["a", "b"], "2 folders given"),
        (["/nowhere"], "/nowhere: no such folder"),
        (["."], ".: no build in it"),
        (["--fast", "."], "fast"),
    ],
)
def test_mistake_is_one_line(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert main(arguments) == 1

    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert line.startswith("error: ")
    assert message in line
    assert captured.out == ""


def test_help(capsys):
    assert main(["--help"]) == 0
    assert capsys.readouterr().out.startswith("usage: python -m pipelines.verify DIR")


@pytest.mark.slow
def test_command_says_nothing_but_its_report(built):
    folder, shards = built
    command = [sys.executable, "-m", "pipelines.verify", folder.parents[1]]

    intact = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    flip(shards[0], 40)
    damaged = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)

    assert (intact.returncode, damaged.returncode) == (0, 1)
    for result in (intact, damaged):
        for line in result.stderr.replace("\r", "\n").splitlines():
            assert not line.strip() or line.startswith("Verifying text_files: ")
            assert "records/s" in line or not line.strip()
    assert f"  problem: {shards[0].name}: SHA-256 differs" in damaged.stdout


@pytest.mark.skipif("NRNM_DATA" not in os.environ, reason="needs the real data")
def test_nw_ucla_has_95_samples_twice(tmp_path):
    builder = NwUcla(source=os.path.join(os.environ["NRNM_DATA"], "NW-UCLA"), data_dir=tmp_path)
    builder.download_and_prepare()

    report = verify(builder.data_dir)

    assert report.problems == []
    assert len(report.warnings) == 1
    assert report.warnings[0].startswith(
        "95 of 1,484 records of samples have the same joints as an "
    )

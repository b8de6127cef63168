import contextlib
import importlib.util
import json
import operator
import os
import pathlib
import signal
import subprocess
import sys
import time
import zipfile

import numpy as np
import psutil
import pytest
import tensorflow_datasets as tfds

from pipelines.build import build, main
from pipelines.errors import SourceError
from pipelines.ntu_rgbd import shards as shards_module
from pipelines.ntu_rgbd.builder import NtuRgbd
from pipelines.ntu_rgbd.parallel import map_in_processes
from pipelines.ntu_rgbd.source import ARCHIVES, open_source
from tests.running import has_ended

REPOSITORY = pathlib.Path(__file__).parents[2]
LOCAL_RUNNER = "FnApiRunner"  # DirectRunner first tries to download another
needs_beam = pytest.mark.skipif(
    importlib.util.find_spec("apache_beam") is None, reason="needs the extra beam"
)


def text(frames, seed=0):
    """A skeleton file of random joints; `frames` has the ids of each frame's bodies."""
    generator = np.random.default_rng(seed)
    lines = [len(frames)]
    for ids in frames:
        lines.append(len(ids))
        for body in ids:
            lines += [f"{body} 0 1 1 1 1 0 0.1 -0.2 2", 25]
            for x, y, z in generator.normal(size=(25, 3)):
                state = generator.integers(3)
                lines.append(f"{x:.7g} {y:.7g} {z:.7g} 256 212 960 540 1 0 0 0 {state}")
    return "\n".join(map(str, lines)) + "\n"


def numbers(content):
    """The joints `(frames, bodies, 25, 3)` and states of a file, read one number at a time."""
    lines = iter(content.splitlines())
    joints, states = [], []
    for _ in range(int(next(lines))):
        joints.append([])
        states.append([])
        for _ in range(int(next(lines))):
            next(lines), next(lines)
            rows = [next(lines).split() for _ in range(25)]
            joints[-1].append([[np.float32(value) for value in row[:3]] for row in rows])
            states[-1].append([int(row[-1]) for row in rows])
    return joints, states


ONE = [[7]] * 3
SAMPLES = {
    "S001C001P001R001A001": text(ONE, 1),
    "S017C003P040R002A060": text([[7], [], [7]], 2),
    "S002C002P003R002A050": text([[5, 9], [5, 9], [5]], 3),
    "S003C001P008R001A010": text(ONE, 4),
    "S018C001P041R001A061": text(ONE, 5),
    "S032C002P106R002A120": text(ONE, 6),
}
OF_NTU_60 = [name for name in SAMPLES if int(name[-3:]) <= 60]


@pytest.fixture
def write_folder(tmp_path):
    """Writes name -> text as skeleton files below a folder and returns its path."""

    def write(samples=SAMPLES, folder="source"):
        for name, content in samples.items():
            file = tmp_path / folder / name[:4] / f"{name}.skeleton"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        return tmp_path / folder

    return write


@pytest.fixture
def write_archive(tmp_path):
    """Writes name -> text as a zip archive like the original ones and returns its path."""

    def write(samples, path, compression=zipfile.ZIP_DEFLATED):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(tmp_path / path, "w", compression) as archive:
            archive.writestr("nturgb+d_skeletons/", "")
            for name, content in samples.items():
                archive.writestr(f"nturgb+d_skeletons/{name}.skeleton", content)
        return tmp_path / path

    return write


def records(path):
    """The records of a build by name, read as the training does."""
    builder = tfds.builder_from_directory(path)
    found = builder.as_dataset(split="samples").as_numpy_iterator()
    return {example["name"].decode(): example for example in found}


def files(path):
    """All that a build consists of, but for where it came from."""
    path = pathlib.Path(path)
    found = {file.name: file.read_bytes() for file in path.iterdir()}
    report = json.loads(found.pop("exclusions.json"))
    return found | {"exclusions": {k: v for k, v in report.items() if k != "source"}}


def report(path):
    return json.loads((pathlib.Path(path) / "exclusions.json").read_text())


def finished_builds(data_dir):
    """Whatever a reader could take for a build."""
    return [*data_dir.rglob("*.tfrecord*"), *data_dir.rglob("dataset_info.json")]


def test_every_sample_is_in_the_records(write_folder, tmp_path):
    source = write_folder()
    (source / "S001" / "._S001C001P001R001A001.skeleton").write_text("of another system")
    (source / "S001" / ".hidden").mkdir()
    (source / "S001" / ".hidden" / "S009C001P001R001A001.skeleton").write_text("no")
    (source / "README.txt").write_text("not a sample")

    path = build("ntu_rgbd", tmp_path / "data", source=source, config="ntu120")

    assert path == tmp_path / "data" / "ntu_rgbd" / "ntu120_tracked" / "1.0.0"
    found = records(path)
    assert set(found) == set(SAMPLES)
    for name, record in found.items():
        joints, states = numbers(SAMPLES[name])
        fields = ("setup", "camera", "subject", "replication", "label")
        values = [int(record[field]) for field in fields]
        assert values[:4] == [int(name[i : i + 3]) for i in (1, 5, 9, 13)]
        assert values[4] == int(name[-3:]) - 1
        assert record["joints"].shape == (3, 2, 25, 3)
        assert record["joints"].dtype == np.float32
        assert record["tracking_state"].dtype == np.uint8
        # The bodies of a frame by their numbers, whatever the order in which they are kept.
        for frame in range(3):
            kept = record["joints"][frame][record["presence"][frame]]
            assert sorted(kept.tolist()) == sorted(np.float32(joints[frame]).tolist())
            kept = record["tracking_state"][frame][record["presence"][frame]]
            assert sorted(kept.tolist()) == sorted(states[frame])
            assert not record["joints"][frame][~record["presence"][frame]].any()
    features = tfds.builder_from_directory(path).info.features
    assert len(features["label"].names) == 120
    assert features["label"].names[49] == "punch or slap"


def test_samples_of_the_60_actions(write_folder, tmp_path, capsys):
    arguments = ["ntu_rgbd", f"--source={write_folder()}", f"--data_dir={tmp_path / 'data'}"]
    assert main([*arguments, "--config=ntu60"]) == 0

    captured = capsys.readouterr()
    assert "found 6 = written 4 + of other classes 2" in captured.out
    assert "of other classes: S018C001P041R001A061, S032C002P106R002A120" in captured.out
    assert "drink water 1, clapping 1, punch or slap 1, walk apart 1" in captured.out
    assert "warning: 4 samples; the official ntu60 has 56,578" in captured.err
    assert "warning: the official list of missing samples was neither given" in captured.err
    path = tmp_path / "data" / "ntu_rgbd" / "ntu60_tracked" / "1.0.0"
    assert set(records(path)) == set(OF_NTU_60)
    assert len(tfds.builder_from_directory(path).info.features["label"].names) == 60

    assert main(arguments) == 0  # the finished build
    assert capsys.readouterr().out == captured.out


def test_same_bytes_from_folder_and_archives(write_folder, write_archive, tmp_path):
    def built(source, number, **options):
        return files(build("ntu_rgbd", tmp_path / f"{number}", source=source, **options))

    expected = built(write_folder(), 0)
    backwards = dict(reversed(SAMPLES.items()))
    assert built(write_folder(backwards, "again"), 1) == expected
    assert built(write_archive(backwards, "any.zip"), 2) == expected
    assert built(write_archive(SAMPLES, "stored.zip", zipfile.ZIP_STORED), 3) == expected
    write_archive({name: SAMPLES[name] for name in OF_NTU_60}, f"both/{ARCHIVES[0]}")
    others = {name: SAMPLES[name] for name in SAMPLES if name not in OF_NTU_60}
    archive = write_archive(others, f"both/{ARCHIVES[1]}")
    before = set(tmp_path.rglob("*.skeleton"))
    assert built(archive.parent, 4) == expected
    assert set(tmp_path.rglob("*.skeleton")) == before
    assert "ntu_rgbd-samples.tfrecord-00000-of-00001" in expected


def test_same_bytes_with_any_number_of_processes(write_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(shards_module, "_TEXT_IN_SHARD", 12_000)
    source = write_folder({f"S001C001P001R001A{n:03}": text(ONE, n) for n in range(1, 30)})
    built = [
        files(build("ntu_rgbd", tmp_path / f"{number}", source=source, num_processes=number))
        for number in (1, 2, 5)
    ]

    assert built[0] == built[1] == built[2]
    assert len([name for name in built[0] if "tfrecord" in name]) > 5


@needs_beam
@pytest.mark.parametrize("on_error", ["fail", "skip"])
def test_same_bytes_from_beam(write_folder, tmp_path, monkeypatch, on_error):
    monkeypatch.setattr(shards_module, "_TEXT_IN_SHARD", 1)  # a shard a file
    monkeypatch.setattr(sys, "argv", ["", "--direct_num_workers=many"])  # not meant for Beam
    samples = {f"S001C001P001R001A{n:03}": text(ONE, n) for n in range(1, 13)}
    if on_error == "skip":
        samples |= {"S001C001P001R001A005": "1\n", "S001C001P001R001A061": "", "misnamed": ""}
    source = write_folder(samples)
    here, beam = (
        build("ntu_rgbd", tmp_path / f"{runner}", source=source, on_error=on_error, **options)
        for runner, options in ((0, {}), (1, {"beam_runner": LOCAL_RUNNER}))
    )

    assert files(beam) == files(here)
    lengths = tfds.builder_from_directory(beam).info.splits["samples"].shard_lengths
    assert len(lengths) == 12
    assert sorted(lengths) == [0] * (on_error == "skip") + [1] * (12 - (on_error == "skip"))
    assert len(records(beam)) == sum(lengths)


@needs_beam
def test_damage_ends_a_build_by_beam_with_one_line(write_folder, tmp_path):
    source = write_folder(SAMPLES | {"S001C001P001R001A002": "1\n"})

    with pytest.raises(SourceError, match="A002.skeleton, line 2: .* frame 1 of 1$"):
        build("ntu_rgbd", tmp_path / "data", source=source, beam_runner=LOCAL_RUNNER)

    assert not finished_builds(tmp_path / "data")


def test_beam_that_is_not_installed_is_named(write_folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam.options.pipeline_options", None)

    with pytest.raises(SourceError, match=r"needs Apache Beam .*: pip install .*\[beam\]"):
        build("ntu_rgbd", tmp_path, source=write_folder(), beam_runner="DirectRunner")

    assert not finished_builds(tmp_path)


def test_bodies_as_in_the_widespread_preparation(write_folder, tmp_path):
    name = "S001C001P001R001A001"
    content = text([[5, 9], [9, 5], *[[n] for n in range(118)]], 1)
    source = write_folder({name: content})

    path = build("ntu_rgbd", tmp_path, source=source, bodies="authors")

    assert path.parent.name == "ntu60_authors"
    (record,) = records(path).values()
    expected = [frame[0] for frame in numbers(content)[0][:100]]
    slot = int(not np.array_equal(record["joints"][0, 0], expected[0]))
    np.testing.assert_array_equal(record["joints"][:, slot], expected)
    np.testing.assert_array_equal(record["presence"][:, 1 - slot], np.arange(100) < 2)


DAMAGED = {
    "S001C001P001R001A002": ("2\n1\n", "A002.skeleton, line "),
    "S001C001P001R001A003": (text(ONE).replace("\n25\n", "\n24\n"), "A003.skeleton, line 4: "),
    "S001C001P001R001A004": (text([[], []]), "A004.skeleton: no frame has a body; the "),
    "S001C001P001R001A005": (text(ONE) + "more", "more"),
    "S001C001P001R001A000": (text(ONE), "A000.skeleton: S001C001P001R001A000: action 0"),
    "sample": (text(ONE), "sample.skeleton: 'sample' is not a sample name"),
}


@pytest.mark.parametrize("name", DAMAGED)
@pytest.mark.parametrize("form", ["folder", "archive"])
def test_damage_ends_the_build(write_folder, write_archive, tmp_path, name, form):
    content, message = DAMAGED[name]
    samples = SAMPLES | {name: content}
    source = write_folder(samples) if form == "folder" else write_archive(samples, "x.zip")

    with pytest.raises(SourceError) as error:
        build("ntu_rgbd", tmp_path / "data", source=source)

    assert message in str(error.value)
    assert str(source) in str(error.value)
    assert "\n" not in str(error.value)
    assert not finished_builds(tmp_path / "data")


def test_skipped_damage_is_reported(write_folder, tmp_path, capsys):
    samples = SAMPLES | {name: content for name, (content, _) in DAMAGED.items()}
    samples["S001C002P005R002A008"] = text(ONE)
    source = write_folder(samples)
    missing = tmp_path / "list.txt"
    missing.write_text("1 sample\nis\n\nS001C002P005R002A008\nS001C002P006R001A008\n")
    arguments = [f"--source={source}", f"--data_dir={tmp_path / 'data'}", "--on_error=skip"]

    assert main(["ntu_rgbd", *arguments, f"--missing_samples={missing}"]) == 0

    path = tmp_path / "data" / "ntu_rgbd" / "ntu60_tracked" / "1.0.0"
    captured = capsys.readouterr()
    total = "found 13 = written 4 + officially missing 1 + damaged 6 + of other classes 2"
    assert total in captured.out
    assert f"{report(path)['damaged']['S001C001P001R001A002']}, ..." in captured.out
    assert f"{path / 'exclusions.json'}" in captured.out
    assert "official list" not in captured.err
    assert set(records(path)) == set(OF_NTU_60)
    found = report(path)
    assert found["found"] == len(samples)
    assert found["written"] == 4
    assert found["officially_missing"] == ["S001C002P005R002A008"]
    assert found["other_classes"] == ["S018C001P041R001A061", "S032C002P106R002A120"]
    assert found["missing_samples"] == str(missing)
    assert found["source"] == str(source)
    assert len(found["damaged"]) == 6
    for name, (_, message) in DAMAGED.items():
        (reason,) = [reason for reason in found["damaged"].values() if name in reason]
        assert message.removesuffix("; the ") in reason
    assert "official list" not in found["damaged"]["S001C001P001R001A004"]  # there is a list


@pytest.mark.parametrize(
    ("config", "name", "is_used"),
    [
        ("ntu60", "NTU_RGBD_samples_with_missing_skeletons.txt", True),
        ("ntu60", "NTU_RGBD120_samples_with_missing_skeletons.txt", True),
        ("ntu120", "NTU_RGBD120_samples_with_missing_skeletons.txt", True),
        ("ntu120", "NTU_RGBD_samples_with_missing_skeletons.txt", False),
    ],
)
def test_official_list_is_found(write_folder, write_archive, tmp_path, config, name, is_used):
    missing = "S001C001P001R001A001"
    sources = [write_folder(), write_archive(SAMPLES, "archives/x.zip")]
    for number, source in enumerate(sources):
        folder = source if source.is_dir() else source.parent
        (folder / name).write_text(f"1\n2\n3\n{missing}\n")
        path = build("ntu_rgbd", tmp_path / f"{number}", source=source, config=config)
        assert (missing not in records(path)) == is_used
        assert report(path)["officially_missing"] == [missing] * is_used
        assert report(path)["missing_samples"] == (str(folder / name) if is_used else None)


def without_joints(value):
    """A file whose bodies have this in place of every coordinate."""
    lines = text(ONE).splitlines()
    joints = [line.split() if len(line.split()) == 12 else line for line in lines]
    rows = [x if isinstance(x, str) else " ".join([*[value] * 3, *x[3:]]) for x in joints]
    return "\n".join(rows) + "\n"


@pytest.mark.parametrize("arguments", [{}, {"bodies": "authors"}, {"on_error": "skip"}])
def test_samples_without_one_usable_joint_are_excluded(write_folder, tmp_path, arguments):
    one_joint = text(ONE, 8).splitlines()
    one_joint[9:] = without_joints("nan").splitlines()[9:]  # but for the first joints
    samples = SAMPLES | {
        "S001C001P001R001A007": without_joints("NaN"),
        "S001C001P001R001A008": without_joints("0"),
        "S001C001P001R001A009": "\n".join(one_joint),
    }

    path = build("ntu_rgbd", tmp_path, source=write_folder(samples), **arguments)

    found = report(path)
    assert found["without_joints"] == ["S001C001P001R001A007", "S001C001P001R001A008"]
    assert set(records(path)) == {*OF_NTU_60, "S001C001P001R001A009"}
    assert (found["found"], found["written"]) == (len(samples), len(OF_NTU_60) + 1)
    assert sum(found["written_by_action"].values()) == found["written"]
    (line, *_) = NtuRgbd(source="x", data_dir=tmp_path, **arguments).summary()
    total = "found 9 = written 5 + without a usable joint 2 + of other classes 2"
    assert line == total


def test_nothing_but_samples_without_a_usable_joint(write_folder, tmp_path):
    source = write_folder({"S001C001P001R001A007": without_joints("NaN")})
    with pytest.raises(SourceError, match="no samples left; found 1 = written 0 \\+ without"):
        build("ntu_rgbd", tmp_path / "data", source=source)
    assert not finished_builds(tmp_path / "data")


def test_name_that_is_there_twice_ends_the_build(write_folder, write_archive, tmp_path):
    name = OF_NTU_60[0]
    source = write_folder()
    (source / f"{name}.skeleton").write_text(SAMPLES[name])
    with pytest.raises(SourceError, match=f"{name} occurs twice") as error:
        build("ntu_rgbd", tmp_path / "data", source=source, on_error="skip")
    assert str(source / f"{name}.skeleton") in str(error.value)
    assert str(source / name[:4] / f"{name}.skeleton") in str(error.value)

    (source / f"{name}.skeleton").unlink()
    archive = write_archive({name: SAMPLES[name]}, f"source/{ARCHIVES[0]}")
    with pytest.raises(SourceError, match=f"{name} occurs twice") as error:
        build("ntu_rgbd", tmp_path / "data", source=source)
    assert f"{archive}: nturgb+d_skeletons/{name}.skeleton" in str(error.value)


def test_folder_that_links_to_itself_is_read_once(write_folder, tmp_path):
    source = write_folder()
    (source / "again").symlink_to(source)
    (tmp_path / "link").symlink_to(source)

    assert len(open_source(tmp_path / "link").files()) == len(SAMPLES)


def test_damaged_archives(write_archive, tmp_path):
    archive = write_archive(SAMPLES, "x.zip")
    whole = archive.read_bytes()
    for length in range(0, len(whole), 997):
        archive.write_bytes(whole[:length])
        with pytest.raises(SourceError, match="not a zip archive, or damaged"):
            open_source(archive).files()
    content = {file.name: file.read().decode() for file in reread(archive, whole)}
    assert content == SAMPLES

    for place in range(len(whole) - 1000, 0, -499):  # in the members, not in the table at the end
        changed = bytearray(whole)
        changed[place] ^= 4
        for file in reread(archive, changed):
            with contextlib.suppress(SourceError):
                assert file.read().decode() == SAMPLES[file.name]


def reread(archive, content):
    archive.write_bytes(content)
    return open_source(archive).files()


def test_damage_inside_an_archive_is_skipped(write_archive, tmp_path):
    archive = write_archive(SAMPLES, "x.zip")
    content = bytearray(archive.read_bytes())
    content[content.index(b"nturgb+d_skeletons/S003") + 200] ^= 1
    archive.write_bytes(content)

    path = build("ntu_rgbd", tmp_path / "data", source=archive, on_error="skip")

    ((name, reason),) = report(path)["damaged"].items()
    assert name == "S003C001P008R001A010"
    assert f"{archive}: nturgb+d_skeletons/{name}.skeleton: damaged archive" in reason


def test_archives_that_cannot_be_read_directly(write_archive):
    archive = write_archive(SAMPLES, "bzip2.zip", zipfile.ZIP_BZIP2)
    with pytest.raises(SourceError, match="method 12, expected deflate; unpack the archive"):
        open_source(archive).files()

    archive = write_archive(SAMPLES, "secret.zip")
    content = bytearray(archive.read_bytes())
    content[content.rindex(b"PK\1\2") + 8] |= 1
    archive.write_bytes(content)
    with pytest.raises(SourceError, match="is encrypted; unpack the archive"):
        open_source(archive).files()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no source given; expected the folder of .skeleton files"),
        (["--source=/nowhere"], "/nowhere: no such file or folder; expected a folder of .skeleton"),
        (["--source={tmp}/empty"], "empty: neither .skeleton files nor the original archives (ntu"),
        (["--source={tmp}/empty.zip"], "empty.zip: no .skeleton files in it"),
        (["--source={tmp}/no.zip"], "no.zip: not a zip archive, or damaged or truncated"),
        (["--source={tmp}/source", "--config=ntu61"], "config='ntu61'; expected ntu60 or ntu120"),
        (["--bodies=all"], "bodies='all'; expected tracked or authors"),
        (["--on_error=ignore"], "on_error='ignore'; expected fail or skip"),
        (["--num_processes=-1"], "num_processes=-1; expected at least 0"),
        (["--num_processes=two"], "--num_processes=two"),
        (["--source={tmp}/source", "--missing_samples={tmp}/no"], "no: No such file or directory"),
        (["--source={tmp}/source", "--missing_samples={tmp}/no.zip"], "no.zip, line 4: 'of'"),
        pytest.param(
            ["--source={tmp}/source", "--beam_runner=None"],
            "beam_runner='None' cannot be used",
            marks=needs_beam,
        ),
        pytest.param(
            ["--source={tmp}/source", f"--beam_runner={LOCAL_RUNNER}"]
            + ["--beam_options=direct_num_workers=many"],
            "argument --direct_num_workers: invalid int value: 'many'",
            marks=needs_beam,
        ),
        (
            ["--source={tmp}/others", "--on_error=skip"],
            "no samples left; found 2 = written 0 + damaged 1 + of other classes 1",
        ),
        (
            ["--source={tmp}/broken", "--on_error=skip"],
            "no samples left; found 1 = written 0 + damaged 1; damaged: ",
        ),
    ],
)
def test_mistake_is_one_line_and_leaves_nothing(
    arguments, message, write_folder, write_archive, tmp_path, capsys
):
    write_folder()
    (tmp_path / "empty").mkdir()
    write_archive({}, "empty.zip")
    (tmp_path / "no.zip").write_text("Text\ninstead\n\nof\nzip.")
    write_folder({"S018C001P041R001A061": "", "misnamed": ""}, "others")
    write_folder({"S001C001P001R001A001": "1\n"}, "broken")
    arguments = [argument.format(tmp=tmp_path) for argument in arguments]
    data_dir = tmp_path / "data"

    assert main(["ntu_rgbd", f"--data_dir={data_dir}", *arguments]) == 1

    captured = capsys.readouterr()
    line = captured.err.strip().split("\n")[-1].split("\r")[-1].strip()
    assert line.startswith("error: ")
    assert message in line
    assert captured.out == ""
    assert "Traceback" not in captured.err
    assert not finished_builds(data_dir)


def test_finished_build_is_used_without_its_source(write_folder, tmp_path):
    path = build("ntu_rgbd", tmp_path / "data", source=write_folder())
    before = {file: file.stat().st_mtime_ns for file in path.iterdir()}

    assert build("ntu_rgbd", tmp_path / "data") == path
    assert build("ntu_rgbd", tmp_path / "data", source="/nowhere") == path
    assert {file: file.stat().st_mtime_ns for file in path.iterdir()} == before
    warnings = NtuRgbd(data_dir=tmp_path / "data", source="/nowhere").warnings()
    assert warnings[-1].startswith(f"already built from {tmp_path / 'source'}; /nowhere was not")


def start_long_build(tmp_path):
    """Starts a build that cannot be through soon; returns it and its processes when it writes."""
    source = tmp_path / "source"
    source.mkdir()
    (tmp_path / "long").write_text(text([[1]] * 300))
    for number in range(3000):
        name = f"S001C{number % 3 + 1:03}P{number // 60 % 100 + 1:03}R001A{number % 60 + 1:03}"
        os.link(tmp_path / "long", source / f"{name}.skeleton")
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.build", "ntu_rgbd", f"--source={source}"]
        + [f"--data_dir={tmp_path / 'data'}"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    children = []  # each split has its own
    while not (children and list((tmp_path / "data").rglob("*.tfrecord*"))):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
        children = psutil.Process(process.pid).children()
    return process, children


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_stopped_build_leaves_neither_processes_nor_what_looks_finished(ending, tmp_path):
    process, children = start_long_build(tmp_path)
    process.send_signal(ending)
    _, errors = process.communicate()

    folder = tmp_path / "data" / "ntu_rgbd" / "ntu60_tracked"
    assert process.returncode == (130 if ending == signal.SIGINT else -signal.SIGKILL)
    assert not (folder / "1.0.0").exists()
    assert not list(tmp_path.rglob("dataset_info.json"))
    if ending == signal.SIGINT:
        assert errors.strip().endswith("interrupted: no part of the unfinished build was kept")
        assert not list(folder.iterdir())
    assert children
    deadline = time.monotonic() + 20
    while not all(has_ended(child.pid) for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_processes_import_no_tensorflow():
    import_of = ("pipelines.ntu_rgbd.examples", "pipelines.ntu_rgbd.source")
    program = f"import sys, {', '.join(import_of)}; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True
    )

    packages = {name.split(".")[0] for name in result.stdout.split()}
    assert not packages & {"tensorflow", "tensorflow_datasets", "absl", "keras", "tqdm"}
    assert "numpy" in packages


def test_map_in_processes_uses_all_of_them():
    identifiers = list(map_in_processes(operator.call, [os.getpid] * 9, 3))

    assert len(set(identifiers)) == 3
    assert os.getpid() not in identifiers


def test_map_in_processes_reads_a_bounded_number_ahead():
    taken = []

    def items():
        for number in range(1000):
            taken.append(number)
            yield -number

    results = map_in_processes(abs, items(), 2)
    for number in range(10):
        assert next(results) == number
    assert len(taken) < 50
    results.close()


def test_process_that_is_ended_from_outside_is_noticed():
    before = psutil.Process().children()  # of earlier tests
    results = map_in_processes(abs, range(1000), 2)
    next(results)
    children = [child for child in psutil.Process().children() if child not in before]
    children[0].kill()

    with pytest.raises(
        SourceError, match=r"was killed \(exit code -9\); check that there is enough memory"
    ):
        list(results)

    assert all(has_ended(child.pid) for child in children)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_processes_end_with_the_one_that_started_them_in_the_middle_of_an_item(number):
    program = (
        "import signal, time\n"
        "from pipelines.ntu_rgbd.parallel import map_in_processes\n"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
        "results = map_in_processes(time.sleep, [0, 0, 600, 600], 2)\n"
        "print(next(results), flush=True)\n"
        "list(results)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        assert parent.stdout.readline() == b"None\n"
        children = psutil.Process(parent.pid).children()
        assert len(children) == 2
        parent.send_signal(number)
    gone, alive = psutil.wait_procs(children, timeout=60)
    for each in alive:
        each.kill()
    assert not alive


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has another unit")
def test_memory_does_not_grow_with_the_number_of_files(tmp_path):
    """What is written is 190 kB a file; were it kept, 350 files would take 66 MB more."""
    (tmp_path / "long").write_text(text([[1]] * 300))
    for number in range(400):
        for folder in ["many", *["few"] * (number < 50)]:
            name = f"S001C001P{number // 60 + 1:03}R001A{number % 60 + 1:03}"
            (tmp_path / folder).mkdir(exist_ok=True)
            os.link(tmp_path / "long", tmp_path / folder / f"{name}.skeleton")
    program = (
        "import resource, sys\n"
        "from pipelines.build import build\n"
        "from pipelines.ntu_rgbd import shards\n"
        "shards._TEXT_IN_SHARD = 2**24\n"
        "for folder in ('few', 'many'):\n"
        "    build('ntu_rgbd', f'{sys.argv[1]}/of_{folder}', source=f'{sys.argv[1]}/{folder}')\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, tmp_path], cwd=REPOSITORY, capture_output=True, text=True
    )

    few, many = map(int, result.stdout.split())
    assert many - few < 30_000, result.stderr  # KiB


def test_error_in_a_process_is_raised_here():
    with pytest.raises(RuntimeError, match="TypeError: bad operand"):
        list(map_in_processes(abs, [1, "two"], 1))


@pytest.mark.skipif("NRNM_DATA" not in os.environ, reason="needs the real files")
def test_real_files(tmp_path):
    folder = pathlib.Path(os.environ["NRNM_DATA"]) / "ntu"
    path = build("ntu_rgbd", tmp_path, source=folder)

    found = records(path)
    assert set(found) == {file.stem for file in folder.glob("*.skeleton")}
    assert len(found) == 10
    for name, record in found.items():
        joints, states = numbers((folder / f"{name}.skeleton").read_text())
        assert len(record["joints"]) == len(joints)
        for frame, bodies in enumerate(joints):
            assert record["presence"][frame].sum() == len(bodies)
            kept = record["joints"][frame][record["presence"][frame]]
            assert sorted(kept.tolist()) == sorted(np.float32(bodies).tolist())
            kept = record["tracking_state"][frame][record["presence"][frame]]
            assert sorted(kept.tolist()) == sorted(states[frame])
    assert found["S001C001P001R001A050"]["presence"].all(axis=1).any()

import csv
import gc
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from typing import NamedTuple

import keras
import numpy as np
import psutil
import pytest
import tensorflow as tf

from nrnm_keras.commands.stopping import StopRequest
from nrnm_keras.data.batches import TrainingBatches, evaluation_batches
from nrnm_keras.data.checks import faults_named
from nrnm_keras.errors import UsageError
from nrnm_keras.inference.run_config import config_lines, parse_lines
from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.tasks import find_tasks
from nrnm_keras.train import __main__ as train
from pipelines.build import build
from pipelines.manifest import write_manifest
from tests.configs import make_config

TINY = [
    *("--units=4", "--num_layers=1", "--nrnm_layers=", "--batch_size=8", "--epochs=1"),
    "--checkpoint_every=1",
]
TINY_TASK = {
    "text": ["--embedding_size=4", "--settings=fixed"],
    "sequence": ["--settings=fixed"],
    "nw_ucla": ["--timesteps=8"],
}
SPLITS = {"train": 24, "validation": 8, "test": 8}
PATIENCE = 300  # seconds, for what a test waits for


@pytest.fixture(autouse=True)
def default_precision():
    """The command sets the policy of its process."""
    yield
    keras.config.set_dtype_policy("float32")


class Case(NamedTuple):
    """The flags of a training, its records, and the folder that these are built in."""

    flags: list
    records: pathlib.Path
    data_dir: pathlib.Path


def make_case(task, data_dir, *flags, **options):
    dataset = find_tasks()[task].dataset
    records = build(dataset, data_dir, **options)
    flags = [f"--task={task}", *TINY, *TINY_TASK.get(task, []), *flags, f"--data_dir={data_dir}"]
    return Case(flags, records, data_dir)


def copy(case, folder):
    """Returns a case with records of its own."""
    shutil.copytree(case.data_dir, folder / "data")
    records = folder / "data" / case.records.relative_to(case.data_dir)
    return Case([*case.flags, f"--data_dir={folder}/data"], records, folder / "data")


@pytest.fixture(scope="module")
def sequences(tmp_path_factory):
    """Sequences of two classes."""
    folder = tmp_path_factory.mktemp("sequences")
    random = np.random.default_rng(0)
    files = {}
    for split, count in SPLITS.items():
        files[f"{split}_file"] = str(folder / f"{split}.npz")
        x = 0.1 * random.normal(size=(count, 6, 2))
        np.savez(files[f"{split}_file"], x=x, y=np.arange(count) % 2)
    flags = [f"--{name}={file}" for name, file in files.items()]
    return make_case("sequence", folder / "data", *flags, **files)


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """Texts of two classes, whose validation split is a part of the training one."""
    folder = tmp_path_factory.mktemp("texts")
    with (folder / "train.csv").open("w", newline="") as file:
        rows = [(f"{word} and then number {i}", word) for i in range(12) for word in "ab"]
        csv.writer(file).writerows([("text", "label"), *rows])
    file = str(folder / "train.csv")
    return make_case("text", folder / "data", f"--train_file={file}", train_file=file)


@pytest.fixture(scope="module")
def skeletons(nw_ucla_folder, tmp_path_factory):
    """Skeletons, whose records lie in one split that the flags divide."""
    flags = [f"--nw_ucla_source={nw_ucla_folder}", "--split=cross_view"]
    data_dir = tmp_path_factory.mktemp("skeletons")
    return make_case("nw_ucla", data_dir, *flags, source=str(nw_ucla_folder))


@pytest.fixture
def case(request):
    return request.getfixturevalue(request.param)


def shard_of(records, split):
    (shard,) = records.glob(f"*-{split}.tfrecord-*")
    return shard


def write_records(records, split, examples):
    """Writes a split anew, and the manifest, as a build leaves them; returns an old record's id."""
    shard = shard_of(records, split)
    with tf.io.TFRecordWriter(str(shard)) as writer:
        for example in examples:
            writer.write(example.SerializeToString())
    shards = {path.name.split("-")[1].split(".")[0]: [path.name] for path in records.glob("*-*-*")}
    write_manifest(records, shards)


def read_records(records, split):
    shard = tf.data.TFRecordDataset(str(shard_of(records, split)))
    return [tf.train.Example.FromString(record) for record in shard.as_numpy_iterator()]


def change_record(records, split, change):
    """Changes one record of a split, and returns its name."""
    examples = read_records(records, split)
    # Of skeletons some are for training, those of the first two cameras.
    names = [
        (dict(e.features.feature).get("id") or e.features.feature["name"]).bytes_list.value[0]
        for e in examples
    ]
    number = next(i for i, name in enumerate(names) if i > 1 and not name.endswith(b"v03"))
    change(examples[number].features.feature)
    write_records(records, split, examples)
    return names[number].decode()


def flip_byte(path):
    """Damages a file in its middle, at the same size."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def fail(capsys, flags, run, *more):
    """Runs the command, which must end with one line of error, and returns it."""
    capsys.readouterr()
    code = train.main([*flags, f"--run_dir={run}", *more])
    output = capsys.readouterr()
    sys.stderr.write(output.err)
    assert code == 1 and "Traceback" not in output.err
    lines = [line for line in output.err.splitlines() if line.startswith("error: ")]
    assert lines == output.err.splitlines()[-1:]
    assert not (run / "report.json").exists()
    return lines[0]


def make_task(flags, records):
    config, _ = parse_lines(flags)
    keras.utils.set_random_seed(config.seed)
    return config.task.open(records), config


def batches_of(flags, records):
    """The columns of all batches of the first epoch of a training."""
    task, config = make_task(flags, records)
    batches = TrainingBatches(task, config.batch_size, config.seed)
    return [[column.numpy() for column in batch] for batch in batches.epoch(0)]


def check_bad_batch(line, run, batches):
    """The line names a step, its batch and a file that holds it; returns the step, from 1."""
    path = run / "bad_batch_0.npz"
    step = int(re.search(r"the loss is (?:nan|-?inf) at step (\d+)", line)[1])
    assert f"batch {step} of epoch 1" in line and str(path) in line
    with np.load(path, allow_pickle=False) as columns:
        saved = [columns[name] for name in ("sequences", "targets", "weights")]
    for column, expected in zip(saved, batches[step - 1], strict=True):
        np.testing.assert_array_equal(column, expected)
    return step


def check_checkpoint(line, run, step):
    """The line names the last good checkpoint, which is there and has only numbers in it."""
    assert f"the last good checkpoint is that of step {step}" in line
    newest = max((run / "checkpoints").iterdir())
    assert newest.name == f"step_{step:09d}.npz"
    with np.load(newest) as arrays:
        assert all(np.isfinite(arrays[name]).all() for name in arrays.files if name != "facts")


@pytest.mark.parametrize(
    "case", ["texts", pytest.param("skeletons", marks=pytest.mark.slow)], indirect=True
)
def test_infinite_loss_of_a_rate_too_high(case, tmp_path, capsys):
    flags = [*case.flags, "--learning_rate=1e38", "--checkpoint_every=100"]
    line = fail(capsys, flags, tmp_path / "run")
    check_bad_batch(line, tmp_path / "run", batches_of(flags, case.records))
    assert "--learning_rate=1e+38" in line


def test_infinite_loss_of_a_number_in_the_data(sequences, tmp_path, capsys):
    case = copy(sequences, tmp_path)
    huge = np.finfo("float32").max

    def put(value):
        def change(features):
            features["sequence"].bytes_list.value[:] = [np.full((6, 2), value, "<f4").tobytes()]

        return change

    # With the mean of these taken from it, the first one is no longer a float32 number.
    examples = read_records(case.records, "train")
    for example, value in zip(examples[:3], (huge, -huge, -huge), strict=True):
        put(value)(example.features.feature)
    write_records(case.records, "train", examples)
    for seed in range(20):
        flags = [*case.flags, f"--seed={seed}"]
        batches = batches_of(flags, case.records)
        (bad,) = (i for i, (x, _, _) in enumerate(batches) if (x == huge).any())
        if bad == len(batches) - 1:
            break
    line = fail(capsys, flags, tmp_path / "run")
    assert check_bad_batch(line, tmp_path / "run", batches) == bad + 1
    check_checkpoint(line, tmp_path / "run", bad)
    row, step = np.argwhere(batches[bad][0] == huge)[0, :2]
    assert f"largest value {huge:g} in row {row}, step {step}" in line


def test_infinite_loss_in_validation(sequences, tmp_path, capsys):
    np.savez(tmp_path / "huge.npz", x=np.full((2, 6, 2), np.finfo("float32").max), y=[0, 1])
    flags = [*sequences.flags, f"--validation_file={tmp_path}/huge.npz"]
    line = fail(capsys, flags, tmp_path / "run")
    steps = -(-SPLITS["train"] // 8)
    assert f"validation split is nan after step {steps}" in line
    check_checkpoint(line, tmp_path / "run", steps)
    assert not (tmp_path / "run" / RunFolder.BEST).exists()


def set_label(label):
    def change(features):
        features["label"].int64_list.value[:] = [label]

    return change


def empty(features):
    """Makes a record one of length 0."""
    for name in ("sequence", "text", "joints"):
        if name in features:
            features[name].bytes_list.value[:] = [b""]


@pytest.mark.parametrize(
    ("case", "change", "words"),
    [
        ("sequences", set_label(2), ("label 2", "0 to 1")),
        ("sequences", set_label(-1), ("label -1", "0 to 1")),
        ("texts", set_label(7), ("label 7", "0 to 1")),
        ("skeletons", set_label(10), ("label 10", "0 to 9")),
        *((name, empty, ("length 0",)) for name in ("sequences", "texts", "skeletons")),
    ],
    indirect=["case"],
)
def test_wrong_record_is_named(case, change, words, tmp_path, capsys):
    case = copy(case, tmp_path)
    split = "samples" if "nw_ucla" in case.records.parts else "train"
    name = change_record(case.records, split, change)
    line = fail(capsys, case.flags, tmp_path / "run")
    assert f"record {name} of the train split" in line and str(case.records) in line
    for word in words:
        assert word in line


@pytest.mark.parametrize("split", ["validation", "test"])
@pytest.mark.parametrize(("change", "word"), [(set_label(2), "label 2"), (empty, "length 0")])
def test_wrong_record_is_named_in_other_splits(sequences, split, change, word, tmp_path):
    case = copy(sequences, tmp_path)
    task, _ = make_task(case.flags, case.records)
    name = change_record(case.records, split, change)
    with pytest.raises(UsageError) as error, faults_named(case.records):
        list(evaluation_batches(task, split, 8))
    assert f"record {name} of the {split} split has {word}" in str(error.value)


def test_sequence_longer_than_expected(sequences, tmp_path, capsys):
    line = fail(capsys, sequences.flags, tmp_path / "run", "--max_timesteps=5")
    for word in ("record train/", "the train split", "6 timesteps", "max_timesteps=5"):
        assert word in line
    # A run can go on with a larger limit.
    lines = config_lines(make_config("sequence", max_timesteps=5))
    assert not [line for line in lines if "max_timesteps" in line]


def test_no_training_examples(nw_ucla_folder, tmp_path, capsys):
    (tmp_path / "source").mkdir()
    for path in nw_ucla_folder.glob("*_v03.json"):
        shutil.copy(path, tmp_path / "source")
    places = [f"--nw_ucla_source={tmp_path}/source", f"--data_dir={tmp_path}/data"]
    flags = ["--task=nw_ucla", "--split=cross_view", *TINY, *places]
    assert "none of its 40 records is for training" in fail(capsys, flags, tmp_path / "run")


def test_no_examples_at_all(sequences, tmp_path, capsys):
    np.savez(tmp_path / "empty.npz", x=np.zeros((0, 6, 2)), y=np.zeros(0, int))
    for flag in ("train_file", "validation_file", "test_file"):
        line = fail(capsys, sequences.flags, tmp_path / "run", f"--{flag}={tmp_path}/empty.npz")
        assert f"{tmp_path}/empty.npz: no sequences in it" in line


def test_records_of_no_examples(sequences, tmp_path, capsys):
    case = copy(sequences, tmp_path)
    info = json.loads((case.records / "dataset_info.json").read_text())
    for split in info["splits"]:
        split["shardLengths"], split["numBytes"] = ["0"], "0"
        write_records(case.records, split["name"], [])
    (case.records / "dataset_info.json").write_text(json.dumps(info))
    write_records(case.records, "train", [])  # and the manifest, once more
    line = fail(capsys, case.flags, tmp_path / "run")
    assert str(case.records) in line and "none of its 0 records is for training" in line


@pytest.mark.parametrize("place", ["{}/file/run", "{}/file", "/proc/run", "/dev/full/run"])
def test_run_folder_that_cannot_be_written(sequences, place, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    run = pathlib.Path(place.format(tmp_path))
    line = fail(capsys, sequences.flags, run)
    assert f"run_dir={run}" in line and ("cannot be written" in line or "is not a folder" in line)
    assert "choose another folder" in line


def test_run_folder_of_another_training_is_refused_before_anything_is_done(tmp_path, capsys):
    run = tmp_path / "run"
    with RunFolder(run).locked():
        before = list(run.iterdir())
        line = fail(capsys, ["--task=imdb", "--imdb_source=/no/such/folder"], run)
        assert list(run.iterdir()) == before
    assert f"run_dir={run} is in use by process {os.getpid()} on " in line


def test_run_folder_that_cannot_be_written_is_found_before_the_data_are_built(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    line = fail(capsys, ["--task=imdb", "--imdb_source=/no/such/folder"], tmp_path / "file")
    assert f"run_dir={tmp_path}/file is not a folder" in line


def test_test_split_that_gives_no_number_for_a_loss(sequences, tmp_path, capsys):
    run = tmp_path / "run"
    np.savez(tmp_path / "huge.npz", x=np.full((2, 6, 2), np.finfo("float32").max), y=[0, 1])
    line = fail(capsys, [*sequences.flags, f"--test_file={tmp_path}/huge.npz"], run)
    assert "the loss of the test split is nan" in line and str(run) in line
    assert not (run / RunFolder.REPORT).exists() and (run / RunFolder.BEST).exists()


def test_shard_damaged_before_training(sequences, tmp_path, capsys):
    case = copy(sequences, tmp_path)
    shard = shard_of(case.records, "train")
    flip_byte(shard)
    line = fail(capsys, case.flags, tmp_path / "run")
    assert f"{shard}: damaged" in line and "build again" in line
    assert not [word for word in ("validation.tfrecord", "test.tfrecord") if word in line]


@pytest.mark.parametrize("name", ["label.labels.txt", "features.json", "dataset_info.json"])
def test_what_lies_beside_the_records_changed_before_training(sequences, name, tmp_path, capsys):
    case = copy(sequences, tmp_path)
    path = case.records / name
    path.write_bytes(b"\n".join(reversed(path.read_bytes().splitlines())) + b"\n")
    line = fail(capsys, case.flags, tmp_path / "run")
    assert f"{path}: " in line and "build again" in line
    assert not list((tmp_path / "run").rglob("step_*"))


def wait_until(condition, process=None):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        assert process is None or process.poll() is None
        time.sleep(0.02)


def epochs_done(run):
    """The number of epochs in a run's table, which appears whole or not at all."""
    try:
        return len((run / "metrics.csv").read_text().splitlines()) - 1
    except FileNotFoundError:
        return 0


def test_shard_damaged_while_training(sequences, tmp_path, capsys):
    case, run = copy(sequences, tmp_path), tmp_path / "run"
    # TFDS keeps as few training records in memory; those of validation are read in every epoch.
    shard = shard_of(case.records, "validation")

    def damage():
        wait_until(lambda: epochs_done(run))
        flip_byte(shard)

    thread = threading.Thread(target=damage)
    thread.start()
    line = fail(capsys, case.flags, run, "--epochs=30", "--patience=30")
    thread.join()
    assert f"{shard}: damaged" in line
    assert 1 <= epochs_done(run) < 30


def start(flags, **arguments):
    """Starts the command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "nrnm_keras.train", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **arguments,
    )


@pytest.mark.slow
def test_end_of_a_run_that_cannot_be_written_can_be_done_again(sequences, tmp_path, capsys):
    case, run = copy(sequences, tmp_path), tmp_path / "run"
    limit = 60_000  # bytes of a file: enough for checkpoints, too few for the exported graph

    def limit_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    process = start([*case.flags, f"--run_dir={run}"], preexec_fn=limit_files)
    try:
        _, errors = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 1 and "Traceback" not in errors
    line = errors.splitlines()[-1]
    sys.stderr.write(f"{line}\n")
    assert line.startswith(f"error: run_dir={run} cannot be written after the training: File too")
    names = {path.name for path in run.iterdir()}
    assert {RunFolder.CHECKPOINTS, RunFolder.BEST, RunFolder.METRICS} <= names
    assert not {name for name in names if "incomplete" in name or name == "saved_model"}
    table = (run / "metrics.csv").read_text()
    # Neither other flags nor a damaged test split pass, and the run is not lost by them.
    line = fail(capsys, case.flags, run, "--units=8")
    assert "--units=4 only there" in line and "--units=8 only here" in line
    assert "other flags" in line and "--overwrite" in line
    shard = shard_of(case.records, "test")
    whole = shard.read_bytes()
    flip_byte(shard)
    assert f"{shard}: damaged" in fail(capsys, case.flags, run)
    shard.write_bytes(whole)
    assert train.main([*case.flags, f"--run_dir={run}"]) == 0
    assert "Epoch" not in capsys.readouterr().out
    assert (run / "metrics.csv").read_text() == table
    assert (run / "saved_model" / "saved_model.pb").stat().st_size > limit
    assert json.loads((run / "report.json").read_text())["metrics"]["test"]


def test_reading_that_fails_once_is_not_blamed_on_a_shard(sequences, tmp_path):
    case = copy(sequences, tmp_path)
    shard = shard_of(case.records, "train")
    whole = shard.read_bytes()
    with pytest.raises(UsageError, match="corrupted record.*no shard is damaged"):
        with faults_named(case.records):
            flip_byte(shard)
            try:
                list(tf.data.TFRecordDataset(str(shard)))
            finally:
                shard.write_bytes(whole)


EPOCHS = 60


@pytest.fixture(scope="module")
def interrupted(sequences, tmp_path_factory):
    """Flags and folder of a run that Ctrl-C ended in its process, and how that ended."""
    run = tmp_path_factory.mktemp("interrupted") / "run"
    flags = [*sequences.flags, f"--epochs={EPOCHS}", f"--patience={EPOCHS}", f"--run_dir={run}"]
    flags.append("--checkpoint_every=100")
    process = start(flags)
    try:
        # Of the first alone one cannot tell whether it is written or about to be.
        wait_until(lambda: len(list(run.glob("checkpoints/step_*"))) > 1, process)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    return flags, run, process.returncode, errors


def test_interrupted_run_says_where_it_goes_on(interrupted):
    _, run, code, errors = interrupted
    sys.stderr.write(errors)
    assert code == 130 and "Traceback" not in errors
    assert "\nsaving after this step; Ctrl-C again ends at once\n" in f"\n{errors}"
    steps = [int(path.stem.removeprefix("step_")) for path in (run / "checkpoints").iterdir()]
    assert any(step % 100 for step in steps)  # not one of the regular checkpoints
    line = f"interrupted: the same command resumes after step {max(steps)}"
    assert errors.splitlines()[-1] == line
    assert not (run / "report.json").exists()


@pytest.mark.slow
def test_interrupted_run_goes_on_and_memory_stays_flat_over_50_epochs(interrupted, capsys):
    flags, run, *_ = interrupted
    epochs_before = epochs_done(run)
    memory, process, over = {}, psutil.Process(), threading.Event()

    def measure():
        while not over.is_set():
            memory.setdefault(epochs_done(run), process.memory_info().rss)
            time.sleep(0.01)

    thread = threading.Thread(target=measure)
    thread.start()
    try:
        assert train.main(flags) == 0
    finally:
        over.set()
        thread.join()
    output = capsys.readouterr().out
    assert "resuming after step" in output and "Epoch 1/" not in output
    assert epochs_before >= 1 and epochs_done(run) == EPOCHS
    epochs = np.array(sorted(epoch for epoch in memory if EPOCHS - 50 <= epoch < EPOCHS))
    assert len(epochs) > 30
    growth = np.polyfit(epochs, [memory[epoch] for epoch in epochs], 1)[0]
    sys.stderr.write(f"{growth / 2**10:.0f} KiB an epoch\n")
    assert growth < 100 * 2**10


def test_interrupt_is_not_lost_while_garbage_is_collected():
    # As libraries do that are told of collections; an exception there would be dropped.
    def interrupt(phase, info):
        gc.callbacks.remove(interrupt)  # a second one would end the process
        signal.raise_signal(signal.SIGINT)

    try:
        with StopRequest() as stop, stop.at_interrupts():
            gc.callbacks.append(interrupt)
            gc.collect()
        assert stop.reason == "SIGINT"
    finally:
        if interrupt in gc.callbacks:
            gc.callbacks.remove(interrupt)

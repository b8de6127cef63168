import csv
import json
import pathlib
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from nrnm_keras.commands.command_line import EXIT_STOPPED
from nrnm_keras.data.records import Records
from nrnm_keras.train import __main__ as train

SMALL = """# A comment.
--task=text
--settings=fixed
--units=8
--num_layers=1
--nrnm_layers=1
--block_size=4
--stride=2
--embedding_size=8
--epochs=50
--batch_size=16
--learning_rate=0.05
--patience=9
"""
TEXTS = ["It was GOOD!", "Not good<br />at all", "", "很好 \U0001f600", "bad " * 30, "unheard of"]


def write_csv(path, count):
    """Texts whose class is their first word, but for some, so that the best epoch comes early."""
    classes = ["good", "bad"]
    rows = [
        (f"{classes[i % 2]} and then number {i % 7} comes.", classes[(i + (i % 9 == 2)) % 2])
        for i in range(count)
    ]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return path


@pytest.fixture(autouse=True)
def default_precision():
    """The command sets the policy of its process."""
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Texts and a flag file."""
    folder = tmp_path_factory.mktemp("train")
    write_csv(folder / "train.csv", 80)
    write_csv(folder / "test.csv", 20)
    (folder / "small.flags").write_text(
        f"{SMALL}--train_file={folder}/train.csv\n--data_dir={folder}/data\n"
    )
    return folder


@pytest.fixture(scope="module")
def run(folder):
    """A finished run of the real command; the second --epochs is the one that counts."""
    subprocess.run(
        [
            *(sys.executable, "-m", "nrnm_keras.train", f"--flagfile={folder}/small.flags"),
            *(f"--test_file={folder}/test.csv", f"--run_dir={folder}/run", "--epochs=8"),
        ],
        check=True,
    )
    return folder / "run"


def report_of(run):
    return json.loads((run / "report.json").read_text())


def train_again(folder, name, *more):
    """Trains in this process for two epochs and returns the run's folder."""
    path = folder / name
    flags = ["--epochs=2", f"--run_dir={path}", *more]
    assert train.main([f"--flagfile={folder}/small.flags", *flags]) == 0
    return path


@pytest.fixture(scope="module")
def short(folder):
    """A finished run of two epochs, with dropout."""
    return train_again(folder, "short", "--head_dropout=0.3")


def test_run_folder_is_complete(run):
    assert {path.name for path in run.iterdir()} == {
        *("flags.txt", "metrics.csv", "tensorboard", "model.keras", "saved_model"),
        *("report.json", "report.md", "pictures"),
    }
    pictures = {"learning_curves.png", "confusion_matrix.png"}
    assert {path.name for path in (run / "pictures").iterdir()} == pictures
    files = [path for path in run.rglob("*") if path.is_file()]
    assert max(files, key=lambda path: path.stat().st_mtime_ns).name == "report.json"
    assert list(run.glob("tensorboard/*/events*"))
    with (run / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    assert {"accuracy", "loss", "val_accuracy", "val_loss"} <= set(rows[0])


def test_last_flag_wins_and_the_resolved_flags_are_kept(run):
    lines = (run / "flags.txt").read_text().splitlines()
    assert [line for line in lines if line.startswith("--epochs")] == ["--epochs=8"]
    assert {"--units=8", "--nrnm_layers=1", "--stride=2", "--seed=0"} <= set(lines)
    without_effect = ("--run_dir", "--overwrite", "--checkpoint_every", "--terminate_after")
    assert not [line for line in lines if line.startswith(without_effect)]
    assert report_of(run)["flags"]["epochs"] == 8


def test_report_tells_the_run(run):
    report = report_of(run)
    assert report["notice"] is None
    assert report["data"]["examples"] == {"train": 72, "validation": 8, "test": 20}
    assert report["data"]["classes"] == ["bad", "good"]
    assert "--epochs=8" in report["command"]
    assert report["versions"]["keras"] == keras.__version__
    training = report["training"]
    assert (training["devices"], training["xla"], training["epochs"]) == (["CPU"], False, 8)
    assert 0 < training["input_bound"] < 1 and training["seconds_per_epoch"] > 0
    text = (run / "report.md").read_text()
    assert "learning_curves.png" in text and f"{report['parameters']:,}" in text
    assert "SAMPLE" not in text


def test_reported_epoch_is_the_best_one(run):
    with (run / "metrics.csv").open() as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    # Of equal accuracies the one with the lowest loss.
    best = max(rows, key=lambda row: (row["val_accuracy"], -row["val_loss"]))
    report = report_of(run)
    assert report["training"]["best_epoch"] == best["epoch"] + 1
    for name, value in report["metrics"]["validation"].items():
        assert value == best[f"val_{name}"]
    assert report["metrics"]["validation"]["accuracy"] > 0.5


def probabilities_of_labels(run, texts, labels):
    """What the saved model gives to the right class of each text."""
    model = keras.saving.load_model(run / "model.keras", safe_mode=True)
    probabilities = model(tf.constant(texts))
    return np.array([probabilities[label][i] for i, label in enumerate(labels)])


def test_saved_model_is_the_best_epoch(run):
    report = report_of(run)
    assert report["training"]["best_epoch"] < report["training"]["epochs"]
    records = Records(report["data"]["records"], validation_fraction=0.1, stratified=True)
    rows = list(records.read("validation").as_numpy_iterator())
    texts = [row["text"].decode() for row in rows]
    labels = [records.features["label"].int2str(row["label"]) for row in rows]
    loss = -np.log(probabilities_of_labels(run, texts, labels)).mean()
    assert report["metrics"]["validation"]["loss"] == pytest.approx(loss, rel=1e-4)


def test_saved_model_classifies_the_test_texts_as_reported(folder, run):
    with (folder / "test.csv").open() as file:
        rows = list(csv.DictReader(file))
    columns = [[row[name] for row in rows] for name in ("text", "label")]
    right = probabilities_of_labels(run, *columns)
    metrics = report_of(run)["metrics"]["test"]
    assert metrics["accuracy"] == pytest.approx((right > 0.5).mean())
    assert metrics["loss"] == pytest.approx(-np.log(right).mean(), rel=1e-4)


def test_saved_model_needs_tensorflow_only(run, tmp_path):
    code = f"""
import sys, json
import tensorflow as tf
model = tf.saved_model.load({str(run / "saved_model")!r})
texts = tf.constant({TEXTS!r})
served = model.signatures["serving_default"](texts)
assert "nrnm_keras" not in sys.modules
print(json.dumps({{name: values.numpy().tolist() for name, values in served.items()}}))
"""
    output = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, cwd=tmp_path
    ).stdout
    served = json.loads(output)
    model = keras.saving.load_model(run / "model.keras", safe_mode=True)
    assert set(served) == {"bad", "good"}
    for name, expected in model(tf.constant(TEXTS)).items():
        np.testing.assert_allclose(served[name], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_seed_reproduces_flags_can_be_used_again_and_a_run_replaced(folder, short, capsys):
    flags = [f"--flagfile={short}/flags.txt", f"--run_dir={folder}/second"]
    assert train.main(flags) == 0
    metrics = (short / "metrics.csv").read_text()
    assert (folder / "second" / "metrics.csv").read_text() == metrics
    assert train.main([*flags, "--seed=1", "--overwrite"]) == 0
    assert (folder / "second" / "metrics.csv").read_text() != metrics
    assert report_of(folder / "second")["flags"]["seed"] == 1
    assert "no test" in capsys.readouterr().out
    assert report_of(short)["metrics"]["test"] is None


def test_finished_run_is_refused(run, capsys):
    before = (run / "report.json").read_text()
    assert train.main([f"--flagfile={run}/flags.txt", f"--run_dir={run}"]) == 1
    assert "holds a finished run" in capsys.readouterr().err
    assert (run / "report.json").read_text() == before


def test_run_of_other_flags_is_refused(run, capsys):
    before = (run / "report.json").read_text()
    assert train.main([f"--flagfile={run}/flags.txt", f"--run_dir={run}", "--seed=1"]) == 1
    error = capsys.readouterr().err
    assert "other flags (--seed=0 only there, --seed=1 only here)" in error
    assert (run / "report.json").read_text() == before


@pytest.mark.slow
def test_unfinished_run_goes_on_with_the_same_flags_only(folder, short, capsys):
    path = folder / "unfinished"
    flags = [f"--flagfile={short}/flags.txt", f"--run_dir={path}"]
    assert train.main([*flags, "--terminate_after=0.001"]) == EXIT_STOPPED
    output = capsys.readouterr()
    assert output.err.splitlines()[-1] == "stopped after step 1 (time_limit)"
    assert (path / "checkpoints").is_dir() and not (path / "report.json").exists()
    assert train.main([*flags, "--seed=1"]) == 1
    assert "--seed=0 only there" in capsys.readouterr().err
    assert train.main([*flags, "--checkpoint_every=3"]) == 0
    assert "resuming after step 1" in capsys.readouterr().out
    assert (path / "metrics.csv").read_text() == (short / "metrics.csv").read_text()
    assert {file.name for file in path.iterdir()} == {file.name for file in short.iterdir()}


def test_failed_overwrite_keeps_the_old_run(folder, run, capsys):
    flags = [f"--flagfile={run}/flags.txt", f"--run_dir={run}", "--overwrite"]
    assert train.main([*flags, "--train_file=missing.csv"]) == 1
    assert "missing.csv" in capsys.readouterr().err
    assert (run / "report.json").exists()


@pytest.mark.slow
def test_comparison_with_lstm(folder, capsys):
    train_again(folder, "both", "--compare_with_lstm", "--mixed_precision=bfloat16")
    reports = {name: report_of(folder / "both" / name) for name in ("nrnm", "lstm")}
    assert reports["nrnm"]["parameters"] > reports["lstm"]["parameters"]
    assert reports["lstm"]["flags"]["nrnm_layers"] == []
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    table = {words[0]: words for words in lines if words and words[0] in reports}
    for name, report in reports.items():
        assert f"{report['parameters']:,}" in table[name]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epoch=3"], "epoch"),
        (["--epochs=three"], "three"),
        (["--epochs=0"], "epochs"),
        (["--seed=-1"], "seed"),
        (["--nrnm_layers=two"], "nrnm_layers"),
        (["--nrnm_layers=2"], "nrnm_layers"),
        (["--block_size=3"], "block_size"),
        (["--num_heads=3"], "num_heads"),
        (["--pooling=median"], "median"),
        (["--strategy=tpu"], "tpu"),
        (["--strategy=multi_worker"], "TF_CONFIG"),
        (["--strategy=mirrored", "--xla=on"], "xla=on"),
        (["--input_shards=3"], "input_shards=3"),
        (["--input_parts=128", "--batch_size=128"], "72 training examples"),
        (["--task=imbd"], "imbd"),
        (["stray"], "stray"),
        (["--flagfile=missing.flags"], "missing.flags"),
        (["--train_file=missing.csv"], "missing.csv"),
        (["--test_file=missing.csv"], "missing.csv"),
        (["--run_dir="], "run_dir"),
        (["--compare_with_lstm", "--nrnm_layers="], "nrnm_layers"),
        (["--task=imdb", "--imdb_source=missing", "--sample_when_unavailable"], "missing"),
        (["--learning_rate=nan"], "learning_rate"),
        (["--adversarial=both"], "both"),
        (["--adversarial_norm=-1"], "adversarial_norm"),
        (
            ["--task=adding", "--adversarial=virtual"],
            "not used by --task=adding, but by imdb",
        ),
        (["--task=adding", "--entropy_weight=0.5"], "--entropy_weight is not used by --task=ad"),
        (["--task=nw_ucla"], "--nw_ucla_source=PATH"),
        (["--task=nw_ucla", "--nw_ucla_source=missing"], "missing"),
        (["--task=ntu_rgbd"], "--ntu_source=PATH"),
        (["--task=sequence", "--train_file=missing.npz"], "missing.npz"),
    ],
)
def test_errors_are_one_line(folder, tmp_path, capsys, arguments, message):
    flags = [f"--flagfile={folder}/small.flags", f"--run_dir={tmp_path}/run", "--epochs=2"]
    capsys.readouterr()
    assert train.main([*flags, *arguments]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert errors[-1].startswith("error: ") and message in errors[-1]
    assert not [line for line in errors if "Traceback" in line]
    assert not (tmp_path / "run" / "report.json").exists()


def test_damaged_shard_is_named_before_training(folder, short, tmp_path, capsys):
    shutil.copytree(short, tmp_path / "run")
    shutil.copytree(folder / "data", tmp_path / "data")
    records = report_of(short)["data"]["records"].replace(f"{folder}", f"{tmp_path}")
    (shard,) = pathlib.Path(records).glob("*.tfrecord-*")
    shard.write_bytes(shard.read_bytes()[:-20])
    flags = [f"--flagfile={folder}/small.flags", f"--run_dir={tmp_path}/run", "--epochs=1"]
    assert train.main([*flags, f"--data_dir={tmp_path}/data", "--overwrite"]) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("error: ") and shard.name in line and "build again" in line
    assert (tmp_path / "run" / "report.json").exists()


def test_test_split_that_is_left_out_is_not_read(tmp_path, capsys):
    sizes = ["--problem_train=64", "--problem_test=16", "--problem_length=8"]
    small = ["--units=4", "--num_layers=1", "--model=gru", "--epochs=1"]
    flags = ["--task=adding", *sizes, *small, f"--data_dir={tmp_path}/data", "--notest"]
    assert train.main([*flags, f"--run_dir={tmp_path}/first"]) == 0
    (shard,) = (tmp_path / "data").rglob("*-test.tfrecord-*")
    shard.write_bytes(b"x" * shard.stat().st_size)
    capsys.readouterr()
    assert train.main([*flags, f"--run_dir={tmp_path}/second"]) == 0
    assert "none (left out: --notest)" in capsys.readouterr().out
    report = report_of(tmp_path / "second")
    assert report["data"]["examples"] == {"train": 64, "validation": 16}
    assert report["metrics"]["test"] is None and report["analysis"]["split"] == "validation"
    assert "--notest" in (tmp_path / "second" / "flags.txt").read_text().splitlines()
    assert "left out: --notest" in (tmp_path / "second" / "report.md").read_text()
    with pytest.raises(tf.errors.DataLossError):
        list(Records(report["data"]["records"]).read("test"))


@pytest.fixture
def no_network(monkeypatch):
    """Makes every download fail at once."""
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


def test_without_records_and_network_three_ways_are_named(tmp_path, no_network, capsys):
    flags = ["--task=imdb", f"--data_dir={tmp_path}/data", f"--run_dir={tmp_path}/run"]
    assert train.main(flags) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    for way in ("--imdb_source", "network", "--sample_when_unavailable"):
        assert way in message


@pytest.mark.slow
def test_generated_reviews_stand_in_and_say_so(tmp_path, no_network, capsys):
    tiny = ["--epochs=1", "--units=4", "--num_layers=1", "--nrnm_layers=1", "--max_length=8"]
    places = [f"--data_dir={tmp_path}/data", f"--run_dir={tmp_path}/run"]
    assert train.main(["--task=imdb", "--sample_when_unavailable", *tiny, *places]) == 0
    notice = "SAMPLE DATA, NOT IMDB"
    assert notice in capsys.readouterr().out
    assert report_of(tmp_path / "run")["notice"] == notice
    assert notice in (tmp_path / "run" / "report.md").read_text()


def test_help_names_the_flags(capsys):
    assert train.main(["--help"]) == 0
    assert "--nrnm_layers" in capsys.readouterr().out

"""Trainings that predict numbers from a user's own sequences."""

import csv
import io
import json

import numpy as np
import pytest

from nrnm_keras.errors import UsageError
from nrnm_keras.predict import __main__ as predict
from nrnm_keras.train import NetworkConfig, SequenceRegressionTask, TrainConfig, train
from nrnm_keras.train import __main__ as command
from pipelines.errors import SourceError
from pipelines.sequence_files.reader import Reading, read_sequences

X = np.random.default_rng(0).normal(size=(30, 6, 1)).round(3).astype("float32")
Y = (1000 + 100 * X[:, :, 0].mean(1)).round(2)
TINY = [
    "--units=4",
    "--block_size=2",
    "--stride=1",
    "--epochs=1",
    "--passes_per_epoch=1",
    "--nobidirectional",
]
NUMBERS = Reading(is_number=True)


def npz(folder):
    np.savez(folder / "a.npz", x=X, y=Y)
    return folder / "a.npz"


def integers(folder):
    np.savez(folder / "b.npz", x=X, y=Y.astype(int)[:, np.newaxis])
    return folder / "b.npz"


def ts(folder):
    header = "@problemName a\n@univariate true\n@targetlabel true\n@data\n"
    rows = [f"{','.join(map(str, x[:, 0]))}:{y}" for x, y in zip(X, Y, strict=True)]
    (folder / "a.ts").write_text(header + "\n".join(rows))
    return folder / "a.ts"


def wide(folder):
    rows = [f"{';'.join(map(str, x[:, 0]))};{y}" for x, y in zip(X, Y, strict=True)]
    text = "\n".join(["s0;s1;s2;s3;s4;s5;Target", *rows])
    (folder / "wide.csv").write_text(text, encoding="utf-16")
    return folder / "wide.csv"


def long(folder):
    rows = [
        (f"case {case:02}", time, x, y)
        for time in reversed(range(6))
        for case, (x, y) in enumerate(zip(X[:, time, 0], Y, strict=True))
    ]
    with (folder / "long.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "t", "x", "y_hat"), *rows])
    return folder / "long.csv"


def parquet(folder):
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    columns = {f"s{step}": X[:, step, 0] for step in range(6)}
    parquet.write_table(pa.table({"label": Y, **columns}), folder / "a.parquet")
    return folder / "a.parquet"


@pytest.mark.parametrize("make", [npz, ts, wide, long, parquet])
def test_every_format_gives_the_same_targets(make, tmp_path):
    columns = NUMBERS.columns._replace(label="y_hat" if make is long else None)
    found = list(read_sequences(make(tmp_path), how=NUMBERS._replace(columns=columns)))
    np.testing.assert_allclose([sequence.label for sequence in found], Y, rtol=1e-6)
    np.testing.assert_array_equal([sequence.values for sequence in found], X)


def test_training_and_predictions_on_the_command_line(tmp_path, capsys):
    file, run = wide(tmp_path), tmp_path / "run"
    flags = [f"--train_file={file}", f"--test_file={file}", f"--run_dir={run}", *TINY]
    flags += ["--task=sequence_regression", f"--data_dir={tmp_path}/data"]
    assert command.main(flags) == 0
    said = capsys.readouterr().out
    assert "--head_dropout=0.1" in said and "test       loss " in said
    report = json.loads((run / "report.json").read_text())
    assert set(report["metrics"]["test"]) == {"loss", "mean_squared_error", "mean_absolute_error"}
    assert report["data"]["target"]["mean"] == pytest.approx(1000, rel=0.05)
    assert "R² (test)" in (run / "report.md").read_text()

    table = tmp_path / "new.csv"
    table.write_text("id,t,x\n" + "".join(f"{n},{t},{x}\n" for t in (1, 0) for n, x in [(7, 0.5)]))
    assert predict.main([f"--run={run}", f"--input={table}", "--format=csv"]) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert list(row) == ["id", "value"] and row["id"] == "7"
    assert 500 < float(row["value"]) < 1500


@pytest.mark.slow
def test_targets_in_memory(tmp_path):
    config = TrainConfig(
        task=SequenceRegressionTask(),
        network=NetworkConfig(units=4, block_size=2, stride=1, bidirectional=False),
        run_dir=str(tmp_path / "run"),
        epochs=1,
        passes_per_epoch=1,
    )
    for wrong in (["a"] * 30, np.zeros((30, 2))):
        with pytest.raises(UsageError, match="train_data: targets of shape .* one number for each"):
            train(config, (X, wrong))
    run = train(config, (X, list(Y)))
    values = run.model.predict(X[:5])["value"]
    assert values.shape == (5,) and values.dtype == np.float32
    np.testing.assert_allclose(values, 1000, rtol=0.5)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "label,a,b\n1,2,3\nhigh,2,3\n", "line 3: label 'high' is not a finite number"),
        ("a.csv", "label,a,b\n1,2,3\n,2,3\n", "line 3: the label is empty; --on_error=skip"),
        ("a.csv", "label,a,b\n1e99,2,3\n", "line 2: label '1e99' is not a finite number"),
        ("a.csv", "id,t,a,y\n1,0,1,2.5\n1,1,1,2.6\n", "'2.6', but '2.5' in line 2, of the same"),
        ("a.csv", "a,b\n1,2\n", "no column 'label'"),
        ("a.ts", "@targetlabel true\n@data\n1,2:0.5\n1,2:?\n", "line 4: the label is empty"),
        ("a.ts", "@targetlabel false\n@data\n1,2\n", "expected @targetLabel true above @data"),
    ],
)
def test_labels_that_are_no_targets_are_named(name, text, message, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(SourceError) as error:
        list(read_sequences(tmp_path / name, how=NUMBERS))
    assert message in str(error.value) and "\n" not in str(error.value)
    if message.endswith("skip"):
        kept = read_sequences(tmp_path / name, how=NUMBERS._replace(leaves_out=True))
        assert [sequence.values is None for sequence in kept] == [False, True]


@pytest.mark.parametrize("make", [npz, ts])
def test_targets_for_a_classifier_say_what_predicts_numbers(make, tmp_path):
    with pytest.raises(SourceError, match="; --task=sequence_regression predicts numbers"):
        list(read_sequences(make(tmp_path)))


def test_integers_in_one_column_are_targets(tmp_path):
    found = [sequence.label for sequence in read_sequences(integers(tmp_path), how=NUMBERS)]
    assert found == list(map(float, Y.astype(int)))

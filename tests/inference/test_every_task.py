"""A finished run of every task: predictions, attention, streams, exports, and the commands."""

import csv
import importlib
import io
import json
import re
import subprocess
import sys

import numpy as np
import pytest

from nrnm_keras.errors import UsageError
from nrnm_keras.export import __main__ as export
from nrnm_keras.predict import __main__ as predict
from nrnm_keras.visualize import __main__ as visualize
from tests.task_runs import TASKS

CLASSES = {"text", "sequence", "skeleton", "nw_ucla", "associative_recall", "induction"}
CLASSES |= {"listops"}
TAGS = {"secondary_structure", "copy_memory"}
NUMBERS = {"adding": "value", "sequence_regression": "value", "sick": "relatedness"}
WITHOUT_STREAMS = {"sick"}
ONE_PIECE = {"text", "text_language_model", "secondary_structure"} | {
    *("copy_memory", "associative_recall", "induction", "listops")
}


@pytest.fixture(params=TASKS)
def run(request, task_run):
    return task_run(request.param)


def test_predictions_are_the_models_whatever_the_batch(run):
    found = run.trained.predict(run.inputs, batch_size=3)
    expected = [run.alone(value) for value in run.inputs]
    if run.name in CLASSES:
        assert set(found) == {"label", "probabilities"}
        assert found["probabilities"].shape == (len(run.inputs), len(run.trained.class_names))
        names = run.trained.class_names
        assert found["label"] == [names[row.argmax()] for row in expected]
        np.testing.assert_allclose(found["probabilities"], expected, atol=1e-5)
    elif run.name in TAGS:
        assert set(found) == {"labels", "probabilities"}
        for value, labels, probabilities, row in zip(
            run.inputs, *found.values(), expected, strict=True
        ):
            assert len(labels) == len(value) == len(probabilities)
            np.testing.assert_allclose(probabilities, row, atol=1e-5)
    elif run.name in NUMBERS:
        assert set(found) == {NUMBERS[run.name]}
        np.testing.assert_allclose(found[NUMBERS[run.name]], expected, atol=1e-5)
    else:
        assert set(found) == {"log_probability", "perplexity"}
        found = np.stack([found["log_probability"], found["perplexity"]], axis=-1)
        np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_attention_adds_up_to_one_and_is_on_the_inputs_steps(run):
    longest = run.inputs[-1]
    attentions = run.trained.attention(longest)
    assert attentions
    for attention in attentions:
        assert attention.weights.shape[1:] == (2, 2, 6)
        np.testing.assert_allclose(attention.weights.sum(axis=-1), 1, atol=1e-5)
    names = [attention.name for attention in attentions]
    assert names[0] == ("first, layer 1" if run.name == "sick" else "layer 1")


def test_streams_are_the_model_step_by_step_or_refused(run):
    if run.name in WITHOUT_STREAMS:
        with pytest.raises(ValueError, match="pair of sequences"):
            run.trained.streams()
        return
    value, streams = run.inputs[-1], run.trained.streams()
    for step in [value] if run.name in ONE_PIECE else value:
        found = streams.push({"a": step})["a"]
    np.testing.assert_allclose(found, run.alone(value), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("text", 5, "input 0 .* a int; expected a string"),
        ("sick", "one text", "expected a pair of strings"),
        ("sick", ("one", None), "NoneType; expected a string"),
        ("secondary_structure", ["ACD"], "a list; expected a string"),
        ("adding", np.zeros((4, 3)), r"shape \(4, 3\); expected \(timesteps, 2\)"),
        ("adding", np.full((4, 2), np.nan), r"step 0 \(from 0\): feature 0 .* nan"),
        ("nw_ucla", np.zeros((4, 2, 20, 3)), r"expected \(frames, 1, 20, 3\)"),
        ("skeleton", np.zeros((4, 20, 3)), r"shape \(4, 20, 3\); expected \(frames, 2, 20, 3\)"),
        ("induction", [1, 2, 99], r"step 2 \(from 0\): id 99; expected an integer from 1 to 17"),
        ("induction", [1.5], r"id 1.5; expected an integer"),
        ("induction", [[1]], r"shape \(1, 1\); expected token ids"),
    ],
)
def test_inputs_that_are_none_are_named(task_run, name, value, message):
    trained = task_run(name).trained
    for use in (lambda: trained.predict([value]), lambda: trained.attention(value)):
        with pytest.raises(UsageError, match=message) as raised:
            use()
        assert len(str(raised.value).splitlines()) == 1


FAST = {("secondary_structure", "litert")}


@pytest.mark.parametrize(
    ("name", "format_name"),
    [
        pytest.param(name, format_name, marks=[] if (name, format_name) in FAST else slow)
        for name in TASKS
        for format_name in ("saved_model", "onnx", "litert", "keras")
        for slow in [pytest.mark.slow]
    ],
)
def test_exports_give_the_same_numbers_in_their_runtimes(task_run, name, format_name, tmp_path):
    needed = {"onnx": "tf2onnx", "litert": "ai_edge_litert"}.get(format_name, "keras")
    pytest.importorskip(needed)
    trained, folder = task_run(name).trained, tmp_path / "out"
    if (name, format_name) == ("sick", "litert"):
        with pytest.raises(UsageError, match="litert.*pair of sequences.*onnx"):
            trained.export(format_name, folder)
        assert not list(tmp_path.iterdir())
        return
    exported = trained.export(format_name, folder, examples=3)
    expected = {"saved_model": {"serve", "features", "step"}, "keras": {"serve"}}
    expected = expected.get(format_name, {"features", "step"})
    expected -= {"step"} if name in WITHOUT_STREAMS else set()
    assert set(exported.results) == expected
    assert ("step" in exported.missing) == (name in WITHOUT_STREAMS and format_name != "keras")
    card = (folder / "README.md").read_text()
    program = re.search(r"```python\n(.*?)```", card, re.DOTALL)[1]
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def test_an_export_needs_a_finished_run(task_run, tmp_path):
    run = task_run("sick")
    trained = type(run.trained).load(run.path / "model.keras")
    with pytest.raises(UsageError, match="load the model from a run's folder"):
        trained.export("keras", tmp_path / "out")
    with pytest.raises(UsageError, match="--format=tflite; expected one of keras, litert"):
        run.trained.export("tflite", tmp_path / "out")


def write_inputs(run, folder):
    """Writes the inputs of a run to a file that the commands take."""
    if run.name == "nw_ucla":
        for number, joints in enumerate(run.inputs):
            content = {"skeletons": joints[:, 0].tolist()}
            (folder / f"{number}.json").write_text(json.dumps(content))
        return folder
    if run.name == "sick":
        path = folder / "pairs.csv"
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([("id", "first", "second"), *((0, *x) for x in run.inputs)])
        return path
    if isinstance(run.inputs[0], str):
        path = folder / "texts.jsonl"
        path.write_text("\n".join(json.dumps({"text": text}) for text in run.inputs))
        return path
    values = run.inputs
    if run.name != "skeleton":
        values = [np.reshape(value, (len(value), -1)) for value in values]
    splits = np.cumsum([0, *map(len, values)])
    np.savez(folder / "x.npz", values=np.concatenate(values), row_splits=splits)
    return folder / "x.npz"


# Each kind of input and of output.
QUICK = {"text", "sick", "nw_ucla", "secondary_structure", "text_language_model", "adding"}


@pytest.mark.parametrize(
    "run",
    [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in TASKS],
    indirect=True,
)
def test_command_predicts_what_python_predicts(run, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    source = write_inputs(run, tmp_path / "in")
    assert predict.main([f"--run={run.path}", f"--input={source}", "--format=jsonl"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for value, row in zip(run.inputs, rows, strict=True):
        expected = run.trained.output.as_json(run.alone(value))
        kept = {"id"} & row.keys()  # another column of the file
        assert expected.keys() <= row.keys() and len(row) == 1 + len(expected) + len(kept)
        for key in set(expected) & NUMERIC:
            assert row[key] == pytest.approx(expected[key], rel=1e-4, abs=1e-5)
        for key in set(expected) & {"label", "labels"}:
            assert row[key] == expected[key]
    output = tmp_path / "out.csv"
    assert predict.main([f"--run={run.path}", f"--input={source}", f"--output={output}"]) == 0
    assert f"{len(run.inputs)} {run.trained.modality.plural}: " in capsys.readouterr().out
    with output.open(newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == len(run.inputs)
    assert predict.main([f"--run={run.path}", f"--input={source}"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(run.inputs)  # a heading


NUMERIC = {*NUMBERS.values(), "log_probability", "perplexity"}


@pytest.mark.parametrize("name", ["secondary_structure", "text_language_model", "copy_memory"])
def test_command_streams_lines(task_run, name, monkeypatch, capsys):
    run = task_run(name)
    value = run.inputs[-1]
    lines = " ".join(map(str, value)) if name == "copy_memory" else value
    content = io.TextIOWrapper(io.BytesIO(f"{lines}\n\n".encode()))
    monkeypatch.setattr(sys, "stdin", content)
    assert predict.main([f"--run={run.path}", "--stream", "--format=jsonl"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert second == "" and set(json.loads(first)) == set(
        run.trained.output.as_json(run.alone(value))
    )


def test_commands_refuse_pairs_step_by_step_and_as_one_text(task_run, capsys):
    run = task_run("sick")
    assert predict.main([f"--run={run.path}", "--stream"]) == 1
    assert "compared when both are complete" in capsys.readouterr().err
    assert predict.main([f"--run={run.path}", "--text=A man"]) == 1
    assert "the model takes pairs of texts" in capsys.readouterr().err


@pytest.mark.slow
def test_command_exports(run, tmp_path, capsys):
    arguments = [f"--run={run.path}", "--format=keras", f"--output={tmp_path}/out", "--examples=2"]
    assert export.main(arguments) == 0
    assert "serve: differs from the Keras model by at most" in capsys.readouterr().out


@pytest.mark.slow
def test_command_draws_what_can_be_drawn(run, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    (tmp_path / "in").mkdir()
    source = write_inputs(run, tmp_path / "in")
    last, index = len(run.inputs) - 1, []
    if source.is_dir():
        source = source / f"{last}.json"
    else:
        index = [f"--index={last}"]
    arguments = [f"--run={run.path}", f"--input={source}", f"--output={tmp_path}/out", *index]
    assert visualize.main(arguments) == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    said = capsys.readouterr().out
    parts = ("first_", "second_") if run.name == "sick" else ("",)
    assert "influence.png" in names
    assert any(name.startswith("memory") for name in names)
    drawn = any(name.startswith(f"attention_{part}layer_1") for name in names for part in parts)
    assert drawn != ("no attention is drawn" in said)
    has_classes = bool(run.trained.class_names)
    assert bool(names & {"prediction.png", "words.png"}) == has_classes
    assert has_classes != ("no running prediction is drawn: " in said)


def test_a_format_is_one_file(monkeypatch, tmp_path):
    formats = importlib.import_module("nrnm_keras.inference.exporting.formats")
    (tmp_path / "weights.py").write_text("TOLERANCES = {None: 1e-5}\n")
    monkeypatch.setattr(formats, "__path__", [*formats.__path__, str(tmp_path)])
    assert "weights" in formats.find_formats()
    assert formats.find_format("weights").TOLERANCES == {None: 1e-5}

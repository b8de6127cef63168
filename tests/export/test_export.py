"""Exported models, run without the library: the command checks that they equal the Keras model."""

import json
import math
import re
import shutil
import subprocess
import sys

import keras
import numpy as np
import psutil
import pytest

from nrnm_keras.errors import UsageError
from nrnm_keras.export import __main__ as export
from nrnm_keras.inference.exporting.check import check, read_examples
from nrnm_keras.inference.exporting.formats import find_formats
from nrnm_keras.inference.trained_model import TrainedModel
from nrnm_keras.train import __main__ as train
from tests.running import PATIENCE, run_twice, start, wait_until

SMALL = ["--units=8", "--num_layers=2", "--batch_size=16", "--epochs=1", "--head_dropout=0"]
onnx = pytest.importorskip("onnx")
BYTES = (onnx.TensorProto.INT8, onnx.TensorProto.UINT8)


@pytest.fixture(scope="module")
def of_sequences(tmp_path_factory):
    """A run on sequences of 1 to 30 steps."""
    folder = tmp_path_factory.mktemp("sequences")
    random = np.random.default_rng(0)
    for name, count in (("train", 48), ("test", 30)):
        lengths = np.arange(count) % 30 + 1
        x = random.normal(size=(count, 30, 3)) + (np.arange(count) % 2)[:, None, None]
        np.savez(folder / f"{name}.npz", x=x, lengths=lengths, y=np.arange(count) % 2)
    files = [f"--{name}_file={folder}/{name}.npz" for name in ("train", "test")]
    return trained("--task=sequence", "--settings=fixed", *files, folder=folder)


@pytest.fixture(scope="module")
def of_texts(tmp_path_factory):
    """A run on short texts, with pooling over all words."""
    folder = tmp_path_factory.mktemp("texts")
    words = ["good", "bad", "film,", "<br />", "it", "isn't", "Très", "!"]
    random = np.random.default_rng(0)
    rows = [" ".join(random.choice(words, size=n % 23 + 1)) for n in range(60)]
    lines = [json.dumps({"text": row, "label": int("bad" in row)}) for row in rows]
    (folder / "train.jsonl").write_text("\n".join(lines))
    files = [f"--{name}_file={folder}/train.jsonl" for name in ("train", "test")]
    flags = ["--task=text", "--settings=fixed", *files, "--embedding_size=4", "--pooling=mean_max"]
    return trained(*flags, folder=folder)


@pytest.fixture(scope="module")
def of_skeletons(nw_ucla_folder, tmp_path_factory):
    """A run on skeletons, every frame of which is a step."""
    flags = [f"--nw_ucla_source={nw_ucla_folder}", "--length=all", "--velocity"]
    return trained("--task=nw_ucla", *flags, folder=tmp_path_factory.mktemp("skeletons"))


@pytest.fixture(scope="module")
def of_whole_sequences(of_sequences, tmp_path_factory):
    """A run whose layers also go backwards."""
    flags = (of_sequences / "flags.txt").read_text().splitlines()
    return trained(*flags, "--bidirectional", folder=tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def exported(request):
    """Returns a function that exports a run, once, to its folder, which it returns."""
    done = {}

    def exported(run, format_name, quantize=None):
        if (run, format_name, quantize) not in done:
            path = request.getfixturevalue(run)
            more = [f"--quantize={quantize}"] if quantize else []
            assert export.main([f"--run={path}", f"--format={format_name}", *more]) == 0
            name = "_".join(filter(None, (format_name, quantize)))
            done[run, format_name, quantize] = path / "exported" / name
        return done[run, format_name, quantize]

    return exported


def trained(*flags, folder):
    places = [f"--data_dir={folder}/data", f"--run_dir={folder}/run"]
    assert train.main([*flags, *SMALL, *places]) == 0
    return folder / "run"


def fail(capsys, *arguments):
    capsys.readouterr()
    assert export.main(list(arguments)) == 1
    (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("error: ")]
    return line


def run_example(folder):
    """Runs the model card's program in the folder."""
    card = (folder / "README.md").read_text()
    program = re.search(r"```python\n(.*?)```", card, re.DOTALL)[1]
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return card, done.stdout.decode()


@pytest.mark.parametrize(
    ("run", "format_name"),
    [
        ("of_texts", "saved_model"),
        ("of_texts", "litert"),
        pytest.param("of_texts", "onnx", marks=pytest.mark.slow),
        pytest.param("of_sequences", "saved_model", marks=pytest.mark.slow),
        pytest.param("of_sequences", "onnx", marks=pytest.mark.slow),
        pytest.param("of_skeletons", "onnx", marks=pytest.mark.slow),
        pytest.param("of_skeletons", "saved_model", marks=pytest.mark.slow),
        pytest.param("of_skeletons", "litert", marks=pytest.mark.slow),
    ],
)
def test_runs_elsewhere_whole_and_step_by_step(run, format_name, exported):
    card, output = run_example(exported(run, format_name))
    expected = ["serve"] * (format_name == "saved_model") + ["features", "step"]
    checked = re.findall(r"^\| `(\w+)` \| [\d.e-]+ \| [\d.]+ \|$", card, re.MULTILINE)
    assert sorted(checked) == sorted(expected)
    assert output.count("\n") >= len(expected)
    for name in expected:
        assert f"### `{name}`" in card
    assert "| test | accuracy |" in card and "python -m nrnm_keras.train" in card


def test_card_says_where_the_ids_of_words_are(of_texts, exported):
    folder = exported("of_texts", "litert")
    assert "`vocabulary.txt`, counted from 0" in (folder / "README.md").read_text()
    words = (folder / "vocabulary.txt").read_text(encoding="utf-8").split("\n")
    ids = TrainedModel.load(of_texts).text_preprocessor(["It isn't a bad film! ", "Good"]).numpy()
    assert [words[i] for i in ids[0]] == ["it", "is", "n't", "[UNK]", "bad", "film", "!"]
    assert [words[i] for i in ids[1]] == ["good"] + 6 * [""]


@pytest.mark.slow
def test_keras_model_runs_in_a_new_process(exported):
    card, _ = run_example(exported("of_sequences", "keras"))
    assert "| `serve` |" in card


@pytest.mark.parametrize("quantize", ["int8", pytest.param("float16", marks=pytest.mark.slow)])
def test_quantized_weights_take_less_room(quantize, exported):
    quantized, whole = (exported("of_texts", "litert", bits) for bits in (quantize, None))
    assert (quantized / "step.tflite").stat().st_size < (whole / "step.tflite").stat().st_size


@pytest.mark.slow
def test_quantized_weights_of_onnx_are_bytes(exported):
    model = onnx.load(exported("of_texts", "onnx", "int8") / "step.onnx")
    sizes = {x.name: math.prod(x.dims) for x in model.graph.initializer if x.data_type in BYTES}
    assert sum(sizes.values()) > sum(
        math.prod(x.dims) for x in model.graph.initializer if x.name not in sizes
    )


@pytest.mark.slow
def test_without_steps_the_rest_is_written(of_whole_sequences, capsys):
    for format_name in ("saved_model", "onnx"):
        assert export.main([f"--run={of_whole_sequences}", f"--format={format_name}"]) == 0
        printed = capsys.readouterr().out
        assert (
            "features: differs from the Keras model by at most " in printed
            and "no step: Bidirectional layers need" in printed
        )
    line = fail(capsys, f"--run={of_whole_sequences}", "--format=litert")
    assert "--nobidirectional" in line and "onnx" in line
    assert not (of_whole_sequences / "exported" / "litert").exists()


@pytest.mark.slow
def test_other_probabilities_are_noticed(of_texts, tmp_path):
    model = TrainedModel.load(of_texts)
    report = json.loads((of_texts / "report.json").read_text())
    examples = read_examples(report["data"]["records"], 3)
    shortest, middle, longest = map(len, examples)
    assert shortest < middle < longest
    export_format = find_formats()["keras"]
    written, _ = export_format.write(model, tmp_path, None)
    results = check(export_format, tmp_path, model, written, examples, None)
    assert results["serve"]["difference"] < 1e-6
    for weight in model.classifier.logits_layer.trainable_weights:
        weight.assign(weight + 0.01 * keras.random.normal(weight.shape, seed=0))
    with pytest.raises(UsageError, match="probabilities of serve differ.*more than 1e-05"):
        check(export_format, tmp_path, model, written, examples, None)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--format=saved_model", "--quantize=int8"], ["--quantize=int8", "litert"]),
        (["--format=keras", "--quantize=float16"], ["--quantize=float16", "litert"]),
        (["--format=onnx", "--quantize=float16"], ["--quantize=float16", "int8"]),
        (["--records=/no/such"], ["/no/such", "--records=FOLDER"]),
        (["--format=tflite"], ["format", "litert"]),
    ],
)
def test_what_cannot_be_done_is_refused(of_texts, flags, words, capsys, tmp_path):
    line = fail(capsys, f"--run={of_texts}", f"--output={tmp_path}/new", *flags)
    assert all(word in line for word in words)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_output_that_is_there_is_kept_or_replaced(of_sequences, exported, tmp_path, capsys):
    flags = [f"--run={of_sequences}", "--format=keras", f"--output={tmp_path}/out"]
    shutil.copytree(exported("of_sequences", "keras"), tmp_path / "out")
    (tmp_path / "out" / "README.md").write_text("mine")
    assert "exists" in fail(capsys, *flags)
    assert (tmp_path / "out" / "README.md").read_text() == "mine"
    assert export.main([*flags, "--overwrite"]) == 0
    assert (tmp_path / "out" / "README.md").read_text() != "mine"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("mine")
    flags[-1] = f"--output={tmp_path}/other"
    assert "is not an exported model's folder" in fail(capsys, *flags, "--overwrite")
    assert (tmp_path / "other" / "file").read_text() == "mine"


@pytest.mark.slow
def test_second_export_of_the_same_waits_for_the_first(of_sequences, tmp_path, capsys):
    arguments = [f"--run={of_sequences}", "--format=keras", f"--output={tmp_path}/out"]
    (first, second), waits = run_twice(
        lambda: list(tmp_path.glob(".out.incomplete_*")), "nrnm_keras.export", *arguments
    )
    assert waits.endswith(f", which writes to {tmp_path}/out\n")
    assert (first.code, second.code) == (0, 0), first.errors + second.errors
    assert "serve: differs from the Keras model by at most" in first.output
    assert second.output == f"{tmp_path}/out: exported by another process in the meantime\n"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    run_example(tmp_path / "out")
    assert "exists" in fail(capsys, *arguments)


@pytest.mark.slow
@pytest.mark.parametrize("is_there", [False, True])
def test_killed_export_takes_its_checking_process_with_it_and_can_be_done_again(
    is_there, of_sequences, exported, tmp_path
):
    arguments = [f"--run={of_sequences}", "--format=keras", f"--output={tmp_path}/out"]
    if is_there:
        shutil.copytree(exported("of_sequences", "keras"), tmp_path / "out")
        (tmp_path / "out" / "old").write_text("old")
        arguments.append("--overwrite")
    process = start("nrnm_keras.export", *arguments)
    checks = []

    def is_checking():
        children = psutil.Process(process.pid).children(recursive=True)
        checks[:] = [each for each in children if "standalone.py" in " ".join(each.cmdline())]
        return checks

    try:
        wait_until(is_checking, process)
    finally:
        process.kill()
        process.wait()
    assert not psutil.wait_procs(checks, PATIENCE)[1]
    assert (tmp_path / "out").exists() == is_there
    assert len(list(tmp_path.glob(".out.incomplete_*"))) == 1
    assert export.main(arguments) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert not (tmp_path / "out" / "old").exists()
    run_example(tmp_path / "out")


@pytest.mark.parametrize("model", [None, "{}/nothing", "{}"])
def test_model_that_is_none(model, tmp_path, capsys):
    flags = [f"--run={model.format(tmp_path)}"] if model else []
    assert "expected the folder of a finished run" in fail(capsys, *flags)

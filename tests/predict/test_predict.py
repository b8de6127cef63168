import contextlib
import csv
import io
import json
import os
import pty
import signal
import subprocess
import sys
import termios
import threading
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from nrnm_keras.models import ClassProbabilities
from nrnm_keras.predict import __main__ as predict
from pipelines.ntu_rgbd.bodies import track_bodies
from pipelines.ntu_rgbd.skeleton_file import read_skeleton
from pipelines.ntu_sample.generate import generate_files

TEXTS = ["A good one.", 'He said "bad,\nbad"', "Très bien 很好"]


@pytest.fixture
def in_csv(tmp_path):
    path = tmp_path / "in.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "text"), *enumerate(TEXTS)])
    return path


@contextlib.contextmanager
def terminal_as_stderr():
    """Puts a terminal in place of stderr; yields a function that tells what was shown on it."""
    reading, writing = pty.openpty()
    termios.tcsetwinsize(writing, (24, 100))
    with os.fdopen(writing, "w") as terminal, contextlib.redirect_stderr(terminal):
        yield lambda: shown.decode()
    shown = b""
    with os.fdopen(reading, "rb", buffering=0) as file, contextlib.suppress(OSError):
        while chunk := file.read(1000):  # a closed terminal may end with an error
            shown += chunk


def assert_line(line, run, value, name=""):
    """A readable line has the label, and the classes from the likeliest to the unlikeliest."""
    expected = run.expected(value)
    order = np.argsort(-expected)
    names = run.trained.class_names
    shown = ", ".join(f"{names[i]} {expected[i]:.4f}" for i in order)
    assert line == f"{names[order[0]]}  {shown}{name}"


def assert_result(label, probabilities, run, value):
    expected = run.expected(value)
    assert label == run.trained.class_names[expected.argmax()]
    np.testing.assert_allclose(probabilities, expected, atol=2e-6)


def test_one_text(texts, capsys):
    assert predict.main([f"--run={texts.path}", f"--text={TEXTS[0]}"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert_line(line, texts, TEXTS[0])


def test_one_skeleton_file(skeletons, tmp_path, capsys):
    (path,) = generate_files(tmp_path, 1)
    joints = track_bodies(read_skeleton(path.read_bytes(), "")).joints
    assert predict.main([f"--run={skeletons.path}/model.keras", f"--skeleton={path}"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert_line(line, skeletons, joints)


def test_texts_to_csv(texts, in_csv, tmp_path, capsys):
    output = tmp_path / "out.csv"
    places = [f"--input={in_csv}", f"--output={output}", "--batch_size=2"]
    with terminal_as_stderr() as shown:
        assert predict.main([f"--run={texts.path}", *places]) == 0
    assert capsys.readouterr().out == f"3 texts: {output}\n"
    assert "3/3" in shown() and " texts/s" in shown()
    with output.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = ["text", "label", "probability_no", "probability_so so", "id"]
    for number, (text, row) in enumerate(zip(TEXTS, rows, strict=True)):
        assert list(row) == columns and row["text"] == text and row["id"] == str(number)
        assert_result(row["label"], [float(row[name]) for name in columns[2:4]], texts, text)
    assert sorted(tmp_path.iterdir()) == [in_csv, output]


def test_other_columns_are_kept(texts, tmp_path, capsys):
    rows = [
        {"id": "7", "text": TEXTS[0], "label": "no", "note": "=1+1"},
        {"id": "8", "text": TEXTS[1], "label": "so so", "note": "two\nlines"},
    ]
    own = ["text", "label", "probability_no", "probability_so so"]
    given = tmp_path / "given.csv"
    with given.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    assert predict.main([f"--run={texts.path}", f"--input={given}", "--format=csv"]) == 0
    found = list(csv.DictReader(io.StringIO(capsys.readouterr().out, newline="")))
    assert [list(row) for row in found] == 2 * [[*own, "id", "given_label", "note"]]
    assert [row["text"] for row in found] == TEXTS[:2]
    assert [row["id"] for row in found] == ["7", "8"]
    assert [row["given_label"] for row in found] == ["no", "so so"]
    assert found[0]["note"] == "'=1+1"  # no spreadsheet evaluates it

    lines = tmp_path / "given.jsonl"
    lines.write_text("".join(f"{json.dumps(row)}\n" for row in [rows[0], {"text": TEXTS[1]}]))
    output = tmp_path / "out.jsonl"
    assert predict.main([f"--run={texts.path}", f"--input={lines}", f"--output={output}"]) == 0
    first, second = map(json.loads, output.read_text(encoding="utf-8").splitlines())
    assert list(first) == ["text", "label", "probabilities", "id", "given_label", "note"]
    assert (first["id"], first["given_label"], first["note"]) == ("7", "no", "=1+1")
    assert list(second) == ["text", "label", "probabilities"]


def test_skeletons_to_json_lines(skeletons, tmp_path, capsys):
    paths = sorted(generate_files(tmp_path / "in", 3))
    output = tmp_path / "out.jsonl"
    places = [f"--input={tmp_path}/in", f"--output={output}"]
    assert predict.main([f"--run={skeletons.path}", *places]) == 0
    assert capsys.readouterr().out == f"3 skeletons: {output}\n"
    results = [json.loads(line) for line in output.read_text().splitlines()]
    for path, result in zip(paths, results, strict=True):
        joints = track_bodies(read_skeleton(path.read_bytes(), "")).joints
        assert result["file"] == path.name and list(result["probabilities"]) == ["sit", "stand"]
        probabilities = list(result["probabilities"].values())
        assert_result(result["label"], probabilities, skeletons, joints)


def test_without_output_results_are_printed_with_names(sequences, tmp_path, capsys):
    x = np.random.default_rng(0).normal(size=(2, 4, 3))
    np.savez(tmp_path / "in.npz", x=x)
    assert predict.main([f"--run={sequences.path}", f"--input={tmp_path}/in.npz"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head == "label  probabilities  index"
    for number, (line, value) in enumerate(zip(lines, x, strict=True)):
        assert_line(line, sequences, value, name=f"  {number}")


def test_series_of_a_table_have_one_row_each(sequences, tmp_path, capsys):
    """With or without labels, which are kept, in the order of their first steps."""
    x = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    places = [(0, 2), (1, 0), (1, 3), (0, 0), (0, 1), (1, 1), (1, 2), (0, 3)]
    for label in ("", ",class"):
        lines = [f"case,when,a,b,c{label}"]
        for case, time in places:
            features = ",".join(str(value) for value in x[case, time])
            lines.append(f"={case},{time},{features}" + (f",k{case}" if label else ""))
        (tmp_path / "in.csv").write_text("\n".join(lines))
        flags = [f"--run={sequences.path}", f"--input={tmp_path}/in.csv", "--format=csv"]
        assert predict.main([*flags, "--time_column=when"]) == 0
        rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
        assert [row["id"] for row in rows] == ["'=0", "'=1"]
        for case, row in enumerate(rows):
            assert row.get("class") == (f"k{case}" if label else None)
            names = [f"probability_{name}" for name in sequences.trained.class_names]
            assert_result(row["label"], [float(row[name]) for name in names], sequences, x[case])


def test_columns_that_are_named(texts, tmp_path, capsys):
    (tmp_path / "in.csv").write_text("text,said,label\n-,A good one,no\n")
    flags = [f"--run={texts.path}", f"--input={tmp_path}/in.csv", "--format=jsonl"]
    assert predict.main([*flags, "--text_column=Said", "--label_column=label"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["text"] == "A good one" and row["given_text"] == "-" and row["given_label"] == "no"
    for words, message in (
        ([*flags, "--text_column=none"], "no column 'none'"),
        ([*flags, "--id_column=said"], "--id_column is not for a model that takes texts"),
        ([f"--run={texts.path}", "--text=a", "--text_column=said"], "is for --input only"),
    ):
        assert predict.main(words) == 1
        assert message in capsys.readouterr().err


def test_format_of_what_is_printed(texts, in_csv, capsys):
    assert predict.main([f"--run={texts.path}", f"--input={in_csv}", "--format=jsonl"]) == 0
    results = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for text, result in zip(TEXTS, results, strict=True):
        assert result["text"] == text
        assert_result(result["label"], list(result["probabilities"].values()), texts, text)


@pytest.fixture
def stream(texts):
    """The command, which reads standard input; it is killed after five minutes."""
    # This would flush what the command forgets to flush.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    command = [sys.executable, "-m", "nrnm_keras.predict", f"--run={texts.path}", "--stream"]
    with subprocess.Popen(command, env=environment, **pipes) as process:
        timer = threading.Timer(300, process.kill)
        timer.start()
        yield process
        timer.cancel()
        process.kill()


def test_stream_until_its_reader_has_enough(texts, stream):
    def tell(line):
        stream.stdin.write(line + b"\n")
        stream.stdin.flush()

    def ask(line):
        tell(line)
        return stream.stdout.readline().decode().rstrip("\n")

    assert_line(ask(b"A good"), texts, "A good")
    assert_line(ask(b"one, bad"), texts, "A good one, bad")
    assert ask(b"") == ""
    assert_line(ask(b"bad"), texts, "bad")
    stream.stdout.close()
    tell(b"good")
    errors = stream.stderr.read().decode()
    assert stream.wait() == predict.EXIT_CLOSED_PIPE
    assert "Traceback" not in errors and "BrokenPipe" not in errors
    assert not [line for line in errors.splitlines() if line.startswith("error: ")]


def test_stream_that_ends(sequences, monkeypatch, capsys, tmp_path):
    flags = [f"--run={sequences.path}", "--stream", "--format=jsonl"]
    for last_line, code, error in (
        ("1 2 3\n", 0, ""),
        ("1 2\n", 1, "error: standard input, line 4: '1 2' has shape (2,); expected 3 numbers"),
    ):
        (tmp_path / "lines").write_text(f"[1, 2, 3]\n\n1 2 3\n{last_line}")
        with (tmp_path / "lines").open() as lines:
            monkeypatch.setattr(sys, "stdin", lines)
            assert predict.main(flags) == code
        captured = capsys.readouterr()
        first, empty, second, *_ = captured.out.splitlines()
        assert first == second and empty == "" and captured.err.startswith(error)
        probabilities = list(json.loads(first)["probabilities"].values())
        assert_result(json.loads(first)["label"], probabilities, sequences, np.array([[1, 2, 3]]))


def test_ctrl_c_leaves_no_output(texts, tmp_path, capsys):
    (tmp_path / "in.csv").write_text("text\n" + "A good one he said.\n" * 100_000)
    places = [f"--input={tmp_path}/in.csv", f"--output={tmp_path}/out.csv"]
    ended = threading.Event()

    def interrupt():
        while not any(path.stat().st_size for path in tmp_path.glob(".out.csv.*/*/*")):
            if ended.wait(0.02):
                return
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        assert predict.main([f"--run={texts.path}", *places]) == 130
    finally:
        ended.set()
        thread.join()
    assert capsys.readouterr().err.splitlines()[-1].startswith("interrupted: ")
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_pictures_of_the_attention(texts, in_csv, tmp_path, capsys):
    pytest.importorskip("nrnm_keras.visualize.__main__")
    flags = [f"--run={texts.path}", f"--explain={tmp_path}/pictures"]
    assert predict.main([*flags, f"--text={TEXTS[1]}"]) == 0
    captured = capsys.readouterr()
    assert_line(captured.out.rstrip("\n"), texts, TEXTS[1])
    pictures = list((tmp_path / "pictures").rglob("*.*"))
    assert pictures and f"{len(pictures)} plots: {tmp_path}/pictures" in captured.err
    assert predict.main([*flags, f"--input={in_csv}"]) == 1
    assert "needs one input; there are 3" in capsys.readouterr().err


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder of models that are no trained classifiers."""
    folder = tmp_path_factory.mktemp("models")
    with zipfile.ZipFile(folder / "broken.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(folder / "other.keras")
    texts = keras.Input((), dtype="string")
    lengths = keras.layers.Lambda(lambda x: tf.one_hot(tf.strings.length(x), 2), (2,))(texts)
    model = keras.Model(texts, ClassProbabilities(["a", "b"])(lengths))
    model.save(folder / "code.keras")
    return folder


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no --run"),
        (["--rnu={texts}"], "rnu"),
        (["--run={texts}"], "expected exactly one of --text, --input, --skeleton and --stream"),
        (["--run={texts}", "--text=a", "--input={here}/in.csv"], "expected exactly one of"),
        (["--run={texts}", "--text=a", "--stream"], "expected exactly one of"),
        (["--run={texts}", "--text=a", "--output={here}/out.csv"], "--output is for --input only"),
        (["--run={texts}", "--stream", "--output={here}/out.csv"], "--output is for --input only"),
        (["--run={texts}", "--stream", "--explain={here}/out"], "not for --stream"),
        (["--run={texts}", "--text="], "--text is empty"),
        (["--run={texts}", "--text=a", "--explain="], "--explain is empty"),
        (["--run={texts}", "--format=xml", "--text=a"], "xml"),
        (["--run={texts}", "--skeleton={here}/a.skeleton"], "a.skeleton: no such file"),
        (["--run={texts}", "--skeleton={here}/in.csv"], "expected a .skeleton file"),
        (["--run={nw_ucla}", "--text=a"], "the model takes skeletons"),
        (["--run={nw_ucla}", "--stream"], "--length=all"),
        (["--run={here}/none", "--text=a"], "none"),
        (["--run={here}", "--text=a"], "model.keras"),
        (["--run={here}/in.csv", "--text=a"], "in.csv"),
        (["--run={models}/broken.keras", "--text=a"], "broken.keras"),
        (["--run={models}/other.keras", "--text=a"], "other.keras cannot be loaded"),
        (["--run={models}/code.keras", "--text=a"], "cannot be loaded"),
        (["--run={texts}", "--input={here}/no.csv"], "no.csv: no such file"),
        (["--run={texts}", "--input={here}/no.csv", "--output={here}/out.csv"], "no.csv"),
        (["--run={texts}", "--input={here}/in.csv", "--output={here}/in.csv"], "is the input"),
        (["--run={texts}", "--input={here}/in.csv", "--output={here}/../{name}/in.csv"], "input"),
        (["--run={texts}", "--input={here}/in.csv", "--output={here}/out.txt"], ".csv or .jsonl"),
        (["--run={texts}", "--input={here}/in.csv", "--output={here}/no/out.csv"], "no such f"),
        (["--run={texts}", "--input={here}/in.csv", "--output={here}/dir.csv"], "is a folder"),
        (["--run={texts}", "--input={here}/bad.csv", "--output={here}/out.csv"], "line 3"),
    ],
)
def test_errors_are_one_line(request, models, in_csv, tmp_path, capsys, arguments, message):
    (tmp_path / "dir.csv").mkdir()
    (tmp_path / "bad.csv").write_text("id,text\n1,a\n2\n")
    before = {path: path.is_dir() or path.read_bytes() for path in tmp_path.iterdir()}
    places = {"here": tmp_path, "name": tmp_path.name, "models": models}
    places |= {name: request.getfixturevalue(name).path for name in ("texts", "nw_ucla")}
    capsys.readouterr()
    assert predict.main([word.format(**places) for word in arguments]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("error: ") and message in line
    assert {path: path.is_dir() or path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_damaged_file_among_many_leaves_no_output(skeletons, tmp_path, capsys):
    *_, last = sorted(generate_files(tmp_path / "in", 3))
    last.write_text(last.read_text()[:1000])
    flags = [f"--input={tmp_path}/in", f"--output={tmp_path}/out.csv", "--batch_size=1"]
    assert predict.main([f"--run={skeletons.path}", *flags]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {last}, line ")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]

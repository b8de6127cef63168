import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from nrnm_keras.errors import UsageError
from nrnm_keras.inference.analysis.attention import Attention
from nrnm_keras.inference.analysis.directions import recurrent_directions
from nrnm_keras.inference.pictures.drawing import claimed_folder, draw_into, explain
from nrnm_keras.inference.pictures.explanation import why_no_attention
from nrnm_keras.inference.pictures.pages import pages as pages_of
from nrnm_keras.inference.trained_model import TrainedModel
from nrnm_keras.visualize import __main__ as visualize
from nrnm_keras.visualize.output_folder import is_empty
from pipelines.install_hint import install_hint
from pipelines.ntu_rgbd.skeleton_file import BodyFrames, write_skeleton
from tests.inference.analysis.common import (
    TEXTS,
    backbone,
    sequence,
    sequence_model,
    skeleton,
    skeleton_model,
    text_model,
)
from tests.running import run_twice

# Some twenty pictures of each of several models.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Files of models with random weights, by name."""
    folder = tmp_path_factory.mktemp("models")
    trained = {
        "text": text_model(backbone()),
        "text_lstm": text_model(backbone(())),
        "nw_ucla": skeleton_model(backbone(())),
        "ntu": skeleton_model(backbone(), layout="kinect_v2", bodies=2, length="all"),
        "sequence": sequence_model(backbone()),
    }
    for name, each in trained.items():
        each.model.save(folder / f"{name}.keras")
    return {name: folder / f"{name}.keras" for name in trained}


@pytest.fixture
def files(tmp_path):
    """A folder with inputs of every kind, and with some that cannot be used."""
    joints = skeleton(9)
    (tmp_path / "review.txt").write_text(TEXTS[0])
    (tmp_path / "empty.txt").write_text(" \n")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    (tmp_path / "a.json").write_text(json.dumps({"skeletons": joints[0, :, 0].tolist()}))
    np.savez(tmp_path / "x.npz", x=np.concatenate([sequence(9), sequence(9, seed=1)]))
    frames = np.arange(9, dtype="int32")
    body = skeleton(9, joints=25)[0, :, 0]
    states = np.full((9, 25), 2, "uint8")
    content = write_skeleton(BodyFrames(9, frames, np.ones(9, "int64"), body, states))
    (tmp_path / "a.skeleton").write_text(content)
    return tmp_path


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_command_on_a_text(models, files):
    command = [sys.executable, "-m", "nrnm_keras.visualize", f"--run={models['text']}"]
    command += [f"--beside={models['text_lstm']}", f"--input={files}/review.txt"]
    result = subprocess.run(
        [*command, f"--output={files}/out/pictures"], check=True, capture_output=True, text=True
    )
    made = files / "out" / "pictures"
    pictures = {"attention_layer_1.png", "words.png", "words.html"}
    assert names(made) == {*pictures, "influence.png", "memory.png"}
    assert result.stdout.split() == [str(made / name) for name in sorted(names(made))]


def test_command_on_a_skeleton(models, files):
    arguments = [f"--run={models['ntu']}", f"--input={files}/a.skeleton"]
    assert visualize.main([*arguments, f"--output={files}/out"]) == 0
    pictures = {"attention_layer_1.png", "frames_layer_1.png", "prediction.png", "prediction.gif"}
    assert names(files / "out") == {*pictures, "influence.png", "memory.png"}


def test_command_on_a_model_without_memory(models, files, capsys):
    arguments = [f"--run={models['nw_ucla']}", f"--input={files}/a.json"]
    assert visualize.main([*arguments, f"--output={files}/out"]) == 0
    assert "no attention is drawn: the model has no memory" in capsys.readouterr().out
    assert names(files / "out") == {"prediction.png", "prediction.gif", "influence.png"}


def test_command_on_one_of_many_sequences(models, files):
    arguments = [f"--run={models['sequence']}", f"--input={files}/x.npz", "--index=1"]
    assert visualize.main([*arguments, f"--output={files}/out"]) == 0
    trained = TrainedModel.load(models["sequence"])
    paths = explain(trained, sequence(9, seed=1)[0], files / "explained")
    assert [path.name for path in paths] == ["attention_layer_1.png", "prediction.png"]
    for path in paths:
        assert path.read_bytes() == (files / "out" / path.name).read_bytes()


@pytest.mark.parametrize(
    ("layers", "timesteps", "reason"),
    [
        (backbone(()), 9, "no memory"),
        (backbone(interaction="linear"), 9, "without attention"),
        (backbone(window_size=6), 5, "the memory is not yet written to after 5 time steps"),
        (backbone(window_size=6), 5, "the first write comes after 6"),
        (backbone(window_size=2), 3, "the first write comes after 4"),
    ],
)
def test_says_why_there_is_no_attention(layers, timesteps, reason):
    directions = recurrent_directions(sequence_model(layers), sequence(timesteps))
    assert reason in why_no_attention(directions)


def test_masked_steps_do_not_count_towards_the_first_write():
    directions = recurrent_directions(sequence_model(backbone()), sequence(9, holes=range(3, 9)))
    assert "after 3 time steps; the first write comes after 4" in why_no_attention(directions)


def test_a_text_without_a_write_has_no_blank_pictures_and_no_false_words(models, files, capsys):
    arguments = [f"--run={models['text']}", f"--beside={models['text_lstm']}", "--text=bad end"]
    assert visualize.main([*arguments, f"--output={files}/out"]) == 0
    reason = "the memory is not yet written to after 2 time steps; the first write comes after 4"
    assert f"no attention is drawn: {reason}\n" in capsys.readouterr().out
    assert names(files / "out") == {"words.png", "words.html", "influence.png"}
    page = (files / "out" / "words.html").read_text()
    assert f"No word is shaded: {reason}." in page and "no memory" not in page


@pytest.mark.parametrize(
    ("writes", "pages", "drawn"), [(1, 1, 1), (5, 1, 5), (6, 2, 6), (99, 3, 15)]
)
def test_writes_stand_on_a_few_pages(writes, pages, drawn):
    attention = Attention("layer 1, forward", np.zeros((writes, 2, 1, 3)), None)
    parts, files, titles = zip(*pages_of(attention, 5), strict=True)
    assert [i for part in parts for i in range(writes)[part]] == list(range(drawn))
    assert len(set(files)) == pages and all(name.startswith("layer_1_forward") for name in files)
    assert all("2 heads" in title for title in titles)
    assert all((f"the first {drawn} are drawn" in title) == (drawn < writes) for title in titles)


def test_a_command_that_is_killed_while_it_draws_leaves_nothing_in_the_way(tmp_path):
    def draw(folder):
        (folder / "words.png").write_text("half of it")
        assert names(tmp_path) and is_empty(tmp_path)

    assert draw_into(tmp_path, draw) == [tmp_path / "words.png"]
    assert not is_empty(tmp_path)


@pytest.mark.parametrize("pictures_in_place", [0, 1, 2])
def test_a_command_that_is_killed_at_the_end_can_be_run_again(models, files, pictures_in_place):
    """The pictures get their names one after the other."""
    out = files / "out"
    process = os.fork()
    if not process:
        kill_after_pictures(pictures_in_place, out)
    assert os.WTERMSIG(os.waitpid(process, 0)[1]) == signal.SIGKILL
    assert len(list(out.glob("*.png"))) == pictures_in_place
    arguments = [f"--run={models['text']}", f"--text={TEXTS[0]}", f"--output={out}"]
    assert visualize.main(arguments) == 0
    pictures = {"attention_layer_1.png", "words.png", "words.html"}
    assert names(out) == {*pictures, "influence.png", "memory.png"}


def kill_after_pictures(number, folder):
    """Draws pictures that another model has, and kills the process when some are in place."""
    replace = os.replace

    def replace_and_die(source, target):
        replace(source, target)
        if len(list(folder.glob("*.png"))) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def draw(fresh):
        for name in ("frames_1.png", "words.png", "zoo.png"):
            (fresh / name).write_text("of another model")
        if not number:
            os.kill(os.getpid(), signal.SIGKILL)

    os.replace = replace_and_die
    with claimed_folder(folder):
        draw_into(folder, draw)
    os._exit(1)


def test_second_visualization_of_the_same_waits_for_the_first(models, files, capsys):
    out = files / "out"
    arguments = [f"--run={models['text']}", f"--text={TEXTS[0]}", f"--output={out}"]
    (first, second), waits = run_twice(
        lambda: list(out.glob(".incomplete_*")), "nrnm_keras.visualize", *arguments
    )
    assert waits.endswith(f", which writes to {out}\n")
    assert (first.code, second.code) == (0, 0), first.errors + second.errors
    assert second.output == f"{out}: drawn by another process in the meantime\n"
    assert first.output.split() == [str(out / name) for name in sorted(names(out))]
    assert visualize.main(arguments) == 1
    assert "not an empty folder" in capsys.readouterr().err


def test_pictures_that_cannot_all_be_drawn_leave_nothing(tmp_path):
    def draw(folder):
        (folder / "words.png").write_text("all of it")
        (folder / "none" / "memory.png").write_text("impossible")

    with pytest.raises(UsageError, match="cannot be written"):
        draw_into(tmp_path, draw)
    assert not names(tmp_path)


def test_explain_replaces_its_pictures_and_leaves_other_files(models, files):
    trained = TrainedModel.load(models["text_lstm"])
    (files / "out").mkdir()
    for name in ("words.png", "mine.png"):
        (files / "out" / name).write_text("old")
    paths = explain(trained, TEXTS[1], files / "out")
    assert paths == [files / "out" / "words.html", files / "out" / "words.png"]
    assert (files / "out" / "words.png").read_bytes()[1:4] == b"PNG"
    assert (files / "out" / "mine.png").read_text() == "old"
    assert names(files / "out") == {"words.html", "words.png", "mine.png"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--text=a", "--output={here}/out"], "--run"),
        (["--run={text}", "--output={here}/out"], "one of --text and --input"),
        (["--run={text}", "--input=", "--output={here}/out"], "--input is empty"),
        (["--run={text}", "--text=a"], "--output"),
        (["--run={text}", "--text=a", "--output={here}"], "not an empty folder"),
        (["--run={text}", "--text=a", "--output={here}/a.json"], "not an empty folder"),
        (["--run={text}", "--text=a", "--output={here}/a.json/out"], "cannot be written"),
        (["--run={here}/none", "--text=a", "--output={here}/out"], "none"),
        (["--run={text}", "--text= ", "--output={here}/out"], "empty"),
        (["--run={text}", "--input={here}/none.txt", "--output={here}/out"], "none.txt"),
        (
            ["--run={text}", "--input={here}/empty.txt", "--output={here}/out"],
            "has no words; expected a text",
        ),
        (["--run={text}", "--input={here}/latin.txt", "--output={here}/out"], "not UTF-8"),
        (["--run={text}", "--input={here}/a.json", "--output={here}/out"], "list of objects"),
        (["--run={nw_ucla}", "--input={here}/review.txt", "--output={here}/out"], "skeletons"),
        (["--run={nw_ucla}", "--input={here}/none.json", "--output={here}/out"], "none.json"),
        (["--run={nw_ucla}", "--input={here}/a.skeleton", "--output={here}/out"], "25 joints"),
        (["--run={nw_ucla}", "--text=a", "--output={here}/out"], "skeletons"),
        (
            ["--run={sequence}", "--input={here}/x.npz", "--index=2", "--output={here}/out"],
            "expected an index from 0 to 1",
        ),
        (
            ["--run={text}", "--beside={sequence}", "--text=a", "--output={here}/out"],
            "two models of the same data",
        ),
        (["--rnu={text}", "--text=a", "--output={here}/out"], "rnu"),
    ],
)
def test_errors_are_one_line(models, files, capsys, arguments, message):
    before = names(files)
    places = {"here": files, **models}
    assert visualize.main([argument.format(**places) for argument in arguments]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and message in line
    assert names(files) == before


def test_without_matplotlib_one_line_says_what_to_install(models, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    arguments = [f"--run={models['text']}", "--text=a", f"--output={tmp_path}/out"]
    assert visualize.main(arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert install_hint("plot") in line
    assert not names(tmp_path)

"""The quick start of the README: a real training, and the answers that the README shows."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from nrnm_keras.inference import TrainedModel
from nrnm_keras.visualize.visualizing import visualize
from pipelines.sample_reviews.generate import generate_reviews
from tests.markdown import ROOT, Document

pytestmark = pytest.mark.slow  # trains for some minutes

README = Document("README.md").text
_, _, *ROWS = re.search(r"<!-- answers -->\n((?:\|.*\n)+)", README)[1].splitlines()
ANSWERS = [[cell.strip() for cell in row.strip("|").split("|")] for row in ROWS]
# What people try first, in words of their own.
FIRST_TRIES = {
    "pos": "I loved it|best movie ever|AMAZING!!!|This movie was great|great, funny, moving|good|"
    "A masterpiece.|Highly recommended!|Two thumbs up|I really liked it|wonderful|"
    "The acting was superb and the story touching.|beautiful, touching and funny|"
    "One of the best films I have ever seen.|I enjoyed it from start to finish.|Brilliant!|"
    "It's a great film with a wonderful cast.|Absolutely fantastic film, I enjoyed it a lot.",
    "neg": "I hated it|Worst film ever|AWFUL!!!|This movie was terrible|not great|bad|boring|"
    "What a disaster|Don't waste your time|I want my money back|I did not like it|Horrible.|"
    "This film is not good at all.|I would not recommend this movie to anyone.|"
    "One of the worst films I have ever seen.|stupid, ugly and slow|not worth watching|"
    "It's a bad film with a terrible cast.|What a boring movie, I fell asleep twice.",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quick_start")
    shutil.copytree(ROOT / "docs", folder / "docs")
    return folder


@pytest.fixture(scope="module")
def said(folder):
    """What the training says."""
    return run("nrnm_keras.train", f"--flagfile={ROOT}/configs/quickstart.flags", folder=folder)


def run(module, *arguments, folder):
    """Runs a command of the README and returns its output."""
    result = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    return result.stdout


@pytest.fixture(scope="module")
def reports(folder, said):
    paths = {name: folder / "runs/quickstart" / name / "report.json" for name in ("nrnm", "lstm")}
    return {name: json.loads(path.read_text()) for name, path in paths.items()}


@pytest.fixture(scope="module")
def models(folder, said):
    names = ("nrnm", "lstm")
    return {name: TrainedModel.load(folder / "runs/quickstart" / name) for name in names}


def test_nrnm_is_right_and_the_lstm_is_far_below(reports):
    accuracy = {name: report["metrics"]["test"]["accuracy"] for name, report in reports.items()}
    assert accuracy["nrnm"] > 0.97
    assert accuracy["lstm"] < 0.85


def test_the_lstm_knows_short_reviews_and_guesses_long_ones(models):
    reviews = list(generate_reviews(300, split="test"))
    labels = models["lstm"].predict([review.text for review in reviews])["label"]
    right = [(label == "pos") == bool(r.label) for label, r in zip(labels, reviews, strict=True)]
    short = [review.kind == "short" for review in reviews]
    assert np.mean(np.array(right)[short]) > 0.9
    assert np.mean(np.array(right)[np.invert(short)]) < 0.7


def test_answers_are_those_of_the_readme(models):
    texts, answers = zip(*ANSWERS, strict=True)
    assert len(texts) > 5
    predicted = models["nrnm"].predict(texts)
    for label, row, answer in zip(
        predicted["label"], predicted["probabilities"], answers, strict=True
    ):
        shown, probability = answer.split()
        assert label == shown
        # Another machine rounds differently, and trains a slightly different network.
        assert max(row) == pytest.approx(float(probability), abs=0.05)


def test_predict_prints_an_answer_of_the_readme(folder, said):
    text, answer = ANSWERS[0]
    label, probability = answer.split()
    line = run("nrnm_keras.predict", "--run=runs/quickstart/nrnm", f"--text={text}", folder=folder)
    assert re.search(rf"{label} +{label} ([\d.]+)", line)
    assert float(re.search(r"[\d.]+", line)[0]) == pytest.approx(float(probability), abs=0.05)


def test_the_exported_model_gives_the_answer_that_the_readmes_show(folder, said):
    model = tf.saved_model.load(str(folder / "runs/quickstart/nrnm/saved_model"))
    given = model.serve(tf.constant(["I loved every minute of it."]))
    shown = re.search(r'# {"neg": \[([\d.]+)\], "pos": \[([\d.]+)\]}', README)
    answer = json.loads(
        re.search(
            r"<!-- answer -->\n```json\n(.*?)```",
            Document("nrnm_keras/export/README.md").text,
            re.S,
        )[1]
    )
    for values in (map(float, shown.groups()), answer["predictions"][0]["probabilities"]):
        np.testing.assert_allclose([given["neg"][0], given["pos"][0]], list(values), atol=0.05)


@pytest.mark.parametrize("label", ["neg", "pos"])
def test_what_people_try_first_is_answered_right(models, label):
    texts = FIRST_TRIES[label].split("|")
    labels = models["nrnm"].predict(texts)["label"]
    wrong = [text for text, given in zip(texts, labels, strict=True) if given != label]
    assert len(wrong) <= 1, wrong  # another machine's network may differ in one


def test_a_review_is_shown_with_both_answers_and_the_truth(said, reports):
    review = said[said.index("A test review:") :]
    assert re.search(r"\[\.\.\. \d+ words \.\.\.\]", review)
    (truth, nrnm, lstm) = re.search(
        r"truth (\w+)\nnrnm  (\w+) [\d.]+\nlstm  (\w+) [\d.]+", review
    ).groups()
    assert truth == nrnm != lstm
    assert "to try:  runs/quickstart/nrnm/reviews_to_paste.txt" in said


def test_reviews_to_paste_give_the_answers_beside_them(folder, said):
    text = (folder / "runs/quickstart/nrnm/reviews_to_paste.txt").read_text()
    shown = re.findall(r"^# (\w+); predicted: (\w+) ([\d.]+)\n(python -m .*)$", text, re.M)
    assert len(shown) == 12
    for _, label, probability, command in shown[::6]:  # a long one and a short one
        _, _, module, *arguments = shlex.split(command)
        line = run(module, *arguments, folder=folder)
        assert re.match(rf"{label}  {label} {probability}", line)


def test_the_picture_shows_a_review_that_only_nrnm_reads_right(models, folder):
    text = (ROOT / "docs" / "long_review.txt").read_text()
    assert text.startswith("I loved this film") and text.endswith("detested it.\n")
    assert [models[name].predict([text])["label"] for name in models] == [["pos"], ["neg"]]
    drawn = visualize(models["nrnm"], text, folder / "pictures", models["lstm"])
    assert "words.png" in [path.name for path in drawn.paths] and not drawn.left_out
    alone = visualize(models["nrnm"], text, folder / "alone").paths
    pictures = [next(p for p in paths if p.name == "words.png") for paths in (drawn.paths, alone)]
    assert pictures[0].read_bytes() != pictures[1].read_bytes()
    assert (ROOT / "docs" / "long_review.png").stat().st_size < 200_000


def test_a_dozen_words_reach_the_memory_and_of_fewer_it_is_said(models, folder):
    (text,) = [text for text, _ in ANSWERS if len(text.split()) >= 12]
    drawn = visualize(models["nrnm"], text, folder / "a_dozen")
    assert {"attention_layer_1.png", "memory.png"} <= {path.name for path in drawn.paths}
    drawn = visualize(models["nrnm"], "I loved it.", folder / "few")
    names = {path.name for path in drawn.paths}
    assert "words.png" in names and not names & {"attention_layer_1.png", "memory.png"}
    (reason,) = drawn.left_out
    assert "not yet written to after 3 time steps; the first write comes after 12" in reason
    page = (folder / "few" / "words.html").read_text()
    assert "the first write comes after 12" in page and "no memory" not in page

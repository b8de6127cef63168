"""A training on texts without spaces, which are split into subwords."""

import numpy as np
import pytest

from nrnm_keras.preprocessing import TextPreprocessor
from nrnm_keras.tasks.heads.text_statistics import text_statistics
from nrnm_keras.train import NetworkConfig, TextTask, TrainConfig, train
from tests.unspaced_texts import unspaced_texts

RANDOM = np.random.default_rng(0)
TRAIN, TEST = unspaced_texts(300), unspaced_texts(60, seed=1)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    config = TrainConfig(
        task=TextTask(embedding_size=4),
        network=NetworkConfig(units=4, block_size=4, stride=2),
        run_dir=str(tmp_path_factory.mktemp("run") / "run"),
        epochs=2,
    )
    return train(config, TRAIN, test_data=TEST)


def test_words_are_all_unknown():
    preprocessor = TextPreprocessor()
    preprocessor.adapt(TRAIN[0])
    assert np.all(np.asarray(preprocessor(TEST[0])) == 1)


@pytest.mark.slow
def test_subwords_are_chosen_and_learn_what_words_cannot(run):
    (chosen,) = (each for each in run.report["settings"] if each["flag"] == "tokens")
    assert chosen["value"] == "subwords" and chosen["reason"].startswith("100 % of the words")
    assert "--tokens=subwords" in (run.folder / "flags.txt").read_text().splitlines()
    assert run.report["metrics"]["test"]["accuracy"] > 0.95
    # The baseline is of characters, so that it is a fair one.
    assert run.report["baseline"]["accuracy"] > 0.9


@pytest.mark.slow
def test_predictions_attention_and_names_of_its_tokens(run):
    text = TEST[0][1]
    labels = run.model.predict(TEST[0])["label"]
    accuracy = run.report["metrics"]["test"]["accuracy"]
    assert np.mean(np.array(labels) == TEST[1]) == pytest.approx(accuracy)
    preprocessor = run.model.text_preprocessor
    names = run.model.modality.name_time_steps([text])[""].names
    assert "".join(names) == f"▁{text}" and 1 < len(names) < len(text)
    assert set(names) < set(preprocessor.vocabulary)
    assert run.model.attention(text)


@pytest.mark.slow
@pytest.mark.parametrize("format", ["saved_model", "keras"])
def test_exported_with_the_subwords_inside(run, format, tmp_path):
    """Checked in a process that has TensorFlow only."""
    exported = run.model.export(format, tmp_path / "export")
    assert all(result["difference"] < 1e-4 for result in exported.results.values())


def test_statistics_count_subwords(build_records):
    rows = list(zip(*TRAIN, strict=True))
    path = build_records(train=rows)
    assert text_statistics(TextTask(tokens="words"), path).length == 1
    assert text_statistics(TextTask(), path).length > 4
    settings = {s.flag: s.value for s in TextTask().choose_settings(path)}
    letters = len(set("".join(TRAIN[0])))
    assert settings["tokens"] == "subwords" and settings["vocabulary_size"] == 21 * letters + 3
    words = {s.flag: s.value for s in TextTask(tokens="words").choose_settings(path)}
    assert words["vocabulary_size"] == 50_000


def test_texts_of_words_stay_words(build_records):
    rows = [(f"the film number {i} is {'good' if i % 2 else 'bad'}", str(i % 2)) for i in range(40)]
    path = build_records(train=rows)
    assert {s.flag: s.value for s in TextTask().choose_settings(path)}["tokens"] == "words"
    given = {s.flag: s for s in TextTask(tokens="subwords").choose_settings(path)}
    assert given["vocabulary_size"].value < 1100


def test_dna_is_read_letter_by_letter_and_classified_by_motifs(build_records):
    texts = ["".join(RANDOM.choice(list("ACGT"), 60)) for _ in range(300)]
    texts = [text[:30] + ("TATAAT", "GCGCGT")[i % 2] + text[30:] for i, text in enumerate(texts)]
    path = build_records(train=[(text, f"kind {i % 2}") for i, text in enumerate(texts)])
    settings = {s.flag: s.value for s in TextTask().choose_settings(path)}
    assert (settings["tokens"], settings["vocabulary_size"]) == ("subwords", 7)
    opened = TextTask(tokens="subwords", vocabulary_size=7).open(path)
    assert set(opened.preprocessor.vocabulary[2:]) == set("acgt▁")
    ids, labels = zip(*opened.examples("validation"), strict=True)
    scores = opened.fit_linear(["train"], [20])[20](np.array(ids))
    assert np.mean(np.argmax(scores, axis=1) == np.array(labels)) > 0.9

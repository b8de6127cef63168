"""Classifiers that start from a language model."""

import csv
import json
import re
import shutil
import zipfile

import keras
import numpy as np
import pytest

from nrnm_keras.predict import __main__ as predict
from nrnm_keras.train import __main__ as train
from nrnm_keras.train.pretrained import Pretrained
from pipelines.build import build
from tests.configs import make_config

WORDS = "a film that we saw and never forgot was shown again in town".split()
NETWORK = {"model": "gru", "units": 8, "num_layers": 1, "nrnm_layers": 1, "embedding_size": 4}
TRAINING = {"epochs": 2, "batch_size": 8, "bidirectional": True}


def write_texts(path, count):
    rows = [f"{' '.join(WORDS[i % 5 :])} {i % 9},{'ab'[i % 2]}" for i in range(count)]
    path.write_text("\n".join(["text,label", *rows]))


@pytest.fixture(scope="module")
def flags(tmp_path_factory):
    """The flags of a language model, but for its folder."""
    folder = tmp_path_factory.mktemp("pretrained")
    write_texts(folder / "train.csv", 40)
    write_texts(folder / "test.csv", 8)
    files = {f"{name}_file": folder / f"{name}.csv" for name in ("train", "test")}
    return {"data_dir": folder / "data", **files, **NETWORK, **TRAINING}


def run(flags, **changes):
    """Runs the command and returns its exit code."""
    keras.utils.clear_session()
    flags = {**flags, **changes}
    return train.main([f"--{name}={v}" for name, v in flags.items() if v is not None])


@pytest.fixture(scope="module")
def language_model(flags):
    """The folder of a finished run."""
    folder = flags["data_dir"].parent / "language_model"
    start = {"task": "text_language_model", "softmax_samples": 4}
    assert run(flags, run_dir=folder, **start) == 0
    return folder


@pytest.fixture(scope="module")
def classifier(flags, language_model):
    """The folder of a finished run that started from it, and learned nothing."""
    folder = flags["data_dir"].parent / "classifier"
    start = {"init_from": language_model, "learning_rate": 0}
    assert run(flags, task="text", run_dir=folder, epochs=1, **start) == 0
    return folder


def config_of(flags, **changes):
    return make_config(**{**flags, **changes})


def report_of(folder):
    return json.loads((folder / "report.json").read_text())


def test_report_tells_the_perplexity_and_that_there_is_no_test(language_model):
    report = report_of(language_model)
    assert report["metric"] == "perplexity"
    assert set(report["metrics"]["validation"]) == {"loss", "perplexity"}
    assert report["metrics"]["test"] is None
    assert set(report["data"]["examples"]) == {"train", "validation"}
    text = (language_model / "report.md").read_text()
    assert "perplexity" in text and "no test split" in text and "--init_from=" in text
    header = (language_model / "metrics.csv").read_text().splitlines()[0]
    assert {"perplexity", "val_perplexity"} <= set(header.split(","))


def test_best_epoch_is_that_of_the_lowest_perplexity(language_model):
    with (language_model / "metrics.csv").open() as file:
        perplexities = [float(row["val_perplexity"]) for row in csv.DictReader(file)]
    training = report_of(language_model)["training"]
    assert training["best_epoch"] == 1 + int(np.argmin(perplexities))
    assert report_of(language_model)["metrics"]["validation"]["perplexity"] == min(perplexities)


def test_classifier_has_the_vocabulary_of_the_language_model(language_model, classifier):
    vocabularies = [
        keras.saving.load_model(folder / "model.keras").get_layer("preprocessor").vocabulary
        for folder in (language_model, classifier)
    ]
    assert vocabularies[0] == vocabularies[1]
    assert report_of(classifier)["flags"]["init_from"] == str(language_model)


@pytest.mark.parametrize("task_name", ["text", "sick"])
def test_embedding_and_recurrent_layers_are_copied_and_nothing_else(
    flags, language_model, tmp_path, task_name
):
    model = keras.saving.load_model(language_model / "model.keras", compile=False)
    there = model.get_layer("network").layers[-1]
    given = config_of(flags, task=task_name, init_from=language_model)
    if task_name == "text":
        files = {name: str(flags[name]) for name in ("train_file", "test_file")}
        path = build("text_files", flags["data_dir"], **files)
    else:
        header = "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment\n"
        for name in ("train", "trial", "test_annotated"):
            (tmp_path / f"SICK_{name}.txt").write_text(f"{header}{name}\tA\tB\t3\tNEUTRAL\n")
        path = build("sick", tmp_path / "data", source=str(tmp_path))
    heads = []
    for seed in (0, 1):
        keras.utils.set_random_seed(seed)
        pretrained = Pretrained.load(given, given.task)
        task = given.task.open(path, vocabulary=pretrained.vocabulary)
        network = task.build_network(given.network)
        embedding, backbone = task.encoder_of(network)
        assert not np.allclose(embedding.get_weights()[0], there.embedding.get_weights()[0])
        pretrained.copy_to(embedding, backbone)
        for mine, its in ((embedding, there.embedding), (backbone, there.backbone)):
            pairs = list(zip(mine.get_weights(), its.get_weights(), strict=True))
            assert pairs and all(np.array_equal(*pair) for pair in pairs)
        copied = {id(weight) for layer in (embedding, backbone) for weight in layer.weights}
        heads.append(
            [keras.ops.convert_to_numpy(w) for w in network.weights if id(w) not in copied]
        )
    if task_name == "text":
        assert not np.allclose(heads[0][0], heads[1][0])


def test_training_starts_from_the_copied_weights(language_model, classifier):
    """With a learning rate of nothing they are what is trained."""
    networks = [
        keras.saving.load_model(path / "model.keras", compile=False).get_layer("network")
        for path in (language_model, classifier)
    ]
    there, here = networks[0].layers[-1], networks[1].layers
    np.testing.assert_array_equal(there.embedding.embeddings, here[0].embeddings)
    for pair in zip(there.backbone.weights, here[-1].backbone.weights, strict=True):
        np.testing.assert_array_equal(*pair)


@pytest.mark.slow
def test_the_embedding_alone_suits_other_recurrent_layers(flags, language_model, tmp_path):
    start = {"init_from": language_model, "init_layers": "embedding", "learning_rate": 0}
    other = {"model": "nrnm", "units": 12, "num_layers": 2, "nrnm_layers": "2"}
    assert run(flags, task="text", run_dir=tmp_path / "run", epochs=1, **start, **other) == 0
    here, there = (
        keras.saving.load_model(path / "model.keras", compile=False).get_layer("network").layers
        for path in (tmp_path / "run", language_model)
    )
    np.testing.assert_array_equal(here[0].embeddings, there[-1].embedding.embeddings)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"init_layers": "embedding", "embedding_size": 8}, "embedding_size=4;"),
        ({"units": 12}, "was trained with units=8; expected the values given here, units=12"),
        ({"num_layers": 2}, "num_layers=1;"),
        ({"nrnm_layers": ""}, "nrnm_layers=1;"),
        ({"model": "nrnm"}, "model=gru;"),
        ({"bidirectional": False}, "bidirectional=True;"),
        ({"embedding_size": 8, "vocabulary_size": 50}, "embedding_size=4, vocabulary_size=20000;"),
        ({"stride": 2}, "stride=4;"),
        ({"validation_fraction": 0.2}, "validation_fraction=0.1;"),
        ({"compare_with_lstm": True}, "--compare_with_lstm"),
        (
            {"task": "sequence", "embedding_size": None},
            "is for the tasks imdb, sample_reviews, sick, text",
        ),
        ({"task": "text_language_model"}, "is for the tasks imdb, sample_reviews, sick, text"),
        ({"init_from": "missing"}, "--init_from=missing: expected the folder of a"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(
    flags, language_model, tmp_path, capsys, changes, message
):
    start = {"task": "text", "run_dir": tmp_path / "run", "init_from": language_model}
    capsys.readouterr()
    assert run(flags, **{**start, **changes}) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("error: --init_from=") and message in last
    assert not (tmp_path / "run" / "report.json").exists()


def spoil(folder, copy, change):
    shutil.copytree(folder, copy)
    change(copy)
    return copy


def unfinished(run):
    (run / "report.json").unlink()


def damaged(run):
    (run / "model.keras").write_bytes(b"nothing")


def cut_off(run):
    content = (run / "model.keras").read_bytes()
    (run / "model.keras").write_bytes(content[: len(content) // 2])


def a_folder(run):
    (run / "model.keras").unlink()
    (run / "model.keras").mkdir()


def another_model(run):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.save(run / "model.keras")


def members_changed(run, change):
    """Writes the model's archive anew, after a change of its members' contents."""
    path = run / "model.keras"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def no_configuration(run):
    members_changed(run, lambda members: members.pop("config.json"))


def damaged_configuration(run):
    members_changed(run, lambda members: members.update({"config.json": b"\xff{"}))


def empty_configuration(run):
    members_changed(run, lambda members: members.update({"config.json": b"[]"}))


def damaged_weights(run):
    members_changed(run, lambda members: members.update({"model.weights.h5": b"nothing"}))


def weights_changed(run, change):
    """Changes the values of the weights in a model's file."""
    model = keras.saving.load_model(run / "model.keras", compile=False)
    embedding = model.get_layer("network").layers[-1].embedding
    embedding.set_weights([change(value) for value in embedding.get_weights()])
    model.save(run / "model.keras")


def not_finite(run):
    weights_changed(run, lambda value: np.full_like(value, np.nan))


def other_report(run):
    (run / "report.json").write_text("[]")


def other_units(run):
    """Flags that tell of another network than the one that is there."""
    lines = (run / "flags.txt").read_text()
    (run / "flags.txt").write_text(lines.replace("--units=8\n", "--units=12\n"))


def generated(run):
    report = {**report_of(run), "notice": "SAMPLE DATA"}
    (run / "report.json").write_text(json.dumps(report))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (unfinished, "finished run"),
        (damaged, "model.keras cannot be loaded"),
        (cut_off, "model.keras cannot be loaded"),
        (a_folder, "model.keras cannot be loaded"),
        (another_model, "model.keras cannot be loaded"),
        (no_configuration, "model.keras cannot be loaded"),
        (damaged_configuration, "model.keras cannot be loaded"),
        (empty_configuration, "model.keras cannot be loaded"),
        (damaged_weights, "model.keras cannot be loaded"),
        (not_finite, "holds a value that is not finite"),
        (other_report, "report.json is damaged"),
        (generated, "was trained on other data: SAMPLE DATA"),
    ],
)
def test_run_that_cannot_be_used(flags, language_model, tmp_path, capsys, change, message):
    other = spoil(language_model, tmp_path / "other", change)
    capsys.readouterr()
    assert run(flags, task="text", run_dir=tmp_path / "run", init_from=other) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("error: ") and message in last
    assert len(last) < 1000


def test_network_that_is_another_than_its_flags_say(flags, language_model, tmp_path, capsys):
    other = spoil(language_model, tmp_path / "other", other_units)
    capsys.readouterr()
    start = {"task": "text", "run_dir": tmp_path / "run", "init_from": other, "units": 12}
    assert run(flags, **start) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("error: ") and "model.keras holds variables of shapes" in last


def test_classifier_is_no_language_model(flags, classifier, tmp_path, capsys):
    capsys.readouterr()
    assert run(flags, task="text", run_dir=tmp_path / "run", init_from=classifier) == 1
    assert "is a run of task text; expected a language model's run" in capsys.readouterr().err


def test_start_is_part_of_what_a_run_is(flags, language_model, classifier, tmp_path, capsys):
    unfinished = spoil(classifier, tmp_path / "run", lambda copy: (copy / "report.json").unlink())
    capsys.readouterr()
    assert run(flags, task="text", run_dir=unfinished, epochs=1, learning_rate=0) == 1
    assert f"--init_from={language_model} only there" in capsys.readouterr().err


def test_predict_says_how_likely_a_text_is(language_model, capsys):
    assert predict.main([f"--run={language_model}", "--text=A film."]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert re.fullmatch(r"log-probability -[\d.]+, perplexity [\d.]+", last)

"""Trainings on a user's own data with settings that are chosen from them."""

import json

import numpy as np
import pytest

from nrnm_keras.errors import Stopped, UsageError
from nrnm_keras.inference.analysis.attention import attention_received
from nrnm_keras.inference.analysis.text_reading import read_text
from nrnm_keras.inference.analysis.time_steps import name_time_steps
from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.inference.trained_model import TrainedModel
from nrnm_keras.train import NetworkConfig, SequenceTask, TextTask, TrainConfig, train
from nrnm_keras.train import __main__ as command
from nrnm_keras.train.data_warnings import data_warnings

COUNT = 36
RANDOM = np.random.default_rng(0)
LABELS = np.arange(COUNT) % 2
# Waves of two frequencies.
SERIES = np.sin(np.arange(30) * (0.4 + 0.8 * LABELS[:, None]))[..., None]
SERIES = (SERIES + 0.2 * RANDOM.normal(size=SERIES.shape)).astype("float32")
# Settings of the network that take no time.
TINY = {"units": 4, "block_size": 4, "stride": 2}


def tiny(task, run_dir, **options):
    network = NetworkConfig(**TINY)
    return TrainConfig(task=task, network=network, run_dir=str(run_dir), epochs=2, **options)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    data = (SERIES, [f"wave {label}" for label in LABELS])
    return train(tiny(SequenceTask(), folder / "run"), data, test_data=(SERIES[:10], data[1][:10]))


def test_values_that_were_given_stand_and_others_are_chosen(run):
    flags = run.report["flags"]
    assert flags["units"] == 4 and flags["epochs"] == 2
    assert flags["num_layers"] == 1 and flags["folds"] == 3 and flags["bidirectional"]
    assert {each["flag"] for each in run.report["settings"]}.isdisjoint({*TINY, "epochs"})
    lines = (run.folder / "flags.txt").read_text().splitlines()
    assert "--folds=3" in lines and "--linear_classifier" in lines


def test_folds_validate_each_example_and_the_last_training_learns_from_all(run):
    assert run.report["data"]["examples"] == {"train": COUNT, "test": 10}
    averaged = run.report["averaging"]["validation"]
    assert run.report["metrics"]["validation"] == averaged["average"]
    # Two of three parts of the examples are enough for the linear classifier.
    assert averaged["linear"]["accuracy"] > 0.9
    tested = run.report["averaging"]["test"]
    assert set(tested) == set(averaged) == {"average", "network", "linear"}
    assert run.report["metrics"]["test"] == tested["average"]
    assert not (run.folder / "folds").exists()


def test_the_model_is_the_average(run):
    model = run.model
    assert model.is_average
    assert model.predict(list(SERIES[:4]))["label"] == [f"wave {label}" for label in LABELS[:4]]
    with pytest.raises(ValueError, match="nolinear_classifier"):
        model.streams()
    assert model.attention(SERIES[0])


@pytest.mark.slow
@pytest.mark.parametrize("format", ["saved_model", "onnx", "keras"])
def test_averaged_models_are_exported(run, format, tmp_path):
    exported = run.model.export(format, tmp_path / "export")
    assert all(result["difference"] < 1e-4 for result in exported.results.values())


@pytest.mark.slow
def test_a_stopped_run_resumes_with_its_own_settings(tmp_path, run):
    """In any part of the cross-validation, and to the same weights."""
    labels = [f"wave {label}" for label in LABELS]
    stops = 0
    while True:
        # Longer each time, so that a slow machine gets to the end, too.
        config = tiny(SequenceTask(), tmp_path / "run", time_limit=5 * 2**stops)
        try:
            again = train(config, (SERIES, labels), test_data=(SERIES[:10], labels[:10]))
        except Stopped:
            stops += 1
        else:
            break
    assert stops
    assert again.report["metrics"] == run.report["metrics"]
    old, new = (TrainedModel.load(each.folder).network.get_weights() for each in (run, again))
    for one, other in zip(old, new, strict=True):
        np.testing.assert_array_equal(one, other)


def test_other_values_are_another_run(run):
    with pytest.raises(UsageError, match="--num_layers=2 only here"):
        config = tiny(SequenceTask(train_file="x.npz"), run.folder)
        network = config.network.replace(num_layers=2)
        RunFolder(run.folder).check(config.replace(network=network))


@pytest.mark.slow
def test_baseline_of_texts_and_its_flag(tmp_path):
    texts = [f"{'good' if i % 2 else 'bad'} film number {i}" for i in range(60)]
    data = (texts, ["ab"[i % 2] for i in range(60)])
    options = {"embedding_size": 4, "folds": 1, "validation_fraction": 0.2}
    report = train(tiny(TextTask(**options), tmp_path / "a"), data).report
    assert report["baseline"]["split"] == "validation" and report["baseline"]["accuracy"] == 1
    assert "TF-IDF" in (tmp_path / "a" / "report.md").read_text()
    none = train(tiny(TextTask(**options, baseline=False), tmp_path / "b"), data).report
    assert "baseline" not in none


@pytest.mark.slow
def test_settings_on_the_command_line(tmp_path, capsys):
    np.savez(tmp_path / "train.npz", x=SERIES, y=LABELS)
    arguments = [f"--train_file={tmp_path}/train.npz", f"--run_dir={tmp_path}/run"]
    arguments += ["--task=sequence", f"--data_dir={tmp_path}/data", "--epochs=1", "--units=4"]
    assert command.main([*arguments, "--folds=1"]) == 0
    output = capsys.readouterr().out
    assert "chosen settings" in output and "--num_layers=1 " in output
    assert "--units=4 " not in output.partition("Epoch")[0]
    assert "warning: only 7 validation examples" in output
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert report["warnings"] and report["baseline"]["accuracy"] > 0.5


def warnings_of(task, build_records, **splits):
    return data_warnings(task.open(build_records(**splits)))


def test_unusual_texts_are_named(build_records):
    rows = [(f"text {i} {'word ' * (i % 4 * 3)}", str(i % 11)) for i in range(60)]
    test = [("new", "0"), ("TEXT  0", "1"), (rows[2][0], "2")]
    found = warnings_of(TextTask(max_length=6), build_records, train=rows, test=test)
    joined = "\n".join(found)
    assert "only 6 validation examples" in joined
    assert "all 11 labels are numbers" in joined
    assert "2 of 3 test examples are also training examples" in joined
    assert "% of the training texts have more than --max_length=6 tokens" in joined


def test_usual_texts_need_no_warning(build_records):
    rows = [(f"text {i}", "ab"[i % 2]) for i in range(250)]
    assert warnings_of(TextTask(), build_records, train=rows) == []
    rare = [*rows, ("one more", "c")]
    (warning,) = warnings_of(TextTask(), build_records, train=rare, test=[("x", "a")])
    assert warning == "fewer than 5 training examples of 'c' (1): they can hardly be learned"


@pytest.mark.slow
def test_attention_of_stacked_words_is_shown_at_each_word(tmp_path):
    texts = ["a film that is good", "a film that is bad"] * 20
    task = TextTask(
        settings="fixed", stacked_steps=2, embedding_size=4, validation_fraction=0.2, baseline=False
    )
    network = NetworkConfig(units=4, num_layers=1, nrnm_layers=(1,), block_size=2, stride=1)
    config = TrainConfig(task=task, network=network, run_dir=str(tmp_path / "run"), epochs=1)
    model = train(config, (texts, ["pos", "neg"] * 20)).model
    raw = model.as_batch(["a film that is bad"])
    assert name_time_steps(model, raw).names == ["a film", "that is", "bad"]
    attentions = model.attention("a film that is bad")
    reading = read_text(model, raw, attentions)
    assert reading.words == ["a", "film", "that", "is", "bad"]
    first, second, last = attention_received(attentions, 3)
    np.testing.assert_array_equal(reading.received, [first, first, second, second, last])
    with pytest.raises(ValueError, match="StepStacking layers need the whole sequence"):
        model.streams()

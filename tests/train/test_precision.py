"""`--mixed_precision=auto`: the precision that is faster on this machine."""

import re

import keras
import pytest

from nrnm_keras.errors import Stopped, UsageError
from nrnm_keras.train import DeviceConfig, NetworkConfig, TextTask, TrainConfig, train
from nrnm_keras.train.precision import bfloat16_speedup

TEXTS = [f"{['a fine', 'a dull'][i % 2]} film, number {i}" for i in range(40)], ["good", "bad"] * 20
TRAINED_IN = {"none": "float32", "bfloat16": "bfloat16"}


def config_of(run_dir, precision, **options):
    return TrainConfig(
        task=TextTask(embedding_size=8, settings="fixed", baseline=False),
        network=NetworkConfig(units=8, num_layers=1, nrnm_layers=[1]),
        devices=DeviceConfig(mixed_precision=precision),
        run_dir=run_dir,
        batch_size=8,
        epochs=1,
        **options,
    )


def written(folder):
    """The value in the run's flags."""
    (value,) = re.findall("--mixed_precision=(.*)", (folder / "flags.txt").read_text())
    return value


def test_a_run_says_what_it_took_and_why(tmp_path, capsys):
    run = train(config_of(tmp_path, "auto"), TEXTS)
    value = written(tmp_path)
    (setting,) = run.report["settings"]
    speedup = float(re.fullmatch(".* bfloat16 is (.*) times as fast", setting["reason"])[1])
    assert setting["value"] == value == ("bfloat16" if speedup >= 1.1 else "none")
    assert run.report["training"]["precision"] == TRAINED_IN[value]
    assert f"in {TRAINED_IN[value]}," in (tmp_path / "report.md").read_text()
    assert f"--mixed_precision={value}" in capsys.readouterr().out
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["none", "bfloat16"])
def test_a_stopped_run_keeps_its_precision(tmp_path, precision):
    with pytest.raises(Stopped):
        train(config_of(tmp_path, precision, time_limit=0.001), TEXTS)
    assert not (tmp_path / "report.json").exists() and written(tmp_path) == precision
    run = train(config_of(tmp_path, "auto"), TEXTS)
    assert run.report["training"]["precision"] == TRAINED_IN[precision]
    assert run.report["settings"][0]["reason"] == "as when this run began"
    model = keras.models.load_model(tmp_path / "model.keras")
    assert {layer.compute_dtype for layer in model.layers if layer.weights} == {"float32"}


def test_another_precision_is_another_run(tmp_path):
    with pytest.raises(Stopped):
        train(config_of(tmp_path, "auto", time_limit=0.001), TEXTS)
    with pytest.raises(UsageError, match="--mixed_precision=float16 only here"):
        train(config_of(tmp_path, "float16"), TEXTS)


def test_networks_of_the_same_width_get_the_same_precision():
    assert bfloat16_speedup(16, 8) == bfloat16_speedup(16, 8) > 0

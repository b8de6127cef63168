"""What CONTRIBUTING.md adds to the project works, in a copy of it."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
WALKS = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
FILE = re.compile(r"<!-- file: (\S+) -->\n```\w*\n(.*?)```", re.DOTALL)
LINE = re.compile(r"<!-- line: (\S+) after: (.*?) -->\n```\w*\n(.*?)```", re.DOTALL)
SMALL = ["--num_layers=1", "--nrnm_layers=1", "--units=8", "--epochs=1", "--data_dir=data"]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the project with the files and lines of all walks."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("nrnm_keras", "pipelines", "configs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name, content in FILE.findall(WALKS):
        path = folder / name
        assert not path.exists()
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    for name, before, line in LINE.findall(WALKS):
        path = folder / name
        text = path.read_text()
        assert text.count(f"{before}\n") == 1
        path.write_text(text.replace(f"{before}\n", f"{before}\n{line}"))
    return folder


def run(copy, module, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_data_set_cell_and_format(copy):
    """One training of the new data set with the new cell, exported in the new format."""
    flags = ["--flagfile=configs/tides.flags", *SMALL, "--model=leaky", "--run_dir=run"]
    run(copy, "nrnm_keras.train", *flags)
    report = json.loads((copy / "run" / "report.json").read_text())
    assert (report["task"], report["data"]["dataset"]) == ("tides", "tides")
    assert set(report["metrics"]["test"]) == {"accuracy", "loss"}
    # An RNN of 8 units on 1 feature, and two classes: the weights of the new cell.
    assert report["parameters"] == 8 * (1 + 8 + 1) + 2 * (8 + 1)
    run(copy, "nrnm_keras.export", "--run=run", "--format=keras_json", "--output=exported")
    assert {"model.json", "model.weights.h5"} <= {path.name for path in copy.glob("exported/*")}
    assert "model_from_json" in (copy / "exported" / "README.md").read_text()


@pytest.mark.slow
def test_head(copy):
    run(copy, "nrnm_keras.train", "--task=next_tide", *SMALL, "--run_dir=next")
    report = json.loads((copy / "next" / "report.json").read_text())
    assert set(report["metrics"]["test"]) == {"mean_squared_error", "loss"}
    assert "Heights are in meters." in (copy / "next" / "report.md").read_text()

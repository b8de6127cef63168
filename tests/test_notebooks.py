"""The notebooks run from the first cell to the last, on the data that they make themselves."""

import os
import pathlib
import re

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = pathlib.Path(__file__).parents[1] / "notebooks"
PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))
LIMIT = 600  # seconds a cell
# What makes a training short: constants of the notebooks, and small values of them.
SHORT = {"EPOCHS": 1, "BATCHES": 2, "EXAMPLES": 64}


def shorten(cell):
    for name, value in SHORT.items():
        cell.source = re.sub(rf"^{name} = [\d_]+$", f"{name} = {value}", cell.source, flags=re.M)


@pytest.mark.parametrize(
    ("path", "length"),
    [
        pytest.param(
            path,
            length,
            marks=[] if length == "short" and path.stem == "layer" else pytest.mark.slow,
            id=f"{path.stem}-{length}",
        )
        for path in PATHS
        for length in ("short", "whole")
    ],
)
def test_runs(path, length, tmp_path, monkeypatch):
    root = str(NOTEBOOKS.parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([root, os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.read(path, as_version=4)
    if length == "short":
        before = str(notebook.cells)
        for cell in notebook.cells:
            shorten(cell)
        assert str(notebook.cells) != before
    where = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=LIMIT, resources=where).execute()
    assert any(cell.get("outputs") for cell in notebook.cells)


def test_all_four_are_there():
    assert [path.stem for path in PATHS] == ["imdb", "layer", "long_memory", "skeletons"]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_is_committed_with_small_outputs(path):
    cells = nbformat.read(path, as_version=4).cells
    assert path.stat().st_size < 400_000
    assert any(cell.get("outputs") for cell in cells)
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.output_type == "error"]

"""The flag files in configs/experiments, each a sweep with data of its own, and their results."""

import csv
import pathlib

import pytest

from nrnm_keras.commands.command_line import parse_flags
from nrnm_keras.inference.run_config import read_config
from nrnm_keras.sweep.flags import define_sweep_flags
from nrnm_keras.sweep.grid import check_network, grid_points, read_grid

ROOT = pathlib.Path(__file__).parents[2]
FILES = sorted(path.relative_to(ROOT) for path in (ROOT / "configs/experiments").glob("*.flags"))
# Do not compare networks of equal size with each other: one with simple classifiers, the others the
# same network in two precisions.
OF_ONE_NETWORK = {"own_data", "precision_imdb", "precision_nw_ucla"}
README = ROOT / "configs/results/README.md"
# The benchmark wrote them, no sweep.
SPEED = set(README.parent.glob("speed*.md"))
RESULTS = sorted(set(README.parent.glob("*.md")) - {README} - SPEED)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_point_is_a_network(file, monkeypatch):
    monkeypatch.chdir(ROOT)
    values = parse_flags(define_sweep_flags(), [f"--flagfile={file}"])
    points = grid_points(read_config(values), read_grid(values.grid))
    assert len({point.name for point in points}) == len(points) > 1
    assert (file.stem in OF_ONE_NETWORK) == (values.parameter_budget is None)
    for point in points:
        network = point.config.network.replace(units=16)
        check_network(point._replace(config=point.config.replace(network=network)))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_head_has_the_command(file):
    head = (ROOT / file).read_text().replace("\\\n#", " ")
    assert f"python -m nrnm_keras.sweep --flagfile={file}" in " ".join(head.split())


COMPARED = [result for result in RESULTS if result.stem not in OF_ONE_NETWORK]


@pytest.mark.parametrize("result", COMPARED, ids=lambda result: result.stem)
def test_networks_have_equal_numbers_of_parameters(result, monkeypatch):
    monkeypatch.chdir(ROOT)
    file = f"configs/experiments/{result.stem}.flags"
    expected = parse_flags(define_sweep_flags(), [f"--flagfile={file}"]).parameter_budget
    with result.with_suffix(".csv").open(newline="") as rows:
        for row in csv.DictReader(rows):
            assert int(row["parameters"]) == pytest.approx(expected, rel=0.05), row


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: result.stem)
def test_readme_shows_what_the_sweep_wrote(result):
    readme = README.read_text()
    text = result.read_text()
    assert f"experiments/{result.stem}.flags" in text
    assert f"]({result.stem}.png)" in readme
    table = text[: text.index("\n\n")]
    assert table in readme or f"]({result.stem}.md)" in readme

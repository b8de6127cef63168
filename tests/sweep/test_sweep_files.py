"""The flag files in configs/sweeps, on every task that has one in configs."""

import functools
import pathlib

import keras
import pytest

from nrnm_keras.commands.command_line import parse_flags
from nrnm_keras.inference.run_config import read_config
from nrnm_keras.models.building import build_backbone
from nrnm_keras.sweep.flags import define_sweep_flags
from nrnm_keras.sweep.grid import grid_points, read_grid

ROOT = pathlib.Path(__file__).parents[2]
BASES = sorted(path.name for path in (ROOT / "configs").glob("*.flags"))
SWEEPS = sorted(path.name for path in (ROOT / "configs" / "sweeps").glob("*.flags"))


def sweep_flags(base, sweep):
    files = (f"configs/{base}", f"configs/sweeps/{sweep}")
    return parse_flags(define_sweep_flags(), [f"--flagfile={file}" for file in files])


# Each backbone is made once.
build = functools.cache(build_backbone)


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("sweep", SWEEPS)
def test_every_point_is_a_network(sweep, base, monkeypatch):
    monkeypatch.chdir(ROOT)
    values = sweep_flags(base, sweep)
    points = grid_points(read_config(values), read_grid(values.grid))
    assert len({point.name for point in points}) == len(points) > 1
    for point in points:
        build(point.config.network)


@pytest.mark.parametrize("sweep", SWEEPS)
def test_points_are_different_networks(sweep, monkeypatch):
    monkeypatch.chdir(ROOT)
    values = sweep_flags("ntu_sample.flags", sweep)
    points = grid_points(read_config(values), read_grid(values.grid))
    sizes = []
    for point in points:
        backbone = build(point.config.network.replace(units=16))
        assert backbone(keras.KerasTensor((2, 13, 3))).shape == (2, 13, 16)
        sizes.append(backbone.count_params())
    if sweep == "window_size.flags":
        assert len(set(sizes)) == 1
    else:
        # The memory costs as much in the second of equal layers as in the third.
        assert len(set(sizes)) == len(points) - (sweep == "memory_layer.flags")


def test_each_sweep_has_a_folder_of_its_own(monkeypatch):
    monkeypatch.chdir(ROOT)
    for name in SWEEPS:
        values = sweep_flags("imdb.flags", name)
        assert values.sweep_dir == f"sweeps/{name.removesuffix('.flags')}"
        assert f"--flagfile=configs/sweeps/{name}" in (ROOT / "configs/sweeps" / name).read_text()

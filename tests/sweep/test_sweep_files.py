"""The flag files in configs/sweeps, on every task that has one in configs."""

import functools
import pathlib

import keras
import pytest
from absl import flags

from nrnm_keras.commands.command_line import parse_flags
from nrnm_keras.sweep.flags import define_sweep_flags
from nrnm_keras.sweep.grid import grid_points, read_grid
from nrnm_keras.tasks import backbone_flags
from nrnm_keras.train.flags import copy_flags, define_flags

ROOT = pathlib.Path(__file__).parents[2]
BASES = sorted(path.name for path in (ROOT / "configs").glob("*.flags"))
SWEEPS = sorted(path.name for path in (ROOT / "configs" / "sweeps").glob("*.flags"))


def _backbone_flags():
    values = flags.FlagValues()
    backbone_flags.define_flags(values)
    return list(values)


NAMES = _backbone_flags()


def sweep_flags(base, sweep):
    files = (f"configs/{base}", f"configs/sweeps/{sweep}")
    return parse_flags(define_sweep_flags(), [f"--flagfile={file}" for file in files])


def settings(point, **changes):
    """Returns the values of the backbone's flags, as something that can be looked up."""
    values = {name: point.flags[name].value for name in NAMES} | changes
    return tuple((name, tuple(v) if isinstance(v, list) else v) for name, v in values.items())


@functools.cache
def build(settings):
    """Returns the backbone of `settings`, each made once."""
    values = define_flags()
    values([""])
    return backbone_flags.build_backbone(copy_flags(values, **dict(settings)))


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("sweep", SWEEPS)
def test_every_point_is_a_network(sweep, base, monkeypatch):
    monkeypatch.chdir(ROOT)
    values = sweep_flags(base, sweep)
    points = grid_points(values, read_grid(values.grid))
    assert len({point.name for point in points}) == len(points) > 1
    for point in points:
        build(settings(point))


@pytest.mark.parametrize("sweep", SWEEPS)
def test_points_are_different_networks(sweep, monkeypatch):
    monkeypatch.chdir(ROOT)
    values = sweep_flags("ntu_sample.flags", sweep)
    points = grid_points(values, read_grid(values.grid))
    sizes = []
    for point in points:
        backbone = build(settings(point, units=16))
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

import pytest

from nrnm_keras.errors import UsageError
from nrnm_keras.sweep.grid import grid_points, read_grid
from nrnm_keras.train.flags import define_flags


@pytest.fixture
def flags():
    values = define_flags()
    values(["", "--units=16", "--epochs=7"])
    return values


def test_every_combination(flags):
    points = grid_points(flags, read_grid(["block_size=4,8", "model=nrnm,gru"]))
    assert [point.name for point in points] == [
        "block_size=4_model=nrnm",
        "block_size=4_model=gru",
        "block_size=8_model=nrnm",
        "block_size=8_model=gru",
    ]
    last = points[-1].flags
    assert (last.block_size, last.model, last.units, last.epochs) == (8, "gru", 16, 7)


def test_values_with_commas(flags):
    points = grid_points(flags, read_grid(["nrnm_layers=;2;1,2,3"]))
    assert [point.flags.nrnm_layers for point in points] == [[], ["2"], ["1", "2", "3"]]
    assert points[0].name == "nrnm_layers=none"


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        (["block_size"], "name=value"),
        (["blok_size=4"], "blok_size"),
        (["seed=1,2"], "'seed'"),
        (["units=8", "units=16"], "units has values already"),
        (["block_size=4,x"], "x"),
        (["block_size=0"], "block_size"),
        (["nrnm_layers=one"], "nrnm_layers"),
        (["model=lsmt"], "model"),
    ],
)
def test_mistakes_are_named(flags, lines, named):
    with pytest.raises(UsageError, match=named):
        grid_points(flags, read_grid(lines))

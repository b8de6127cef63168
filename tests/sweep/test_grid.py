import pytest

from nrnm_keras.errors import UsageError
from nrnm_keras.sweep.grid import grid_points, read_grid
from tests.configs import make_config


@pytest.fixture
def config():
    return make_config("text", units=16, epochs=7)


def test_every_combination(config):
    points = grid_points(config, read_grid(["block_size=4,8", "model=nrnm,gru"]))
    assert [point.name for point in points] == [
        "block_size=4_model=nrnm",
        "block_size=4_model=gru",
        "block_size=8_model=nrnm",
        "block_size=8_model=gru",
    ]
    last = points[-1].config
    network = last.network
    assert (network.block_size, network.model, network.units, last.epochs) == (8, "gru", 16, 7)


def test_values_with_commas(config):
    points = grid_points(config, read_grid(["nrnm_layers=;2;1,2,3"]))
    assert [point.config.network.nrnm_layers for point in points] == [(), (2,), (1, 2, 3)]
    assert points[0].name == "nrnm_layers=none"


def test_flags_that_vary_together(config):
    lines = ["train_file,test_file=a.csv,b.csv;c/d.csv,e.csv", "units=8,16"]
    points = grid_points(config, read_grid(lines))
    files = [(point.config.task.train_file, point.config.task.test_file) for point in points]
    assert files == [("a.csv", "b.csv")] * 2 + [("c/d.csv", "e.csv")] * 2
    assert [point.config.network.units for point in points] == [8, 16, 8, 16]
    assert points[2].companions == {"test_file"}
    assert points[2].name == "train_file=c%2Fd.csv_test_file=e.csv_units=8"


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        (
            ["train_file,test_file=a.csv,b.csv,c.csv"],
            "'a.csv,b.csv,c.csv' has 3 values for 2 flags",
        ),
        (["train_file,units=a.csv,8", "units=16"], "units is given twice"),
        (["train_file,seed=a.csv,8"], "'seed'"),
        (["block_size"], "name=value"),
        (["blok_size=4"], "blok_size"),
        (["seed=1,2"], "'seed'"),
        (["units=8", "units=16"], "units is given twice"),
        (["block_size=4,x"], "x"),
        (["block_size=0"], "block_size"),
        (["nrnm_layers=one"], "nrnm_layers"),
        (["model=lsmt"], "model"),
        (["bones=true,false"], "bones is not used by --task=text"),
    ],
)
def test_mistakes_are_named(config, lines, named):
    with pytest.raises(UsageError, match=named):
        grid_points(config, read_grid(lines))

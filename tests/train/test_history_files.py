import csv

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorflow import make_ndarray

from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.train.history_files import HistoryFiles

HISTORY = [
    {"accuracy": i / 8, "loss": 1 / (3 + i), "val_accuracy": i / 16, "val_loss": 1 / (7 + i)}
    for i in range(4)
]


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path)


def table(folder):
    with (folder / folder.METRICS).open(newline="") as file:
        return list(csv.DictReader(file))


def logged(folder, name):
    """The scalars of one of TensorBoard's runs: by tag, the values by step."""
    events = EventAccumulator(str(folder / folder.TENSORBOARD / name))
    events.Reload()
    return {
        tag: [
            (event.step, float(make_ndarray(event.tensor_proto))) for event in events.Tensors(tag)
        ]
        for tag in events.Tags()["tensors"]
    }


def assert_holds(folder, history):
    expected = [
        {"epoch": str(i), **{name: repr(value) for name, value in row.items()}}
        for i, row in enumerate(history)
    ]
    assert table(folder) == expected
    for run, prefix in (("train", ""), ("validation", "val_")):
        scalars = logged(folder, run)
        assert set(scalars) == {"epoch_accuracy", "epoch_loss"}
        for tag, values in scalars.items():
            column = [row[prefix + tag.removeprefix("epoch_")] for row in history]
            assert [step for step, _ in values] == list(range(len(history)))
            assert [value for _, value in values] == pytest.approx(column, rel=1e-6)


def test_every_epoch_is_there_as_soon_as_it_is_over(folder):
    files = HistoryFiles(folder, [])
    assert not (folder / folder.METRICS).exists()
    for epochs in (1, 2, 3):
        files.add_epoch(HISTORY[:epochs])
        assert_holds(folder, HISTORY[:epochs])


@pytest.mark.parametrize("epochs_known", [0, 1, 3])
def test_a_training_that_goes_on_leaves_no_epoch_twice_and_none_out(folder, epochs_known):
    files = HistoryFiles(folder, [])
    for epochs in (1, 2, 3):
        files.add_epoch(HISTORY[:epochs])
    # The checkpoint may be older than the files.
    again = HistoryFiles(folder, HISTORY[:epochs_known])
    again.add_epoch(HISTORY[: epochs_known + 1])
    assert_holds(folder, HISTORY[: epochs_known + 1])


def test_the_table_comes_with_the_history_already(folder):
    HistoryFiles(folder, HISTORY)
    assert_holds(folder, HISTORY)

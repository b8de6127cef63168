"""The benchmark: its counts by hand, its rows and tables, and that it runs."""

import pytest

from nrnm_keras import NRNM
from nrnm_keras.benchmark import table
from nrnm_keras.benchmark.__main__ import main
from nrnm_keras.benchmark.options import Options
from nrnm_keras.benchmark.suites import equal_size, layer
from nrnm_keras.benchmark.timing import Row, rows_in_turn, spread_of
from nrnm_keras.benchmark.training_steps import lstm_multiply_adds, nrnm_multiply_adds


def test_multiply_adds_by_hand():
    cell = NRNM(4, block_size=4, stride=2, num_heads=2).cell
    # A step: gates 4 * 4 * (3 + 4) = 112, embedding 3 * 4 = 12, read gate 3 * 8 = 24 and
    # projection 8 * 4 = 32. A window: memory in the read gate 8 * 8 = 64; queries, keys' and
    # values' kernels 3 * 2 * 16 = 96; scores and sums 2 * (2 * 2) * 6 * 4 = 192; fully connected
    # 2 * 16 = 32; write gates from inputs 16 * 8 = 128 and from the memory 2 * 4 * 8 = 64.
    assert nrnm_multiply_adds(cell, 1, 3) == 180 + 64
    assert nrnm_multiply_adds(cell, 9, 3) == 9 * 180 + 3 * 64 + 2 * 512
    narrow = NRNM(4, block_size=4, stride=2, num_heads=2, memory_units=2).cell
    # A step: 112 + 3 * 2 + 3 * 4 + 4 * 4. A window: 4 * 4; hidden states 2 * 4 * 2, 3 * 2 * 4,
    # 2 * (2 * 2) * 6 * 2, 2 * 4, 8 * 4 and 2 * 2 * 4.
    assert nrnm_multiply_adds(narrow, 9, 3) == 9 * 146 + 3 * 16 + 2 * 192
    assert lstm_multiply_adds(8, 9, 3) == 9 * 4 * 8 * (3 + 8)


def test_layers_are_timed_in_turn():
    options = Options([8], (2, 9, 3), repeats=1, rate=1e9)
    rows = list(layer.rows(options))
    assert [row.what for row in rows] == [
        f"8 units, {name}, {kind}"
        for kind in ("forward", "training")
        for name in ("Keras LSTM", "LSTM", "NRNM", "RNN(NRNMCell)")
    ]
    assert rows[0].ratio == rows[4].ratio == 1
    assert rows[0].share == pytest.approx(2 * 9 * 4 * 8 * (3 + 8) / rows[0].seconds / 1e9)
    assert rows[4].share == pytest.approx(3 * 2 * 9 * 4 * 8 * (3 + 8) / rows[4].seconds / 1e9)


def test_models_of_equal_size():
    for options in equal_size.NETWORKS.values():
        network, units = equal_size.network_of_size(60_000, options)
        assert network.count_params() == pytest.approx(60_000, rel=0.04)
        assert network.compute_output_shape((2, 9, 64)) == (2, 9, units)


def test_functions_are_called_in_turn():
    calls = []
    runs = {name: lambda name=name: calls.append(name) or 0.0 for name in "ab"}
    rows = list(rows_in_turn(runs, repeats=3))
    assert "".join(calls) == "ab" * 5
    assert [row.what for row in rows] == ["a", "b"] and rows[0].ratio == 1


def test_spread_is_half_the_distance_between_the_quartiles():
    assert spread_of([1.0, 2.0, 3.0, 4.0, 5.0]) == 1
    assert spread_of([3.0]) == 0


def test_a_row_on_a_terminal_and_on_a_page():
    row = Row("a step", 0.0123, 0.001, 2.0, 0.25, "1 MB")
    words = ("a step", "12.3 ms", "± 1 ms", "2", "25%", "1 MB")
    assert table.cells(row) == words
    assert table.line(row).split() == " ".join(words).split()
    page = table.markdown([("A title", [row, Row("other", 2.0)])], "a machine", "a command")
    assert f"| {' | '.join(words)} |" in page and "| other | 2 s | ± 0 ms |  |  |  |" in page
    assert "## A title" in page and "    a command\n" in page


@pytest.mark.slow
def test_command(capsys, tmp_path):
    arguments = ["--units=8", "--batch_size=2", "--timesteps=9", "--repeats=1"]
    assert main([*arguments, "--suite=layer,streaming", f"--output={tmp_path}/speed.md"]) == 0
    output = capsys.readouterr().out
    page = (tmp_path / "speed.md").read_text()
    for words in ("8 units, NRNM, training", "a step of one stream, saved_model"):
        assert words in output and f"| {words} |" in page


@pytest.mark.parametrize(
    "argument", ["--units=a", "--repeats=0", "--unit=8", "eight", "--suite=fast", "--suite="]
)
def test_unusable_arguments_end_with_one_line(argument, capsys):
    assert main([argument]) == 1
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 1
    assert error[0].startswith("error: ")

"""The benchmark: its counts by hand, and that it runs."""

import pytest

from nrnm_keras import NRNM
from nrnm_keras.benchmark import benchmark, main, nrnm_multiply_adds


def test_multiply_adds_by_hand():
    cell = NRNM(4, block_size=4, stride=2, num_heads=2).cell
    # A step: gates 4 * 4 * (3 + 4) = 112, embedding 3 * 4 = 12, read gate 3 * 8 = 24 and
    # projection 8 * 4 = 32. A window: memory in the read gate 8 * 8 = 64; queries, keys' and
    # values' kernels 3 * 2 * 16 = 96; scores and sums 2 * (2 * 2) * 6 * 4 = 192; fully connected
    # 2 * 16 = 32; write gates from inputs 16 * 8 = 128 and from the memory 2 * 4 * 8 = 64.
    assert nrnm_multiply_adds(cell, 1, 3) == 180 + 64
    assert nrnm_multiply_adds(cell, 9, 3) == 9 * 180 + 3 * 64 + 2 * 512


def test_compares_three_layers():
    rows = benchmark(8, (2, 9, 3), repeats=1)
    assert [row["layer"] for row in rows] == ["LSTM", "NRNM", "RNN(NRNMCell)"]
    assert rows[0]["forward_ratio"] == rows[0]["training_ratio"] == 1
    assert rows[0]["multiply_adds"] == 2 * 9 * 4 * 8 * (3 + 8)
    assert all(row[key] > 0 for row in rows for key in ("forward", "training"))


@pytest.mark.slow
def test_command(capsys):
    assert main(["--units=8", "--batch_size=2", "--timesteps=9", "--repeats=1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 7
    assert lines[5].split()[:2] == ["8", "NRNM"]


@pytest.mark.parametrize("argument", ["--units=a", "--repeats=0", "--unit=8", "eight"])
def test_unusable_arguments_end_with_one_line(argument, capsys):
    assert main([argument]) == 1
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 1
    assert error[0].startswith("error: ")

"""What a framework does with a layer besides calling it: differentiating twice or forward, mapping,
exporting; on every backend."""

import os
import subprocess
import sys

import pytest

from tests.layers.transforms import CHECKS

# The names that each kind of check is quick enough for, on TensorFlow, which traces long.
QUICK = {
    "second_order": [],
    "empty_batch": None,
    "float64": ["lstm", "gru", "RelationalMemoryCell"],
    "one_by_one": ["lstm", "attention"],
    "forward_mode": ["lstm"],
    "jacobians": ["lstm"],
}


def on_tensorflow():
    for kind, (_, names) in CHECKS.items():
        for name in names:
            quick = QUICK[kind] is None or name in QUICK[kind]
            yield pytest.param(kind, name, marks=[] if quick else pytest.mark.slow)


@pytest.mark.parametrize(("kind", "name"), list(on_tensorflow()))
def test_on_tensorflow(kind, name):
    CHECKS[kind][0](name)


@pytest.mark.parametrize(
    ("backend", "arguments"),
    [
        ("torch", ["", "lstm"]),
        pytest.param("torch", [], marks=pytest.mark.slow),
        pytest.param("jax", [], marks=pytest.mark.slow),
    ],
)
def test_on_other_backends(backend, arguments):
    pytest.importorskip(backend)
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.layers.transforms", *arguments],
        env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
    )
    assert result.stdout.endswith("done\n"), result.stderr[-2000:]
    assert result.stdout == "done\n"

"""The tests of NRNM in the place of Keras's layers, on the other backends."""

import os
import pathlib
import subprocess
import sys

import pytest

FILES = sorted(pathlib.Path(__file__).parent.glob("test_like_keras_[cw]*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_on_another_backend(backend):
    pytest.importorskip(backend)
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", *FILES],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout[-5000:]

"""The skeleton layers on other Keras backends than TensorFlow."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from nrnm_keras.preprocessing import (
    SkeletonAugmentation,
    SkeletonPreprocessor,
    SkeletonRotation,
)
from tests.preprocessing import test_skeleton_preprocessor

_SCRIPT = """
import sys
import numpy as np
from tests.preprocessing.test_skeleton_backends import compute
np.savez(sys.argv[1], *compute())
"""


def compute():
    """What the layers give for the same joints, as arrays."""
    joints = test_skeleton_preprocessor.people_with_gaps()
    results = []
    for arguments in (
        test_skeleton_preprocessor.ARGUMENTS,
        {"layout": "kinect_v1"},
        {"layout": "kinect_v1", "length": "first", "fill": "repeat", "view": "two_rotations"},
    ):
        layer = SkeletonPreprocessor(**arguments)
        results.append(keras.Sequential([layer]).predict(joints, verbose=0))
    pooled = keras.Sequential([layer, keras.layers.GlobalAveragePooling1D()])
    results += [pooled.predict(joints, verbose=0), layer.compute_mask(joints)]
    layer = SkeletonAugmentation("kinect_v1", mirror=1.0, swap_bodies=1.0)
    results.append(layer(joints, training=True))

    # What is drawn differs from backend to backend; here it does not count.
    features = SkeletonPreprocessor("kinect_v1", timesteps=20)(joints)
    layer = SkeletonRotation(rotation=90.0, tilt=90.0)
    rotated = keras.ops.reshape(layer(features, training=True), (-1, 3))
    results.append(keras.ops.sum(rotated**2, axis=-1))
    layer = SkeletonAugmentation("kinect_v1", speed=0.5, scale=0.5, noise=0.1)
    results.append(keras.ops.isfinite(layer(joints, training=True)))
    return [keras.ops.convert_to_numpy(x) for x in results]


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_backends_give_the_same_numbers(backend, tmp_path):
    pytest.importorskip(backend)
    subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(tmp_path / "results.npz")],
        env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": os.getcwd()},
        check=True,
    )
    with np.load(tmp_path / "results.npz") as file:
        results = [file[key] for key in file.files]
    for actual, expected in zip(results, compute(), strict=True):
        np.testing.assert_allclose(actual, expected, atol=2e-5)

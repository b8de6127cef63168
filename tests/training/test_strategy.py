import subprocess
import sys

from nrnm_keras.training.strategy import create_strategy, jit_compile


def test_one_device_on_cpu_without_xla():
    strategy = create_strategy("one_device")
    assert strategy.num_replicas_in_sync == 1
    assert jit_compile(strategy) is False


def test_auto_and_mirrored_run_where_no_gpu_is():
    code = """
import keras
import numpy as np
from nrnm_keras.training.strategy import create_strategy, jit_compile
assert create_strategy("auto").num_replicas_in_sync == 1
strategy = create_strategy("mirrored")
assert type(strategy).__name__ == "MirroredStrategy" and not jit_compile(strategy)
with strategy.scope():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=jit_compile(strategy))
model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
"""
    subprocess.run([sys.executable, "-c", code], check=True)

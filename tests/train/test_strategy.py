import json
import os
import subprocess
import sys

import pytest

from nrnm_keras.config import DeviceConfig
from nrnm_keras.train.strategy import create_replicas, warn_of_unused_gpus

# Each case with its own message, all in one process: what is refused starts nothing.
_PROGRAM = """
import json, os, sys

from nrnm_keras.config import DeviceConfig
from nrnm_keras.errors import UsageError
from nrnm_keras.train.strategy import create_replicas

outcomes = []
for config, flags in json.loads(sys.argv[1]):
    os.environ.pop("TF_CONFIG", None)
    if config is not None:
        os.environ["TF_CONFIG"] = config
    try:
        batch_size = flags.pop("batch_size", 8)
        replicas = create_replicas(DeviceConfig(**flags), batch_size)
        outcomes.append([type(replicas).__name__, replicas.count, replicas.xla])
    except UsageError as error:
        outcomes.append(str(error))
print(json.dumps(outcomes))
"""


def outcomes(backend, *cases):
    """What comes of pairs of TF_CONFIG and flags, in one new process."""
    result = subprocess.run(
        [sys.executable, "-c", _PROGRAM, json.dumps(cases)],
        env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(result.stdout.splitlines()[-1])


def cluster(task=None, **jobs):
    return json.dumps({"cluster": jobs, **({"task": task} if task else {})})


WORKERS = ["localhost:12345", "localhost:12346"]
WORKER_0 = {"type": "worker", "index": 0}
NO_CLUSTER = [
    None,
    "",
    "{",
    "7",
    "{}",
    cluster(worker=WORKERS),
    cluster(task={"type": "worker", "index": 2}, worker=WORKERS),
    cluster(task={"type": "worker", "index": -1}, worker=WORKERS),
    cluster(task={"type": "worker", "index": "first"}, worker=WORKERS),
    cluster(task={"type": "chief", "index": 0}, worker=WORKERS),
    cluster(task=WORKER_0, chief=WORKERS[:1]),
    cluster(task=WORKER_0, worker=WORKERS, ps=["localhost:12347"]),
]


@pytest.fixture(scope="module")
def on_tensorflow():
    """What comes of the cases of TensorFlow."""
    cases = [
        *((config, {"strategy": "multi_worker"}) for config in NO_CLUSTER),
        (None, {"strategy": "mirrored", "xla": "on"}),
        (cluster(WORKER_0, worker=WORKERS), {"strategy": "multi_worker", "xla": "on"}),
        (None, {"strategy": "mirrored", "cpu_devices": 3}),
        (None, {"strategy": "mirrored", "batch_size": 9}),
        (None, {"strategy": "one_device", "batch_size": 7}),
        (None, {"strategy": "one_device", "xla": "on"}),
        (None, {"strategy": "auto"}),
        (None, {"cpu_devices": 2}),
    ]
    found = outcomes("tensorflow", *cases)
    return found[: len(NO_CLUSTER)], found[len(NO_CLUSTER) :]


def test_multi_worker_needs_to_know_the_others(on_tensorflow):
    for config, message in zip(NO_CLUSTER, on_tensorflow[0], strict=True):
        assert message.startswith("strategy=multi_worker needs the environment variable TF_CONFIG")
        assert message.endswith(f"got {config!r}")


def test_xla_is_refused_where_devices_exchange_gradients(on_tensorflow):
    for strategy, message in zip(("mirrored", "multi_worker"), on_tensorflow[1], strict=False):
        assert message.startswith("xla=on needs strategy=one_device on TensorFlow")
        assert f"it is {strategy}" in message


def test_batch_is_shared_equally(on_tensorflow):
    assert on_tensorflow[1][2] == "batch_size=8 is not divisible by the number of devices, 3"
    # The CPU stays split.
    assert on_tensorflow[1][3] == ["Replicas", 3, False]


def test_one_device_takes_any_batch_and_xla(on_tensorflow):
    assert on_tensorflow[1][4:7] == [
        ["Replicas", 1, False],
        ["Replicas", 1, True],
        ["Replicas", 1, False],
    ]


def test_cpu_cannot_be_split_once_it_is_in_use(on_tensorflow):
    assert on_tensorflow[1][7].startswith("cpu_devices=2 must be set before TensorFlow is used: ")


def test_jax_refuses_what_is_tensorflows():
    pytest.importorskip("jax")
    found = outcomes(
        "jax",
        (cluster(WORKER_0, worker=WORKERS), {"strategy": "multi_worker"}),
        (None, {"xla": "off"}),
        (None, {"strategy": "mirrored", "cpu_devices": 3}),
        (None, {"strategy": "mirrored", "batch_size": 9}),
        (None, {"strategy": "one_device", "batch_size": 7}),
    )
    assert found == [
        "strategy=multi_worker needs KERAS_BACKEND=tensorflow; it is 'jax'",
        "xla=off needs KERAS_BACKEND=tensorflow: JAX always compiles with XLA",
        "batch_size=8 is not divisible by the number of devices, 3",
        ["JaxReplicas", 3, True],
        ["JaxReplicas", 1, True],
    ]


def test_torch_is_refused():
    pytest.importorskip("torch")
    (message,) = outcomes("torch", (None, {}))
    assert message == "training needs KERAS_BACKEND=tensorflow or jax; it is 'torch'"


def test_one_device_on_cpu_without_xla():
    replicas = create_replicas(DeviceConfig(strategy="one_device"), batch_size=3)
    assert (replicas.count, replicas.xla, replicas.worker, replicas.num_workers) == (1, False, 0, 1)
    assert replicas.devices() == ["CPU"]


@pytest.mark.parametrize(("found", "warned"), [([], True), (["GPU:0"], False)])
def test_a_gpu_that_tensorflow_does_not_find(found, warned, tmp_path, monkeypatch, caplog):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    warn_of_unused_gpus([], f"{tmp_path}/nvidia[0-9]*")
    assert not caplog.records
    (tmp_path / "nvidia0").touch()
    warn_of_unused_gpus(found, f"{tmp_path}/nvidia[0-9]*")
    assert bool(caplog.records) == warned

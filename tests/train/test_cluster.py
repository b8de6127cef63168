"""TF_CONFIG, right and wrong."""

import json

import pytest

from nrnm_keras.errors import UsageError
from nrnm_keras.train.cluster import Cluster, host_and_port, read_cluster

WORKERS = ["host1:12345", "host2:12345"]


def config(workers=WORKERS, index=0, kind="worker", **jobs):
    task = {"type": kind, "index": index}
    return json.dumps({"cluster": {"worker": workers, **jobs}, "task": task})


@pytest.mark.parametrize("index", [0, 1, "1"])
def test_cluster_is_read(index):
    cluster = read_cluster(config(index=index))
    assert cluster == Cluster(tuple(WORKERS), int(index))
    assert cluster.others == [1 - int(index)]
    assert cluster.named(1) == "worker 1 (host2:12345)"


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("localhost:1", ("localhost", 1)),
        ("a-b.c_d.example:65535", ("a-b.c_d.example", 65535)),
        ("10.0.0.1:80", ("10.0.0.1", 80)),
        ("[::1]:12345", ("::1", 12345)),
    ],
)
def test_addresses(address, parts):
    assert read_cluster(config([address])) == Cluster((address,), 0)
    assert host_and_port(address) == parts


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{",
        "\xff",
        "[" * 100_000,
        "7",
        "null",
        "[]",
        "{}",
        '{"cluster": 1, "task": 2}',
        '{"cluster": {}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a:1"]}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker"}}',
        '{"cluster": {"worker": ["a:1"]}, "task": ["worker", 0]}',
        config("host1:12345"),
        config({"0": "host1:12345"}),
        config([]),
        config([1]),
        config([None, "a:1"]),
        *(config(index=index) for index in (-1, 2, "2", "-1", "first", "", 0.0, 1.5, True, None)),
        config(index=[0]),
        config(index="²"),
        *(config(kind=kind) for kind in ("chief", "ps", "evaluator", "", None, 1, ["worker"])),
        *(config(**{job: ["a:1"]}) for job in ("chief", "ps", "evaluator", "other")),
        config(["a:1"] * 1000, index=-1),
    ],
)
def test_what_names_no_cluster_is_one_line(text):
    with pytest.raises(UsageError) as caught:
        read_cluster(text)
    message = str(caught.value)
    assert message.startswith("strategy=multi_worker needs the environment variable TF_CONFIG")
    assert "\n" not in message and len(message) < 1000


@pytest.mark.parametrize(
    "address",
    [
        *("localhost", "localhost:", ":12345", "", ":", "localhost:port", "localhost:1.5"),
        *("localhost:0", "localhost:65536", "localhost:-1", "localhost:123456", "localhost:+1"),
        *("localhost:1_0", "localhost: 1", "localhost:1 ", "local host:1", "localhost:1\n"),
        *("localhost:٣", "http://localhost:1", "a:b:1", "::1:12345", "[::1]", "[::1:1", "a@b:1"),
        *("\x1b[31m:1", "x" * 10_000),
    ],
)
@pytest.mark.parametrize("index", [0, 1])
def test_malformed_address_is_named(address, index):
    workers = ["host1:12345", address] if index else [address, "host2:12345"]
    with pytest.raises(UsageError) as caught:
        read_cluster(config(workers))
    message = str(caught.value)
    assert message.startswith(f"TF_CONFIG: the address of worker {index} is ")
    assert "host1:12345" in message and message.isprintable() and len(message) < 400


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("host1:12345", "host1:12345"),
        ("host1:12345", "HOST1:12345"),
        ("localhost:12345", "127.0.0.1:12345"),
        ("localhost:12345", "[::1]:12345"),
        ("127.0.0.1:12345", "[::1]:12345"),
        ("[::1]:1", "[0:0:0:0:0:0:0:1]:1"),
    ],
)
def test_same_address_twice(one, other):
    with pytest.raises(UsageError) as caught:
        read_cluster(config([one, "other:12345", other], index=1))
    expected = f"TF_CONFIG: workers 0 and 2 have the same address, {one} and {other}"
    assert str(caught.value).startswith(expected)


def test_other_ports_and_hosts_are_others():
    read_cluster(config(["localhost:1", "localhost:2", "host1:1", "host2:1"]))

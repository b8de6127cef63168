"""Reports of finished runs, whole and damaged, and the commands that read them."""

import copy
import json

import numpy as np
import pytest

from nrnm_keras.errors import UsageError
from nrnm_keras.export import __main__ as export
from nrnm_keras.inference.report_file import read_report
from nrnm_keras.inference.run_config import parse_lines
from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.sweep import __main__ as sweep
from nrnm_keras.train import __main__ as train

REPORT = {
    "notice": None,
    "task": "text",
    "data": {"dataset": "text_files", "records": "data", "examples": {"train": 3}},
    "metric": "accuracy",
    "metrics": {"validation": {"accuracy": 0.5, "loss": 1}, "test": None},
    "parameters": 10,
    "training": {"best_epoch": 1, "epochs": 2, "seconds_per_epoch": 0.5},
    "command": "python -m nrnm_keras.train",
    "flags": {"model": "nrnm", "units": 8, "num_layers": 1, "nrnm_layers": ["1"]},
    "other": [1],
}
CONTENTS = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"{}",
    b"\xff\xfe",
    b"[" * 100_000,
    b"\x00" * 100,
    b'{"metric": "' + b"x" * 100_000 + b'"}',
]


def with_change(*path, value):
    report = copy.deepcopy(REPORT)
    place = report
    for name in path[:-1]:
        place = place[name]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return json.dumps(report).encode()


CHANGED = [
    *(with_change(name, value=None) for name in REPORT if name != "other"),
    *(with_change(name, value=1.5) for name in REPORT if name not in ("other",)),
    with_change("data", "dataset", value=None),
    with_change("data", "examples", value={"train": "3"}),
    with_change("metrics", "validation", value=None),
    with_change("metrics", "validation", value={"loss": 1.0}),
    with_change("metrics", "validation", value={"accuracy": "0.5"}),
    with_change("metrics", "test", value={"loss": 1.0}),
    with_change("metrics", "test", value=[1]),
    with_change("training", "epochs", value="2"),
    with_change("flags", "units", value=None),
]


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path)


def test_report_is_read(folder):
    for report in (REPORT, {**REPORT, "metrics": {**REPORT["metrics"], "test": {"accuracy": 1}}}):
        (folder / folder.REPORT).write_text(json.dumps(report))
        assert read_report(folder) == report


@pytest.mark.parametrize("content", [*CONTENTS, *CHANGED], ids=lambda x: str(x[:20]))
def test_damaged_one_is_one_line(folder, content):
    (folder / folder.REPORT).write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_report(folder)
    message = str(caught.value)
    assert message.startswith(f"{folder / folder.REPORT} is damaged (")
    assert "\n" not in message and len(message) < 600


def test_report_that_is_a_folder(folder):
    (folder / folder.REPORT).mkdir()
    with pytest.raises(UsageError, match=r"is damaged \(Is a directory\)"):
        read_report(folder)


@pytest.mark.parametrize("content", CONTENTS, ids=lambda x: str(x[:20]))
def test_commands_say_so(content, tmp_path, capsys):
    sequence = ["--task=sequence", f"--train_file={tmp_path}/train.npz", "--units=8"]
    np.savez(tmp_path / "train.npz", x=np.ones((20, 4, 2)), y=np.arange(20) % 2)
    data = [f"--data_dir={tmp_path}/data"]
    run = RunFolder(tmp_path / "sweep" / "sequence" / "runs" / "units=8" / "seed_0")
    config, _ = parse_lines([*sequence, *data, f"--run_dir={run.path}"])
    run.create(config)
    (run / run.REPORT).write_bytes(content)
    swept = [*sequence, *data, "--grid=units=8", f"--sweep_dir={tmp_path}/sweep"]
    started = ["--task=text", f"--init_from={run.path}", f"--run_dir={tmp_path}/run"]
    for command, arguments in (
        (export, [f"--model={run.path}"]),
        (train, started),
        (sweep, swept),
    ):
        capsys.readouterr()
        assert command.main(arguments) == 1
        error = capsys.readouterr().err.splitlines()[-1]
        assert error.startswith(f"error: {run / run.REPORT} is damaged ("), error

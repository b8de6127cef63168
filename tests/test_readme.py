"""Every command of the README runs: in its order, in one folder, on small data.

Behind each training stand flags that make it small; of two equal flags the last one counts.
"""

import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from pipelines.ntu_sample.generate import generate_files

pytestmark = pytest.mark.slow

ROOT = pathlib.Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
LINES = [line for kind, block in BLOCKS if not kind for line in block.splitlines()]
# Installing and the tests themselves are what CI runs; containers it cannot.
COMMANDS = [line for line in LINES if " -m nrnm_keras." in line]
OTHERS = [line for line in LINES if line not in COMMANDS]
PROGRAMS = [block for kind, block in BLOCKS if kind == "python"]
SMALL = {
    "train": "--units=8 --num_layers=1 --nrnm_layers=1 --num_heads=2 --epochs=1 --batch_size=20",
    "benchmark": "--units=8 --repeats=1",
    "sweep": "--units=16 --num_layers=1 --nrnm_layers=1 --epochs=1 --seeds=1 --problem_train=64 "
    "--problem_test=32",
}
LIMIT = 900  # seconds


@pytest.fixture(scope="module")
def folder(tmp_path_factory, nw_ucla_folder):
    """A checkout's flag files, and raw data of every kind that the commands take."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "configs", folder / "configs")
    shutil.copytree(nw_ucla_folder, folder / "nw_ucla")
    for split in ("train", "test"):
        for label, word, rating in (("pos", "good", 9), ("neg", "bad", 2)):
            (folder / "imdb" / split / label).mkdir(parents=True)
            for number in range(20):
                path = folder / "imdb" / split / label / f"{number}_{rating}.txt"
                path.write_text(f"A {word} film, number {number}.")
    generate_files(folder / "ntu", 60)
    sample = next((folder / "ntu").glob("*.skeleton"))
    shutil.copy(sample, folder / "S001C001P001R001A001.skeleton")
    (folder / "missing.txt").write_text("")
    (folder / "sick").mkdir()
    header = "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment\n"
    for name in ("train", "trial", "test_annotated"):
        rows = [f"{name}{i}\tA dog\tNo man {i}\t{1 + i % 5}\tNEUTRAL\n" for i in range(20)]
        (folder / "sick" / f"SICK_{name}.txt").write_text(header + "".join(rows))
    (folder / "flip").mkdir()
    parts = ("train VALIDATION=False", "train VALIDATION=True", "test VALIDATION=False")
    for file, letters in (("sequences", "MKV"), ("sampled", "CEH"), ("mask", "011")):
        lines = [f">{i}" + f" SET={parts[i % 3]}" * (file == "sampled") for i in range(30)]
        (folder / "flip" / f"{file}.fasta").write_text(f"\n{letters}\n".join([*lines, ""]))
    random = np.random.default_rng(0)
    for name in ("train", "test"):
        x = random.normal(size=(40, 9, 3)).astype("f4")
        np.savez(folder / f"{name}.npz", x=x, y=np.arange(40) % 2)
        rows = [f"A {word} one {i},{word}" for i in range(20) for word in ("good", "bad")]
        (folder / f"{name}.csv").write_text("\n".join(["text,label", *rows]))
    (folder / "new.csv").write_text("text\ngood\nbad\n")
    return folder


def made_small(line):
    """Returns a command with the tests' Python, small data and small networks."""
    line = re.sub(r"(?<!\S)(\.venv/bin/)?python(?= -m)", shlex.quote(sys.executable), line)
    line = re.sub(r"--(imdb|nw_ucla|ntu|flip|sick)_source=PATH", r"--\1_source=\1", line)
    line = line.replace("=FOLDER", "=ntu").replace("=FILE", "=missing.txt")
    line = re.sub(r"--parameters=\d+", "--parameters=4000", line)
    (command,) = re.findall(r"nrnm_keras\.(\w+)", line)
    return f"{line} {SMALL.get(command, '')}"


def start(command, folder, **variables):
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, **variables}
    return subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    try:
        _, errors = process.communicate(timeout=LIMIT)
    finally:
        process.kill()
    assert process.returncode == 0, errors[-2000:]


@pytest.mark.parametrize("line", COMMANDS)
def test_command(line, folder):
    command = made_small(line)
    if "--strategy=multi_worker" not in line:
        finish(start(command, folder))
        return
    (example,) = [other for other in OTHERS if other.startswith("export TF_CONFIG=")]
    config = json.loads(shlex.split(example)[1].removeprefix("TF_CONFIG="))
    processes = []
    for index in range(len(config["cluster"]["worker"])):
        config["task"]["index"] = index
        processes.append(start(command, folder, TF_CONFIG=json.dumps(config)))
    for process in processes:
        finish(process)


def test_other_lines_are_known():
    starts = ("python3 -m venv", ".venv/bin/pip", ".venv/bin/python -m pytest", "docker run")
    assert [line for line in OTHERS if not line.startswith((*starts, "export TF_CONFIG="))] == []


@pytest.mark.parametrize("program", PROGRAMS)
def test_program(program, folder):
    finish(start(f"{shlex.quote(sys.executable)} -c {shlex.quote(program)}", folder))


def test_request_and_answer_of_the_server(folder):
    """As TensorFlow Serving does: a row for each instance, the outputs by name."""
    request, answer = (
        json.loads(re.search(rf"<!-- {name} -->\n```json\n(.*?)```", README, re.DOTALL)[1])
        for name in ("request", "answer")
    )
    exported = folder / "runs" / "quickstart" / "nrnm" / "exported" / "saved_model" / "1"
    signature = tf.saved_model.load(str(exported)).signatures[request["signature_name"]]
    (name,) = signature.structured_input_signature[1]
    outputs = signature(**{name: tf.constant(request["instances"])})
    (row,) = answer["predictions"]
    assert set(outputs) == set(row)
    for name, value in row.items():
        given = outputs[name][0].numpy()
        assert np.shape(value) == np.shape(given)
    assert [x.decode() for x in outputs["classes"][0].numpy()] == row["classes"]
    assert outputs["label"][0].numpy().decode() in row["classes"]

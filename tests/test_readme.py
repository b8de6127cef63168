"""What the READMEs say: commands and programs run, examples print what they show, links work.

All commands run in one folder, on small data, in the order of the documents. Flags that make a
command small stand behind it; of two equal flags the last one counts.
"""

import doctest
import importlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from nrnm_keras.benchmark import __main__ as benchmark
from nrnm_keras.tasks import find_tasks
from nrnm_keras.train import __main__ as train
from pipelines import build
from pipelines.datasets import dataset_names
from pipelines.ntu_sample.generate import generate_files
from tests.markdown import ROOT, Document, documents

DOCUMENTS = documents()
LINES = [(document, line) for document in DOCUMENTS for line in document.lines]
# No runner of Beam but the local ones is at hand.
UNAVAILABLE = "--beam_runner=FlinkRunner"
MODULE = re.compile(r"python -m ((?:nrnm_keras|pipelines)\.\w+)")
COMMANDS = list(
    dict.fromkeys(line for _, line in LINES if MODULE.search(line) and UNAVAILABLE not in line)
)
FLAG_FILES = sorted((ROOT / "configs").rglob("*.flags"))
# Installing and the tests themselves are what CI runs; containers it cannot.
NOT_RUN = (
    *("python3 -m venv", ".venv/bin/pip", "pip install", "source .venv", "docker run"),
    *(".venv/bin/python -m pytest", "python -m pytest", "export TF_CONFIG="),
    *("ruff ", "mypy", "NRNM_DATA=", "pre-commit ", "git "),
)
# In a flag file, because not every task uses all of them.
SMALL_TRAINING = [
    *("--num_layers=1", "--nrnm_layers=1", "--epochs=1", "--problem_train=64"),
    "--problem_test=32",
]
SMALL = {
    "nrnm_keras.train": "--flagfile=small.flags --units=8 --num_heads=2 --batch_size=20",
    "nrnm_keras.benchmark": "--suite=layer --units=8 --repeats=1",
    "nrnm_keras.sweep": "--flagfile=small.flags --units=16 --seeds=1",
    "pipelines.benchmark": "--files=2 --repeats=1",
    "pipelines.build long_memory": "--num_train=64 --num_validation=8 --num_test=8",
    "pipelines.build ntu_sample": "--num_samples=24",
}
# The folders with raw data, by what stands before `source`, or by the data set that is built.
SOURCES = {"imdb": "imdb", "nw_ucla": "nw_ucla", "ntu": "ntu", "flip": "flip", "sick": "sick"}
SOURCES |= {"ntu_rgbd": "ntu", "flip_secondary_structure": "flip"}
LIMIT = 900  # seconds

slow = pytest.mark.slow
each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, nw_ucla_folder):
    """A checkout's flag files and documents, and raw data of every kind that the commands take."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "configs", folder / "configs")
    shutil.copytree(ROOT / "docs", folder / "docs")
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
    (folder / "missing.txt").write_text("S017C003P020R002A060\n")
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
        skeletons = "skeletons" if name == "train" else "more_skeletons"
        x = random.normal(size=(40, 9, 1, 25, 3)).astype("f4")
        np.savez(folder / f"{skeletons}.npz", x=x, y=np.arange(40) % 2)
        rows = [f"A {word} one {i},{word}" for i in range(20) for word in ("good", "bad")]
        (folder / f"{name}.csv").write_text("\n".join(["text,label", *rows]))
    rows = [f"{i},{t},{random.normal()},{i / 10}" for i in range(40) for t in range(9)]
    for name in ("series", "more_series"):
        (folder / f"{name}.csv").write_text("\n".join(["id,time,height,label", *rows]))
    (folder / "new.csv").write_text("text\ngood\nbad\n")
    (folder / "small.flags").write_text("\n".join(SMALL_TRAINING))
    return folder


def made_small(line):
    """Returns a command with the tests' Python, small data and small networks."""
    module = MODULE.search(line)[1]
    built = re.search(r"pipelines\.build (\w+)", line)
    line = re.sub(r"(?<!\S)python(?= -m)", shlex.quote(sys.executable), line)
    line = re.sub(r"--(\w+)_source=PATH", lambda flag: flag[0][:-4] + SOURCES[flag[1]], line)
    if built:
        line = line.replace("--source=PATH", f"--source={SOURCES.get(built[1])}")
    line = line.replace("=FOLDER", "=ntu").replace("=FILE", "=missing.txt")
    line = re.sub(r"--parameter_budget=\d+", "--parameter_budget=4000", line)
    return f"{line} {SMALL.get(f'{module} {built[1]}' if built else module, '')}"


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


@slow
@pytest.mark.parametrize("line", COMMANDS)
def test_command(line, folder):
    command = made_small(line)
    if "--strategy=multi_worker" not in line:
        finish(start(command, folder))
        return
    (example,) = [other for _, other in LINES if other.startswith("export TF_CONFIG=")]
    config = json.loads(shlex.split(example)[1].removeprefix("TF_CONFIG="))
    processes = []
    for index in range(len(config["cluster"]["worker"])):
        config["task"]["index"] = index
        processes.append(start(command, folder, TF_CONFIG=json.dumps(config)))
    for process in processes:
        finish(process)


@slow
@pytest.mark.parametrize(
    "program", [program for document in DOCUMENTS for program in document.blocks("python")]
)
def test_program(program, folder):
    finish(start(f"{shlex.quote(sys.executable)} -c {shlex.quote(program)}", folder))


@slow
def test_request_and_answer_of_the_server(folder):
    """As TensorFlow Serving does: a row for each instance, the outputs by name."""
    text = Document("nrnm_keras/export/README.md").text
    request, answer = (
        json.loads(re.search(rf"<!-- {name} -->\n```json\n(.*?)```", text, re.DOTALL)[1])
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


def test_other_lines_are_known():
    others = [line for _, line in LINES if line and line not in COMMANDS]
    assert [
        line for line in others if not line.startswith(NOT_RUN) and UNAVAILABLE not in line
    ] == []


@each_document
def test_examples(document):
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for number, block in enumerate(document.blocks("pycon")):
        example = doctest.DocTestParser().get_doctest(block, {}, document.name, document.name, 0)
        runner.run(example)
        assert example.examples, number
    assert not runner.failures


@each_document
def test_no_example_is_overlooked(document):
    assert ">>>" not in document.prose + "".join(document.blocks(""))


@each_document
def test_links(document):
    for link in document.links:
        if link.startswith(("https://", "http://")):
            continue
        target, _, anchor = link.partition("#")
        path = (document.path.parent / target).resolve() if target else document.path
        assert path.exists(), link
        if anchor:
            assert anchor in Document(path.relative_to(ROOT).as_posix()).anchors, link


def test_flags_exist(capsys, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")  # as `pipelines.build` sets it
    for command in ("predict", "export", "visualize", "sweep"):
        assert importlib.import_module(f"nrnm_keras.{command}.__main__").main(["--help"]) == 0
    for task in find_tasks():
        assert train.main(["--help", f"--task={task}"]) == 0
    assert benchmark.main(["--help"]) == 0
    for dataset in dataset_names():
        assert build.main([dataset, "--help"]) == 0
    known = set(re.findall(r"--(?:\[no\])?(\w+)", capsys.readouterr().out))
    heads = (line for path in FLAG_FILES for line in path.read_text().splitlines())
    ours = (line for _, line in LINES if not line.startswith(NOT_RUN))
    # The changelog has old names, too.
    documents = (document for document in DOCUMENTS if document.name != "CHANGELOG.md")
    texts = [*(document.prose for document in documents), *heads, *ours]
    flag = re.compile(r"(?<![\w-])--([a-z]\w+)(?!\w|\.\.\.)")
    used = {name for text in texts for name in flag.findall(text)}
    # Of absl, of `pipelines.benchmark`, and of what CONTRIBUTING.md adds.
    others = {"flagfile", "files", "repeats", "tides_days"}
    assert {
        name for name in used - others if {name, name.removeprefix("no")}.isdisjoint(known)
    } == set()


def test_flag_files_exist():
    documents = (document for document in DOCUMENTS if document.name != "CHANGELOG.md")
    texts = [*(each.text for each in documents), *(path.read_text() for path in FLAG_FILES)]
    named = {name for text in texts for name in re.findall(r"configs/[\w/]+\.flags", text)}
    assert {name for name in named if not (ROOT / name).is_file()} == set()


def test_flag_files_begin_with_their_command():
    for path in FLAG_FILES:
        name = path.relative_to(ROOT).as_posix()
        head = path.read_text().replace("\\\n#", "").split("\n--")[0]
        assert head.startswith("# ")
        assert f"--flagfile={name}" in head or path.parent.name == "base", name


def test_every_flag_file_is_listed():
    text = Document("configs/README.md").text
    shown = [path for path in FLAG_FILES if path.parent.name in ("configs", "sweeps")]
    assert [path.name for path in shown if f"`{path.stem}`" not in text] == []


def test_the_readme_fits_in_200_lines():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 200

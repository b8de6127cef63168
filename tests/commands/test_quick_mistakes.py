"""Help, and mistakes in flags, are there at once: neither TensorFlow nor Keras is imported."""

import os
import pathlib
import re
import subprocess
import sys
import tomllib

import numpy as np
import pytest

from nrnm_keras.train import __main__ as train

REPOSITORY = pathlib.Path(__file__).parents[2]
TRAIN = ("nrnm_keras.train", "--task=text")
HEAVY = {"tensorflow", "keras", "jax", "torch", "matplotlib"}


def run(module, *words, **environment):
    """Runs a module; returns its exit code, its output, and what it imported."""
    clean = {k: v for k, v in os.environ.items() if k != "NRNM_VERBOSE"}
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", module, *words],
        env={**clean, "PYTHONPATH": str(REPOSITORY), **environment},
        capture_output=True,
        text=True,
    )
    imported = re.findall(r"^import time: .*\| *(\S+)$", result.stderr, re.M)
    assert "absl.flags" in imported
    errors = [x for x in result.stderr.splitlines() if not x.startswith("import time:")]
    return result.returncode, "\n".join([result.stdout, *errors]).strip(), set(imported)


@pytest.mark.parametrize(
    "words",
    [
        ["nrnm_keras.train"],
        ["nrnm_keras.train", "--task=imdb"],
        ["nrnm_keras.predict"],
        ["nrnm_keras.export"],
        ["nrnm_keras.visualize"],
        ["nrnm_keras.sweep"],
        ["nrnm_keras.benchmark"],
        ["pipelines.build"],
        ["pipelines.build", "flip_secondary_structure"],
        ["pipelines.verify"],
        ["pipelines.benchmark"],
    ],
    ids=" ".join,
)
def test_help(words):
    code, output, imported = run(*words, "--help")
    assert code == 0 and output.startswith("usage: python -m ")
    assert not imported & HEAVY


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nrnm_keras.train"], "no --task given; expected one of adding, "),
        (["nrnm_keras.train", "--train_file=a.npz"], "--task=sequence or --task=skeleton for"),
        (["nrnm_keras.train", "--train_file=a.pdf"], "--task=sequence or --task=skeleton or --"),
        (["nrnm_keras.sweep", "--sweep_dir=s", "--grid=units=4"], "no --task given"),
        (["nrnm_keras.train", "--task=films"], "films"),
        (["nrnm_keras.train", "--task=text", "--no_such=1"], "no_such"),
        (["nrnm_keras.train", "--task=text", "--units=many"], "units"),
        (["nrnm_keras.train", "--task=text", "--units=0"], "units"),
        (["nrnm_keras.train", "--task=text", "run"], "unexpected argument 'run'"),
        (["nrnm_keras.train", "--task=text"], "no --run_dir given"),
        (["nrnm_keras.train", "--task=text", "--compare_with_lstm"], "no --run_dir given"),
        (["nrnm_keras.train", "--task=imdb", "--run_dir=r", "--velocity"], "not used by --task"),
        (["nrnm_keras.train", "--flagfile=none.flags"], "none.flags"),
        ([*TRAIN, "--run_dir=r", "--init_from=none"], "finished run"),
        ([*TRAIN, "--run_dir=r", "--init_layers=embedding"], "needs --init_from"),
        (["nrnm_keras.predict", "--text=a"], "no --run given"),
        (["nrnm_keras.predict", "--run=none", "--text=a"], "--run=none"),
        (["nrnm_keras.predict", "--run=none"], "expected exactly one of"),
        (["nrnm_keras.predict", "--run=r", "--no_such=1"], "no_such"),
        (["nrnm_keras.export"], "no --run given"),
        (["nrnm_keras.export", "--run=none"], "--run=none"),
        (["nrnm_keras.export", "--run=none", "--format=tape"], "tape"),
        (["nrnm_keras.visualize", "--run=none", "--text=a"], "no --output given"),
        (["nrnm_keras.visualize", "--run=none", "--text=a", "--output=o"], "--run=none"),
        (["nrnm_keras.sweep", "--task=text"], "no --sweep_dir given"),
        (["nrnm_keras.sweep", "--task=text", "--sweep_dir=s", "--grid=no_such=1"], "no_such"),
        (["nrnm_keras.sweep", "--task=text", "--sweep_dir=s", "--grid=units=0"], "units"),
        (["nrnm_keras.benchmark", "--units=many"], "--units='many'"),
        (["pipelines.build", "films"], "films"),
        (["pipelines.build", "imdb", "--no_such=1"], "no_such"),
        (["pipelines.build", "imdb", "--source_limit_mb=many"], "source_limit_mb"),
        (["pipelines.verify", "none"], "none: no such folder"),
        (["pipelines.benchmark", "--files=0"], "files"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes(words, said):
    code, output, imported = run(*words)
    assert code == 1 and output.startswith("error: ") and said in output
    assert len(output.splitlines()) == 1
    assert not imported & HEAVY


@pytest.mark.parametrize(
    ("file", "task"),
    [
        ("a.csv", "text"),
        ("A.TSV", "text"),
        ("a.jsonl", "text"),
        ("a.json", "text"),
        ("a.ts", "sequence"),
        ("a.txt", "sequence"),
        ("a.parquet", "sequence"),
    ],
)
def test_a_task_that_is_not_given_is_that_of_the_file(file, task, capsys):
    assert train.main([f"--train_file={file}"]) == 1  # it has no --run_dir
    said, error = capsys.readouterr()
    assert said == f"no --task given: --task={task}, from the type of {file}\n"
    assert error.startswith("error: no --run_dir given")


@pytest.mark.parametrize(
    ("content", "flags", "task"),
    [
        ("id,time,a,b,label\n1,1,0.5,,x\n", [], "sequence"),
        ("Class;0;1;2\nup;1;2;3\n", [], "sequence"),
        ("outcome,a,b\nup,1,2\n", [], "sequence"),  # then --label_column is asked for
        ("x,a,b,kind\n1,1,2,up\n", ["--label_column=kind"], "sequence"),
        ("label,text\n0,1984\n1,A good one.\n", [], "text"),
        ("id,time,note,label\n1,1,fine,x\n", [], "text"),
        ("comment,likes\nfine,3\n", [], "text"),
        ("id,said,likes,label\n1,fine,3,x\n", [], "text"),
        ("text,label\n", [], "text"),
        ("id,time,a,target\n1,1,0.5,2\n2,1,0.5,2.5\n", [], "sequence_regression"),
        ("a,b,class\n1,1,1.0\n1,2,2.0\n", [], "sequence"),
        ("text,label\n1\n", [], "text"),
    ],
)
def test_a_table_of_numbers_is_one_of_sequences(content, flags, task, tmp_path, capsys):
    file = tmp_path / "a.csv"
    file.write_text(content)
    assert train.main([f"--train_file={file}", *flags]) == 1  # it has no --run_dir
    assert f"--task={task}, from the content of {file}\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arrays", "task"),
    [
        ({"x": (2, 5, 3)}, "sequence"),
        ({"x": (2, 5, 3), "y": (2,)}, "sequence_regression"),
        ({"x": (2, 5, 3), "y": (2, 1)}, "sequence_regression"),
        ({"x": (2, 5, 3), "y": (2, 4)}, "sequence"),
        ({"x": (2, 5, 20, 3)}, "skeleton"),
        ({"x": (2, 5, 2, 25, 3)}, "skeleton"),
        ({"values": (9, 3)}, "sequence"),
        ({"values": (9, 25, 3)}, "skeleton"),
        ({"values": (9, 25, 2)}, None),
        ({"x": (2, 5)}, None),
        ({"other": (2, 5, 3)}, None),
    ],
)
def test_arrays_have_steps_of_features_or_of_joints(arrays, task, tmp_path, capsys):
    file = tmp_path / "a.npz"
    np.savez(file, **{name: np.zeros(shape) for name, shape in arrays.items()})
    assert train.main([f"--train_file={file}"]) == 1
    said, error = capsys.readouterr()
    if task:
        assert said == f"no --task given: --task={task}, from the content of {file}\n"
    else:
        assert error.startswith("error: no --task given; expected --task=sequence or --task=skele")


@pytest.mark.parametrize(
    ("header", "task"),
    [("@TargetLabel true", "sequence_regression"), ("@classLabel true a b", "sequence")],
)
def test_the_header_of_a_ts_file_says_whether_labels_are_numbers(header, task, tmp_path, capsys):
    file = tmp_path / "a.ts"
    file.write_text(f"# a comment\n\n{header}\n@data\n1,2:0.5\n")
    assert train.main([f"--train_file={file}"]) == 1
    assert f"--task={task}, from the content" in capsys.readouterr().out


SCRIPTS = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["scripts"]


@pytest.mark.parametrize("name", SCRIPTS)
def test_console_scripts(name, tmp_path):
    module, _, function = SCRIPTS[name].partition(":")
    script = tmp_path / name  # as pip writes it
    script.write_text(f"import sys\nfrom {module} import {function}\nsys.exit({function}())\n")
    result = subprocess.run(
        [sys.executable, "-X", "importtime", str(script), "--help"],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0 and result.stdout.startswith("usage: ")
    assert not set(re.findall(r"\| *(\S+)$", result.stderr, re.M)) & HEAVY


@pytest.mark.parametrize(
    ("backend", "said"),
    [
        ("jax", "KERAS_BACKEND=jax, but jax is not installed: pip install "),
        ("torch", "KERAS_BACKEND=torch, but torch is not installed: pip install "),
        ("jacks", "KERAS_BACKEND='jacks'; expected tensorflow, jax or torch"),
    ],
)
@pytest.mark.parametrize("module", ["nrnm_keras.train", "nrnm_keras.benchmark"])
def test_backends_that_are_not_there(module, backend, said, tmp_path):
    # A finder of modules that finds all but these: as if they were not installed.
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.machinery as machinery\n"
        "find = machinery.PathFinder.find_spec\n"
        "def find_others(name, *args):\n"
        "    return None if name in ('jax', 'torch') else find(name, *args)\n"
        "machinery.PathFinder.find_spec = find_others\n"
    )
    words = ["--task=text", f"--run_dir={tmp_path}/run"] if module.endswith("train") else []
    path = f"{tmp_path}{os.pathsep}{REPOSITORY}"
    code, output, imported = run(module, *words, KERAS_BACKEND=backend, PYTHONPATH=path)
    assert code == 1 and output.startswith(f"error: {said}")
    assert len(output.splitlines()) == 1
    assert not imported & HEAVY


def test_a_backend_that_is_half_installed(tmp_path):
    (tmp_path / "jax.py").write_text("raise ImportError('no jaxlib')")
    path = f"{tmp_path}{os.pathsep}{REPOSITORY}"
    words = ["--task=text", f"--run_dir={tmp_path}/run"]
    code, output, _ = run("nrnm_keras.train", *words, KERAS_BACKEND="jax", PYTHONPATH=path)
    assert (code, output) == (1, "error: KERAS_BACKEND=jax cannot be imported: no jaxlib")


def test_programs_get_every_registered_class_by_importing_the_library():
    code = (
        "import nrnm_keras\n"
        "assert {'layers', 'models', 'preprocessing'} <= set(vars(nrnm_keras))\n"
        "from nrnm_keras.train import *\n"
        "from nrnm_keras.predict import *\n"
        "from nrnm_keras.export import *\n"
        "from nrnm_keras.visualize import *\n"
        "from nrnm_keras.inference import *\n"
        "print(*(each.__name__ for each in (train, predict_file, export, visualize, Streams)))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert result.stdout == "train predict_file export visualize Streams\n", result.stderr

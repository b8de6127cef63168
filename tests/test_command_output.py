"""What the commands say in a process of their own: their words and results, and nothing else.

Every line of both streams is compared with what is ours; what is left is somebody else's.
"""

import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest

from tests.configs import SMALL_TEXT_RUN

REPOSITORY = pathlib.Path(__file__).parents[1]
SMALL = [*SMALL_TEXT_RUN, "--batch_size=8"]
NUMBER = r"[\d.,e+-]+"
METRICS = rf"accuracy {NUMBER}, loss {NUMBER}"
# Keras's progress bar: it rewrites its line.
BAR = r"(\x1b\[\d+m|[━ \d/:~?]|(ms|us|s)/step|\d+(ms|s)|[-–] (accuracy|loss): [\d.e-]+|\x08)*"
TRAINING = [
    r"Epoch 1/1",
    BAR,
    rf"{NUMBER} examples/s; input-bound: \d+ %",
    rf"val_accuracy {NUMBER}  val_loss {NUMBER}",
    r"(Test|Validation):",
    rf"validation {METRICS} \(epoch 1 of 1\)",
    rf"test       ({METRICS}|none \(no test split\))",
    rf"{NUMBER} parameters, {NUMBER} s per epoch",
    r"warning: .*",
    rf"baseline   validation accuracy {NUMBER}: TF-IDF and logistic regression",
    r"           the baseline is better; .*",
    r"report:  \S+/report.md",
    r"predict: python -m nrnm_keras.predict --run=\S+ '--text=any text of yours'",
    r"export:  python -m nrnm_keras.export --run=\S+ --format=onnx",
]
EXPORT = [
    rf"\w+: differs from the Keras model by at most {NUMBER}, {NUMBER} ms per call",
    r"no \w+: .*",
    r"\S+/exported/\w+",
]


def run(*words, environment=None, **options):
    """Runs a module; what TensorFlow would log by itself it may log."""
    clean = {
        k: v for k, v in os.environ.items() if k not in ("TF_CPP_MIN_LOG_LEVEL", "NRNM_VERBOSE")
    }
    return subprocess.run(
        [sys.executable, "-m", *words],
        env={**clean, "PYTHONPATH": str(REPOSITORY), **(environment or {})},
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        **options,
    )


def assert_only(result, *patterns):
    """Checks that a command ended well, and each line it wrote is of one of the patterns."""
    assert result.returncode == 0, result.stderr
    lines = re.split(r"[\r\n]+", result.stdout + result.stderr)
    foreign = [line for line in lines if line and not any(re.fullmatch(p, line) for p in patterns)]
    assert foreign == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("commands")
    random = np.random.default_rng(0)
    with open(folder / "train.csv", "w", encoding="utf-8") as file:
        file.write("text,label\n")
        for number in range(40):
            words = " ".join(random.choice(list("abcdefgh"), size=random.integers(3, 30)))
            label = ("schön", "很好")[number % 2]
            file.write(f"{label} {words},{label}\n")
    return folder


@pytest.fixture(scope="module")
def flags(folder):
    return [*SMALL, f"--train_file={folder}/train.csv", f"--data_dir={folder}/data"]


@pytest.fixture(scope="module")
def trained(folder, flags):
    """The result of the command that trained the run in `folder / "run"`."""
    return run("nrnm_keras.train", *flags, f"--run_dir={folder}/run")


def test_training_says_its_own_words(trained):
    assert_only(trained, *TRAINING)
    assert trained.stderr == ""


@pytest.mark.slow
def test_verbose_shows_the_rest_in_which_no_graph_is_called_invalid(flags, folder):
    result = run("nrnm_keras.train", *flags, f"--run_dir={folder}/verbose", "--verbose")
    assert result.returncode == 0
    assert "InitializeLog" in result.stderr  # TensorFlow's first words
    assert "Type inference failed" not in result.stderr


@pytest.mark.slow
def test_a_flag_file_can_ask_for_it(folder):
    lines = ["# Everything.", "--verbose", "--task=text", f"--run_dir={folder}/none", "--units=5"]
    (folder / "verbose.flags").write_text("\n".join(lines))
    said = "error: Argument `units` must be a multiple of num_heads=4. Received: units=5"
    result = run("nrnm_keras.train", f"--flagfile={folder}/verbose.flags")
    assert "InitializeLog" in result.stderr and said in result.stderr
    result = run("nrnm_keras.train", f"--flagfile={folder}/verbose.flags", "--noverbose")
    assert result.stderr == f"{said}\n"


def test_what_kills_the_process_while_tensorflow_is_imported_is_seen():
    code = (
        "import os, sys; sys.modules.pop('tensorflow', None)\n"
        "from pipelines import library_logs\n"
        "with library_logs._stderr_held_back():\n"
        "    os.write(2, b'I0000 00:00:1.1 1 port.cc:1] a remark\\n')\n"
        "    os.write(2, b'F0000 00:00:1.1 1 cpu.cc:2] no AVX here\\n')\n"
        "    os.abort()\n"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True)
    assert result.returncode < 0
    assert result.stderr == b"F0000 00:00:1.1 1 cpu.cc:2] no AVX here\n"


def test_what_fails_while_tensorflow_is_imported_is_seen(tmp_path):
    (tmp_path / "tensorflow.py").write_text("raise ImportError('half installed')")
    result = run(
        *("nrnm_keras.train", "--task=text", f"--run_dir={tmp_path}/run"),
        environment={"PYTHONPATH": f"{tmp_path}:{REPOSITORY}"},
    )
    assert result.returncode == 1 and "half installed" in result.stderr


def test_a_program_that_imports_the_library_is_left_alone():
    code = (
        "import os, logging, warnings, keras\n"
        "before = list(warnings.filters)\n"  # Keras and what it imports have their own
        "import nrnm_keras\n"
        "assert 'NRNM_VERBOSE' not in os.environ\n"
        "assert logging.getLogger().level == logging.WARNING\n"
        "assert warnings.filters == before, warnings.filters\n"
    )
    clean = {k: v for k, v in os.environ.items() if k != "NRNM_VERBOSE"}
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, env=clean, check=True)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize("form", ["text", "csv", "jsonl"])
@pytest.mark.slow
def test_no_encoding_lacks_a_way_to_write_a_class_name(trained, folder, encoding, form):
    result = run(
        *("nrnm_keras.predict", f"--model={folder}/run", f"--input={folder}/train.csv"),
        f"--format={form}",
        environment={"PYTHONIOENCODING": encoding},
    )
    assert result.returncode == 0 and result.stderr == ""
    assert len(result.stdout.splitlines()) == 40 + (form in ("csv", "text"))  # the heading
    if form != "jsonl":
        assert ("很好" if encoding == "utf-8" else r"\u5f88\u597d") in result.stdout


@pytest.mark.slow
def test_training_with_an_encoding_that_lacks_the_class_names(folder, flags):
    environment = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
    result = run(
        *("nrnm_keras.train", *flags, f"--run_dir={folder}/ascii"),
        environment={**environment, "PYTHONUTF8": "0"},
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.slow
def test_paths_that_are_not_utf8(folder, flags, trained):
    data = folder / "caf\udce9.csv"
    data.write_bytes((folder / "train.csv").read_bytes())
    own = [flag for flag in flags if not flag.startswith("--train_file")]
    training = run("nrnm_keras.train", *own, f"--train_file={data}", f"--run_dir={folder}/latin")
    assert training.returncode == 0, training.stderr
    result = run("nrnm_keras.predict", f"--model={folder}/run", f"--input={data}")
    assert result.returncode == 0 and len(result.stdout.splitlines()) == 41  # with the heading
    output = folder / "pr\udce9.csv"
    result = run(
        "nrnm_keras.predict", f"--model={folder}/run", f"--input={data}", f"--output={output}"
    )
    assert result.stdout == f"40 texts: {folder}/pr\\udce9.csv\n" and output.exists()
    for words in (
        ["nrnm_keras.train", *flags, f"--run_dir={folder}/r\udce9"],
        ["nrnm_keras.train", *own, f"--run_dir={folder}/new", f"--data_dir={folder}/d\udce9"],
        ["nrnm_keras.export", f"--model={folder}/run", f"--output={folder}/e\udce9"],
        ["nrnm_keras.sweep", *flags, "--grid=units=4", f"--sweep_dir={folder}/s\udce9"],
        ["pipelines.build", "text_files", f"--train_file={data}", f"--data_dir={folder}/d\udce9"],
        ["pipelines.verify", f"{folder}/n\udce9"],
    ):
        result = run(*words)
        assert result.returncode == 1
        assert re.fullmatch(r"error: .*\\udce9.*\n", result.stderr), result.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "patterns"),
    [
        (["nrnm_keras.predict", "--text=a b c"], [rf"\S+  \S+ {NUMBER}, \S+ {NUMBER}"]),
        (["nrnm_keras.export", "--format=saved_model"], EXPORT),
        (["nrnm_keras.export", "--format=onnx"], EXPORT),
        (["nrnm_keras.export", "--format=litert", "--quantize=int8"], EXPORT),
        (["nrnm_keras.export", "--format=keras"], EXPORT),
        (["nrnm_keras.visualize", "--text=a b c d e f g h", "--output=OUT"], [r"\S+\.(png|html)"]),
    ],
    ids=lambda value: "-".join(value[:2]) if value[0].startswith("nrnm") else "",
)
def test_commands_on_a_model_say_their_own_words(trained, folder, tmp_path, words, patterns):
    words = [word.replace("OUT", str(tmp_path / "out")) for word in words]
    assert_only(run(*words, f"--model={folder}/run"), *patterns)


@pytest.mark.slow
def test_a_sweep_and_its_trainings_say_their_own_words(folder, flags):
    result = run("nrnm_keras.sweep", *flags, "--grid=units=4,8", f"--sweep_dir={folder}/sweep")
    assert_only(
        result,
        rf"\[\d/2\] units=\d seed 0: validation accuracy {NUMBER} \(\d+ s\)",
        r"\|.*\|",
        r"Mean and standard deviation over the seeds. Command:",
        r"    python -m nrnm_keras.sweep .*",
    )
    logs = list((folder / "sweep").rglob("*.log"))
    assert len(logs) == 2
    for log in logs:
        lines = re.split(r"[\r\n]+", log.read_text(encoding="utf-8"))
        assert [x for x in lines if x and not any(re.fullmatch(p, x) for p in TRAINING)] == []


@pytest.mark.slow
def test_training_on_jax_and_its_export_say_their_own_words(folder, flags):
    pytest.importorskip("jax")
    result = run(
        *("nrnm_keras.train", *flags, f"--run_dir={folder}/jax"),
        environment={"KERAS_BACKEND": "jax"},
    )
    assert_only(result, *TRAINING)


@pytest.mark.slow
def test_pipelines_say_their_own_words(tmp_path):
    sizes = ["--num_train=32", "--num_test=8"]
    built = run("pipelines.build", "sample_reviews", *sizes, f"--data_dir={tmp_path}")
    assert_only(
        built,
        r"sample_reviews/\S+ in \S+",
        r"  (train|test) +\d+ examples +1 shards +0.0 MiB  neg \d+, pos \d+",
    )
    verified = run("pipelines.verify", str(tmp_path))
    assert_only(
        verified,
        r"\S+",
        r"  (train|test): \d+ records, 1 shards, 0.0 MiB; neg \d+, pos \d+",
        r"builds: 1, problems: 0",
    )
    assert built.stderr == verified.stderr == ""
    timed = run("pipelines.benchmark", "--files=2", "--repeats=1")
    assert_only(
        timed, r"files: 2, .*", r" +ms per file .*", rf"(line|the) .*: ?.* +{NUMBER}", r"line by .*"
    )


@pytest.mark.slow
def test_the_benchmark_says_its_own_words():
    sizes = ["--units=4", "--repeats=1", "--timesteps=10", "--features=4"]
    result = run("nrnm_keras.benchmark", *sizes)
    assert_only(
        result,
        r"\d+ cores .*",
        r"ratio: .*",
        r"One layer",
        r" +median .*",
        r"4 units, (Keras )?(LSTM|NRNM|RNN).*",
    )

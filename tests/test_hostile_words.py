"""Class names, texts, columns and paths that would do harm where they are shown, in every command.

All of what the commands write is read: no sign steers the terminal, no cell is a formula, no tag of
a label is one of a page.
"""

import csv
import html.parser
import json
import re

import pytest

from nrnm_keras.export import __main__ as export
from nrnm_keras.predict import __main__ as predict
from nrnm_keras.sweep import __main__ as sweep
from nrnm_keras.train import __main__ as train
from nrnm_keras.visualize import __main__ as visualize
from pipelines import build, verify
from pipelines.escaping import from_csv, is_shown
from tests.configs import SMALL_TEXT_RUN

LABELS = [
    "<script>alert(1)</script>",
    "a|b",
    "=1+cmd|' /C calc'!A0",
    "$\\frac{x}$",
    "_hidden",
    "[a](http://b)",
    "می\u200cخواهم",
    "10\u00a0000",
    "-1.5",
    "@SUM(A1)",
]
STEERING = "\x1b[2J\x1b]0;title\x07 \x9b31m \u202egnp"
TEXTS = [f"{STEERING} film number {number}" for number in range(3)]
TEXTS += ["=1+1", "<img src=x onerror=alert(1)>", "a|b", "plain words", '"quoted", text']
SMALL = [*SMALL_TEXT_RUN, "--batch_size=16"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a training file `train.csv`, and a finished run `run`."""
    folder = tmp_path_factory.mktemp("<b>|$x$")
    rows = [(f"{text} {i}", label) for i, label in enumerate(LABELS) for text in TEXTS]
    with open(folder / "train.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", f"=col {STEERING}"])
        writer.writerows((text, label, "x") for text, label in rows)
    return folder


@pytest.fixture(scope="module")
def flags(folder):
    return [*SMALL, f"--train_file={folder}/train.csv", f"--data_dir={folder}/data"]


@pytest.fixture(scope="module")
def run(folder, flags):
    run = folder / "run"
    test = f"--test_file={folder}/train.csv"
    assert train.main([*flags, test, f"--run_dir={run}"]) == 0
    return run


@pytest.fixture
def command(capfd):
    """Runs a command, and returns its lines, in which there is nothing that steers a terminal."""

    def run_command(main, *arguments, code=0):
        capfd.readouterr()
        assert main(list(arguments)) == code
        output, errors = capfd.readouterr()
        for text in (output, re.sub(r".*it/s.*|.*examples/s.*", "", errors)):
            assert all(is_shown(line) for line in re.split(r"[\n\r]", text)), text
        return [*output.splitlines(), *errors.splitlines()]

    return run_command


class Tags(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes = set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}


def assert_markdown_is_harmless(text, has_code=True):
    """Checks that tables have equal rows and that no tag stands outside of code."""
    assert all(map(is_shown, text.splitlines()))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    tables = "\n".join(line if line.startswith("|") else "" for line in text.splitlines())
    for table in filter(None, re.split(r"\n\n+", tables.strip())):
        columns = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(columns) == 1, table
    prose = re.sub(r"^    .*$|```.*?```|(`+).*?\1", "", text, flags=re.MULTILINE | re.DOTALL)
    assert "<" not in prose.replace("\\<", "")
    assert rows


def test_training(run):
    report = (run / "report.md").read_text(encoding="utf-8")
    assert_markdown_is_harmless(report)
    assert r"| a\|b | " in report and "&lt;script&gt;" in report
    facts = json.loads((run / "report.json").read_text(encoding="utf-8"))
    assert set(facts["data"]["classes"]) == set(LABELS)
    assert (run / "pictures" / "confusion_matrix.png").stat().st_size


def test_progress_of_a_training_and_a_finished_one(run, flags, folder, command):
    (line,) = command(train.main, *flags, f"--run_dir={run}", code=1)
    assert line.startswith("error: run_dir=")


def test_prediction_for_people(run, folder, command):
    lines = command(predict.main, f"--model={run}", f"--input={folder}/train.csv")
    assert len(lines) == 1 + len(LABELS) * len(TEXTS)  # the heading
    assert any(r"\x1b[2J" in line for line in lines)
    (line,) = command(predict.main, f"--model={run}", f"--text={TEXTS[0]}")
    assert any(label in line for label in LABELS)


@pytest.mark.parametrize("place", ["file", "terminal"])
def test_prediction_as_csv_is_read_back(run, folder, command, tmp_path, place):
    arguments = [f"--model={run}", f"--input={folder}/train.csv"]
    if place == "file":
        path = tmp_path / "out.csv"
        command(predict.main, *arguments, f"--output={path}")
        rows = list(csv.reader(path.open(newline="", encoding="utf-8")))
    else:
        rows = list(csv.reader(command(predict.main, *arguments, "--format=csv")))
    head, *rows = rows
    # The other columns of the input follow.
    end = 2 + len(LABELS)
    assert {from_csv(name.removeprefix("probability_")) for name in head[2:end]} == set(LABELS)
    assert {from_csv(row[1]) for row in rows} <= set(LABELS)
    for row in rows:
        assert not any(re.match(r"[=+@\t\r]|-(?!1\.5$)", cell) for cell in row[:2] + row[end:])
        assert sum(map(float, row[2:end])) == pytest.approx(1, abs=1e-4)
    assert any(from_csv(row[0]).startswith("=1+1 ") for row in rows)


def test_what_was_predicted_is_input_again(run, folder, command, tmp_path):
    """The apostrophe before a formula is no part of a text: texts stay what they are."""
    once, twice = tmp_path / "once.csv", tmp_path / "twice.csv"
    command(predict.main, f"--model={run}", f"--input={folder}/train.csv", f"--output={once}")
    command(predict.main, f"--model={run}", f"--input={once}", f"--output={twice}")
    rows = []
    for path in (once, twice):
        with path.open(newline="", encoding="utf-8") as file:
            own = [row[: 2 + len(LABELS)] for row in csv.reader(file)]
        rows.append([row for row in own if row[0].startswith("'=1+1")])
    assert rows[0] and rows[0] == rows[1]


@pytest.mark.parametrize("place", ["file", "terminal"])
def test_prediction_as_json(run, folder, command, tmp_path, place):
    arguments = [f"--model={run}", f"--input={folder}/train.csv"]
    if place == "file":
        path = tmp_path / "out.jsonl"
        command(predict.main, *arguments, f"--output={path}")
        lines = path.read_text(encoding="utf-8").splitlines()
    else:
        lines = command(predict.main, *arguments, "--format=jsonl")
    assert all(map(is_shown, lines))
    results = [json.loads(line) for line in lines]
    assert set(results[0]["probabilities"]) == set(LABELS)
    assert results[0]["text"] == f"{TEXTS[0]} 0"


@pytest.mark.slow
def test_model_card(run, folder, command):
    command(export.main, f"--model={run}", "--format=saved_model", "--examples=1")
    card = (run / "exported" / "saved_model" / "README.md").read_text(encoding="utf-8")
    assert_markdown_is_harmless(card)
    assert "&lt;script&gt;" in card


def test_pictures_and_page(run, folder, command, tmp_path):
    text = " ".join(TEXTS) + " <script>alert(2)</script>" + ' " onclick="x'
    command(visualize.main, f"--model={run}", f"--text={text}", f"--output={tmp_path}/out")
    page = (tmp_path / "out" / "words.html").read_text(encoding="utf-8")
    assert all(map(is_shown, page.splitlines()))
    found = Tags(page)
    assert found.tags <= {*"html head meta title style body h1 p span img".split()}
    assert not {name for name in found.attributes if name.startswith("on")}


def test_records(run, folder, command):
    """Verifying and finding them again; the labels are those of the file."""
    lines = command(verify.main, f"{folder}/data", code=1)  # the same texts in two splits
    assert any("a|b" in line for line in lines)
    assert any(line.startswith("  problem: leakage: 80 of 80 ") for line in lines)
    arguments = ["text_files", f"--train_file={folder}/train.csv", f"--data_dir={folder}/data2"]
    lines = command(build.main, *arguments)
    assert any("10 classes" in line or "a|b" in line for line in lines)


def test_tables_of_sweeps(run, flags, folder, command):
    published = folder / "published.csv"
    with published.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["system", "value", "source", "parameters"])
        writer.writerow([f"<script>|{STEERING}", "1|2", "=cmd $x$", "7"])
    arguments = [*flags, "--grid=units=4,8", "--count_only", f"--sweep_dir={folder}/sweep"]
    lines = command(sweep.main, *arguments, f"--published={published}", f"--run_dir={folder}/_=x")
    assert any("published" in line for line in lines)
    (table,) = (folder / "sweep").glob("*/parameters.md")
    assert_markdown_is_harmless(table.read_text(encoding="utf-8"))
    (results,) = (folder / "sweep").glob("*/parameters.csv")
    assert [row["units"] for row in csv.DictReader(results.open())] == ["4", "8"]


@pytest.mark.parametrize("long", [STEERING, "x" * 300_000, "\udcff" * 10])
@pytest.mark.parametrize(
    ("main", "flag"),
    [
        (train.main, "--run_dir"),
        (train.main, "--unknown"),
        (sweep.main, "--grid"),
        (sweep.main, "--sweep_dir"),
        (predict.main, "--model"),
        (export.main, "--model"),
        (visualize.main, "--model"),
        (verify.main, ""),
        (build.main, ""),
    ],
)
def test_mistakes_are_one_short_line(main, flag, long, command):
    arguments = [f"{flag}={long}"] if flag else [long]
    (line,) = command(main, *arguments, code=1)
    assert line.startswith("error: ") and len(line) < 1100


@pytest.mark.parametrize(
    "content",
    [
        f"text,label,{STEERING}\na,b\n",
        "text," + ",".join(f"column{i}" for i in range(50_000)) + "\n",
        f"text,label\na,{'x' * 300_000}\n",
        f"text,label\na,b{STEERING}\n",
        "text,label\n" + "".join(f"a,{'y' * 1000}{i}\n" for i in range(300)),
    ],
    ids=["columns", "many columns", "long label", "steering label", "many labels"],
)
def test_mistakes_in_files_are_one_short_line(content, command, tmp_path):
    (tmp_path / "train.csv").write_text(content, encoding="utf-8")
    (tmp_path / "test.csv").write_text("text,label\na,unknown\n")
    arguments = [f"--{name}_file={tmp_path}/{name}.csv" for name in ("train", "test")]
    (line,) = command(build.main, "text_files", *arguments, f"--data_dir={tmp_path}/data", code=1)
    assert line.startswith("error: ") and len(line) < 1100

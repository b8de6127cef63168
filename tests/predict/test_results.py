import csv
import io
import json
import os
import signal

import numpy as np
import pytest

from nrnm_keras.errors import UsageError
from nrnm_keras.inference.outputs.classes import Classes
from nrnm_keras.predict.results import FORMATS, open_results

OUTPUT = Classes(["no", "so so", "été"])
TEXT = 'He said "bad,\nbad" 很好'


def written(format_, rows, naming=None):
    file = io.StringIO()
    results = FORMATS[format_](file, OUTPUT, naming)
    for name, probabilities in rows:
        results.write(name, np.array(probabilities, "float32"))
    return file.getvalue()


def test_readable_line():
    text = written("text", [(None, [0.25, 0.7, 0.05])])
    assert text == "so so  so so 0.7000, no 0.2500, été 0.0500\n"


def test_readable_line_has_the_name_in_one_line_and_not_all_of_a_long_one():
    text = written("text", [(TEXT, [0, 0, 1]), ("word " * 100, [0, 0, 1])], "text")
    head, first, second = text.splitlines()
    assert head == "label  probabilities  text"
    assert first.endswith(' 0.0000  He said "bad, bad" 很好')
    assert len(second) < 120 and second.endswith("...")


def test_readable_line_has_the_ten_likeliest_of_many_classes():
    file = io.StringIO()
    names = [f"class {n}" for n in range(12)]
    FORMATS["text"](file, Classes(names)).write(None, np.arange(12) / 66)
    assert file.getvalue().count(",") == 9
    assert file.getvalue().startswith("class 11  class 11 0.1667, class 10 0.1515, ")
    assert "class 2 " in file.getvalue() and "class 1 " not in file.getvalue()


@pytest.mark.parametrize("naming", ["text", None])
def test_csv(naming):
    rows = list(csv.DictReader(io.StringIO(written("csv", [(TEXT, [0.25, 0.7, 0.05])], naming))))
    expected = {
        "label": "so so",
        "probability_no": "0.250000",
        "probability_so so": "0.700000",
        "probability_été": "0.050000",
    }
    assert rows == [{naming: TEXT, **expected} if naming else expected]


@pytest.mark.parametrize("naming", ["text", None])
def test_json_lines(naming):
    (line,) = written("jsonl", [(TEXT, [0.25, 0.7, 0.05])], naming).splitlines()
    probabilities = {"no": 0.25, "so so": 0.7, "été": 0.05}
    expected = {"label": "so so", "probabilities": probabilities}
    assert json.loads(line) == ({naming: TEXT, **expected} if naming else expected)


@pytest.mark.parametrize("suffix", [".csv", ".JSONL"])
def test_a_file_has_its_name_when_it_is_complete(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    path.write_text("old")
    with open_results(path, OUTPUT, "text") as results:
        results.write(TEXT, np.array([0, 1, 0]))
        assert path.read_text() == "old"
    assert path.read_text(encoding="utf-8") == written(
        suffix.strip(".").lower(), [(TEXT, [0, 1, 0])], "text"
    ).replace("\r\n", "\n")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_is_not_completed_leaves_nothing(tmp_path, error):
    path = tmp_path / "out.csv"
    path.write_text("old")
    with pytest.raises(error), open_results(path, OUTPUT, "text") as results:
        results.write(TEXT, np.array([0, 1, 0]))
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_has_left_is_removed_by_the_next(tmp_path):
    path = tmp_path / "out.csv"
    process = os.fork()
    if not process:
        with open_results(path, OUTPUT, "text") as results:
            results.write(TEXT, np.array([0, 1, 0]))
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(process, 0)
    assert list(tmp_path.iterdir()) and not path.exists()
    with open_results(path, OUTPUT, "text") as results:
        results.write(TEXT, np.array([0, 1, 0]))
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written(tmp_path):
    path = tmp_path / "none" / "out.csv"
    with pytest.raises(UsageError, match="out.csv cannot be written: No such file"):
        with open_results(path, OUTPUT, "text"):
            raise AssertionError("the file was opened")

import csv

import pytest

from nrnm_keras.train.flags import define_flags
from pipelines.build import build


@pytest.fixture
def write_csv(tmp_path):
    """Writes (text, label) rows to a CSV file and returns its path."""

    def write(name, rows):
        with (tmp_path / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text", "label"), *rows])
        return str(tmp_path / name)

    return write


@pytest.fixture
def build_records(tmp_path, write_csv):
    """Builds records of (text, label) rows, a list for each split, and returns their folder."""

    def records(**splits):
        files = {f"{name}_file": write_csv(f"{name}.csv", rows) for name, rows in splits.items()}
        return build("text_files", tmp_path / "data", **files)

    return records


@pytest.fixture
def make_flags():
    """Returns flag values, given some of them."""

    def make(**given):
        values = define_flags()
        values(["", *(f"--{name}={value}" for name, value in given.items())])
        return values

    return make

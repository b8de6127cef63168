import csv

import pytest

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

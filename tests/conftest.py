import csv
import gc
import json
import pathlib

import numpy as np
import pytest

from pipelines.build import build

pytest_plugins = ["tests.task_runs", "tests.trained_models"]

TESTS = pathlib.Path(__file__).parent
# Each file's tests run in one of several processes, file after file: the longest begin.
LONGEST = [
    "export/test_export.py",
    "train/test_own_data.py",
    "train/test_pretrained.py",
    "inference/test_every_task.py",
    "layers/test_nrnm.py",
    "train/test_meeting.py",
    "layers/test_keras_integration.py",
    "layers/test_transforms.py",
    "test_faults.py",
    "train/test_train.py",
    "pipelines/test_build.py",
    "train/test_own_subwords.py",
]

ACTIONS = [1, 2, 3, 4, 5, 6, 8, 9, 11, 12]  # of NW-UCLA, as its file names count them


def pytest_collection_modifyitems(items):
    def place(item):
        file = item.path.relative_to(TESTS).as_posix()
        return LONGEST.index(file) if file in LONGEST else len(LONGEST)

    items.sort(key=place)


def pytest_collection_finish():
    # What was imported stays, and tests trace graphs of many objects: less often is a tenth faster.
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


@pytest.fixture(scope="session")
def nw_ucla_folder(tmp_path_factory):
    """Files of two actions of ten subjects, twice each, seen by three cameras."""
    folder = tmp_path_factory.mktemp("nw_ucla")
    random = np.random.default_rng(0)
    for label, action in enumerate(ACTIONS[:2], start=1):
        for subject in range(1, 11):
            for episode in range(2):
                for camera in (1, 2, 3):
                    name = f"a{action:02}_s{subject:02}_e{episode:02}_v{camera:02}"
                    frames = random.normal(size=(3 + episode, 20, 3)) + label
                    content = {"file_name": name, "label": label, "skeletons": frames.tolist()}
                    (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


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

"""Runs of every task with tiny untrained networks, as far as inference needs them."""

import json

import numpy as np
import pytest

from nrnm_keras.inference.exporting.check import read_examples
from nrnm_keras.inference.trained_model import TrainedModel
from pipelines.build import build
from tests.configs import make_config
from tests.layers.common import randomize

_NETWORK = {"units": 4, "num_layers": 1, "nrnm_layers": 1, "num_heads": 2}
_NETWORK |= {"block_size": 4, "stride": 2, "window_size": 2}
_PROBLEM = {"problem_length": 9, "problem_train": 4, "problem_test": 3, "embedding_size": 3}
_WORDS = {"embedding_size": 3, "validation_fraction": 0.2}
# Task -> options by the names of their flags.
TASKS = {
    "text": _WORDS,
    "text_language_model": _WORDS,
    "sick": {"embedding_size": 3},
    "secondary_structure": {"embedding_size": 3},
    "sequence": {"validation_fraction": 0.2},
    "sequence_regression": {"validation_fraction": 0.2},
    "skeleton": {"validation_fraction": 0.2, "layout": "kinect_v1", "length": "all"},
    "nw_ucla": {"split": "cross_view", "length": "all"},
    "adding": {"problem_length": 9, "problem_train": 4, "problem_test": 3},
    "copy_memory": {**_PROBLEM, "problem_difficulty": 3},
    "associative_recall": {**_PROBLEM, "problem_difficulty": 3},
    "induction": _PROBLEM,
    "listops": {
        **{"listops_min_length": 3, "listops_max_length": 20, "listops_train": 4},
        **{"listops_test": 3, "embedding_size": 3},
    },
}


class TaskRun:
    """The folder of a run, its model, and raw inputs of several lengths."""

    def __init__(self, name, path, inputs):
        self.name = name
        self.path = path
        self.trained = TrainedModel.load(path)
        self.inputs = inputs

    def alone(self, value):
        """Returns the row of a raw input alone, which the Keras model gives."""
        trained = self.trained
        outputs = trained.model(trained.modality.as_batch([value]))
        return np.array(trained.output.stacked(trained.output.of_model(outputs)))[0]


@pytest.fixture(scope="session")
def task_run(tmp_path_factory, request):
    """Returns a function from a task's name to its `TaskRun`, which is made once."""
    made = {}

    def run(name):
        if name not in made:
            made[name] = _make(name, tmp_path_factory.mktemp(name), request)
        return made[name]

    return run


def _make(name, folder, request):
    config = make_config(name, **_NETWORK, **TASKS[name], **_sources(name, folder, request))
    options = {key: value for key, value in config.task.build_options().items() if value}
    records = build(config.task.dataset, folder / "data", **options)
    task = config.task.open(records)
    network = randomize(task.build_network(config.network), scale=0.6)
    (folder / "run").mkdir()
    task.build_exported(network).save(folder / "run" / "model.keras")
    report = _report(task, records, network)
    (folder / "run" / "report.json").write_text(json.dumps(report))
    inputs = read_examples(records, 4, "test", TrainedModel.load(folder / "run").modality)
    return TaskRun(name, folder / "run", [_decoded(value) for value in inputs])


def _sources(name, folder, request):
    """Returns the flags that say where a task's raw data are, which are written now."""
    if name.startswith("text"):
        texts = ["A good film!", "bad, bad", "so so it is", "nothing good in it at all"] * 5
        rows = [json.dumps({"text": text, "label": "ab"[len(text) % 2]}) for text in texts]
        (folder / "texts.jsonl").write_text("\n".join(rows))
        return {f"{split}_file": folder / "texts.jsonl" for split in ("train", "test")}
    if name.startswith("sequence"):
        x = np.random.default_rng(0).normal(size=(20, 9, 3))
        lengths, y = np.arange(20) % 9 + 1, np.arange(20) % 2
        y = y * 1.5 - 0.25 if name == "sequence_regression" else y
        np.savez(folder / "x.npz", x=x, lengths=lengths, y=y)
        return {f"{split}_file": folder / "x.npz" for split in ("train", "test")}
    if name == "skeleton":
        x = np.random.default_rng(0).normal(size=(20, 9, 2, 20, 3))
        x[np.arange(9) > np.arange(20)[:, None] % 9] = np.nan
        x[::3, :, 1] = 0  # a second body that is not there
        np.savez(folder / "x.npz", x=x, y=np.arange(20) % 2)
        return {f"{split}_file": folder / "x.npz" for split in ("train", "test")}
    if name == "sick":
        header = "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment\n"
        pairs = [("A man sings a song on the stage", "A dog"), ("No man", "A man sings now")]
        for split in ("train", "trial", "test_annotated"):
            rows = [f"{split}{n}\t{a}\t{b}\t{n + 1}\tNEUTRAL\n" for n, (a, b) in enumerate(pairs)]
            (folder / f"SICK_{split}.txt").write_text(header + "".join(rows))
        return {"sick_source": folder}
    if name == "secondary_structure":
        chains = {"train": "ACDYWK", "validation": "MKA", "test": "GAVLIMKW", "train2": "GXY"}
        lines = {"sequences": [], "sampled": [], "mask": []}
        for chain, residues in chains.items():
            split = "test" if chain == "test" else "train"
            is_validation = chain == "validation"
            lines["sequences"].append(f">{chain}\n{residues}\n")
            states = ("CEH" * 9)[: len(residues)]
            lines["sampled"].append(f">{chain} SET={split} VALIDATION={is_validation}\n{states}\n")
            lines["mask"].append(f">{chain}\n{'1' * len(residues)}\n")
        for file, content in lines.items():
            (folder / f"{file}.fasta").write_text("".join(content))
        return {"flip_source": folder}
    if name == "nw_ucla":
        return {"nw_ucla_source": request.getfixturevalue("nw_ucla_folder")}
    return {}


def _report(task, records, network):
    return {
        "notice": None,
        "task": task.task.name,
        "data": {
            "dataset": task.task.dataset,
            "records": str(records),
            "examples": task.records.sizes,
        },
        "metric": task.metric,
        "metrics": {"validation": {task.metric: 0.5}, "test": {task.metric: 0.5}},
        "parameters": network.count_params(),
        "training": {"best_epoch": 1, "epochs": 1, "seconds_per_epoch": 1.0},
        "command": "python -m nrnm_keras.train",
        "flags": {"model": "nrnm", "units": 4, "num_layers": 1, "nrnm_layers": [1]},
    }


def _decoded(value):
    if isinstance(value, tuple):
        return tuple(map(_decoded, value))
    return value.decode() if isinstance(value, bytes) else value

"""Test reviews for people to try: with the model's answers, as commands to paste, one printed."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.models.decision import most_probable
from nrnm_keras.tasks.heads.open_task import OpenTask
from pipelines.escaping import for_shell

_COLUMNS = 96
_SHOWN = 30  # words of a review, at each end


def add_examples(
    report: dict[str, Any], task: OpenTask, exported: keras.Model, folder: RunFolder
) -> None:
    """Adds a task's examples with a model's answers to a report, and writes them as commands.

    Args:
        report: dictionary, the report of a run.
        task: the `OpenTask`.
        exported: the model from raw input.
        folder: the `RunFolder`.
    """
    if examples := task.examples_to_try():
        report["examples_to_try"] = answer_examples(exported, examples)
        write_examples(report["examples_to_try"], folder)


def answer_examples(
    exported: keras.Model, examples: Sequence[tuple[str, str]]
) -> list[dict[str, Any]]:
    """Returns a dictionary for each example: `text`, `class`, `answer` and its `probability`.

    Args:
        exported: the model from raw text to probabilities by class name.
        examples: list of texts and their classes.
    """
    outputs = exported(tf.constant([text for text, _ in examples]))
    names, probabilities = list(outputs), tf.stack(list(outputs.values()), axis=-1).numpy()
    return [
        {
            "text": text,
            "class": name,
            "answer": names[most_probable(row)],
            "probability": round(float(row.max()), 4),
        }
        for (text, name), row in zip(examples, probabilities, strict=True)
    ]


def write_examples(examples: Sequence[Mapping[str, Any]], folder: RunFolder) -> None:
    """Writes examples from `answer_examples` to a `RunFolder`, as commands that predict them."""
    lines = ["# Test reviews as commands to paste. Before each: its class, and the model's answer."]
    for each in examples:
        command = ["python", "-m", "nrnm_keras.predict", f"--run={folder.path}"]
        lines.append(f"\n# {each['class']}; predicted: {_answer(each)}")
        lines.append(for_shell([*command, f"--text={each['text']}"]))
    with folder.complete(folder.EXAMPLES) as path:
        text = "\n".join(lines) + "\n"
        path.write_text(text, encoding="utf-8", errors="surrogateescape")


def show_example(reports: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Returns lines with a shortened example and the models' answers; none without examples.

    It is the first that the models answer differently, or the first of all.

    Args:
        reports: the reports of the runs by name.
    """
    answers = [report.get("examples_to_try", []) for report in reports.values()]
    if not (rows := list(zip(*answers, strict=True))):
        return []
    differing = (row for row in rows if len({each["answer"] for each in row}) > 1)
    row = next(differing, rows[0])
    text = textwrap.wrap(_shortened(row[0]["text"]), _COLUMNS)
    names = [name or report["flags"]["model"] for name, report in reports.items()]
    told = [f"{name:<6}{_answer(each)}" for name, each in zip(names, row, strict=True)]
    return [
        "",
        "A test review:",
        *(f"    {line}" for line in text),
        f"truth {row[0]['class']}",
    ] + told


def _answer(example):
    return f"{example['answer']} {example['probability']:.4f}"


def _shortened(text):
    """Returns the first and the last words of a text, with the number of those between."""
    words = text.split()
    if (between := len(words) - 2 * _SHOWN) <= 0:
        return text
    return " ".join([*words[:_SHOWN], f"[... {between} words ...]", *words[-_SHOWN:]])

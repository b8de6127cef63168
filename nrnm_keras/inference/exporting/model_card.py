"""The model card: what an exported model is, its training data, and how to run it."""

import inspect
import pathlib
from types import ModuleType
from typing import TYPE_CHECKING, Any

from nrnm_keras.inference.exporting.signatures import Signature
from pipelines.escaping import for_markdown, for_terminal, markdown_code
from pipelines.numbers import shown_number

if TYPE_CHECKING:
    from nrnm_keras.inference.trained_model import TrainedModel

CARD = "README.md"


def write_model_card(
    folder: pathlib.Path,
    report: dict[str, Any],
    export_format: ModuleType,
    quantize: str | None,
    trained: "TrainedModel",
    written: dict[str, Signature],
    missing: dict[str, str],
    results: dict[str, dict[str, float]],
) -> None:
    """Writes README.md into the folder of an exported model.

    Args:
        folder: path.
        report: the run's report.
        export_format: the module of the format.
        quantize: None, or the type of the stored weights.
        trained: the `TrainedModel`.
        written: its `Signature`s by name.
        missing: why other signatures are missing, by name.
        results: from `check`.
    """
    data, training = report["data"], report["training"]
    name = export_format.__name__.rpartition(".")[2]
    sizes = _sizes(folder)
    tolerance = export_format.TOLERANCES[quantize]
    lines = [
        f"# {for_markdown(report['task'])}, as {name}" + (f" ({quantize})" if quantize else ""),
        *([f"**{report['notice']}**"] if report["notice"] else []),
        f"Takes {trained.modality.description}, and gives {trained.output.describe()}.",
        "## Training data",
        f"{markdown_code(data['dataset'])}; "
        + ", ".join(f"{count:,} {name}" for name, count in data["examples"].items())
        + f" examples; best of {training['epochs']} epochs was {training['best_epoch']}.",
        _metrics(report),
        f"{report['parameters']:,} parameters. Trained with:",
        f"    {for_terminal(report['command'])}",
        "## Files",
        "\n".join(f"- {markdown_code(name)}: {size:,} bytes" for name, size in sizes),
        "## Signatures",
        *(_signature(each) for each in written.values()),
        *(f"There is no `{name}`: {for_markdown(reason)}" for name, reason in missing.items()),
        f"{trained.modality.nothing} {_NO_STEP}".strip(),
        _NOT_FINITE[export_format.REFUSES_NAN],
        *([_TOKEN_IDS] * (folder / "vocabulary.txt").exists()),
        "## Checked",
        "On real examples of several lengths, in a process that has only the runtime "
        f"(tolerance of a probability, or relative to a number larger than 1, {tolerance:g}):",
        _results(results),
        "## Example",
        "Run in this folder:",
        f"```python\n{_example(export_format, trained.modality, written)}```",
    ]
    (folder / CARD).write_text("\n\n".join(lines) + "\n", encoding="utf-8")


_NO_STEP = (
    "A sequence without steps (empty, or fully masked) gives the output before the first step, "
    "which is the same for all such sequences."
)
# Whether the format can refuse NaN -> the sentence in the card.
_NOT_FINITE = {
    True: "If a result is not finite, the call raises an error.",
    False: "A result that is NaN is not an answer: go back to the previous state. Do not pass "
    "numbers that are not finite.",
}

_TOKEN_IDS = (
    "A token's id is its line number in `vocabulary.txt`, counted from 0. Id 0 is padding, id 1 is "
    "any token that is not in the file. How a text is split into words: "
    "`help(nrnm_keras.preprocessing.TextPreprocessor)`."
)


def _sizes(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(path.relative_to(folder), path.stat().st_size) for path in files]


def _metrics(report):
    rows = ["| split | metric | value |", "| --- | --- | --- |"]
    for split, metrics in report["metrics"].items():
        values = {for_markdown(name): value for name, value in (metrics or {}).items()}
        rows += [f"| {split} | {name} | {shown_number(value)} |" for name, value in values.items()]
    return "\n".join(rows)


def _signature(signature):
    rows = [f"### `{signature.name}`\n", "| | name | shape | type |", "| --- | --- | --- | --- |"]
    for kind, specs in (("in", signature.inputs), ("out", signature.outputs)):
        for name, spec in specs.items():
            shape = ", ".join("any" if size is None else str(size) for size in spec.shape)
            shown = markdown_code(name, in_table=True)
            rows.append(f"| {kind} | {shown} | ({shape}) | {spec.dtype.name} |")
    return "\n".join(rows)


def _results(results):
    rows = ["| signature | largest difference | milliseconds per call |", "| --- | --- | --- |"]
    for name, result in results.items():
        rows.append(f"| `{name}` | {result['difference']:.1g} | {result['milliseconds']:.2f} |")
    return "\n".join(rows)


def _example(export_format, modality, written):
    """Returns a program that calls each signature, with the function that it was checked with."""
    load = inspect.getsource(export_format.load)
    parts = [f'import pathlib\n\nimport numpy as np\n\n\n{load}\n\nrun = load(pathlib.Path("."))\n']
    for name, signature in written.items():
        if name == "step":
            parts.append(_steps(signature, modality))
        elif name != "initial_state":
            parts.append(_call(signature, modality))
    return "".join(parts)


def _call(signature, modality):
    inputs = ", ".join(
        f'"{n}": {_value(spec, modality.example, 16)}' for n, spec in signature.inputs.items()
    )
    return f'print(run("{signature.name}", {{{inputs}}}))\n'


def _steps(signature, modality):
    (name, spec), *state = signature.inputs.items()
    zeros = "".join(
        f'    "{n}": np.zeros({(1, *spec.shape[1:])}, "{spec.dtype.name}"),\n' for n, spec in state
    )
    value = _value(spec, modality.example_token, None)
    results = ", ".join(f'outputs["{result}"]' for result in signature.results)
    return (
        "# Step by step; the state before the first one is zeros.\n"
        f"state = {{\n{zeros}}}\n"
        "for _ in range(3):\n"
        f'    outputs = run("step", {{"{name}": {value}, **state}})\n'
        '    state = {name: outputs[f"next_{name}"] for name in state}\n'
        f"    print({results})\n"
    )


def _value(spec, text, timesteps):
    """Returns an expression for an input of a batch of one."""
    if spec.dtype.name == "string":
        return f"np.array([{text!r}])"
    shape = [1, *spec.shape[1:]]
    if timesteps and len(shape) > 1:
        shape[1] = timesteps
    shape = tuple(shape)
    if spec.dtype.name == "bool":
        return f"np.ones({shape}, bool)"
    if spec.dtype.name.startswith("int"):
        return f'np.full({shape}, 2, "{spec.dtype.name}")'
    return f'np.random.normal(size={shape}).astype("float32")'

"""The model card: what an exported model is, what it was trained on, and how to run it."""

from nrnm_keras.inference.exporting.check import TOLERANCES
from pipelines.escaping import for_markdown, for_terminal, markdown_code

_LOADING = {
    "saved_model": """\
import numpy as np
import tensorflow as tf

model = tf.saved_model.load("1")


def run(name, inputs):
    outputs = model.signatures[name](**{n: tf.constant(x) for n, x in inputs.items()})
    return {n: x.numpy() for n, x in outputs.items()}
""",
    "onnx": """\
import numpy as np
import onnxruntime


def run(name, inputs):
    session = sessions[name]
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs)))


sessions = {name: onnxruntime.InferenceSession(f"{name}.onnx") for name in NAMES}
""",
    "litert": """\
import numpy as np
from ai_edge_litert.interpreter import Interpreter


def run(name, inputs):
    return runners[name](**inputs)


interpreters = {name: Interpreter(f"{name}.tflite") for name in NAMES}
runners = {name: each.get_signature_runner() for name, each in interpreters.items()}
""",
    "keras": """\
import keras
import numpy as np

import nrnm_keras.models  # these have the classes that the model is made of
import nrnm_keras.preprocessing

model = keras.saving.load_model("model.keras", compile=False)


def run(name, inputs):
    return model(keras.ops.convert_to_tensor(*inputs.values()))
""",
}


def write_model_card(folder, report, flags, trained, written, missing, results):
    """Writes README.md into the folder of an exported model.

    Args:
        folder: path.
        report: the run's report.
        flags: the values of the export's flags.
        trained: the `TrainedModel`.
        written: its `Signature`s by name.
        missing: why other signatures are missing, by name.
        results: from `check`.
    """
    data, training = report["data"], report["training"]
    sizes = _sizes(folder)
    tolerance = TOLERANCES[flags.quantize]
    lines = [
        f"# {for_markdown(report['task'])}, as {flags.format}"
        + (f" ({flags.quantize})" * bool(flags.quantize)),
        *([f"**{report['notice']}**"] if report["notice"] else []),
        f"Takes {_KINDS[trained.kind]}, and gives the probability of each class: "
        f"{', '.join(map(for_markdown, trained.class_names))}.",
        "## What it was trained on",
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
        _NOTHING[trained.kind],
        _NOT_FINITE[flags.format == "saved_model"],
        *([_TOKEN_IDS] * (folder / "vocabulary.txt").exists()),
        "## Checked",
        "On real examples of several lengths, in a process with nothing but the runtime "
        f"(tolerance of a probability {tolerance:g}):",
        _results(results),
        "## Example",
        "Run in this folder:",
        f"```python\n{_example(flags.format, written)}```",
    ]
    (folder / "README.md").write_text("\n\n".join(lines) + "\n", encoding="utf-8")


_KINDS = {
    "text": "texts",
    "skeleton": "joints of skeletons in metres, y up; a missing body is zeros",
    "sequence": "sequences of feature vectors, padded with NaN",
}

_NO_STEP = (
    "A sequence without a step, be it of no length or masked all through, gives what the network "
    "says before the first step: the same of all of them."
)
_NOTHING = {
    "text": "A text without a word (empty, or nothing but punctuation) is one unknown word, the id "
    f"1 or the token `[UNK]`. {_NO_STEP}",
    "skeleton": f"A frame without a body is no step. {_NO_STEP}",
    "sequence": f"Features that are all NaN are no step. {_NO_STEP}",
}
# Whether the format can refuse -> what to say.
_NOT_FINITE = {
    True: "If the model gives no number for a probability, a call ends with an error.",
    False: "If the model gives no number for a probability, it is NaN and no answer: keep the "
    "state of before. Do not feed numbers that are not finite.",
}

_TOKEN_IDS = (
    "A word's id is the number of its line in `vocabulary.txt`, counted from 0; 0 stands behind "
    "the end of a text, 1 for a word that is not there. How a text becomes words: "
    "`help(nrnm_keras.preprocessing.TextPreprocessor)`."
)


def _sizes(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(path.relative_to(folder), path.stat().st_size) for path in files]


def _metrics(report):
    rows = ["| split | metric | value |", "| --- | --- | --- |"]
    for split, metrics in report["metrics"].items():
        values = {for_markdown(name): value for name, value in (metrics or {}).items()}
        rows += [f"| {split} | {name} | {value:.4f} |" for name, value in values.items()]
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
    rows = ["| signature | largest difference | milliseconds a call |", "| --- | --- | --- |"]
    for name, result in results.items():
        rows.append(f"| `{name}` | {result['difference']:.1g} | {result['milliseconds']:.2f} |")
    return "\n".join(rows)


def _example(format_name, written):
    """Returns a program that calls each signature."""
    names = [name for name in written if name != "initial_state"]
    parts = [_LOADING[format_name].replace("NAMES", repr(names))]
    parts += [_call(written[name]) for name in names if name != "step"]
    if "step" in written:
        parts.append(_steps(written["step"]))
    return "\n".join(parts)


def _call(signature):
    inputs = ", ".join(f'"{n}": {_value(n, spec, 16)}' for n, spec in signature.inputs.items())
    return f'print(run("{signature.name}", {{{inputs}}}))\n'


def _steps(signature):
    (name, spec), *state = signature.inputs.items()
    zeros = "".join(
        f'    "{n}": np.zeros({(1, *spec.shape[1:])}, "{spec.dtype.name}"),\n' for n, spec in state
    )
    return (
        "# Step by step; the state before the first one is zeros.\n"
        f"state = {{\n{zeros}}}\n"
        "for _ in range(3):\n"
        f'    outputs = run("step", {{"{name}": {_value(name, spec, None)}, **state}})\n'
        '    state = {name: outputs[f"next_{name}"] for name in state}\n'
        '    print(outputs["probabilities"])\n'
    )


def _value(name, spec, timesteps):
    """Returns an expression for an input of a batch of one."""
    if name == "text":
        return 'np.array(["I loved every minute of it."])'
    if name == "token":
        return 'np.array(["good"])'
    shape = [1, *spec.shape[1:]]
    if timesteps and len(shape) > 1:
        shape[1] = timesteps
    shape = tuple(shape)
    if spec.dtype.name == "bool":
        return f"np.ones({shape}, bool)"
    if spec.dtype.name == "int32":
        return f'np.full({shape}, 2, "int32")'
    return f'np.random.normal(size={shape}).astype("float32")'

"""Compares an exported model with the Keras model, in a separate process."""

import json
import os
import pathlib
import sys
import tempfile
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from nrnm_keras.commands import child_process
from nrnm_keras.errors import UsageError
from nrnm_keras.inference.exporting import standalone
from nrnm_keras.inference.exporting.signatures import Signature
from nrnm_keras.inference.modalities.modality import Modality, portable
from pipelines.open_build import open_build

if TYPE_CHECKING:
    from nrnm_keras.inference.trained_model import TrainedModel

_LOOKED_THROUGH = 200


def read_examples(
    records: str | os.PathLike, count: int, split: str = "test", modality: Modality | None = None
) -> list[Any]:
    """Returns raw examples of different lengths, the shortest first.

    Args:
        records: folder of a built data set.
        count: integer.
        split: name of the split to read. If there is no such split, another is read.
        modality: the `Modality` of the model, whose inputs have the names of features. Default:
            the feature that the data set declares as its input.

    Returns:
        List of raw inputs; strings are bytes.

    Raises:
        UsageError: if there are no records.
        SourceError: if a file beside them is missing or damaged.
    """
    if not os.path.exists(os.path.join(records, "dataset_info.json")):
        raise UsageError(
            f"{records}: no records there; expected some to check the exported model on; give "
            "their folder as --records=FOLDER"
        )
    builder = open_build(records)
    splits = builder.info.splits
    split = split if split in splits else next(name for name in splits if name != "test")
    examples = builder.as_dataset(split=split, shuffle_files=False).take(_LOOKED_THROUGH)
    names: list[str] = [builder.info.supervised_keys[0]]
    length: Callable[[Any], int] = len
    if modality:
        names, length = [each.name for each in modality.inputs], modality.length
        missing = [name for name in names if name not in builder.info.features]
        if missing:
            raise UsageError(f"{records}: no feature {missing[0]}, which the model needs")
    values = [[each[name] for name in names] for each in examples.as_numpy_iterator()]
    values = [modality.from_record(each) if modality else each[0] for each in values]
    values = sorted(values, key=length)
    places = np.linspace(0, len(values) - 1, count).round().astype(int)
    return [values[place] for place in np.unique(places)]


def check(
    export_format: ModuleType,
    folder: pathlib.Path,
    trained: "TrainedModel",
    written: dict[str, Signature],
    examples: Sequence[Any],
    quantize: str | None,
) -> dict[str, dict[str, float]]:
    """Runs an exported model in a process that has only its format's runtime.

    Args:
        export_format: the module of the format.
        folder: where it was written to.
        trained: the `TrainedModel`.
        written: its `Signature`s by name.
        examples: from `read_examples`.
        quantize: None, `"int8"` or `"float16"`.

    Returns:
        For each signature with results, the largest `difference` and the median `milliseconds` of a
        call.

    Raises:
        UsageError: if a difference is larger than the format's `TOLERANCES` allow.
    """
    name = export_format.__name__.rpartition(".")[2]
    # Beside the unfinished export, so that both are cleaned up if this process is killed.
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        cases = pathlib.Path(scratch) / "cases.npz"
        if export_format.GIVES_EMPTY or trained.output.step_is_result:
            examples = [*examples, trained.modality.empty()]
        np.savez(cases, **_cases(trained, written, examples))
        command = [sys.executable, standalone.__file__, str(export_format.__file__), str(folder)]
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        done = child_process.run(
            [*command, str(cases)], env=environment, capture_output=True, text=True
        )
    if done.returncode:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise UsageError(f"--format={name}: the exported model does not run: {last}")
    results = json.loads(done.stdout.splitlines()[-1])
    tolerance = export_format.TOLERANCES[quantize]
    for signature, result in results.items():
        # `not <=`, so that NaN fails too.
        if not result["difference"] <= tolerance:
            raise UsageError(
                f"--format={name}: the {trained.output.noun} of {signature} differ from those of "
                f"the Keras model by {result['difference']:.1g}, more than {tolerance:g}"
            )
    return results


def _cases(trained, written, examples):
    """Returns the arrays that `standalone` reads, by `signature/number/input`."""
    cases, modality = {}, trained.modality
    for number, example in enumerate(examples):
        raw = modality.as_batch([example])
        for name, value in trained.output.of_model(trained.model(raw)).items():
            cases[f"expected/{number}/{name}"] = np.array(value[0])
        for name, signature in written.items():
            for input_name, value in _inputs(name, trained, raw, signature).items():
                if name != "step" or len(value):  # without a step there is no result
                    cases[f"{name}/{number}/{input_name}"] = value
    if "step" in written:
        _, *state = written["step"].inputs.items()
        for name, spec in state:
            cases[f"state/{name}"] = np.zeros((1, *spec.shape[1:]), spec.dtype.as_numpy_dtype)
    return cases


def _inputs(name, trained, raw, signature):
    """Returns a signature's inputs for raw input; for `step`, all steps of the sequence."""
    if name == "serve":
        raw = raw if isinstance(raw, list) else [raw]
        return {n: portable(np.array(x)) for n, x in zip(signature.inputs, raw, strict=True)}
    if name == "features":
        encoded = trained.encode(raw)
        is_encoded = trained.modality.takes_ids
        if is_encoded:
            values = [encoded]
        elif trained.is_average:
            values = [np.nan_to_num(encoded), ~np.isnan(encoded).all(axis=-1)]
        else:
            values = trained.head_inputs(encoded)
        return {
            n: np.array(x).astype(spec.dtype.as_numpy_dtype)
            for (n, spec), x in zip(signature.inputs.items(), values, strict=False)
        }
    if name == "step":
        steps = trained.modality.portable_steps(raw)
        if (step_name := next(iter(signature.inputs))) in steps:
            return steps
        return {step_name: np.array(trained.encode(raw)[0])}
    return {}

"""Exports a trained model to another format, and checks the result."""

import contextlib
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from nrnm_keras.errors import UsageError
from nrnm_keras.inference.exporting.check import check, read_examples
from nrnm_keras.inference.exporting.formats import find_format
from nrnm_keras.inference.exporting.model_card import CARD, write_model_card
from nrnm_keras.inference.report_file import leaves_out_test, read_report
from pipelines.locks import claimed
from pipelines.publishing import folder_made, publish

if TYPE_CHECKING:
    from nrnm_keras.inference.trained_model import TrainedModel

_VOCABULARY = "vocabulary.txt"


class Exported(NamedTuple):
    """What was exported.

    Attributes:
        folder: where it is, a `pathlib.Path`.
        results: for each signature the largest `difference` from the Keras model, and the median
            `milliseconds` of a call.
        missing: reasons for missing signatures, by name.
        is_repeat: whether this process waited for another that exported the same, and did nothing.
    """

    folder: pathlib.Path
    results: dict[str, dict[str, float]]
    missing: dict[str, str]
    is_repeat: bool = False


def export_model(
    trained: "TrainedModel",
    format: str,
    folder: str | os.PathLike,
    quantize: str | None = None,
    *,
    records: str | os.PathLike | None = None,
    examples: int = 5,
    overwrite: bool = False,
    task: Sequence[str] = (),
) -> Exported:
    """Exports a model to a new folder, which appears when it is complete and checked.

    Args:
        trained: a `TrainedModel`, loaded from the folder of a finished run.
        format: name of a module of `nrnm_keras.inference.exporting.formats`.
        folder: the new folder.
        quantize: None, or the type of the stored weights: `"int8"` or `"float16"`.
        records: folder of records to check the result on. Default: the run's.
        examples: the number of records to check.
        overwrite: whether to replace the folder of an exported model.
        task: words that identify the job. Of two processes with the same job, the second waits for
            the first and does nothing.

    Raises:
        UsageError: if the format does not support the model, the results differ, or the folder
            cannot be written.
    """
    export_format = find_format(format, quantize)
    if trained.run is None or not trained.run.is_finished:
        raise UsageError(
            "an export needs the data and the report of a finished run; load the model from a "
            "run's folder"
        )
    report = read_report(trained.run)
    output = pathlib.Path(folder).expanduser()
    check_free(output, overwrite)
    with _claimed(output, task) as lock:
        if lock.repeats and output.exists() and not overwrite:
            return Exported(output, {}, {}, is_repeat=True)
        check_free(output, overwrite)
        raw = _examples(trained, report, records, examples)
        with _complete(output) as partial:
            written, missing = export_format.write(trained, partial, quantize)
            if "serve" not in written and (tokens := trained.modality.vocabulary()):
                text = "".join(f"{token}\n" for token in tokens)
                (partial / _VOCABULARY).write_text(text, encoding="utf-8")
            results = check(export_format, partial, trained, written, raw, quantize)
            write_model_card(
                partial, report, export_format, quantize, trained, written, missing, results
            )
    return Exported(output, results, missing)


def check_free(output: pathlib.Path, overwrite: bool) -> None:
    """Raises a `UsageError` unless an output is a new folder, or one that may be replaced."""
    if os.path.lexists(output) and not overwrite:
        raise UsageError(f"--output={output} exists; choose a new folder, or --overwrite")
    if os.path.lexists(output) and not (output / CARD).is_file():
        raise UsageError(f"--output={output} is not an exported model's folder; choose a new one")


def _examples(trained, report, records, count):
    """Returns raw inputs to check on."""
    # If the run left out the test split, or has none, it is not read here either.
    looks_away = leaves_out_test(report) or not report["metrics"]["test"]
    split = "validation" if looks_away else "test"
    records = records or report["data"]["records"]
    return read_examples(records, count, split, trained.modality)


@contextlib.contextmanager
def _claimed(output, task) -> Iterator:
    """Waits until no other process exports there, and yields the lock that makes others wait."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(folder_made(output.parent))
            lock = stack.enter_context(claimed(output, [os.getcwd(), *task] if task else ()))
        except OSError as error:
            raise _unusable(output, error) from error
        yield lock


@contextlib.contextmanager
def _complete(output) -> Iterator[pathlib.Path]:
    """Yields a temporary folder, which gets its final name when it is complete."""
    try:
        with publish(output) as partial:
            partial.mkdir()
            yield partial
    except OSError as error:
        raise _unusable(output, error) from error


def _unusable(output, error):
    return UsageError(f"--output={output} cannot be written: {error.strerror}")

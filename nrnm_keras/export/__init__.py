"""Export of finished runs to other formats: `export` and its command."""

import os
import pathlib
from collections.abc import Sequence

from nrnm_keras.errors import UsageError
from nrnm_keras.inference.exporting.export import Exported, check_free
from nrnm_keras.inference.exporting.formats import find_format
from nrnm_keras.inference.report_file import read_report
from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.inference.trained_model import TrainedModel

__all__ = ["Exported", "export"]


def export(
    run: str | os.PathLike,
    format: str = "saved_model",
    output: str | os.PathLike | None = None,
    quantize: str | None = None,
    *,
    records: str | os.PathLike | None = None,
    examples: int = 5,
    overwrite: bool = False,
    task: Sequence[str] = (),
) -> Exported:
    """Exports the model of a finished run, and checks that its results are the same there.

    Args:
        run: folder of the run.
        format: name of a module of `nrnm_keras.inference.exporting.formats`.
        output: a new folder. Default: `RUN/exported/FORMAT`, or `RUN/exported/FORMAT_QUANTIZE`.
        quantize, records, examples, overwrite, task: as for `export_model`.

    Raises:
        UsageError: if there is no such run, or the format does not support its model.
    """
    folder = RunFolder(run)
    if not folder.is_finished:
        raise UsageError(f"--run={run}: expected the folder of a finished run")
    find_format(format, quantize)
    read_report(folder)
    name = "_".join(filter(None, (format, quantize)))
    output = pathlib.Path(output or folder / "exported" / name).expanduser()
    check_free(output, overwrite)
    return TrainedModel.load(folder.path).export(
        format,
        output,
        quantize,
        records=records,
        examples=examples,
        overwrite=overwrite,
        task=task,
    )

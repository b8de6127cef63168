"""Export of finished runs to other formats."""

import os
import pathlib
from collections.abc import Sequence

from nrnm_keras.export.checks import check_export
from nrnm_keras.inference.exporting.export import Exported, check_free
from nrnm_keras.inference.trained_model import TrainedModel


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
        run: folder of the run, or one that holds no other.
        format: name of a module of `nrnm_keras.inference.exporting.formats`.
        output: a new folder. Default: `RUN/exported/FORMAT`, or `RUN/exported/FORMAT_QUANTIZE`.
        quantize, records, examples, overwrite, task: as for `export_model`.

    Raises:
        UsageError: if there is no such run, or the format does not support its model.
    """
    folder = check_export(run, format, quantize)
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

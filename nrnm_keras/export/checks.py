"""Checks of an export that need no TensorFlow."""

import os

from nrnm_keras.errors import UsageError
from nrnm_keras.inference.exporting.formats import find_format
from nrnm_keras.inference.find_run import find_run, unfinished
from nrnm_keras.inference.report_file import read_report
from nrnm_keras.inference.run_folder import RunFolder


def check_export(
    run: str | os.PathLike, format: str = "saved_model", quantize: str | None = None
) -> RunFolder:
    """Returns the `RunFolder` of the run to export.

    Args:
        run: folder of a finished run, or a folder that holds no other: see `find_run`.
        format: name of a module of `nrnm_keras.inference.exporting.formats`.
        quantize: None, or the type of the stored weights.

    Raises:
        UsageError: if there is no such run or format, or the format has no such type.
    """
    folder = RunFolder(find_run(run))
    if not folder.path.is_dir():
        raise UsageError(f"--run={run}: expected the folder of a finished run")
    if not folder.is_finished:
        raise unfinished(folder.path)
    find_format(format, quantize)
    read_report(folder)
    return folder

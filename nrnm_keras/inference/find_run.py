"""Finding the finished run that a path means."""

import os
import pathlib
from collections.abc import Iterator

from nrnm_keras.errors import UsageError
from nrnm_keras.inference.run_folder import RunFolder
from pipelines.escaping import for_shell

_DEEPEST = 4  # levels of folders, as deep as a sweep keeps its runs
_MOST_LISTED = 8


def find_run(path: str | os.PathLike) -> pathlib.Path:
    """Returns the folder of a finished run, or a model's file.

    Args:
        path: such a folder or file, or a folder with exactly one finished run at most four levels
            below it.

    Raises:
        UsageError: if there is none, the run is not finished, or there are several.
    """
    path = pathlib.Path(path).expanduser()
    if os.path.isfile(path) or (path / RunFolder.MODEL).is_file():
        return path
    if _is_run(path):
        if not (path / RunFolder.REPORT).exists():
            raise unfinished(path)
        return path  # damaged, as whoever reads it will say
    runs = list(_runs_below(path))
    finished = [run for run in runs if (run / RunFolder.REPORT).exists()]
    if len(finished) == 1:
        return finished[0]
    if finished:
        names = [str(run.relative_to(path)) for run in finished]
        more = f" and {len(names) - _MOST_LISTED:,} more" if len(names) > _MOST_LISTED else ""
        raise UsageError(
            f"--run={path} holds {len(names)} finished runs; expected one of them: "
            f"{', '.join(names[:_MOST_LISTED])}{more}"
        )
    if runs:
        raise unfinished(runs[0])
    raise UsageError(
        f"--run={path}: no {RunFolder.MODEL} there; expected the folder of a finished run, or a "
        ".keras file"
    )


def unfinished(run: pathlib.Path) -> UsageError:
    """Returns the `UsageError` for a run that is not finished, with the command that resumes it."""
    words = [f"--flagfile={run / RunFolder.FLAGS}", f"--run_dir={run}"]
    command = for_shell(["python", "-m", "nrnm_keras.train", *words])
    return UsageError(f"--run={run} is not finished; this resumes its training: {command}")


def _is_run(folder):
    return (folder / RunFolder.FLAGS).is_file()


def _runs_below(folder: pathlib.Path, depth: int = _DEEPEST) -> Iterator[pathlib.Path]:
    """Yields the folders of runs below a folder, in the order of their names."""
    try:
        inner = sorted(each for each in folder.iterdir() if each.is_dir())
    except OSError:  # not a folder, or not readable
        return
    for each in inner:
        if _is_run(each):
            yield each
        elif depth > 1:
            yield from _runs_below(each, depth - 1)

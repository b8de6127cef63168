"""Published results, for comparison with measured ones."""

import csv
import os
import pathlib

from nrnm_keras.commands.option_flags import written
from nrnm_keras.config import TrainConfig
from nrnm_keras.errors import UsageError
from nrnm_keras.inference.run_config import define_flags
from pipelines.escaping import quoted

_NEEDED = ("system", "value", "source")
_PARAMETERS = "parameters"


def read_published(path: str | os.PathLike, config: TrainConfig) -> list[dict[str, str]]:
    """Returns the rows of a CSV file that can be compared with a training.

    Columns other than `system`, `value`, `source` and `parameters` have the names of flags. A row
    is left out if the training has another value of such a flag; an empty cell allows any.

    Args:
        path: the file, or a folder; without a file `<task>.csv` in it there are no rows.
        config: the `TrainConfig`.

    Returns:
        A list of dictionaries with the strings `system`, `value`, `source` and `parameters`, which
        is empty if the number is not known.

    Raises:
        UsageError: if the file cannot be read, a row lacks something, or a column is unknown.
    """
    path = pathlib.Path(path)
    if path.is_dir():
        path = path / f"{config.task.name}.csv"
        if not path.exists():
            return []
    rows, values = _read(path), {"task": config.task.name, **config.values()}
    known = define_flags()
    for row in rows:
        if missing := [name for name in _NEEDED if not row.get(name)]:
            found = quoted(row)
            raise UsageError(f"--published: {path}: {found} has no {' and no '.join(missing)}")
        if unknown := [name for name in _conditions(row) if name not in known]:
            raise UsageError(
                f"--published: {path}: column {quoted(unknown[0])} is not a training flag; "
                f"expected {', '.join(_NEEDED)}, {_PARAMETERS} and names of flags"
            )
    return [
        {name: row.get(name) or "" for name in (*_NEEDED, _PARAMETERS)}
        for row in rows
        if all(
            name not in values or value in ("", written(values[name]))
            for name, value in _conditions(row).items()
        )
    ]


def _read(path):
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file, strict=True))
    except OSError as error:
        raise UsageError(f"--published={path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"--published={path} is not a CSV file in UTF-8 ({error})") from error
    for number, row in enumerate(rows, 1):
        if None in row:  # what `DictReader` calls the cells without a name
            raise UsageError(f"--published={path}: row {number} has more cells than the first line")
    return rows


def _conditions(row):
    """Returns the flag values that a row applies to, by name."""
    return {name: v or "" for name, v in row.items() if name not in (*_NEEDED, _PARAMETERS)}

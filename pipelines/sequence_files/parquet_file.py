"""Reads the records of Parquet files, if pyarrow is installed."""

import pathlib
import re
from collections.abc import Iterator
from typing import Any

from pipelines.csv_records import Record
from pipelines.errors import SourceError
from pipelines.escaping import one_line
from pipelines.file_errors import reading
from pipelines.install_hint import install_hint
from pipelines.limits import ARRAYS, check_size

_PANDAS_INDEX = re.compile("__index_level_[0-9]+__")
_ROWS, _LONGEST_SHOWN = 1024, 200
_NUMBER = 8  # bytes: small files may hold many equal ones


def parquet_records(path: pathlib.Path, limit: int = ARRAYS) -> Iterator[Record]:
    """Yields each `Record` of a Parquet file; lines count its rows from 1.

    The index that pandas stores is a column without a name.

    Args:
        path: the file.
        limit: bytes that its data may have at most.

    Raises:
        SourceError: if pyarrow is missing, or the file cannot be read or is larger.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        hint = install_hint("parquet")
        raise SourceError(f"{path}: Parquet files need pyarrow: {hint}") from error
    try:
        with _open(path) as source, parquet.ParquetFile(source) as file:
            check_size(path, _size(file.metadata), limit)
            names = ["" if _PANDAS_INDEX.fullmatch(x) else x for x in file.schema_arrow.names]
            line = 0
            for batch in file.iter_batches(_ROWS):
                for values in zip(*map(_values, batch.columns), strict=True):
                    line += 1
                    yield Record(1, names, line, list(values))
    except (pyarrow.ArrowException, ValueError, OSError) as error:
        # What Parquet cannot decode is an OSError without a number.
        if isinstance(error, SourceError) or getattr(error, "errno", None) is not None:
            raise
        reason = one_line(error, _LONGEST_SHOWN)
        raise SourceError(f"{path}: not a Parquet file, or damaged ({reason})") from error


def _open(path):
    with reading(path):
        return path.open("rb")


def _size(metadata) -> int:
    """Returns the bytes of a file's data, at least those of as many numbers."""
    groups = (metadata.row_group(index) for index in range(metadata.num_row_groups))
    numbers = metadata.num_rows * metadata.num_columns * _NUMBER
    return max(numbers, sum(group.total_byte_size for group in groups))


def _values(column) -> list[Any]:
    """Returns the values of a column; times of nanoseconds, which Python lacks, as integers."""
    import pyarrow

    if pyarrow.types.is_timestamp(column.type) and column.type.unit == "ns":
        return column.cast(pyarrow.int64()).to_pylist()
    return column.to_pylist()

"""A Parquet file's columns as text, spelled as a person would write them in a CSV file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from runtime.errors import UnusableInput


def is_parquet(content: bytes) -> bool:
    """Say whether a file's bytes begin as Parquet does."""
    return content[:4] == b"PAR1"


def read_parquet(path: Path) -> pd.DataFrame:
    """Read every column as text, "" where there is no value; the index counts rows from 1.

    Integers keep every digit, whole floating-point numbers are spelled as integers (17850.0 is
    "17850"), truth values are 1 and 0, and moments are UTC where they carry a time zone.

    Raises:
        UnusableInput: damaged, without rows, or with two columns of one name.
    """
    try:
        with pq.ParquetFile(path) as file:
            table = file.read()
        names = table.column_names
        twice = [name for place, name in enumerate(names) if name in names[:place]]
        if twice:
            raise UnusableInput(
                f"{str(path)!r} has two columns named {twice[0]!r}; give each its own name"
            )
        if table.num_rows == 0:
            raise UnusableInput(f"{str(path)!r} has no rows; add some, or give another file")
        frame = pd.DataFrame({name: _as_text(table.column(name)) for name in names})
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UnusableInput(
            f"{str(path)!r} is no readable Parquet file: {reason}; fetch or write it again"
        ) from error
    return frame.set_axis(range(1, len(frame) + 1), axis=0)


def _as_text(column: pa.ChunkedArray) -> pd.Series:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        column = column.cast(pa.large_string())
    if pa.types.is_floating(column.type):
        return _float_text(column.to_pandas())
    if pa.types.is_timestamp(kind):
        if kind.tz is not None:
            column = column.cast(pa.timestamp(kind.unit, tz="UTC"))
        text = column.to_pandas().dt.strftime("%Y-%m-%d %H:%M:%S")
    elif pa.types.is_nested(kind):
        text = column.to_pandas().map(str, na_action="ignore")
    elif pa.types.is_decimal(kind):
        text = column.cast(pa.large_string()).to_pandas().str.replace(r"\.0+$", "", regex=True)
    else:
        text = column.cast(pa.large_string()).to_pandas()
    return text.astype(object).where(text.notna(), "").astype(str)


def _float_text(values: pd.Series) -> pd.Series:
    known = values.notna()
    whole = known & (values == values.round()) & (values.abs() < 2**53)
    text = values.astype(object).map(str)
    text[whole] = values[whole].astype("int64").astype(str)
    return text.where(known, "").astype(str)

"""A Parquet file's columns as text, spelled as a person would write them in a CSV file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from runtime.errors import UnusableInput
from trainer.progress import ReadingProgress
from trainer.text_codes import encode


def is_parquet(content: bytes) -> bool:
    """Say whether a file's bytes begin as Parquet does."""
    return content[:4] == b"PAR1"


def parquet_chunks(path: Path, chunk_rows: int) -> Iterator[pd.DataFrame]:
    """Read every column as categorical text, "" where there is no value, so many rows at a time.

    Integers keep every digit, whole floating-point numbers are spelled as integers (17850.0 is
    "17850"), truth values are 1 and 0, and moments are UTC where they carry a time zone.

    Raises:
        UnusableInput: damaged, without rows, or with two columns of one name.
    """
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            twice = [name for place, name in enumerate(names) if name in names[:place]]
            if twice:
                raise UnusableInput(
                    f"{str(path)!r} has two columns named {twice[0]!r}; give each its own name"
                )
            total = file.metadata.num_rows
            if total == 0:
                raise UnusableInput(f"{str(path)!r} has no rows; add some, or give another file")
            with ReadingProgress(path.name, total) as progress:
                for batch in file.iter_batches(chunk_rows):
                    columns = zip(names, batch.columns, strict=True)
                    yield pd.DataFrame({name: _encoded(column) for name, column in columns})
                    progress.advance(len(batch))
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UnusableInput(
            f"{str(path)!r} is no readable Parquet file: {reason}; fetch or write it again"
        ) from error


def _encoded(column: pa.Array) -> pd.Series:
    """Spell a column as categorical text, each distinct value once."""
    kind = column.type
    if pa.types.is_nested(kind):
        return encode(_as_text(column))
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
    values = column.dictionary_encode(null_encoding="encode")
    texts = encode(_as_text(values.dictionary)).array
    codes = texts.codes[values.indices.to_numpy()]
    return pd.Series(pd.Categorical.from_codes(codes, texts.categories))


def _as_text(column: pa.Array) -> pd.Series:
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

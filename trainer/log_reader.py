"""A purchase log as it lies on disk: CSV, CSV.gz, Parquet, baskets or sequences, all as text."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from runtime.errors import UnusableInput, nearest
from trainer.config import DataConfig

CANONICAL = ("user", "item", "time", "label", "quantity", "basket", "title", "category", "price")


def read_table(path: Path, *, encoding: str = "utf-8", delimiter: str = ",") -> pd.DataFrame:
    """Read a CSV, CSV.gz or Parquet file with every value as text and "" where there is none.

    Numbers of a Parquet file are spelled as integers where they are whole (17850.0 is "17850").

    Raises:
        UnusableInput: missing, empty or binary file, or rows that do not fit the header.
    """
    head = _head(path)
    if head[:4] == b"PAR1":
        return _read_parquet(path)
    text = _read_text(path, head, encoding)
    try:
        frame = pd.read_csv(
            io.StringIO(text), sep=delimiter, dtype=str, keep_default_na=False, na_filter=False
        )
    except pd.errors.EmptyDataError as error:
        raise UnusableInput(f"{str(path)!r} is empty; it needs a header and rows") from error
    except (pd.errors.ParserError, ValueError) as error:
        reason = str(error).strip().removeprefix("Error tokenizing data. C error: ")
        raise UnusableInput(
            f"{str(path)!r} is no CSV file with one header: {reason}; is the delimiter "
            f"{delimiter!r}? (--delimiter)"
        ) from error
    if isinstance(frame.index, pd.MultiIndex) or not isinstance(frame.index, pd.RangeIndex):
        raise UnusableInput(f"{str(path)!r} has rows with more fields than its header; mend them")
    if frame.empty:
        raise UnusableInput(f"{str(path)!r} has a header and no rows")
    return frame


def read_log(path: Path, config: DataConfig) -> pd.DataFrame:
    """Read a purchase log into the columns of :data:`CANONICAL` that it has, plus ``line``.

    ``line`` is the 1-based line of the file (the row number for Parquet), for messages; ``same`` is
    a hash of the whole row, every column of the file counted.

    Raises:
        UnusableInput: the file is unusable or a named column is absent.
    """
    if config.format != "rows":
        return _read_lines(path, config)
    table = read_table(path, encoding=config.encoding, delimiter=config.delimiter)
    chosen: dict[str, str] = {}
    for name in CANONICAL:
        key = f"{name}_column"
        column, default = getattr(config, key), getattr(DataConfig(), key)
        if column is None:
            continue
        if column in table.columns:
            chosen[name] = column
        elif column != default or name == "item" or (name == "user" and not config.basket_column):
            raise UnusableInput(_absent(path, name, column, list(table.columns), config.delimiter))
    frame = pd.DataFrame({name: table[column] for name, column in chosen.items()})
    frame["same"] = pd.util.hash_pandas_object(table, index=False)
    frame["line"] = np.arange(len(frame)) + (1 if _head(path)[:4] == b"PAR1" else 2)
    return frame


def _absent(path: Path, name: str, column: str, columns: list[str], delimiter: str) -> str:
    hint = f"name it with --{name}-column"
    if len(columns) == 1 and delimiter in {",", ";", "\t"}:
        for other, spelled in ((";", ";"), ("\t", "\\t"), ("|", "|"), (",", ",")):
            if other in columns[0]:
                hint = f"the header has one column, so try --delimiter '{spelled}'"
    return f"{str(path)!r} has no column {column!r}; {nearest(column, columns)} ({hint})"


def _head(path: Path) -> bytes:
    try:
        with open(path, "rb") as stream:
            head = stream.read(65536)
    except OSError as error:
        reason = "it is a folder" if path.is_dir() else error.strerror
        raise UnusableInput(f"cannot read {str(path)!r}: {reason}") from error
    if not head:
        raise UnusableInput(f"{str(path)!r} is empty; it needs a header and rows")
    return head


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise UnusableInput(f"{str(path)!r} is no readable Parquet file: {error}") from error
    if table.num_rows == 0:
        raise UnusableInput(f"{str(path)!r} has no rows")
    return pd.DataFrame(
        {name: _as_text(table.column(name).to_pandas()) for name in table.column_names}
    )


def _as_text(values: pd.Series) -> pd.Series:
    if pd.api.types.is_float_dtype(values):
        whole = values.notna() & (values == values.round()) & (values.abs() < 2**53)
        text = values.astype(str)
        text[whole] = values[whole].astype("int64").astype(str)
    elif pd.api.types.is_datetime64_any_dtype(values):
        text = values.dt.strftime("%Y-%m-%d %H:%M:%S")
    elif pd.api.types.is_bool_dtype(values):
        text = values.astype("int64").astype(str)
    else:
        text = values.map(lambda value: value.decode() if isinstance(value, bytes) else str(value))
    text = text.astype(object)
    text[values.isna()] = ""
    return text.astype(str)


def _read_text(path: Path, head: bytes, encoding: str) -> str:
    content = path.read_bytes()
    if head[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise UnusableInput(f"{str(path)!r} is a damaged gzip file: {error}") from error
    if b"\0" in content[:65536]:
        raise UnusableInput(
            f"{str(path)!r} is a binary file (it starts with {head[:4]!r}); give CSV or Parquet"
        )
    try:
        return content.decode("utf-8-sig" if encoding.lower() in {"utf-8", "utf8"} else encoding)
    except UnicodeDecodeError as error:
        raise UnusableInput(
            f"{str(path)!r} is not {encoding} text at byte {error.start}; if it is text, name its "
            "encoding, such as --encoding latin-1"
        ) from error
    except LookupError as error:
        raise UnusableInput(f"unknown text encoding {encoding!r}; try utf-8 or latin-1") from error


def _read_lines(path: Path, config: DataConfig) -> pd.DataFrame:
    head = _head(path)
    if head[:4] == b"PAR1":
        raise UnusableInput(f"{str(path)!r} is Parquet; --format {config.format} reads text lines")
    lines = _read_text(path, head, config.encoding).splitlines()
    if config.delimiter != "," or any("," in line for line in lines):
        try:
            split = list(csv.reader(lines, delimiter=config.delimiter, skipinitialspace=True))
        except (csv.Error, TypeError) as error:
            raise UnusableInput(f"{str(path)!r} cannot be split into items: {error}") from error
    else:
        split = [line.split() for line in lines]
    with_user = config.format == "sequences"
    kept = [(number, fields) for number, fields in enumerate(split, start=1) if fields]
    sizes = np.array([len(fields) - with_user for _, fields in kept], dtype=np.int64)
    if sizes.sum() == 0:
        raise UnusableInput(f"{str(path)!r} holds no {config.format}: no line names an item")
    line = np.repeat([number for number, _ in kept], sizes)
    frame = pd.DataFrame(
        {
            "item": [item for _, fields in kept for item in fields[with_user:]],
            "line": line,
            "same": np.arange(len(line), dtype=np.uint64),
        }
    )
    if with_user:
        frame["user"] = np.repeat([fields[0] for _, fields in kept], sizes)
    else:
        frame["basket"] = line.astype(str)
    return frame

"""A purchase log as it lies on disk: CSV, CSV.gz, Parquet, baskets or sequences, all as text."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from runtime.errors import UnusableInput, nearest
from trainer.config import DataConfig
from trainer.parquet_text import is_parquet, read_parquet

CANONICAL = ("user", "item", "time", "label", "quantity", "basket", "title", "category", "price")
DELIMITERS = {",": ",", ";": ";", "\t": "\\t", "|": "|"}  # as read, as typed on a command line


def read_table(path: Path, *, encoding: str = "utf-8", delimiter: str = ",") -> pd.DataFrame:
    """Read a CSV, CSV.gz or Parquet file with every value as text and "" where there is none.

    Numbers of a Parquet file are spelled as integers where they are whole (17850.0 is "17850").
    The index is the 1-based line on which a row begins (the row's number for Parquet).

    Raises:
        UnusableInput: missing, empty or binary file, or rows that do not fit the header.
    """
    content = _content(path)
    if is_parquet(content):
        return read_parquet(path)
    text = _decoded(path, content, encoding)
    header = _header(path, text, delimiter)
    try:
        frame = pd.read_csv(
            io.StringIO(text), sep=delimiter, dtype=str, keep_default_na=False, na_filter=False
        )
    except pd.errors.EmptyDataError as error:
        raise UnusableInput(f"{str(path)!r} is empty; it needs a header and rows") from error
    except (pd.errors.ParserError, ValueError) as error:
        reason = str(error).strip().removeprefix("Error tokenizing data. C error: ")
        raise UnusableInput(
            f"{str(path)!r} is no CSV file with one header: {reason}; "
            + (_delimiter_hint(header, delimiter) or "mend that line, or name the --delimiter")
        ) from error
    if frame.empty:
        raise UnusableInput(
            f"{str(path)!r} has a header and no rows; add some, or give another file"
        )
    if not isinstance(frame.index, pd.RangeIndex):
        raise UnusableInput(
            f"{str(path)!r} has rows with more fields than its header of {len(header)}; "
            + (_delimiter_hint(header, delimiter) or "mend them, or name the --delimiter")
        )
    return frame.set_axis(_line_numbers(text, delimiter, len(frame)), axis=0)


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
        needed = name == "item" or (name == "user" and not config.basket_column)
        if not column and not needed:
            continue
        if column in table.columns:
            chosen[name] = column
        elif column != default or needed:
            raise UnusableInput(_absent(path, name, column, list(table.columns), config.delimiter))
    frame = pd.DataFrame({name: table[column] for name, column in chosen.items()})
    frame["same"] = pd.util.hash_pandas_object(table, index=False)
    frame["line"] = table.index.to_numpy(np.int64)
    return frame.reset_index(drop=True)


def delimiter_before(path: Path, column: str) -> str:
    """Return the delimiter that makes ``column`` one of a CSV header's names, "," when none does.

    Raises:
        UnusableInput: missing, empty or damaged file.
    """
    content = _content(path)
    # Latin-1 reads any bytes, and leaves the names that are ASCII as they are.
    first = content.removeprefix(codecs.BOM_UTF8).split(b"\n", 1)[0].decode("latin-1")
    for delimiter in DELIMITERS:
        if column in next(csv.reader([first.strip("\r")], delimiter=delimiter), []):
            return delimiter
    return ","


def _absent(path: Path, name: str, column: str, columns: list[str], delimiter: str) -> str:
    hint = _delimiter_hint(columns, delimiter) or f"name it with --{name}-column"
    return f"{str(path)!r} has no column {column!r}; {nearest(column, columns)} ({hint})"


def _delimiter_hint(columns: list[str], delimiter: str) -> str:
    """Name the delimiter that a header of one column was probably written with."""
    if len(columns) == 1:
        for other, typed in DELIMITERS.items():
            if other != delimiter and other in columns[0]:
                return f"the header has one column, so try --delimiter '{typed}'"
    return ""


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = "it is a folder" if path.is_dir() else error.strerror
        raise UnusableInput(f"cannot read {str(path)!r}: {reason}; check the path") from error
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise UnusableInput(
                f"{str(path)!r} is a damaged gzip file: {error}; fetch or pack it again"
            ) from error
    if not content:
        raise UnusableInput(f"{str(path)!r} is empty; it needs a header and rows")
    return content


def _decoded(path: Path, content: bytes, encoding: str) -> str:
    try:
        with_mark = codecs.lookup(encoding).name == "utf-8"
        text = content.decode("utf-8-sig" if with_mark else encoding)
    except LookupError as error:
        raise UnusableInput(f"unknown text encoding {encoding!r}; try utf-8 or latin-1") from error
    except UnicodeError as error:
        if b"\0" in content:
            raise UnusableInput(_binary(path, content)) from error
        place = f" at byte {error.start}" if isinstance(error, UnicodeDecodeError) else ""
        raise UnusableInput(
            f"{str(path)!r} is not {encoding} text{place}; if it is text, name its encoding, such "
            "as --encoding latin-1"
        ) from error
    if "\0" in text:
        raise UnusableInput(_binary(path, content))
    return text


def _binary(path: Path, content: bytes) -> str:
    if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return f"{str(path)!r} is UTF-16 text; read it with --encoding utf-16"
    return f"{str(path)!r} is a binary file (it starts with {content[:4]!r}); give CSV or Parquet"


def _header(path: Path, text: str, delimiter: str) -> list[str]:
    """Read the header's names, none of which may occur twice."""
    names: list[str] = next((fields for _, fields in _records(text, delimiter)), [])
    twice = [name for place, name in enumerate(names) if name and name in names[:place]]
    if twice:
        raise UnusableInput(
            f"{str(path)!r} has two columns named {twice[0]!r}; give each its own name"
        )
    return names


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the 1-based line on which each record begins, and its fields; blank lines yield none.

    A record that the csv module refuses, such as one longer than its limit, ends the iteration.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    begins = 1
    while True:
        try:
            fields = next(reader)
        except (StopIteration, csv.Error):
            return
        if len(fields) > 1 or (fields and fields[0].strip(" \t")):
            yield begins, fields
        begins = reader.line_num + 1


def _line_numbers(text: str, delimiter: str, rows: int) -> np.ndarray:
    """Return int64 [rows]: the line each row begins on, blank lines and quoted breaks counted."""
    plain = np.arange(2, rows + 2)
    if text.count("\n") + (not text.endswith("\n")) == rows + 1:
        return plain
    lines = [line for line, _ in _records(text, delimiter)][1:]
    return np.array(lines, np.int64) if len(lines) == rows else plain


def _read_lines(path: Path, config: DataConfig) -> pd.DataFrame:
    content = _content(path)
    if is_parquet(content):
        raise UnusableInput(f"{str(path)!r} is Parquet; --format {config.format} reads text lines")
    text = _decoded(path, content, config.encoding)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    spaced = config.delimiter == " " or (config.delimiter == "," and "," not in text)
    kept = [
        (number, _fields(path, number, line, None if spaced else config.delimiter))
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ]
    with_user = config.format == "sequences"
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
        frame["user"] = np.repeat(np.array([fields[0] for _, fields in kept], object), sizes)
        frame["user"] = frame["user"].astype(str)
    else:
        frame["basket"] = line.astype(str)
    return frame


def _fields(path: Path, number: int, line: str, delimiter: str | None) -> list[str]:
    """Split a line at ``delimiter`` (None: blanks); only quotes keep the blanks around an id."""
    if '"' not in line:
        if delimiter is None:
            return re.split(r"[ \t]+", line.strip(" \t"))
        return [field.strip(" \t") for field in line.split(delimiter)]
    try:
        (fields,) = csv.reader(
            [line.strip(" \t")], delimiter=delimiter or " ", skipinitialspace=True, strict=True
        )
    except csv.Error as error:
        raise UnusableInput(
            f"line {number} of {str(path)!r} cannot be split into items: {error}; mend its quotes"
        ) from error
    return fields

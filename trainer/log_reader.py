"""A purchase log as it lies on disk: CSV, CSV.gz, Parquet, baskets or sequences, all as text."""

from __future__ import annotations

import codecs
import csv
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from runtime.errors import UnusableInput, nearest
from trainer.config import DataConfig
from trainer.parquet_text import is_parquet, parquet_chunks
from trainer.progress import ReadingProgress
from trainer.text_codes import TextCodes, encode
from trainer.text_file import TextFile, first_bytes, open_bytes

CANONICAL = ("user", "item", "time", "label", "quantity", "basket", "title", "category", "price")
DELIMITERS = {",": ",", ";": ";", "\t": "\\t", "|": "|"}  # as read, as typed on a command line
CHUNK_ROWS = 250_000
CHUNK_LINES = 10_000  # of baskets or sequences, each of which holds many items


def read_table(path: Path, *, encoding: str = "utf-8", delimiter: str = ",") -> pd.DataFrame:
    """Read a CSV, CSV.gz or Parquet file with every value as text and "" where there is none.

    Numbers of a Parquet file are spelled as integers where they are whole (17850.0 is "17850").
    The index is the 1-based line on which a row begins (the row's number for Parquet).

    Raises:
        UnusableInput: missing, empty or binary file, or rows that do not fit the header.
    """
    chunks, file = _open_table(path, encoding, delimiter)
    table = pd.concat([chunk.astype(str) for chunk in chunks], ignore_index=True)
    return table.set_axis(_lines(file, delimiter, len(table)), axis=0)


def read_log(path: Path, config: DataConfig) -> pd.DataFrame:
    """Read a purchase log into the columns of :data:`CANONICAL` that it has, plus ``line``.

    The file is read chunk by chunk, and its columns are categorical: each distinct text is held
    once, and 4 bytes or fewer for every row. ``line`` is the 1-based line of the file (the row
    number for Parquet), for messages; ``same`` is a hash of the whole row, every column of the file
    counted.

    Raises:
        UnusableInput: the file is unusable or a named column is absent.
    """
    if config.format != "rows":
        return _read_lines(path, config)
    chunks, file = _open_table(path, config.encoding, config.delimiter)
    chosen: dict[str, str] = {}
    columns: dict[str, TextCodes] = {}
    same = []
    for chunk in chunks:
        if not columns:
            chosen = _chosen(path, list(chunk.columns), config)
            columns = {name: TextCodes() for name in chosen}
        for name, codes in columns.items():
            codes.add(chunk[chosen[name]])
        same.append(pd.util.hash_pandas_object(chunk, index=False).to_numpy())
    # Each column's chunks are let go before the next column is joined.
    frame = pd.DataFrame({name: columns.pop(name).column() for name in chosen})
    frame["same"] = np.concatenate(same)
    frame["line"] = _lines(file, config.delimiter, len(frame))
    return frame


def _chosen(path: Path, columns: list[str], config: DataConfig) -> dict[str, str]:
    """Name the file's column behind each of :data:`CANONICAL` that is there."""
    chosen: dict[str, str] = {}
    for name in CANONICAL:
        key = f"{name}_column"
        column, default = getattr(config, key), getattr(DataConfig(), key)
        needed = name == "item" or (name == "user" and not config.basket_column)
        if not column and not needed:
            continue
        if column in columns:
            chosen[name] = column
        elif column != default or needed:
            raise UnusableInput(_absent(path, name, column, columns, config.delimiter))
    return chosen


def _open_table(
    path: Path, encoding: str, delimiter: str
) -> tuple[Iterator[pd.DataFrame], TextFile | None]:
    """Return a table's chunks, all columns categorical texts, and the text file if it is one."""
    if is_parquet(first_bytes(path)):
        return parquet_chunks(path, CHUNK_ROWS), None
    file = TextFile.check(path, encoding)
    return _csv_chunks(file, delimiter), file


def _csv_chunks(file: TextFile, delimiter: str) -> Iterator[pd.DataFrame]:
    name = repr(str(file.path))
    header = _header(file, delimiter)
    hint = _delimiter_hint(header, delimiter)
    try:
        with (
            file.open(newline="") as text,
            pd.read_csv(
                text,
                sep=delimiter,
                dtype=str,
                keep_default_na=False,
                na_filter=False,
                chunksize=CHUNK_ROWS,
            ) as chunks,
            ReadingProgress(file.path.name, file.lines - 1) as progress,
        ):
            for chunk in chunks:
                if chunk.empty:
                    raise UnusableInput(
                        f"{name} has a header and no rows; add some, or give another file"
                    )
                if not isinstance(chunk.index, pd.RangeIndex):
                    raise UnusableInput(
                        f"{name} has rows with more fields than its header of {len(header)}; "
                        + (hint or "mend them, or name the --delimiter")
                    )
                yield chunk.apply(encode)
                progress.advance(len(chunk))
    except pd.errors.EmptyDataError as error:
        raise UnusableInput(f"{name} is empty; it needs a header and rows") from error
    except (pd.errors.ParserError, ValueError) as error:
        reason = str(error).strip().removeprefix("Error tokenizing data. C error: ")
        raise UnusableInput(
            f"{name} is no CSV file with one header: {reason}; "
            + (hint or "mend that line, or name the --delimiter")
        ) from error


def delimiter_before(path: Path, column: str) -> str:
    """Return the delimiter that makes ``column`` one of a CSV header's names, "," when none does.

    Raises:
        UnusableInput: missing or empty file.
    """
    first_bytes(path)
    with open_bytes(path) as stream:
        # Latin-1 reads any bytes, and leaves the names that are ASCII as they are.
        first = stream.readline().removeprefix(codecs.BOM_UTF8).decode("latin-1")
    for delimiter in DELIMITERS:
        if column in next(csv.reader([first.strip("\r\n")], delimiter=delimiter), []):
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


def _header(file: TextFile, delimiter: str) -> list[str]:
    """Read the header's names, none of which may occur twice."""
    names: list[str] = next((fields for _, fields in _records(file, delimiter)), [])
    twice = [name for place, name in enumerate(names) if name and name in names[:place]]
    if twice:
        raise UnusableInput(
            f"{str(file.path)!r} has two columns named {twice[0]!r}; give each its own name"
        )
    return names


def _records(file: TextFile, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the 1-based line on which each record begins, and its fields; blank lines yield none.

    A record that the csv module refuses, such as one longer than its limit, ends the iteration.
    """
    with file.open(newline="") as text:
        reader = csv.reader(text, delimiter=delimiter)
        begins = 1
        while True:
            try:
                fields = next(reader)
            except (StopIteration, csv.Error):
                return
            if len(fields) > 1 or (fields and fields[0].strip(" \t")):
                yield begins, fields
            begins = reader.line_num + 1


def _lines(file: TextFile | None, delimiter: str, rows: int) -> np.ndarray:
    """Return int64 [rows]: the line each row begins on, blank lines and quoted breaks counted.

    Without a text file, where there are no lines, rows are counted from 1.
    """
    if file is None:
        return np.arange(1, rows + 1)
    plain = np.arange(2, rows + 2)
    if file.lines == rows + 1:
        return plain
    records = itertools.islice(_records(file, delimiter), 1, None)
    lines = np.fromiter((line for line, _ in records), np.int64)
    return lines if len(lines) == rows else plain


def _read_lines(path: Path, config: DataConfig) -> pd.DataFrame:
    if is_parquet(first_bytes(path)):
        raise UnusableInput(f"{str(path)!r} is Parquet; --format {config.format} reads text lines")
    file = TextFile.check(path, config.encoding)
    spaced = config.delimiter == " " or (config.delimiter == "," and not file.commas)
    with_user = config.format == "sequences"
    items, users = TextCodes(), TextCodes()
    line_numbers = []
    for numbers, fields in _line_chunks(file, None if spaced else config.delimiter):
        sizes = np.array([len(one) - with_user for one in fields], dtype=np.int64)
        line_numbers.append(np.repeat(np.array(numbers, np.int64), sizes))
        items.add(pd.Series([item for one in fields for item in one[with_user:]], dtype=str))
        if with_user:
            users.add(pd.Series([one[0] for one in fields for _ in one[1:]], dtype=str))
    line = np.concatenate([np.zeros(0, np.int64), *line_numbers])
    if len(line) == 0:
        raise UnusableInput(f"{str(path)!r} holds no {config.format}: no line names an item")
    frame = pd.DataFrame({"item": items.column(), "line": line})
    frame["same"] = np.arange(len(line), dtype=np.uint64)
    if with_user:
        frame["user"] = users.column()
    else:
        frame["basket"] = encode(pd.Series(line).astype(str))
    return frame


def _line_chunks(
    file: TextFile, delimiter: str | None
) -> Iterator[tuple[list[int], list[list[str]]]]:
    """Yield the numbers of some lines that are not blank, and the fields of each."""
    with (
        file.open(newline=None) as text,
        ReadingProgress(file.path.name, file.lines) as progress,
    ):
        numbered = enumerate(text, start=1)
        while lines := list(itertools.islice(numbered, CHUNK_LINES)):
            kept = [(number, line.removesuffix("\n")) for number, line in lines if line.strip()]
            numbers = [number for number, _ in kept]
            yield numbers, [_fields(file.path, number, line, delimiter) for number, line in kept]
            progress.advance(len(lines))


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

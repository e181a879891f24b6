"""Small files a shop hands over with a request: a list of item ids, and the stock."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

from runtime.errors import UnusableInput, nearest


def read_item_ids(path: str) -> tuple[str, ...]:
    """Read a file with one item id a line; blank lines don't count.

    Raises:
        UnusableInput: the file is missing, is not text, or holds no id.
    """
    ids = tuple(line.strip() for line in read_text(path).splitlines() if line.strip())
    if not ids:
        raise UnusableInput(f"{path!r} holds no item id; write one a line")
    return ids


def read_stock(path: str) -> dict[str, float]:
    """Read a CSV with the columns item_id and quantity; of an item listed twice the sum counts.

    Raises:
        UnusableInput: the file is missing or not CSV, a column is missing, or a quantity is not a
            finite number; the message names the line.
    """
    return parse_stock(read_text(path), path)


def parse_stock(text: str, path: str) -> dict[str, float]:
    """Parse the text of a stock CSV; ``path`` is what the messages of errors call it.

    Raises:
        UnusableInput: as :func:`read_stock` does.
    """
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    stock: dict[str, float] = {}
    try:
        header = list(reader.fieldnames or [])
        for column in ("item_id", "quantity"):
            if column not in header:
                raise UnusableInput(f"{path!r} has no column {column!r}; {nearest(column, header)}")
        for row in reader:
            item_id = (row["item_id"] or "").strip()
            if not item_id:
                raise UnusableInput(f"{path!r} line {reader.line_num}: the item_id is empty")
            quantity = _quantity(row["quantity"] or "", path, reader.line_num)
            stock[item_id] = stock.get(item_id, 0.0) + quantity
    except csv.Error as error:
        raise UnusableInput(f"{path!r} line {reader.line_num} is not CSV: {error}") from error
    if not stock:
        raise UnusableInput(f"{path!r} holds no stock; write item_id,quantity and a line an item")
    return stock


def _quantity(text: str, path: str, line: int) -> float:
    try:
        quantity = float(text)
    except ValueError:
        quantity = math.nan
    if not math.isfinite(quantity):
        raise UnusableInput(f"{path!r} line {line}: quantity {text!r} is not a number")
    return quantity


def read_text(path: str) -> str:
    """Return the text of a small file, without its byte order mark.

    Raises:
        UnusableInput: it cannot be read, is not UTF-8, or holds binary data.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UnusableInput(f"cannot read {path!r}: {error.strerror}; check the path") from error
    except UnicodeDecodeError as error:
        raise UnusableInput(
            f"{path!r} is not UTF-8 text (byte {error.start}); save it as UTF-8"
        ) from error
    if "\0" in text:
        raise UnusableInput(f"{path!r} is not text; it holds binary data")
    return text

"""Times of purchases: one format per column, detected or named, never guessed row by row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

_CLOCK = r"(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?)?"
_FAMILIES = {
    "YYYY-MM-DD": r"\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"
    r"(?:Z|[+-]\d{2}:?\d{2})?",
    "YYYYMMDD": r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])",
    "unix time": r"\d{1,10}(?:\.\d*)?|\d{12,13}|\d{15,16}|\d{18,19}",
    "YYYY/MM/DD": r"\d{4}/\d{1,2}/\d{1,2}" + _CLOCK,
    "day/month/year": r"\d{1,2}[/.-]\d{1,2}[/.-](?:\d{4}|\d{2})" + _CLOCK,
    "month in words": r"(?:\d{1,2}[ -])?[A-Za-z]{3,9}\.?[ -]\d{1,4}(?:,? \d{4})?" + _CLOCK,
}


@dataclass(frozen=True)
class Times:
    """A parsed time column.

    Attributes:
        seconds: int64 [rows], seconds since 1970-01-01 UTC; 0 where ``readable`` is False.
        readable: bool [rows], False where the text is no time.
        format: the format in words, for the report.
        error: one sentence when the column cannot be trusted as a whole, else None.
    """

    seconds: np.ndarray
    readable: np.ndarray
    format: str
    error: str | None = None


def parse_times(texts: pd.Series, column: str, time_format: str | None = None) -> Times:
    """Parse a column of texts that must share one format.

    Args:
        texts: the column, as strings.
        column: its name, for messages.
        time_format: a strptime format, to which every row must then keep.
    """
    if time_format is not None:
        try:
            parsed = pd.to_datetime(texts, format=time_format, errors="coerce", utc=True)
        except ValueError as error:
            return _failed(
                texts, f"--time-format {time_format!r} is not a strptime format: {error}"
            )
        return _from_datetimes(parsed, time_format)
    found = {name: texts.str.fullmatch(regex).to_numpy(bool) for name, regex in _FAMILIES.items()}
    found["unix time"] = found["unix time"] & ~found["YYYYMMDD"]
    present = {name: int(np.argmax(mask)) for name, mask in found.items() if mask.any()}
    if not present:
        return Times(np.zeros(len(texts), np.int64), np.zeros(len(texts), bool), "none")
    if len(present) > 1:
        (first, row), (second, other) = sorted(present.items(), key=lambda item: item[1])[:2]
        return _failed(
            texts,
            f"column {column!r} mixes time formats: {texts.iloc[row]!r} is {first} and "
            f"{texts.iloc[other]!r} is {second}; bring the column into one format, or name the one "
            "to keep with --time-format",
        )
    (name,) = present
    mask = found[name]
    if name == "unix time":
        return _from_numbers(texts, mask)
    if name == "day/month/year":
        return _day_or_month_first(texts, mask, column)
    formats = {"YYYY-MM-DD": "ISO8601", "YYYYMMDD": "%Y%m%d"}
    parsed = pd.to_datetime(
        texts.where(mask), format=formats.get(name, "mixed"), errors="coerce", utc=True
    )
    return _from_datetimes(parsed, name)


def _failed(texts: pd.Series, error: str) -> Times:
    empty = np.zeros(len(texts), np.int64)
    return Times(empty, empty.astype(bool), "unknown", error)


def _from_datetimes(parsed: pd.Series, name: str) -> Times:
    readable = parsed.notna().to_numpy()
    seconds = parsed.dt.as_unit("s").astype("int64").to_numpy()
    return Times(np.where(readable, seconds, 0), readable, name)


def _from_numbers(texts: pd.Series, mask: np.ndarray) -> Times:
    numbers = pd.to_numeric(texts.where(mask), errors="coerce").to_numpy(np.float64)
    largest = np.nanmax(numbers)
    digits = len(str(int(largest)))
    unit, divisor = "s", 1.0
    for name, scale, first in (("ms", 1e3, 12), ("us", 1e6, 15), ("ns", 1e9, 18)):
        if digits >= first:
            unit, divisor = name, scale
    seconds = np.where(mask, np.nan_to_num(numbers) / divisor, 0).astype(np.int64)
    return Times(seconds, mask, f"unix time in {unit}")


def _day_or_month_first(texts: pd.Series, mask: np.ndarray, column: str) -> Times:
    parts = texts.where(mask).str.extract(r"^(\d{1,2})[/.-](\d{1,2})")
    first, second = (
        parts[i].astype("Float64").to_numpy(np.float64, na_value=np.nan) for i in (0, 1)
    )
    day_first, month_first = first > 12, second > 12
    if day_first.any() and month_first.any():
        return _failed(
            texts,
            f"column {column!r} mixes time formats: {texts.iloc[int(np.argmax(day_first))]!r} puts "
            f"the day first and {texts.iloc[int(np.argmax(month_first))]!r} the month; bring the "
            "column into one format, or name the one to keep with --time-format",
        )
    if not day_first.any() and not month_first.any():
        return _failed(
            texts,
            f"column {column!r} does not tell day from month: {texts.iloc[int(np.argmax(mask))]!r} "
            "can be read both ways; say --time-format '%d/%m/%Y' or '%m/%d/%Y'",
        )
    parsed = pd.to_datetime(
        texts.where(mask), format="mixed", dayfirst=bool(day_first.any()), errors="coerce", utc=True
    )
    return _from_datetimes(parsed, "day/month/year" if day_first.any() else "month/day/year")

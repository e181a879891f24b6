"""Times of purchases: one format per column, detected or named, never guessed row by row."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from trainer.calendar_fields import seconds_of_fields
from trainer.text_codes import encode

_CLOCK = (
    r"(?:[ T](?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d+)?)?"
    r"(?: ?(?P<half>[AaPp])[Mm])?)?"
)
_MONTH = r"(?P<month>[A-Za-z]{3,9})\.?"
_ISO = (
    r"\d{4}-\d{1,2}-\d{1,2}(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"
    r"(?: ?(?:Z|UTC|[+-]\d{2}:?\d{2}))?"
)
_DIGITS = {
    "unix time in s": (r"\d{1,10}", 1.0),
    "unix time in ms": (r"\d{12,13}", 1e3),
    "unix time in us": (r"\d{15,16}", 1e6),
    "unix time in ns": (r"\d{18,19}", 1e9),
}
_DAY_OR_MONTH_FIRST = "day/month/year"
_FAMILIES = {
    "YYYY-MM-DD": _ISO,
    "YYYYMMDD": r"(?P<year>(?:19|20)\d{2})(?P<month>\d{2})(?P<day>\d{2})",
    "YYYYMMDDhhmmss": r"(?P<year>(?:19|20)\d{2})(?P<month>\d{2})(?P<day>\d{2})"
    r"(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2})",
    **{name: rf"(?!(?:19|20)\d{{6}}$){digits}(?:\.\d*)?" for name, (digits, _) in _DIGITS.items()},
    "YYYY/MM/DD": r"(?P<year>\d{4})[/.](?P<month>\d{1,2})[/.](?P<day>\d{1,2})" + _CLOCK,
    _DAY_OR_MONTH_FIRST: r"(?P<first>\d{1,2})[/.-](?P<second_part>\d{1,2})[/.-]"
    r"(?P<year>\d{4}|\d{2})" + _CLOCK,
    "day, month in words": rf"(?P<day>\d{{1,2}})[ -]{_MONTH},?[ -](?P<year>\d{{4}}|\d{{2}})"
    + _CLOCK,
    "month in words, day": rf"{_MONTH}[ -](?P<day>\d{{1,2}}),? (?P<year>\d{{4}})" + _CLOCK,
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
        texts: the column, plain or categorical; blanks around the texts do not count.
        column: its name, for messages.
        time_format: a strptime format, to which every row must then keep.
    """
    coded = encode(texts).array
    # Many rows share a receipt's time. Messages quote the first rows: order is that of the file.
    codes, present = pd.factorize(coded.codes)
    stripped = pd.Series(coded.categories, dtype=str).str.strip().take(present)
    merged, distinct = pd.factorize(stripped)
    codes, values = merged[codes], pd.Series(distinct, dtype=str)
    if time_format is not None:
        times = _by_format(values, time_format)
    else:
        times = _by_detection(values, column)
    return Times(times.seconds[codes], times.readable[codes], times.format, times.error)


def _by_format(texts: pd.Series, time_format: str) -> Times:
    # pandas takes words such as "mixed" too, and guesses row by row then.
    if "%" not in time_format:
        return _failed(texts, f"--time-format {time_format!r} holds no strptime code such as %Y")
    try:
        parsed = pd.to_datetime(texts, format=time_format, errors="coerce", utc=True)
    except ValueError as error:
        return _failed(texts, f"--time-format {time_format!r} is not a strptime format: {error}")
    return _from_datetimes(parsed, time_format)


def _by_detection(texts: pd.Series, column: str) -> Times:
    found = _families_of(texts)
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
    known = texts.where(found[name])
    if name == "YYYY-MM-DD":
        padded = known.str.replace(r"([ T-])(\d)(?=[-: T]|$)", r"\g<1>0\g<2>", regex=True)
        padded = padded.str.replace(r" ?UTC$", "Z", regex=True)
        return _from_datetimes(
            pd.to_datetime(padded, format="ISO8601", errors="coerce", utc=True), name
        )
    if name in _DIGITS:
        numbers = pd.to_numeric(known, errors="coerce").to_numpy(np.float64)
        seconds = np.floor(np.nan_to_num(numbers) / _DIGITS[name][1]).astype(np.int64)
        return Times(seconds, found[name], name)
    fields = known.str.extract(f"^(?:{_FAMILIES[name]})$")
    if name == _DAY_OR_MONTH_FIRST:
        return _day_or_month_first(texts, fields, column)
    return Times(*seconds_of_fields(fields), name)


def _families_of(texts: pd.Series) -> dict[str, np.ndarray]:
    """Return bool [n] for each family: no text is of two, so only those left are asked again."""
    found = {}
    left = np.ones(len(texts), bool)
    for name, regex in _FAMILIES.items():
        found[name] = np.zeros(len(texts), bool)
        found[name][left] = texts[left].str.fullmatch(regex, flags=re.ASCII).to_numpy(bool)
        left &= ~found[name]
    return found


def _failed(texts: pd.Series, error: str) -> Times:
    empty = np.zeros(len(texts), np.int64)
    return Times(empty, empty.astype(bool), "unknown", error)


def _from_datetimes(parsed: pd.Series, name: str) -> Times:
    readable = parsed.notna().to_numpy()
    seconds = parsed.dt.as_unit("s").astype("int64").to_numpy()
    return Times(np.where(readable, seconds, 0), readable, name)


def _day_or_month_first(texts: pd.Series, fields: pd.DataFrame, column: str) -> Times:
    first, second = (
        pd.to_numeric(fields[part]).to_numpy(np.float64) for part in ("first", "second_part")
    )
    day_first = (first > 12) & (first <= 31) & (second <= 12)
    month_first = (second > 12) & (second <= 31) & (first <= 12)
    if day_first.any() and month_first.any():
        return _failed(
            texts,
            f"column {column!r} mixes time formats: {texts.iloc[int(np.argmax(day_first))]!r} puts "
            f"the day first and {texts.iloc[int(np.argmax(month_first))]!r} the month; bring the "
            "column into one format, or name the one to keep with --time-format",
        )
    unsure = (first <= 12) & (second <= 12) & (first != second)
    if unsure.any() and not day_first.any() and not month_first.any():
        example = texts.iloc[int(np.argmax(unsure))]
        return _failed(
            texts,
            f"column {column!r} does not tell day from month: {example!r} can be read both ways; "
            f"say --time-format '{_strptime(example, '%d', '%m')}' or "
            f"'{_strptime(example, '%m', '%d')}'",
        )
    names = ("month", "day") if month_first.any() else ("day", "month")
    named = fields.rename(columns=dict(zip(("first", "second_part"), names, strict=True)))
    return Times(*seconds_of_fields(named), "/".join(names) + "/year")


def _strptime(example: str, first: str, second: str) -> str:
    """Spell the strptime format of a date of figures, such as '%d.%m.%Y %H:%M'."""
    half = bool(re.search("[AaPp][Mm]$", example))
    date = re.sub(
        r"^\d+(.)\d+(.)(\d+)",
        lambda found: f"{first}{found[1]}{second}{found[2]}{'%Y' if len(found[3]) == 4 else '%y'}",
        example,
    )
    clock = re.sub(r"[AaPp][Mm]$", "%p", date)
    clock = re.sub(r":\d+\.\d+", ":%S.%f", clock)
    clock = re.sub(r"(?<=\D)\d+:\d+:\d+", "%H:%M:%S", clock)
    clock = re.sub(r"(?<=\D)\d+:\d+", "%H:%M", clock)
    return clock.replace("%H", "%I") if half else clock

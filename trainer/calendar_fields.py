"""Year, month, day and clock as columns of text, turned into seconds or found impossible."""

from __future__ import annotations

import numpy as np
import pandas as pd

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONG_MONTHS = (
    "january|february|march|april|may|june|july|august|september|october|november|december"
)
_MONTH_NUMBERS = {
    name: number
    for names in (_MONTHS, _LONG_MONTHS.split("|"))
    for number, name in enumerate(names, start=1)
} | {"sept": 9}


def seconds_of_fields(fields: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Compute seconds since 1970-01-01 from calendar fields.

    Args:
        fields: text columns year (4 digits, or 2: 69 to 99 are 1969 to 1999, as in POSIX), month
            (number or English name), day and, where the format has them, hour, minute, second and
            half ("a" or "p" of a 12-hour clock). NaN where a row has no such field.

    Returns:
        int64 [rows], 0 where there is no such moment, and bool [rows], whether there is.
    """
    year, day = _numbers(fields, "year"), _numbers(fields, "day")
    short = fields["year"].str.len().to_numpy(np.float64) == 2
    year = np.where(short, year + np.where(year < 69, 2000, 1900), year)
    named = fields["month"].str.lower().map(_MONTH_NUMBERS).to_numpy(np.float64)
    month = np.where(np.isnan(named), _numbers(fields, "month"), named)
    hour, minute, second = (
        np.nan_to_num(_numbers(fields, name)) for name in ("hour", "minute", "second")
    )
    if "half" in fields:
        half = fields["half"].str.lower()
        twelve = half.notna().to_numpy()
        possible = ~twelve | ((hour >= 1) & (hour <= 12))
        hour = np.where(twelve, hour % 12 + 12 * (half == "p").to_numpy(bool), hour)
    else:
        possible = np.ones(len(fields), bool)
    possible &= (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    possible &= (hour < 24) & (minute < 60) & (second < 60)
    months = np.where(possible, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    date = months.astype("datetime64[D]") + np.where(possible, day - 1, 0).astype("timedelta64[D]")
    possible &= date.astype("datetime64[M]") == months  # 31 February is in March
    clock = hour * 3600 + minute * 60 + second
    seconds = date.astype("datetime64[s]").astype(np.int64) + clock.astype(np.int64)
    return np.where(possible, seconds, 0), possible


def _numbers(fields: pd.DataFrame, name: str) -> np.ndarray:
    if name not in fields:
        return np.zeros(len(fields))
    return pd.to_numeric(fields[name], errors="coerce").to_numpy(np.float64)

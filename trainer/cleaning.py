"""Cleaning a purchase log, with an account of every row: kept, or dropped for which reason."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from trainer.config import DataConfig
from trainer.times import parse_times

MISSING_ITEM = "missing item"
MISSING_USER = "missing user"
UNPARSEABLE_TIME = "unparseable time"
UNREADABLE_QUANTITY = "unreadable quantity"
NON_POSITIVE_QUANTITY = "non-positive quantity"
EXCLUDED_ITEM = "item excluded by config"
EXACT_DUPLICATE = "exact duplicate"
REPEAT_IN_BASKET = "repeat of the same item in one basket"
REPEAT_PURCHASE = "bought before by the same shopper (repeat_purchases = false)"
RARE_ITEM = "item under min_item_interactions"
RARE_USER = "user under min_user_interactions"
REASONS = (
    MISSING_ITEM,
    MISSING_USER,
    UNPARSEABLE_TIME,
    UNREADABLE_QUANTITY,
    NON_POSITIVE_QUANTITY,
    EXCLUDED_ITEM,
    EXACT_DUPLICATE,
    REPEAT_IN_BASKET,
    REPEAT_PURCHASE,
    RARE_ITEM,
    RARE_USER,
)


@dataclass
class CleaningReport:
    """What became of every row of a log.

    Attributes:
        rows_read: rows in the file.
        rows_kept: rows that training sees.
        dropped: reason -> {"rows": count, "example": {"line", "value"}}, reasons that occurred.
        facts: counts of what was kept, the time format and range.
        notes: sentences about choices that the data forced.
        errors: sentences about why this log cannot be used; empty when it can.
    """

    rows_read: int
    rows_kept: int = 0
    dropped: dict[str, dict[str, Any]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {
            "usable": not self.errors,
            "rows_read": self.rows_read,
            "rows_kept": self.rows_kept,
            "rows_dropped": self.rows_read - self.rows_kept,
            "dropped": self.dropped,
            "facts": self.facts,
            "notes": self.notes,
            "errors": self.errors,
        }


def clean(log: pd.DataFrame, config: DataConfig) -> tuple[pd.DataFrame, CleaningReport]:
    """Drop what is no purchase, in the order of :data:`REASONS`, and account for it.

    Args:
        log: what :func:`trainer.log_reader.read_log` returned.
        config: the columns and rules.

    Returns:
        The kept rows with columns user ("" = anonymous), item, seconds, basket (int64) and, where
        the log has them, label, title, category, price; and the report. The rows are in the file's
        order. With errors in the report the rows are those found before the error.
    """
    frame = log.copy(deep=False)
    report = CleaningReport(rows_read=len(frame))
    if "label" in frame:
        _check_labels(frame, config, report)
    frame = _drop_unidentified(frame, config, report)
    frame = _read_times(frame, config, report)
    frame = _drop_quantities(frame, report)
    frame = _drop_excluded(frame, config, report)
    frame = _drop(frame, frame["same"].duplicated(), EXACT_DUPLICATE, report, "item")
    frame = _drop_repeats(frame, config, report)
    frame = _drop_rare(frame, config, report)
    report.rows_kept = len(frame)
    _check_enough(frame, report)
    _describe(frame, report)
    return frame.drop(columns=["same", "line"]), report


def _drop(
    frame: pd.DataFrame, mask: pd.Series, reason: str, report: CleaningReport, shown: str
) -> pd.DataFrame:
    count = int(mask.sum())
    if count == 0:
        return frame
    if reason in report.dropped:
        report.dropped[reason]["rows"] += count
    else:
        first = frame[mask].iloc[0]
        example = {"line": int(first["line"]), "value": str(first[shown])}
        report.dropped[reason] = {"rows": count, "example": example}
    return frame[~mask]


def _check_labels(frame: pd.DataFrame, config: DataConfig, report: CleaningReport) -> None:
    labels = pd.to_numeric(frame["label"], errors="coerce")
    bad = ~labels.isin([0, 1])
    if bad.any():
        first = frame[bad].iloc[0]
        report.errors.append(
            f"{int(bad.sum())} of {len(frame)} labels are neither 0 nor 1, the first on line "
            f"{first['line']}: {first['label']!r}; mend them, or leave the labels out with "
            f"--label-column '' (the column is {config.label_column!r})"
        )
    frame["label"] = labels.astype(np.float32)


def _drop_unidentified(
    frame: pd.DataFrame, config: DataConfig, report: CleaningReport
) -> pd.DataFrame:
    frame = _drop(frame, frame["item"].str.strip() == "", MISSING_ITEM, report, "item")
    if "user" not in frame:
        return frame.assign(user="")
    nobody = (frame["user"].str.strip() == "") | frame["user"].isin(config.missing_user)
    frame = frame.assign(user=frame["user"].where(~nobody, ""))
    if "basket" in frame:
        nobody &= frame["basket"].str.strip() == ""
    return _drop(frame, nobody, MISSING_USER, report, "item")


def _read_times(frame: pd.DataFrame, config: DataConfig, report: CleaningReport) -> pd.DataFrame:
    if "time" not in frame:
        if config.format == "rows":
            report.notes.append("the log has no time column: rows count as oldest first")
        return frame.assign(seconds=frame["line"].astype(np.int64))
    times = parse_times(frame["time"], config.time_column, config.time_format)
    if times.error:
        report.errors.append(times.error)
        return frame.assign(seconds=frame["line"].astype(np.int64))
    report.facts["time_format"] = times.format
    frame = frame.assign(seconds=times.seconds)
    unreadable = pd.Series(~times.readable, index=frame.index)
    return _drop(frame, unreadable, UNPARSEABLE_TIME, report, "time")


def _drop_quantities(frame: pd.DataFrame, report: CleaningReport) -> pd.DataFrame:
    if "quantity" not in frame:
        return frame
    quantity = pd.to_numeric(frame["quantity"], errors="coerce")
    unreadable = ~np.isfinite(quantity)
    frame = _drop(frame, unreadable, UNREADABLE_QUANTITY, report, "quantity")
    return _drop(frame, quantity[~unreadable] <= 0, NON_POSITIVE_QUANTITY, report, "quantity").drop(
        columns="quantity"
    )


def matches_any(values: pd.Series, patterns: tuple[str, ...]) -> pd.Series:
    """Say which values match one of the shell patterns (``*``, ``?``), case counted."""
    if not patterns:
        return pd.Series(False, index=values.index)
    regex = re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns))
    hits = [value for value in values.unique() if regex.match(value)]
    return values.isin(hits)


def _drop_excluded(frame: pd.DataFrame, config: DataConfig, report: CleaningReport) -> pd.DataFrame:
    excluded = matches_any(frame["item"], config.exclude_items)
    if "title" in frame:
        excluded |= matches_any(frame["title"], config.exclude_titles)
    return _drop(frame, excluded, EXCLUDED_ITEM, report, "item")


def _drop_repeats(frame: pd.DataFrame, config: DataConfig, report: CleaningReport) -> pd.DataFrame:
    if "basket" in frame:
        basket = frame.groupby(["basket", "user"], sort=False).ngroup()
    elif "time" in frame:
        basket = frame.groupby(["user", "seconds"], sort=False).ngroup()
    else:
        basket = pd.Series(np.arange(len(frame)), index=frame.index)
    frame = frame.assign(basket=basket.astype(np.int64))
    repeated = frame.duplicated(["basket", "item"])
    frame = _drop(frame, repeated, REPEAT_IN_BASKET, report, "item")
    if config.repeat_purchases:
        return frame
    known = frame["user"] != ""
    oldest_first = frame.sort_values("seconds", kind="stable")
    bought = oldest_first.duplicated(["user", "item"]).reindex(frame.index) & known
    return _drop(frame, bought, REPEAT_PURCHASE, report, "item")


def _drop_rare(frame: pd.DataFrame, config: DataConfig, report: CleaningReport) -> pd.DataFrame:
    while True:
        before = len(frame)
        counts = frame["item"].map(frame["item"].value_counts())
        frame = _drop(frame, counts < config.min_item_interactions, RARE_ITEM, report, "item")
        counts = frame["user"].map(frame["user"].value_counts())
        rare = (counts < config.min_user_interactions) & (frame["user"] != "")
        frame = _drop(frame, rare, RARE_USER, report, "user")
        if len(frame) == before:
            return frame


def _check_enough(frame: pd.DataFrame, report: CleaningReport) -> None:
    if frame.empty:
        report.errors.append("no row is left after cleaning; the reasons are listed under dropped")
        return
    items = frame["item"].unique()
    if len(items) == 1:
        report.errors.append(
            f"only one item is left, {items[0]!r}; a recommender needs at least 2: add more rows, "
            "or lower min_item_interactions"
        )
    users = frame["user"].unique()
    if len(users) == 1 and users[0] != "":
        report.errors.append(
            f"only one user is left, {users[0]!r}; a recommender needs at least 2: add more rows, "
            "or lower min_user_interactions"
        )
    if len(users) == 1 and users[0] == "" and frame["basket"].nunique() == 1:
        report.errors.append("only one basket is left; a recommender needs at least 2")


def _describe(frame: pd.DataFrame, report: CleaningReport) -> None:
    anonymous = frame["user"] == ""
    report.facts.update(
        users=int(frame.loc[~anonymous, "user"].nunique()),
        items=int(frame["item"].nunique()),
        baskets=int(frame["basket"].nunique()),
        anonymous_baskets=int(frame.loc[anonymous, "basket"].nunique()),
        anonymous_rows=int(anonymous.sum()),
    )
    if "label" in frame:
        report.facts["positive_labels"] = int((frame["label"] == 1).sum())
    if "time_format" in report.facts and len(frame):
        ends = pd.to_datetime([frame["seconds"].min(), frame["seconds"].max()], unit="s", utc=True)
        report.facts["first_time"], report.facts["last_time"] = (e.isoformat() for e in ends)

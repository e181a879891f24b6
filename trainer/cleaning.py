"""Cleaning a purchase log, with an account of every row: kept, or dropped for which reason."""

from __future__ import annotations

import re
from collections.abc import Collection

import numpy as np
import pandas as pd

from trainer.cleaning_report import CleaningReport
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


def clean(
    log: pd.DataFrame, config: DataConfig, excluded: Collection[str] = ()
) -> tuple[pd.DataFrame, CleaningReport]:
    """Drop what is no purchase, in the order of :data:`REASONS`, and account for it.

    Args:
        log: what :func:`trainer.log_reader.read_log` returned.
        config: the columns and rules.
        excluded: item ids that are no products, beside those that ``config`` matches.

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
    frame = _drop_excluded(frame, config, excluded, report)
    frame = _drop(frame, frame["same"].duplicated(), EXACT_DUPLICATE, report, "item")
    frame = _drop_repeats(frame, config, report)
    frame = _drop_rare(frame, config, report)
    frame = _drop_idle_labels(frame, report)
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
    frame["label"] = labels.where(~bad).astype(np.float32)  # 1e300 has no float32


def _drop_unidentified(
    frame: pd.DataFrame, config: DataConfig, report: CleaningReport
) -> pd.DataFrame:
    frame = _drop(frame, frame["item"].str.strip() == "", MISSING_ITEM, report, "item")
    if "user" not in frame:
        frame = frame.assign(user="")
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
    """Say which values match one of the patterns, in which only * and ? are special, case counted.

    Every other character stands for itself, so that an id such as "A[1]" names that item.
    """
    if not patterns:
        return pd.Series(False, index=values.index)
    spelled = (re.escape(p).replace(r"\*", ".*").replace(r"\?", ".") for p in patterns)
    regex = re.compile("|".join(spelled), re.DOTALL)
    hits = [value for value in values.unique() if regex.fullmatch(value)]
    return values.isin(hits)


def _drop_excluded(
    frame: pd.DataFrame, config: DataConfig, excluded: Collection[str], report: CleaningReport
) -> pd.DataFrame:
    mask = matches_any(frame["item"], config.exclude_items) | frame["item"].isin(list(excluded))
    if "title" in frame:
        mask |= matches_any(frame["title"], config.exclude_titles)
    return _drop(frame, mask, EXCLUDED_ITEM, report, "item")


def _drop_repeats(frame: pd.DataFrame, config: DataConfig, report: CleaningReport) -> pd.DataFrame:
    frame = frame.assign(basket=_baskets(frame))
    # A refusal (label 0) is no purchase: it neither is one repeated nor makes a later one a repeat.
    label = ["label"] if "label" in frame else []
    repeated = frame.duplicated(["basket", "item", *label])
    frame = _drop(frame, repeated, REPEAT_IN_BASKET, report, "item")
    if config.repeat_purchases:
        return frame
    known = frame["user"] != ""
    oldest_first = frame.sort_values("seconds", kind="stable")
    bought = oldest_first.duplicated(["user", "item", *label]).reindex(frame.index) & known
    return _drop(frame, bought, REPEAT_PURCHASE, report, "item")


def _baskets(frame: pd.DataFrame) -> pd.Series:
    """Number the baskets: a shopper's receipt, else one moment of a shopper's, else one row."""
    when = frame["seconds"] if "time" in frame else frame["line"]
    if "basket" not in frame:
        keys = [frame["user"], when]
    else:
        nameless = frame["basket"].str.strip() == ""
        keys = [frame["basket"].where(~nameless, ""), frame["user"], when.where(nameless, 0)]
    if "time" not in frame and "basket" not in frame:
        return pd.Series(np.arange(len(frame)), index=frame.index)
    return frame.groupby(keys, sort=False).ngroup().astype(np.int64)


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


def _drop_idle_labels(frame: pd.DataFrame, report: CleaningReport) -> pd.DataFrame:
    if report.errors or "label" not in frame or frame.empty:
        return frame
    if (frame["label"] == 0).all():
        report.errors.append(
            f"none of the {len(frame)} labels is 1, so nothing was bought; mend the labels, or "
            "leave them out with --label-column ''"
        )
    elif (frame["label"] == 1).all():
        report.notes.append("every label is 1, which says nothing: negatives are sampled")
        return frame.drop(columns="label")
    return frame


def _check_enough(frame: pd.DataFrame, report: CleaningReport) -> None:
    if frame.empty:
        reason, drop = max(report.dropped.items(), key=lambda item: item[1]["rows"])
        example = drop["example"]
        report.errors.append(
            f"no row is left after cleaning: {drop['rows']} of {report.rows_read} were dropped for "
            f"{reason!r}, the first on line {example['line']} ({example['value']!r}); check the "
            "columns and rules with endcap data check"
        )
        return
    items = frame["item"].unique()
    if len(items) == 1:
        report.errors.append(
            f"only one item is left, {items[0]!r}; a recommender needs at least 2: add more rows, "
            "or lower min_item_interactions"
        )
    users = frame["user"].unique()
    if len(users) > 1:
        return
    if users[0] != "":
        report.errors.append(
            f"only one user is left, {users[0]!r}; a recommender needs at least 2: add more rows, "
            "or lower min_user_interactions"
        )
    elif frame["basket"].nunique() == 1:
        report.errors.append(
            "only one basket is left; a recommender needs at least 2: add more baskets"
        )


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

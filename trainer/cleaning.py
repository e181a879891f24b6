"""Cleaning a purchase log, with an account of every row: kept, or dropped for which reason."""

from __future__ import annotations

import re
from collections.abc import Collection

import numpy as np
import pandas as pd

from trainer.cleaning_report import CleaningReport
from trainer.config import DataConfig
from trainer.text_codes import constant, encode, is_blank, of_each, present, replaced
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
        log: what :func:`trainer.log_reader.read_log` returned; texts may be plain or categorical.
        config: the columns and rules.
        excluded: item ids that are no products, beside those that ``config`` matches.

    Returns:
        The kept rows with columns user ("" = anonymous), item, seconds, basket (int64) and, where
        the log has them, label, title, category, price, all texts categorical; and the report. The
        rows are in the file's order. With errors in the report the rows are those found before the
        error.
    """
    texts = [name for name in log.columns if name not in {"same", "line"}]
    frame = log.assign(**{name: encode(log[name]) for name in texts})
    del log  # whose columns are as long as the frame's and would stay beside them
    report = CleaningReport(rows_read=len(frame))
    if "label" in frame:
        _check_labels(frame, config, report)
    frame = _drop_unidentified(frame, config, report)
    frame = _read_times(frame, config, report)
    frame = _drop_quantities(frame, report)
    frame = _drop_excluded(frame, config, excluded, report)
    frame = _drop(frame, frame["same"].duplicated().to_numpy(), EXACT_DUPLICATE, report, "item")
    frame = _drop_repeats(frame, config, report)
    frame = _drop_rare(frame, config, report)
    frame = _drop_idle_labels(frame, report)
    report.rows_kept = len(frame)
    _check_enough(frame, report)
    _describe(frame, report)
    return frame.drop(columns=["same", "line"]), report


def _drop(
    frame: pd.DataFrame, mask: np.ndarray, reason: str, report: CleaningReport, shown: str
) -> pd.DataFrame:
    """Drop the rows that ``mask``, bool [n], marks; ``shown`` is the column that shows why."""
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


def _numbers(column: pd.Series) -> np.ndarray:
    """Read texts as float64 [n], NaN where they are no numbers."""
    return of_each(column, lambda texts: pd.to_numeric(texts, errors="coerce").astype(np.float64))


def _check_labels(frame: pd.DataFrame, config: DataConfig, report: CleaningReport) -> None:
    labels = _numbers(frame["label"])
    bad = ~np.isin(labels, (0, 1))
    if bad.any():
        first = frame[bad].iloc[0]
        report.errors.append(
            f"{int(bad.sum())} of {len(frame)} labels are neither 0 nor 1, the first on line "
            f"{first['line']}: {first['label']!r}; mend them, or leave the labels out with "
            f"--label-column '' (the column is {config.label_column!r})"
        )
    # A bad label such as 1e300 has no float32.
    frame["label"] = np.where(bad, np.nan, labels).astype(np.float32)


def _drop_unidentified(
    frame: pd.DataFrame, config: DataConfig, report: CleaningReport
) -> pd.DataFrame:
    frame = _drop(frame, is_blank(frame["item"]), MISSING_ITEM, report, "item")
    if "user" not in frame:
        frame = frame.assign(user=constant("", frame.index))
    nobody = is_blank(frame["user"]) | frame["user"].isin(config.missing_user).to_numpy()
    frame = frame.assign(user=replaced(frame["user"], nobody, ""))
    if "basket" in frame:
        nobody &= is_blank(frame["basket"])
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
    return _drop(frame, ~times.readable, UNPARSEABLE_TIME, report, "time")


def _drop_quantities(frame: pd.DataFrame, report: CleaningReport) -> pd.DataFrame:
    if "quantity" not in frame:
        return frame
    unreadable = ~np.isfinite(_numbers(frame["quantity"]))
    frame = _drop(frame, unreadable, UNREADABLE_QUANTITY, report, "quantity")
    no_sale = _numbers(frame["quantity"]) <= 0
    frame = _drop(frame, no_sale, NON_POSITIVE_QUANTITY, report, "quantity")
    return frame.drop(columns="quantity")


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
    ids = list(excluded)
    mask = of_each(
        frame["item"], lambda texts: matches_any(texts, config.exclude_items) | texts.isin(ids)
    )
    if "title" in frame:
        mask |= of_each(frame["title"], lambda texts: matches_any(texts, config.exclude_titles))
    return _drop(frame, mask, EXCLUDED_ITEM, report, "item")


def _pair(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return int64 [n], equal where both codes are: neither is negative, nor larger than a log."""
    return first.astype(np.int64) * (int(second.max(initial=0)) + 1) + second


def _drop_repeats(frame: pd.DataFrame, config: DataConfig, report: CleaningReport) -> pd.DataFrame:
    frame = frame.assign(basket=_baskets(frame))
    repeated = pd.Series(_pair(frame["basket"].to_numpy(), _what(frame))).duplicated()
    frame = _drop(frame, repeated.to_numpy(), REPEAT_IN_BASKET, report, "item")
    if config.repeat_purchases:
        return frame
    taken = _pair(frame["user"].cat.codes.to_numpy(), _what(frame))
    oldest_first = np.argsort(frame["seconds"].to_numpy(), kind="stable")
    bought = np.empty(len(frame), bool)
    bought[oldest_first] = pd.Series(taken[oldest_first]).duplicated()
    bought &= (frame["user"] != "").to_numpy()
    return _drop(frame, bought, REPEAT_PURCHASE, report, "item")


def _what(frame: pd.DataFrame) -> np.ndarray:
    """Number what a row repeats when it has the same number, int64 [n].

    A refusal (label 0) is no purchase: it neither is one repeated nor makes a later one a repeat.
    """
    item = frame["item"].cat.codes.to_numpy()
    if "label" not in frame:
        return item.astype(np.int64)
    return _pair(item, pd.factorize(frame["label"], use_na_sentinel=False)[0])


def _baskets(frame: pd.DataFrame) -> np.ndarray:
    """Number the baskets: a shopper's receipt, else one moment of a shopper's, else one row."""
    when = frame["seconds" if "time" in frame else "line"].to_numpy()
    if "basket" not in frame:
        if "time" not in frame:
            return np.arange(len(frame))
        receipt = np.zeros(len(frame), np.int64)
    else:
        nameless = is_blank(frame["basket"])
        receipt = np.where(nameless, 0, frame["basket"].cat.codes.to_numpy().astype(np.int64) + 1)
        when = np.where(nameless, when, 0)
    of_shopper = _pair(receipt, frame["user"].cat.codes.to_numpy())
    parts = [pd.factorize(part)[0] for part in (of_shopper, when)]
    return pd.factorize(_pair(*parts))[0]


def _drop_rare(frame: pd.DataFrame, config: DataConfig, report: CleaningReport) -> pd.DataFrame:
    while True:
        before = len(frame)
        rare = _occurrences(frame["item"]) < config.min_item_interactions
        frame = _drop(frame, rare, RARE_ITEM, report, "item")
        rare = _occurrences(frame["user"]) < config.min_user_interactions
        rare &= (frame["user"] != "").to_numpy()
        frame = _drop(frame, rare, RARE_USER, report, "user")
        if len(frame) == before:
            return frame


def _occurrences(column: pd.Series) -> np.ndarray:
    """Return int64 [n]: how many rows have the same text as each row."""
    codes = column.cat.codes.to_numpy()
    return np.bincount(codes)[codes]


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
    items = present(frame["item"])
    if len(items) == 1:
        report.errors.append(
            f"only one item is left, {items[0]!r}; a recommender needs at least 2: add more rows, "
            "or lower min_item_interactions"
        )
    users = present(frame["user"])
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
        users=len(present(frame.loc[~anonymous, "user"])),
        items=len(present(frame["item"])),
        baskets=int(frame["basket"].nunique()),
        anonymous_baskets=int(frame.loc[anonymous, "basket"].nunique()),
        anonymous_rows=int(anonymous.sum()),
    )
    if "label" in frame:
        report.facts["positive_labels"] = int((frame["label"] == 1).sum())
    if "time_format" in report.facts and len(frame):
        ends = pd.to_datetime([frame["seconds"].min(), frame["seconds"].max()], unit="s", utc=True)
        report.facts["first_time"], report.facts["last_time"] = (e.isoformat() for e in ends)

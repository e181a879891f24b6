"""The sample store's purchases: who comes when, and what each visit buys. No Python per row."""

from __future__ import annotations

import numpy as np
import pandas as pd

from trainer.sample_catalogue import BoolArray, FloatArray, IntArray, staple_items

FIRST_DAY = np.datetime64("2025-01-06", "D")  # a Monday
FAVOURED_SHARE = 0.7  # of what a shopper picks, this part comes from what the group favours
STAPLES_PER_SHOPPER = 2
STAPLE_CHANCE = 0.35  # that a visit includes a given staple
PARTNER_CHANCE = 0.6  # that a planted partner joins an item in the basket
LEAST_VISITS = 4  # per shopper, before visits of the same day fall together
EXTRA_VISITS_SHAPE = 1.2  # of the gamma distribution of further visits: many few, few many
PICKS_MEAN = 1.9  # items picked a visit, besides staples and partners; at least one

WEEKDAY_WEIGHTS = (1.0, 0.9, 0.9, 1.0, 1.3, 1.6, 0.8)  # Monday to Sunday
OPENING_MINUTES = ((7 * 60, 21 * 60), (9 * 60, 18 * 60))  # Monday to Saturday; Sunday
BUSY_MINUTES = ((8.5 * 60, 45.0, 0.8), (12.5 * 60, 50.0, 1.0), (17.75 * 60, 80.0, 1.5))
"""Times of day that draw shoppers: middle and spread in minutes, and weight."""


def draw_visits(
    rng: np.random.Generator, n_shoppers: int, n_weeks: int, mean_visits: float
) -> tuple[IntArray, IntArray]:
    """Draw who comes when: shopper row from 0, and minutes since FIRST_DAY, oldest first.

    A shopper comes at most once a day: two draws of one day are one visit.
    """
    scale = (mean_visits - LEAST_VISITS) / EXTRA_VISITS_SHAPE
    extra = np.rint(rng.gamma(EXTRA_VISITS_SHAPE, scale, n_shoppers)).astype(np.int64)
    visitor = np.repeat(np.arange(n_shoppers), LEAST_VISITS + extra)
    n_days = 7 * n_weeks
    weekday = rng.choice(7, len(visitor), p=np.array(WEEKDAY_WEIGHTS) / sum(WEEKDAY_WEIGHTS))
    day = 7 * rng.integers(0, n_weeks, len(visitor)) + weekday
    visitor, day = np.divmod(np.unique(visitor * n_days + day), n_days)

    of_day = np.arange(24 * 60)
    busy = sum(w * np.exp(-0.5 * ((of_day - mid) / spread) ** 2) for mid, spread, w in BUSY_MINUTES)
    density = [
        np.where((of_day >= opens) & (of_day < closes), 0.05 + busy, 0.0)
        for opens, closes in OPENING_MINUTES
    ]
    is_sunday = (day % 7 == 6).astype(np.int64)
    minute = day * (24 * 60) + draw_by_group(rng, is_sunday, np.array(density))
    order = np.argsort(minute, kind="stable")
    return visitor[order], minute[order]


def draw_by_group(rng: np.random.Generator, group: IntArray, weights: FloatArray) -> IntArray:
    """Draw one column of ``weights`` for each row number in ``group``.

    All rows share one search: the cumulative weights of row g are laid between g and g + 1.

    Args:
        rng: the generator to draw from.
        group: [n] rows of ``weights``.
        weights: [n_groups, n_columns] not negative, not all 0 in any row.

    Returns:
        int64 [n], columns.
    """
    n_columns = weights.shape[1]
    cumulative = np.cumsum(weights, axis=1)
    cumulative = cumulative / cumulative[:, -1:] + np.arange(len(weights))[:, None]
    place = np.searchsorted(cumulative.ravel(), rng.random(group.shape) + group, side="right")
    # Rounding in the sum can reach the next whole number; the row's last column takes those.
    columns: IntArray = np.clip(place - group * n_columns, 0, n_columns - 1)
    return columns


def fill_baskets(
    rng: np.random.Generator,
    group: IntArray,
    visitor: IntArray,
    popularity: FloatArray,
    favoured: BoolArray,
    pairs: IntArray,
) -> tuple[IntArray, IntArray]:
    """Draw what each visit buys: visit and item row of every line, by visit, no item twice in one.

    Args:
        rng: the generator to draw from.
        group: [n_shoppers] taste group of each shopper.
        visitor: [n_visits] shopper of each visit.
        popularity: [n_items] share of sales.
        favoured: [n_groups, n_items] what each group favours.
        pairs: [n_pairs, 2] item rows bought together.
    """
    n_items = len(popularity)
    liking = popularity * favoured  # [n_groups, n_items]
    liking = FAVOURED_SHARE * liking / liking.sum(1, keepdims=True)
    liking = liking + (1 - FAVOURED_SHARE) * popularity

    visit = np.repeat(np.arange(len(visitor)), 1 + rng.poisson(PICKS_MEAN - 1, len(visitor)))
    item = draw_by_group(rng, group[visitor[visit]], liking)

    shopper_groups = np.repeat(group, STAPLES_PER_SHOPPER)
    staples = draw_by_group(rng, shopper_groups, liking * staple_items(n_items))
    staples = staples.reshape(-1, STAPLES_PER_SHOPPER)  # [n_shoppers, STAPLES_PER_SHOPPER]
    needs = rng.random((len(visitor), STAPLES_PER_SHOPPER)) < STAPLE_CHANCE
    needing, which = np.nonzero(needs)
    visit = np.concatenate([visit, needing])
    item = np.concatenate([item, staples[visitor[needing], which]])

    partner = np.full(n_items, -1, np.int64)
    partner[pairs[:, 0]], partner[pairs[:, 1]] = pairs[:, 1], pairs[:, 0]
    joins = (partner[item] >= 0) & (rng.random(len(item)) < PARTNER_CHANCE)
    visit = np.concatenate([visit, visit[joins]])
    item = np.concatenate([item, partner[item[joins]]])

    visit, item = np.divmod(np.unique(visit * n_items + item), n_items)
    # Sorted item rows within a basket would tell the last line from the first: shuffle them.
    order = np.lexsort((rng.random(len(visit)), visit))
    return visit[order], item[order]


def time_text(minute: IntArray) -> pd.Index:
    """Write minutes since FIRST_DAY as ISO 8601 text, to the second; sorted input."""
    distinct, place = np.unique(minute, return_inverse=True)
    times = FIRST_DAY.astype("datetime64[s]") + (60 * distinct).astype("timedelta64[s]")
    text: pd.Index = pd.Index(np.datetime_as_string(times, unit="s").astype(object))
    return text.take(place)

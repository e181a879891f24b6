"""The sample store's catalogue: items, how well each sells, and what is planted among them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from trainer.sample_departments import CATEGORIES, DEPARTMENTS, PAIRED_CATEGORIES, TASTES

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

POPULARITY_EXPONENT = 0.8  # the item of rank r sells in proportion to r ** -0.8
STAPLE_EVERY = 3  # every third item of a staple department is a staple
LEAST_ITEMS = 4 * len(CATEGORIES)  # so that every department has an item of each of its brands


def numbered(prefix: str, numbers: IntArray, digits: int) -> pd.Index:
    """Give ids such as CS-0417, all of one length and zero-filled to at least ``digits``."""
    width = max(digits, len(str(int(numbers.max()))))
    text = pd.Series(numbers).astype(str).str.zfill(width)
    return pd.Index(prefix + text)


def make_catalogue(rng: np.random.Generator, n_items: int) -> pd.DataFrame:
    """Make every item's row; item i belongs to department i modulo the number of departments."""
    department = np.arange(n_items) % len(DEPARTMENTS)
    place = np.arange(n_items) // len(DEPARTMENTS)  # within the department
    level = rng.beta(1.6, 2.4, n_items)  # where the price lies in the department's range
    titles: list[str] = []
    orders = [rng.permutation(len(d.kinds) * len(d.forms)) for d in DEPARTMENTS]
    for which, position in zip(department, place, strict=True):
        kinds, forms, order = DEPARTMENTS[which].kinds, DEPARTMENTS[which].forms, orders[which]
        edition, rest = divmod(int(position), len(order))
        title = forms[order[rest] % len(forms)].format(kinds[order[rest] // len(forms)])
        titles.append(title if edition == 0 else f"{title} (No. {edition + 1})")
    low, high = np.array([d.prices for d in DEPARTMENTS])[department].T
    twentieths = np.rint((low + level * (high - low)) * 20)  # prices end in .x0 or .x5
    return pd.DataFrame(
        {
            "item_id": numbered("CS-", rng.permutation(3 * n_items)[:n_items] + 1, 4),
            "title": titles,
            "category": pd.Index(CATEGORIES).take(department),
            "brand": [
                DEPARTMENTS[d].brands[p % len(DEPARTMENTS[d].brands)]
                for d, p in zip(department, place, strict=True)
            ],
            "price": twentieths / 20,
        }
    )


def draw_popularity(rng: np.random.Generator, n_items: int) -> FloatArray:
    """Give each item its share of sales: a power law over a random ranking, summing to 1."""
    weight = np.arange(1, n_items + 1, dtype=np.float64) ** -POPULARITY_EXPONENT
    return rng.permutation(weight / weight.sum())


def favoured_items(catalogue: pd.DataFrame) -> BoolArray:
    """Say which items each group favours, bool [n_groups, n_items]."""
    category, brand = catalogue["category"], catalogue["brand"]
    rows = [category.isin(t.categories) & brand.isin(t.brands) for t in TASTES]
    return np.array(rows, dtype=bool)


def staple_items(n_items: int) -> BoolArray:
    """Say which items are staples, bool [n_items]."""
    item = np.arange(n_items)
    in_staple_department = np.array([d.staple for d in DEPARTMENTS])[item % len(DEPARTMENTS)]
    result: BoolArray = in_staple_department & (item // len(DEPARTMENTS) % STAPLE_EVERY == 0)
    return result


def most_pairs(n_items: int) -> int:
    """Count the pairs that fit: each takes one item that is no staple from either category."""
    smallest_department = n_items // len(DEPARTMENTS)
    return len(PAIRED_CATEGORIES) * (smallest_department - -(-smallest_department // STAPLE_EVERY))


def plant_pairs(catalogue: pd.DataFrame, popularity: FloatArray, n_pairs: int) -> IntArray:
    """Pair the best-selling items that are no staples, int64 [n_pairs, 2] of item rows from 0.

    Staples stay out: bought week after week by choice, they would blur what the pairing does.
    """
    free = ~staple_items(len(catalogue))
    best_first = np.argsort(-popularity, kind="stable")
    names = catalogue["category"].to_numpy(dtype=object)
    ranked = {c: best_first[free[best_first] & (names[best_first] == c)] for c in CATEGORIES}
    pairs = [
        (ranked[first][turn], ranked[second][turn])
        for turn in range(-(-n_pairs // len(PAIRED_CATEGORIES)))
        for first, second in PAIRED_CATEGORIES
    ]
    return np.array(pairs[:n_pairs], dtype=np.int64).reshape(-1, 2)

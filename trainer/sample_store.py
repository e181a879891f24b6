"""A fictional corner store made from a seed, with a known structure for tests to find again.

What is planted, and written to truth.json: pairs of items that land in the same basket, and groups
of shoppers who favour certain brands in certain categories. On top of that, popularity follows a
power law, every shopper comes back for a few staples, and visits follow the week and the clock.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from runtime.durable import new_folder
from runtime.errors import UnusableInput
from trainer.sample_baskets import LEAST_VISITS, draw_visits, fill_baskets, time_text
from trainer.sample_catalogue import (
    LEAST_ITEMS,
    draw_popularity,
    favoured_items,
    make_catalogue,
    most_pairs,
    numbered,
    plant_pairs,
)
from trainer.sample_departments import TASTES

CATALOGUE_COLUMNS = ("item_id", "title", "category", "brand", "price")
INTERACTION_COLUMNS = ("user_id", "item_id", "timestamp", "quantity", "basket_id")

ROW_GROUP = 500_000  # rows of a Parquet file that are packed together
EXTRA_QUANTITY_MEAN = 0.25  # pieces of an item beyond the first


@dataclass(frozen=True)
class SampleStore:
    """A made-up shop: its catalogue, a year of purchases, and the truth behind them.

    Attributes:
        catalogue: one row an item: item_id, title, category, brand (text), price (pounds, float64).
        interactions: one row a line of a receipt, oldest first: user_id, item_id, timestamp
            (ISO 8601, local time, text), quantity (int64), basket_id (text).
        pairs: item ids planted as bought together; no item is in two pairs.
        taste_group: user_id -> group.
        group_items: group -> item ids that the group favours, best selling first.

    Raises:
        UnusableInput: a column is missing, an item id comes twice, or a price is not positive.
    """

    catalogue: pd.DataFrame
    interactions: pd.DataFrame
    pairs: tuple[tuple[str, str], ...]
    taste_group: Mapping[str, str]
    group_items: Mapping[str, tuple[str, ...]]

    def __post_init__(self) -> None:
        for name, table, columns in (
            ("catalogue", self.catalogue, CATALOGUE_COLUMNS),
            ("interactions", self.interactions, INTERACTION_COLUMNS),
        ):
            if tuple(table.columns) != columns:
                raise UnusableInput(
                    f"the {name} has columns {list(table.columns)}; it needs {list(columns)}"
                )
        repeated = self.catalogue["item_id"][self.catalogue["item_id"].duplicated()]
        if len(repeated):
            raise UnusableInput(f"item id {repeated.iloc[0]!r} comes twice; make item ids unique")
        unpriced = self.catalogue["price"][~(self.catalogue["price"] > 0)]
        if len(unpriced):
            raise UnusableInput(f"price {unpriced.iloc[0]!r} in the catalogue must be above 0")

    def truth(self) -> dict[str, Any]:
        """What was planted, as JSON holds it: ``pairs``, ``taste_group`` and ``group_items``."""
        return {
            "pairs": [list(pair) for pair in self.pairs],
            "taste_group": dict(self.taste_group),
            "group_items": {group: list(items) for group, items in self.group_items.items()},
        }

    def write(
        self,
        folder: Path,
        *,
        parquet: bool = False,
        also: Callable[[Path], object] | None = None,
    ) -> None:
        """Write interactions.csv, catalogue.csv and truth.json to a new folder, or nothing at all.

        Args:
            folder: the folder to make.
            parquet: write interactions.parquet instead, a tenth of the size and of the time.
            also: called with the folder while it still has a temporary name, to add more to it
                (pictures, say) that must be whole or absent together with the rest.

        Raises:
            UnusableInput: ``folder`` exists or cannot be written; nothing is left behind.
        """
        with new_folder(folder) as partial:
            if parquet:
                self.interactions.to_parquet(
                    partial / "interactions.parquet", index=False, row_group_size=ROW_GROUP
                )
            else:
                self.interactions.to_csv(partial / "interactions.csv", index=False)
            self.catalogue.to_csv(partial / "catalogue.csv", index=False, float_format="%.2f")
            text = json.dumps(self.truth(), indent=1, ensure_ascii=False)
            (partial / "truth.json").write_text(text + "\n", "utf-8")
            if also is not None:
                also(partial)


def make_sample_store(
    seed: int = 7,
    *,
    n_shoppers: int = 2_000,
    n_items: int = 320,
    n_pairs: int = 12,
    n_weeks: int = 52,
    mean_visits: float = 9.0,
) -> SampleStore:
    """Make the store; the same arguments give the same store everywhere.

    A shopper buys about 2.7 lines a visit, so 2,000 shoppers make about 50,000 interactions.
    Memory and time grow with the interactions only: no Python runs per row.

    Args:
        seed: of ``numpy.random.Generator(PCG64(seed))``; 0 or more.
        n_shoppers: shoppers, each with at least one visit.
        n_items: items, spread evenly over the ten departments.
        n_pairs: planted pairs; how many fit depends on ``n_items``.
        n_weeks: length of the log, in weeks, from the first Monday of 2025.
        mean_visits: visits per shopper over the whole log, on average.

    Raises:
        UnusableInput: an argument is out of range; the message names it, its value and the range.
    """
    _check_whole("seed", seed, 0)
    _check_whole("n_shoppers", n_shoppers, len(TASTES))
    _check_whole("n_items", n_items, LEAST_ITEMS)
    _check_whole("n_pairs", n_pairs, 0, most_pairs(n_items))
    _check_whole("n_weeks", n_weeks, 1)
    if not (math.isfinite(mean_visits) and mean_visits > LEAST_VISITS):
        raise UnusableInput(f"mean_visits is {mean_visits!r}; it must be above {LEAST_VISITS}")

    rng = np.random.Generator(np.random.PCG64(seed))
    catalogue = make_catalogue(rng, n_items)
    popularity = draw_popularity(rng, n_items)  # [n_items]
    favoured = favoured_items(catalogue)  # [n_groups, n_items]
    pairs = plant_pairs(catalogue, popularity, n_pairs)  # [n_pairs, 2]
    group = rng.permutation(np.arange(n_shoppers) % len(TASTES))  # [n_shoppers]
    user_id = numbered("L-", rng.permutation(9 * n_shoppers)[:n_shoppers] + n_shoppers, 6)

    visitor, minute = draw_visits(rng, n_shoppers, n_weeks, mean_visits)  # [n_visits] each
    visit, item = fill_baskets(rng, group, visitor, popularity, favoured, pairs)  # [n_rows] each
    quantity = 1 + rng.poisson(EXTRA_QUANTITY_MEAN, len(item))
    item_id = pd.Index(catalogue["item_id"])
    best_first = np.argsort(-popularity, kind="stable")
    return SampleStore(
        catalogue=catalogue,
        interactions=pd.DataFrame(
            {
                "user_id": user_id.take(visitor[visit]),
                "item_id": item_id.take(item),
                "timestamp": time_text(minute).take(visit),
                "quantity": quantity.astype(np.int64),
                "basket_id": numbered("B", np.arange(1, len(minute) + 1), 7).take(visit),
            }
        ),
        pairs=tuple((str(item_id[a]), str(item_id[b])) for a, b in pairs),
        taste_group=dict(zip(user_id, (TASTES[g].group for g in group), strict=True)),
        group_items={
            taste.group: tuple(item_id[best_first[favoured[g, best_first]]])
            for g, taste in enumerate(TASTES)
        },
    )


def _check_whole(name: str, value: int, low: int, high: int | None = None) -> None:
    if (
        isinstance(value, bool)
        or not isinstance(value, int | np.integer)
        or value < low
        or (high is not None and value > high)
    ):
        upto = "or more" if high is None else f"to {high}"
        raise UnusableInput(f"{name} is {value!r}; it must be a whole number, {low} {upto}")

"""Yardsticks: what a shop could show without any model, to compare every figure with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trainer.cases import Cases
from trainer.dataset import Dataset
from trainer.item_codes import ItemCodes
from trainer.split import Split

POPULARITY = "popularity"
CATEGORY_POPULARITY = "category popularity"
CATEGORY_EXPECTED = "category expected sales"
YARDSTICKS = (POPULARITY, CATEGORY_POPULARITY, CATEGORY_EXPECTED)
"""What rows that no model ranked end with."""

PRICE_BANDS = 8  # as in the default config
LUCK = 7
"""Seed of the draw between items of which a yardstick knows the same."""

Recommend = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""user [batch, 1], basket [batch, max_basket], allowed [batch, n_rows] -> items [batch, k]."""


def popularity_recommend(counts: np.ndarray, k: int) -> Recommend:
    """Recommend the most bought items among the allowed, the yardstick of every table.

    Args:
        counts: int64 [n_rows], purchases of each item before the test.
        k: items to show.
    """
    order = np.argsort(-counts, kind="stable")
    order = order[order > 0]

    def recommend(user: np.ndarray, basket: np.ndarray, allowed: np.ndarray) -> np.ndarray:
        # The best sellers are nearly all allowed: few places hold every answer.
        place = 8 * k
        while place < len(order) and allowed[:, order[:place]].sum(axis=1).min() < k:
            place *= 8
        free = allowed[:, order[:place]]  # [batch, place], most popular first
        rank = free.cumsum(axis=1)
        case, column = np.nonzero(free & (rank <= k))
        shown = np.zeros((len(allowed), k), np.int64)
        shown[case, rank[case, column] - 1] = order[column]
        return shown

    return recommend


@dataclass(frozen=True)
class ColdItems:
    """Items hidden from training, the test purchases of them, and what is known of all items.

    Attributes:
        cases: cases whose answers are hidden items.
        hidden: bool [n_rows].
        category: int64 [n_rows, slots], codes of the item's categories, 0 = empty; of all its
            labels where the catalogue has no column "category".
        labels: int64 [n_rows, slots], codes of all that is known of the item: its labels, the words
            of its title where the config counts them, and the bands of its numbers; 0 = empty.
    """

    cases: Cases
    hidden: np.ndarray
    category: np.ndarray
    labels: np.ndarray

    @classmethod
    def of(cls, dataset: Dataset, split: Split) -> ColdItems | None:
        """Collect them in the rows of a log; None where nobody asks for a hidden item."""
        if len(split.cold) == 0:
            return None
        items = dataset.items
        labels = [one for one in items.attributes if one.kind != "number"]
        categories = [one for one in labels if one.name == "category"] or labels
        category = ItemCodes.of(categories, len(items.item_ids), PRICE_BANDS)
        return cls(split.cold, split.hidden, category.values, items.codes(PRICE_BANDS).values)


def expected_sales(counts: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return float64 [n_rows]: an item's own sales, or of an unsold one what its like sold.

    That is the mean, over the item's labels, of what the sold items with that label sold on
    average; for an item without a label that was ever sold, what any sold item sold on average.

    Args:
        counts: int64 [n_rows], purchases of each item before the test.
        labels: int64 [n_rows, slots], codes of the item's labels, 0 = empty.
    """
    sold = counts > 0
    average = counts[sold].mean()
    owner = np.repeat(counts[sold], labels.shape[1])
    size = int(labels.max(initial=0)) + 1
    carriers = np.bincount(labels[sold].ravel(), minlength=size)
    total = np.bincount(labels[sold].ravel(), weights=owner, minlength=size)
    mean = np.where(carriers > 0, total / np.maximum(carriers, 1), 0.0)  # [labels]
    counted = (labels > 0) & (carriers[labels] > 0)
    number = counted.sum(axis=1)
    alike = (mean[labels] * counted).sum(axis=1) / np.maximum(number, 1)
    return np.where(sold, counts, np.where(number > 0, alike, average))


def category_recommend(sales: np.ndarray, category: np.ndarray, k: int) -> Recommend:
    """Recommend what sells best in the category of the newest basket item.

    Items of that category come first, by sales; an item of several categories counts by the share
    of the newest item's categories that it is in. Then come all others, by sales; with an empty
    basket, or a newest item without category, these alone. Of equal items, such as two without any
    sale, the one that shares more categories comes first, then the luck of a seeded draw decides.

    Args:
        sales: float64 [n_rows], what each item sold, or is expected to.
        category: int64 [n_rows, slots], codes of the items' categories, 0 = empty.
        k: items to show.
    """
    sales = sales / max(sales.max(), 1)
    luck = np.random.Generator(np.random.PCG64(LUCK)).permutation(len(sales))

    def recommend(user: np.ndarray, basket: np.ndarray, allowed: np.ndarray) -> np.ndarray:
        newest = category[basket[:, -1]]  # [batch, slots]
        shared = np.zeros(allowed.shape)
        for asked in newest.T[:, :, None]:
            for slot in category.T:
                shared += (slot == asked) & (asked > 0)
        share = shared / np.maximum((newest > 0).sum(axis=1), 1)[:, None]
        score = np.where(share > 0, 1 + share * sales, sales / 2)
        score = np.where(allowed, score, -1.0)
        keys = (np.broadcast_to(luck, score.shape), -share, -score)
        shown = np.lexsort(keys, axis=1)[:, :k]
        return np.where(np.take_along_axis(allowed, shown, axis=1), shown, 0)

    return recommend

"""Taking pictures so that categories come in the shares of other pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


def counts_in_shares(category: Rows, like: Rows, n_categories: int, most: float) -> Rows:
    """Say how many pictures of each category to take, none of them twice.

    Args:
        category: int64 [n], of the pictures there are.
        like: int64 [m], of the pictures whose shares are wanted; m of at least 1.
        n_categories: how many there are.
        most: pictures to take together.

    Returns:
        int64 [n_categories], ``most`` together or fewer.
    """
    shares = np.bincount(like, minlength=n_categories) / len(like)
    there = np.bincount(category, minlength=n_categories)
    wanted = shares > 0
    total = min(float(most), float((there[wanted] / shares[wanted]).min()))
    counts: Rows = np.floor(shares * total + 1e-9).astype(np.int64)
    return counts


def first_of_each(category: Rows, counts: Rows) -> Rows:
    """Give the places in ``category``, [n], of the first ``counts[row]`` of each category."""
    return np.concatenate(
        [np.flatnonzero(category == row)[:count] for row, count in enumerate(counts)]
    )

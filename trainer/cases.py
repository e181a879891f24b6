"""Cases: questions with known answers, which a recommender is validated and tested by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Cases:
    """Questions with known answers: this shopper, with these items so far, took those next.

    Attributes:
        user: int64 [n], user row, 0 = anonymous.
        context_offsets: int64 [n + 1] into ``context_items``.
        context_items: int64, item rows known before, oldest first.
        target_offsets: int64 [n + 1] into ``target_items``.
        target_items: int64, item rows taken next; one for each case under leave-last-out.
    """

    user: np.ndarray
    context_offsets: np.ndarray
    context_items: np.ndarray
    target_offsets: np.ndarray
    target_items: np.ndarray

    def __len__(self) -> int:
        return len(self.user)

    def context(self, case: int) -> np.ndarray:
        """Return the item rows known before in one case, oldest first."""
        return self.context_items[self.context_offsets[case] : self.context_offsets[case + 1]]

    def targets(self, case: int) -> np.ndarray:
        """Return the item rows taken next in one case."""
        return self.target_items[self.target_offsets[case] : self.target_offsets[case + 1]]

    def baskets(self, max_basket: int) -> np.ndarray:
        """Return int64 [n, max_basket]: the newest context items, right-aligned, 0 = padding."""
        place = self.context_offsets[1:, None] + np.arange(-max_basket, 0)  # [n, max_basket]
        inside = place >= self.context_offsets[:-1, None]
        if len(self.context_items) == 0:
            return np.zeros_like(place)
        return np.where(inside, self.context_items[np.maximum(place, 0)], 0)

    def sample(self, count: int, seed: int) -> Cases:
        """Return at most ``count`` cases, drawn without replacement, in their order."""
        if count >= len(self):
            return self
        rng = np.random.Generator(np.random.PCG64(seed))
        return self.take(np.sort(rng.choice(len(self), count, replace=False)))

    def take(self, chosen: np.ndarray) -> Cases:
        """Return the cases with the given indices, int64 [m]."""
        context_offsets, context = _take_lists(self.context_offsets, self.context_items, chosen)
        target_offsets, targets = _take_lists(self.target_offsets, self.target_items, chosen)
        return Cases(self.user[chosen], context_offsets, context, target_offsets, targets)


def _take_lists(
    offsets: np.ndarray, items: np.ndarray, chosen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    sizes = np.diff(offsets)[chosen]
    taken = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    place = np.repeat(offsets[chosen] - taken[:-1], sizes) + np.arange(taken[-1])
    return taken, items[place]

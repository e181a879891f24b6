"""Which items an answer shows: the graph's best, promotions in their places, categories mixed.

The graph ranks what a mask allows, top_k at a time. Where the first top_k are not enough, because
categories are full, it is asked again without what was seen and without full categories, so that
the choice is the one that a walk down the whole ranking would make.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from runtime.questions import Question, Steps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runtime.shelf import Shelf

    Context = tuple[int, Sequence[int]]

DIVERSITY_RELAXED = "diversity_relaxed"
PROMOTIONS_OVER_CAP = "promotions_over_cap"


@dataclass(frozen=True)
class Chosen:
    """One item of an answer: its row, the graph's score, and whether the shop promotes it."""

    row: int
    score: float
    promoted: bool = False


@dataclass
class _Walk:
    """What was chosen so far.

    Attributes:
        context: the shopper, as the graph is told.
        shelf: the shop's rules.
        per_category: at most so many of one category; None for any number.
        chosen: the items, in the order of choice.
        taken: how many were chosen of each category, by its number.
    """

    context: Context
    shelf: Shelf
    per_category: int | None
    chosen: list[Chosen] = field(default_factory=list)
    taken: Counter[int] = field(default_factory=Counter)

    def down(
        self, allowed: NDArray[np.bool_], wanted: int, *, promoted: bool, mixed: bool = True
    ) -> Steps[int]:
        """Choose ``wanted`` more from ``allowed``, best first; return how many there were.

        ``mixed`` keeps to ``per_category``. ``allowed`` itself is never changed.
        """
        cap = self.per_category if mixed else None
        found = 0
        while found < wanted:
            if cap is not None:
                allowed = self._without_full(allowed, cap)
            item, score = yield Question([self.context], allowed)
            rows = item[0].tolist()
            for row, value in zip(rows, score[0].tolist(), strict=True):
                if row == 0 or found == wanted:
                    return found
                group = int(self.shelf.group[row])
                if cap is not None and group >= 0 and self.taken[group] >= cap:
                    continue
                self.taken[group] += 1
                self.chosen.append(Chosen(row, value, promoted))
                found += 1
            allowed = allowed.copy()
            allowed[rows] = False
        return found

    def _without_full(self, allowed: NDArray[np.bool_], cap: int) -> NDArray[np.bool_]:
        """Return ``allowed`` without the categories that are full."""
        for group, n in self.taken.items():
            if group >= 0 and n >= cap:
                allowed = allowed & (self.shelf.group != group)
        return allowed


def choose(
    context: Context, allowed: NDArray[np.bool_], k: int, shelf: Shelf, *, mix: bool
) -> Steps[tuple[list[Chosen], list[str]]]:
    """Choose k items from ``allowed``, fewer only where fewer are allowed.

    Promoted items take up to ``promotion_slots`` places, the best-scored first; all others come by
    score, at most ``max_per_category`` of a category. Where k are allowed but not within these
    limits, the limits give way: first that of a category, then that of promotions.

    Args:
        context: user row and item rows, oldest first.
        allowed: bool [n_rows].
        k: how many, at most the graph's top_k.
        shelf: the shop's rules.
        mix: whether ``max_per_category`` counts; it does not where one category is asked for.

    Returns:
        The items, best first, and what gave way.
    """
    cap = shelf.rules.max_per_category if mix else None
    if cap is None and shelf.promoted is None:
        item, score = yield Question([context], allowed)
        best = zip(item[0, :k].tolist(), score[0, :k].tolist(), strict=True)
        return [Chosen(row, value) for row, value in best if row != 0], []
    walk = _Walk(context, shelf, cap)
    if shelf.promoted is None:
        others, promoted = allowed, None
    else:
        others, promoted = allowed.copy(), np.zeros_like(allowed)
        others[shelf.promoted] = False
        promoted[shelf.promoted] = allowed[shelf.promoted]
        yield from walk.down(promoted, min(shelf.rules.promotion_slots, k), promoted=True)
    yield from walk.down(others, k - len(walk.chosen), promoted=False)
    relaxed = []
    if cap is not None and len(walk.chosen) < k:
        others = _without(others, walk.chosen)
        if (yield from walk.down(others, k - len(walk.chosen), promoted=False, mixed=False)):
            relaxed.append(DIVERSITY_RELAXED)
    if promoted is not None and len(walk.chosen) < k:
        promoted = _without(promoted, walk.chosen)
        wanted = k - len(walk.chosen)
        slots = shelf.rules.promotion_slots - sum(item.promoted for item in walk.chosen)
        found = yield from walk.down(promoted, wanted, promoted=True, mixed=False)
        if found > slots:
            relaxed.append(PROMOTIONS_OVER_CAP)
        if cap is not None and any(n > cap for group, n in walk.taken.items() if group >= 0):
            relaxed.append(DIVERSITY_RELAXED)
    walk.chosen.sort(key=lambda item: (-item.score, item.row))
    return walk.chosen, sorted(set(relaxed))


def _without(allowed: NDArray[np.bool_], chosen: Sequence[Chosen]) -> NDArray[np.bool_]:
    left = allowed.copy()
    left[[item.row for item in chosen]] = False
    return left

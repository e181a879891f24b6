"""Why an item is shown: computed by asking the graph about parts of what is known of a shopper."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from runtime.questions import Question, Steps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runtime.catalogue import Catalogue
    from runtime.request import ResolvedRequest

MAX_BASKET_ITEMS = 8  # of the basket, the latest, among which a reason is looked for
_OTHERS = 32  # items, evenly spaced over the catalogue, that say what any item scores
_ROUNDING = 1e-5  # a smaller lift is none: scores are float32
_CLOSE = 0.75  # a second basket item with this share of the best one's lift is no worse a reason
_PURCHASES = "fits your earlier purchases"


@dataclass(frozen=True)
class Reasons:
    """Finds a reason for each item shown, by one more question to the graph, 11 contexts at most.

    The lift of an item by a context is how much more it scores there than with nobody and nothing,
    less what any item of the catalogue gains: scores of two contexts differ by more than taste, so
    that only such a difference of differences means something. Of the basket, each item is asked
    about alone. Leaving one out instead and seeing what is lost would mix its own part with that of
    the older items that move up into its place, and named the wrong one of planted pairs.

    Attributes:
        catalogue: items by row.
        max_k: how many items one answer can hold.
    """

    catalogue: Catalogue
    max_k: int

    def of(self, resolved: ResolvedRequest, rows: Sequence[int]) -> Steps[list[str]]:
        """Return the reason for each of ``rows``, the items shown for ``resolved``.

        The basket item that lifts it most, or the category that the best of them share with it; if
        the basket as a whole does not lift it, the purchases of a known user that do, or their
        category; failing that, that it is popular. With nothing known the graph is not run.
        """
        if not rows or resolved.tier == "popular":
            return [self._popular(row) for row in rows]
        history = resolved.history.tolist()
        basket = list(dict.fromkeys(resolved.basket[::-1].tolist()))[:MAX_BASKET_ITEMS]
        own = (resolved.user, history)
        whole = (resolved.user, [*history, *resolved.basket.tolist()])
        alone = [(0, [item]) for item in basket]
        lift = yield from self._lifts([own, whole, *alone], rows, {*history, *basket})
        reasons = []
        for place, row in enumerate(rows):
            by_own, by_whole, *by_item = lift[:, place].tolist()
            if by_whole > by_own + _ROUNDING and max(by_item, default=0.0) > _ROUNDING:
                reasons.append(self._from_basket(row, dict(zip(basket, by_item, strict=True))))
            elif resolved.user and by_own > _ROUNDING:
                reasons.append(self._from_history(row, history))
            else:
                reasons.append(self._popular(row))
        return reasons

    def _lifts(
        self, contexts: Sequence[tuple[int, list[int]]], rows: Sequence[int], known: set[int]
    ) -> Steps[NDArray[Any]]:
        """Compute float64 [contexts, rows]: the lift of each of ``rows`` by each context."""
        room = min(_OTHERS, self.max_k - len(rows))
        spread = np.linspace(1, self.catalogue.n_items, room).round().astype(int).tolist()
        others = sorted({*spread} - {*rows} - known) or rows  # a full answer is its own measure
        allowed = np.zeros(self.catalogue.n_items + 1, np.bool_)
        allowed[[*rows, *others]] = True
        requests = list({(user, tuple(items)): None for user, items in [(0, []), *contexts]})
        item, score = yield Question(requests, allowed)
        asked = np.flatnonzero(allowed)
        scores = np.full((len(requests), len(asked)), -np.inf)
        request, place = np.nonzero(item)
        scores[request, np.searchsorted(asked, item[request, place])] = score[request, place]
        # The median: one other item that a context favours must not set the measure for all.
        usual = np.median(scores[:, np.searchsorted(asked, others)], axis=1, keepdims=True)
        gain = scores[:, np.searchsorted(asked, rows)] - usual  # [requests, rows]
        places = [requests.index((user, tuple(items))) for user, items in contexts]
        lift: NDArray[Any] = gain[places] - gain[0]
        return lift

    def _from_basket(self, row: int, lifts: dict[int, float]) -> str:
        best, *others = sorted(lifts, key=lambda item: -lifts[item])
        category = self.catalogue.category(row)
        if others and category is not None and lifts[others[0]] >= _CLOSE * lifts[best]:
            of = {self.catalogue.category(item) for item in (best, others[0])}
            if of == {category}:
                return f"more from {category}"
        return f"goes with {self.catalogue.title(best)}"

    def _from_history(self, row: int, history: Sequence[int]) -> str:
        category = self.catalogue.category(row)
        bought = Counter(self.catalogue.category(item) for item in history)
        if category is not None and bought[category] > max(1, len(history) / 2):
            return f"more from {category}"
        return _PURCHASES

    def _popular(self, row: int) -> str:
        category = self.catalogue.category(row)
        return "popular" if category is None else f"popular in {category}"

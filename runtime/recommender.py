"""The recommender on the device: one run of the graph for the items, one for their reasons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from runtime.answer import Answer, BundleName, Recommendation
from runtime.errors import UnusableInput
from runtime.request import Request, ResolvedRequest, resolve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runtime.catalogue import Catalogue
    from runtime.manifest import RecommenderSection
    from runtime.session import Session
    from runtime.users import Users

_REASON_BASKET = 8  # basket items, the latest, among which a reason is looked for
_PURCHASES = "fits your earlier purchases"


class Recommender:
    """Answers requests from one variant of a bundle's recommender; never changed by a request.

    Args:
        bundle: name and version, for the answers.
        section: the bundle's description of its recommender.
        variant: name of the variant that ``session`` runs.
        session: the opened graph.
        catalogue: items by row.
        users: users by row.
    """

    def __init__(
        self,
        bundle: BundleName,
        section: RecommenderSection,
        variant: str,
        session: Session,
        catalogue: Catalogue,
        users: Users,
    ) -> None:
        self._bundle = bundle
        self._section = section
        self._variant = variant
        self._session = session
        self._users = users
        self.catalogue = catalogue

    @property
    def max_k(self) -> int:
        """How many items one answer can hold."""
        return min(self._section.top_k, self._section.n_items)

    def recommend(self, request: Request) -> Answer:
        """Answer ``request``.

        Raises:
            UnusableInput: k is out of range, or the category is unknown.
        """
        if not 1 <= request.k <= self.max_k:
            raise UnusableInput(
                f"k is {request.k}; this bundle answers 1 to {self.max_k} items at a time"
            )
        resolved = resolve(request, self.catalogue, self._users, self._section.seen_filter)
        basket = self._padded([*resolved.history, *resolved.basket])
        item, score = self._run([resolved.user], [basket], resolved.allowed[None, :])
        shown = [
            (int(row), float(value))
            for row, value in zip(item[0, : request.k], score[0, : request.k], strict=True)
            if row != 0  # fewer than k were allowed
        ]
        reasons = self._reasons(resolved, [row for row, _ in shown])
        items = tuple(
            Recommendation(
                rank=rank,
                item_id=self.catalogue.item_id(row),
                title=self.catalogue.title(row),
                category=self.catalogue.category(row),
                score=value,
                reason=reason,
            )
            for rank, ((row, value), reason) in enumerate(zip(shown, reasons, strict=True), 1)
        )
        return Answer(
            bundle=self._bundle,
            tier=resolved.tier,
            variant=self._variant,
            provider=self._session.provider,
            unknown=resolved.unknown,
            items=items,
        )

    def similar(self, item_id: str, k: int) -> Answer:
        """Answer what goes with one item, for nobody in particular.

        Raises:
            UnusableInput: the catalogue does not have the item, or k is out of range.
        """
        if self.catalogue.row(item_id) is None:
            raise UnusableInput(f"unknown item {item_id!r}; {self.catalogue.nearest_ids(item_id)}")
        return self.recommend(Request(basket=(item_id,), k=k))

    def _reasons(self, resolved: ResolvedRequest, rows: Sequence[int]) -> list[str]:
        """Compare each shown item's score with what it scores for nobody, with nothing.

        The basket item that alone raises the score most is the reason; failing that, that the
        user's purchases raise it; failing that, that the item is popular.
        """
        basket = list(dict.fromkeys(int(row) for row in resolved.basket[::-1]))[:_REASON_BASKET]
        if not rows or resolved.tier == "popular":
            return [self._popular(row) for row in rows]
        n_rows = len(resolved.allowed)
        allowed = np.zeros(n_rows, np.bool_)
        allowed[rows] = True
        requests = [(0, self._padded([])), *((0, self._padded([row])) for row in basket)]
        if resolved.user:
            requests.append((resolved.user, self._padded(resolved.history)))
        item, score = self._run(
            [user for user, _ in requests],
            [padded for _, padded in requests],
            np.broadcast_to(allowed, (len(requests), n_rows)),
        )
        by_row = [
            dict(zip(items.tolist(), scores.tolist(), strict=True))
            for items, scores in zip(item, score, strict=True)
        ]
        nobody, alone = by_row[0], by_row[1 : 1 + len(basket)]
        user = by_row[-1] if resolved.user else {}
        return [
            self._reason(row, nobody, dict(zip(basket, alone, strict=True)), user) for row in rows
        ]

    def _reason(
        self,
        row: int,
        nobody: dict[int, float],
        alone: dict[int, dict[int, float]],
        user: dict[int, float],
    ) -> str:
        base = nobody.get(row, -np.inf)
        gains = {item: scores.get(row, -np.inf) for item, scores in alone.items()}
        best = max(gains, key=lambda item: gains[item], default=0)
        if best and gains[best] > base:
            return f"goes with {self.catalogue.title(best)}"
        if user.get(row, -np.inf) > base:
            return _PURCHASES
        return self._popular(row)

    def _popular(self, row: int) -> str:
        category = self.catalogue.category(row)
        return "popular" if category is None else f"popular in {category}"

    def _padded(self, rows: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
        padded = np.zeros(self._section.max_basket, np.int64)
        latest = np.asarray(rows, np.int64)[-self._section.max_basket :]
        if len(latest):
            padded[-len(latest) :] = latest
        return padded

    def _run(
        self, users: Sequence[int], baskets: Sequence[NDArray[np.int64]], allowed: NDArray[Any]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        item, score = self._session.run(
            {
                "user": np.array(users, np.int64)[:, None],  # [batch, 1]
                "basket": np.stack(baskets),  # [batch, max_basket]
                "allowed": np.ascontiguousarray(allowed),  # [batch, n_rows]
            },
            ["item", "score"],
        )
        return item, score  # [batch, top_k] both

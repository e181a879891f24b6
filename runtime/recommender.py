"""The recommender on the device: one run of the graph for the items, one for their reasons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from runtime.answer import Answer, BundleName, Recommendation
from runtime.errors import UnusableInput
from runtime.reasons import Reasons
from runtime.request import Request, resolve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runtime.catalogue import Catalogue
    from runtime.manifest import RecommenderSection
    from runtime.session import Session
    from runtime.users import Users


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
        bought = [*resolved.history.tolist(), *resolved.basket.tolist()]
        item, score = self._ask([(resolved.user, bought)], resolved.allowed)
        shown = [
            (int(row), float(value))
            for row, value in zip(item[0, : request.k], score[0, : request.k], strict=True)
            if row != 0  # fewer than k were allowed
        ]
        rows = [row for row, _ in shown]
        reasons = (
            Reasons(self.catalogue, self._ask, self.max_k).of(resolved, rows)
            if request.reasons
            else [None] * len(rows)
        )
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

    def _ask(
        self, contexts: Sequence[tuple[int, Sequence[int]]], allowed: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Run the graph on (user row, item rows oldest first), with one mask for all of them."""
        item, score = self._session.run(
            {
                "user": np.array([user for user, _ in contexts], np.int64)[:, None],  # [batch, 1]
                "basket": np.stack([self._padded(rows) for _, rows in contexts]),
                "allowed": np.repeat(allowed[None, :], len(contexts), axis=0),  # [batch, n_rows]
            },
            ["item", "score"],
        )
        return item, score  # [batch, top_k] both

    def _padded(self, rows: Sequence[int]) -> NDArray[np.int64]:
        padded = np.zeros(self._section.max_basket, np.int64)
        latest = rows[-self._section.max_basket :]
        if latest:
            padded[-len(latest) :] = latest
        return padded

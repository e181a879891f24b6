"""The recommender on the device: a question to the graph for the items, one for their reasons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from runtime.answer import Answer, BundleName, Recommendation
from runtime.errors import EndcapError, UnusableInput
from runtime.questions import Steps, Tensors, answer_together, rows_of_a_run
from runtime.reasons import Reasons
from runtime.request import Request, ResolvedRequest, resolve
from runtime.selection import Chosen, choose

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from runtime.catalogue import Catalogue
    from runtime.manifest import RecommenderSection
    from runtime.provider import Provider
    from runtime.session import Session
    from runtime.shelf import Shelf
    from runtime.users import Users

T = TypeVar("T")


class Recommender:
    """Answers requests from one variant of a bundle's recommender; never changed by a request.

    Args:
        bundle: name and version, for the answers.
        section: the bundle's description of its recommender.
        variant: name of the variant that ``session`` runs.
        session: the opened graph.
        provider: where it was to run, and does.
        catalogue: items by row.
        users: users by row.
    """

    def __init__(
        self,
        bundle: BundleName,
        section: RecommenderSection,
        variant: str,
        session: Session,
        provider: Provider,
        catalogue: Catalogue,
        users: Users,
    ) -> None:
        self._bundle = bundle
        self._section = section
        self._variant = variant
        self._session = session
        self._provider = provider
        self._users = users
        self._max_rows = rows_of_a_run(section.n_items + 1)
        self.catalogue = catalogue

    @property
    def max_k(self) -> int:
        """How many items one answer can hold."""
        return min(self._section.top_k, self._section.n_items)

    @property
    def opened(self) -> tuple[str, Session]:
        """Name of the variant that runs, and its session."""
        return self._variant, self._session

    @property
    def provider(self) -> Provider:
        """Where it was to run, and does."""
        return self._provider

    def knows(self, user_id: str) -> bool:
        """Say whether training knew the shopper whose id is ``user_id``."""
        return self._users.row(user_id) != 0

    def recommend(self, request: Request, shelf: Shelf) -> Answer:
        """Answer ``request`` with what ``shelf`` allows.

        Raises:
            UnusableInput: k is out of range, or the category is unknown.
        """
        (answer,) = self.together([self.steps(request, shelf)])
        if isinstance(answer, EndcapError):
            raise answer
        return answer

    def similar(self, item_id: str, k: int, shelf: Shelf, *, age_verified: bool = False) -> Answer:
        """Answer what goes with one item, for nobody in particular.

        Raises:
            UnusableInput: the catalogue does not have the item, or k is out of range.
        """
        if self.catalogue.row(item_id) is None:
            raise UnusableInput(f"unknown item {item_id!r}; {self.catalogue.nearest_ids(item_id)}")
        return self.recommend(Request(basket=(item_id,), k=k, age_verified=age_verified), shelf)

    def together(self, steps: Sequence[Steps[T]]) -> list[T | EndcapError]:
        """Answer several requests in common runs of the graph; each is an answer or its error."""
        return answer_together(self._run, steps, self._section.max_basket, self._max_rows)

    def steps(self, request: Request, shelf: Shelf) -> Steps[Answer]:
        """Answer ``request`` step by step, for :meth:`together`; errors as :meth:`recommend`."""
        if not 1 <= request.k <= self.max_k:
            raise UnusableInput(
                f"k is {request.k}; this bundle answers 1 to {self.max_k} items at a time"
            )
        seen_filter = self._section.seen_filter
        resolved = resolve(request, self.catalogue, self._users, shelf, seen_filter)
        bought = [*resolved.history.tolist(), *resolved.basket.tolist()]
        chosen, relaxed = yield from choose(
            (resolved.user, bought),
            resolved.allowed,
            request.k,
            shelf,
            mix=request.category is None,
        )
        rows = [item.row for item in chosen]
        reasons: Sequence[str | None] = [None] * len(rows)
        if request.reasons:
            reasons = yield from Reasons(self.catalogue, self.max_k).of(resolved, rows)
        return Answer(
            bundle=self._bundle,
            tier=resolved.tier,
            variant=self._variant,
            provider=self._provider.actual,
            unknown=resolved.unknown,
            items=tuple(
                self._item(rank, item, reason)
                for rank, (item, reason) in enumerate(zip(chosen, reasons, strict=True), 1)
            ),
            requested_provider=self._provider.requested,
            degraded=(*self._degraded(request, resolved, len(chosen)), *relaxed),
        )

    def _item(self, rank: int, chosen: Chosen, reason: str | None) -> Recommendation:
        item_id, title, category = self.catalogue.shown(chosen.row)
        return Recommendation(rank, item_id, title, category, chosen.score, reason, chosen.promoted)

    def _degraded(
        self, request: Request, resolved: ResolvedRequest, n_chosen: int
    ) -> Iterator[str]:
        if request.user is not None and resolved.user == 0:
            yield "user_unknown"
        if request.basket and not len(resolved.basket):
            yield "basket_unknown"
        if len(resolved.basket) > self._section.max_basket:
            yield "basket_cut"
        if n_chosen < request.k:
            yield "fewer_allowed"
        if self._provider.failed:
            yield "provider_fallback"

    def _run(self, tensors: Tensors) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        item, score = self._session.run(
            {"user": tensors.user, "basket": tensors.basket, "allowed": tensors.allowed},
            ["item", "score"],
        )
        return item, score  # [batch, top_k] both

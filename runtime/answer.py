"""What a recommendation answers: items with reasons, and how the answer came about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

DEGRADATIONS = {
    "user_unknown": "the bundle does not know the shopper, who is anonymous to it",
    "basket_unknown": "the bundle knows nothing in the basket",
    "basket_cut": "the basket is longer than the model takes; its latest items count",
    "fewer_allowed": "fewer items are allowed than were asked for",
    "diversity_relaxed": "more of one category than the rules want, since nothing else is allowed",
    "promotions_over_cap": "more promotions than the rules want, since nothing else is allowed",
    "provider_fallback": "the graph runs on the CPU, since CUDA is offered and does not work",
}
"""What can make an answer less than was asked for, and what that means."""


@dataclass(frozen=True)
class BundleName:
    """Name and version of the bundle that answered."""

    name: str
    version: int

    def to_json(self) -> dict[str, Any]:
        """Return the ``bundle`` entry of a JSON answer."""
        return {"name": self.name, "version": self.version}


@dataclass(frozen=True)
class Recommendation:
    """One item shown.

    Attributes:
        rank: 1 for the best.
        item_id: the shop's own id.
        title: its title, or its id where the catalogue has none.
        category: its category, None where it has none.
        score: the graph's score; only comparable within one answer.
        reason: one short phrase for the shopper, computed from the scores; None if not asked for.
        promoted: whether the shop gave it a place for promotion; shoppers must be told.
    """

    rank: int
    item_id: str
    title: str
    category: str | None
    score: float
    reason: str | None
    promoted: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the entry of ``items`` in a JSON answer."""
        return {
            "rank": self.rank,
            "item_id": self.item_id,
            "title": self.title,
            "category": self.category,
            "score": self.score,
            "reason": self.reason,
            "promoted": self.promoted,
        }


@dataclass(frozen=True)
class Answer:
    """The answer to one request.

    Attributes:
        bundle: which bundle answered.
        tier: what was known of the shopper: "user+basket", "basket", "user" or "popular".
        variant: which exported form ran, such as "fp32".
        provider: where it ran, "cpu" or "cuda".
        unknown: ids of the request that the bundle does not know, in the order given.
        items: best first; fewer than k only where fewer are allowed.
        requested_provider: where it was to run, "cpu", "cuda" or "auto".
        degraded: what makes the answer less than was asked for, names out of ``DEGRADATIONS``.
    """

    bundle: BundleName
    tier: str
    variant: str
    provider: str
    unknown: tuple[str, ...]
    items: tuple[Recommendation, ...]
    requested_provider: str
    degraded: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the document of ``endcap recommend --json``."""
        return {
            "bundle": self.bundle.to_json(),
            "tier": self.tier,
            "variant": self.variant,
            "provider": self.provider,
            "unknown": list(self.unknown),
            "items": [item.to_json() for item in self.items],
            "requested_provider": self.requested_provider,
            "degraded": list(self.degraded),
        }

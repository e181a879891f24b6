"""Tiers: how much of a held-out case is told to whoever is asked, from everything to nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainer.cases import Cases


@dataclass(frozen=True)
class Tier:
    """One way of asking every case.

    Attributes:
        name: as results spell it.
        user: whether the shopper's id is told.
        newest: how many of the newest earlier items are told, at most; None tells all that the
            model takes.
    """

    name: str
    user: bool
    newest: int | None

    def asks(self, cases: Cases) -> np.ndarray:
        """Return int64 [m], the cases that have what this tier tells."""
        told = np.ones(len(cases), bool)
        if self.user:
            told &= cases.user > 0
        if self.newest != 0:
            told &= np.diff(cases.context_offsets) > 0
        return np.flatnonzero(told)

    def requests(self, cases: Cases, max_basket: int) -> tuple[np.ndarray, np.ndarray]:
        """Return user, int64 [n, 1], and basket, int64 [n, max_basket]."""
        user = cases.user if self.user else np.zeros_like(cases.user)
        basket = cases.baskets(max_basket)
        if self.newest is not None:
            basket[:, : max(max_basket - self.newest, 0)] = 0
        return user[:, None], basket


KNOWN = Tier("user+basket", user=True, newest=None)
ANONYMOUS = Tier("basket", user=False, newest=None)
NOBODY = Tier("popular", user=False, newest=0)
TIERS = (
    KNOWN,
    ANONYMOUS,
    Tier("short basket", user=False, newest=3),
    Tier("user", user=True, newest=0),
    NOBODY,
)
"""All of them: ``user`` is the id alone, without the purchases that a bundle stores under it;
``short basket`` is what a till has seen of an anonymous shopper after three items."""

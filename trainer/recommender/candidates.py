"""Candidates: which items compete to be shown in each held-out case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from trainer.cases import Cases

SAMPLED_NEGATIVES = 99
BATCH = 256


@dataclass(frozen=True)
class Candidates:
    """The rule by which items compete; the same for every tier, so that tiers compare.

    An answer always competes. What lies in an anonymous basket never does, as at the till.

    Attributes:
        n_rows: item rows, padding counted.
        hide_context: whether items that a known shopper already has compete no more; a shop of
            repeat purchases shows them again.
        sampled: whether only the answers and 99 items that the shopper never took compete.
        only: bool [n_rows], what may compete at all; everything when left out.
        seed: of the sampled items.
    """

    n_rows: int
    hide_context: bool
    sampled: bool = False
    only: np.ndarray | None = None
    seed: int = 7

    def batches(self, cases: Cases) -> Iterator[tuple[Cases, np.ndarray]]:
        """Yield the cases in order, up to 256 at a time, with bool [batch, n_rows]."""
        rng = np.random.Generator(np.random.PCG64(self.seed))
        for start in range(0, len(cases), BATCH):
            batch = cases.take(np.arange(start, min(start + BATCH, len(cases))))
            yield batch, self._allowed(batch, rng)

    def _allowed(self, batch: Cases, rng: np.random.Generator) -> np.ndarray:
        free = np.ones(self.n_rows, bool) if self.only is None else self.only
        allowed = np.repeat(free[None], len(batch), axis=0)
        allowed[:, 0] = False
        owner = np.repeat(np.arange(len(batch)), np.diff(batch.context_offsets))
        answered = np.repeat(np.arange(len(batch)), np.diff(batch.target_offsets))
        hidden = (batch.user[owner] == 0) | self.hide_context
        allowed[owner[hidden], batch.context_items[hidden]] = False
        if self.sampled:
            unseen = allowed.copy()
            unseen[owner, batch.context_items] = False
            unseen[answered, batch.target_items] = False
            allowed[:] = False
            for case, row in enumerate(unseen):
                others = np.flatnonzero(row)
                count = min(SAMPLED_NEGATIVES, len(others))
                allowed[case, rng.choice(others, count, replace=False)] = True
        allowed[answered, batch.target_items] = True
        return allowed

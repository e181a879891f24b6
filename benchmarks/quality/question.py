"""What every contestant is asked, and never the answers; read by the peers' own environment too."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

K = 10


@dataclass(frozen=True)
class Question:
    """Purchases to learn from, and cases to rank the whole catalogue for.

    What lies in a case's context must not be shown to it again.

    Attributes:
        n_rows: item rows, padding row 0 counted.
        n_users: known shoppers; user row 0 is anonymous.
        train_user: int64 [s], user row of each training sequence, 0 = an anonymous basket.
        train_offsets: int64 [s + 1] into ``train_items``.
        train_items: int64, item rows bought, oldest first within a sequence.
        user: int64 [n], user row of each case, 0 = anonymous.
        context_offsets: int64 [n + 1] into ``context_items``.
        context_items: int64, item rows known before, oldest first within a case.
    """

    n_rows: int
    n_users: int
    train_user: np.ndarray
    train_offsets: np.ndarray
    train_items: np.ndarray
    user: np.ndarray
    context_offsets: np.ndarray
    context_items: np.ndarray

    def __len__(self) -> int:
        return len(self.user)

    def write(self, path: Path) -> None:
        """Write an .npz file that :meth:`read` reads."""
        np.savez(path, **dataclasses.asdict(self))

    @classmethod
    def read(cls, path: Path) -> Question:
        """Read what :meth:`write` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            found: dict[str, Any] = {name: arrays[name] for name in arrays.files}
        sizes = {name: int(found.pop(name)) for name in ("n_rows", "n_users")}
        return cls(**sizes, **found)

    def counts(self) -> np.ndarray:
        """Return int64 [n_rows], training purchases of each item."""
        return np.bincount(self.train_items, minlength=self.n_rows)

    def train_sequences(self) -> np.ndarray:
        """Return int64, the number of the sequence of each of ``train_items``."""
        return np.repeat(np.arange(len(self.train_user)), np.diff(self.train_offsets))


def best_rows(scores: np.ndarray, question: Question, cases: slice, k: int = K) -> np.ndarray:
    """Rank what may be shown, int64 [batch, k], best first, 0 where fewer may be.

    Equal scores go to the more popular item and then to the lower row, so that a peer which knows
    nothing of most items falls back on popularity.

    Args:
        scores: float32 [batch, n_rows].
        question: whose contexts are hidden.
        cases: the batch's place in the question.
        k: items to show.
    """
    order = np.argsort(-question.counts()[1:], kind="stable") + 1  # [n_items], most popular first
    scores = scores.copy()
    for row, case in enumerate(range(cases.start, cases.stop)):
        context = question.context_items[slice(*question.context_offsets[case : case + 2])]
        scores[row, context] = -np.inf
    scores = scores[:, order]
    k_best = min(k, len(order))
    edge = np.partition(scores, len(order) - k_best, axis=1)[:, len(order) - k_best]
    ranked = np.zeros((len(scores), k), np.int64)
    for row, one in enumerate(scores):
        near = np.flatnonzero((one >= edge[row]) & (one > -np.inf))
        found = near[np.argsort(-one[near], kind="stable")][:k]
        ranked[row, : len(found)] = order[found]
    return ranked

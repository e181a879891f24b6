"""Interactions: who took which item when, as rows of integers, sorted by shopper and time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runtime.errors import UnusableInput


@dataclass(frozen=True)
class Interactions:
    """Cleaned purchases, grouped into sequences, oldest first within each.

    A sequence is everything one known shopper bought, or one anonymous basket. The sequences of
    known shoppers come first: sequence ``s`` belongs to user row ``s + 1``.

    Attributes:
        user_ids: the shops' own ids of the known shoppers; user row r is ``user_ids[r - 1]``.
        item_ids: the shop's own item ids; item row r is ``item_ids[r - 1]``.
        sequence: int64 [n], ascending, from 0 without gaps.
        user: int64 [n], user row, 0 in an anonymous basket.
        item: int64 [n], item row, 1 to ``n_items``.
        time: int64 [n], seconds since 1970, or the row's place in the log when it has no times.
        basket: int64 [n], equal for purchases of one receipt.
        label: float32 [n] of 0 and 1, or None when the log has no labels.
    """

    user_ids: tuple[str, ...]
    item_ids: tuple[str, ...]
    sequence: np.ndarray
    user: np.ndarray
    item: np.ndarray
    time: np.ndarray
    basket: np.ndarray
    label: np.ndarray | None = None

    def __post_init__(self) -> None:
        n = len(self.item)
        columns = (self.sequence, self.user, self.time, self.basket)
        if any(len(column) != n for column in columns) or (
            self.label is not None and len(self.label) != n
        ):
            raise UnusableInput("interactions need columns of one length")
        if n == 0:
            raise UnusableInput("no interactions are left; see endcap data check for the reasons")
        if self.item.min() < 1 or self.item.max() > len(self.item_ids):
            raise UnusableInput("an item row lies outside the catalogue")
        steps = np.diff(self.sequence, prepend=0)
        if np.any((steps < 0) | (steps > 1)) or self.sequence[0] != 0:
            raise UnusableInput("interactions must be sorted by sequence, from 0 without gaps")
        known = self.sequence < len(self.user_ids)
        if np.any(self.user != np.where(known, self.sequence + 1, 0)):
            raise UnusableInput("sequences of known shoppers must come first, in user row order")
        if self.label is not None and not np.isin(self.label, (0, 1)).all():
            raise UnusableInput("labels must be 0 or 1")

    @property
    def n_items(self) -> int:
        """Number of items, sold or not."""
        return len(self.item_ids)

    @property
    def n_users(self) -> int:
        """Number of known shoppers."""
        return len(self.user_ids)

    @property
    def n_sequences(self) -> int:
        """Number of known shoppers and anonymous baskets."""
        return int(self.sequence[-1]) + 1

    def __len__(self) -> int:
        return len(self.item)

    def starts(self) -> np.ndarray:
        """Return int64 [n_sequences + 1]: where each sequence begins, and the end."""
        return np.searchsorted(self.sequence, np.arange(self.n_sequences + 1))

    def positive(self) -> np.ndarray:
        """Return bool [n]: purchases, as opposed to rows that a label of 0 calls a refusal."""
        return np.ones(len(self), bool) if self.label is None else self.label > 0.5

    def purchases(self, chosen: np.ndarray) -> np.ndarray:
        """Count the purchases of each item, int64 [n_items + 1], among the rows in bool [n]."""
        return np.bincount(self.item[chosen & self.positive()], minlength=self.n_items + 1)

"""One attribute of all items: a label each, any number of labels each, or a number each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, compress, pairwise

import numpy as np
import pandas as pd

MAX_ITEM_VALUES = 32


@dataclass(frozen=True)
class Attribute:
    """One attribute of all items.

    Attributes:
        name: column name, such as "category", "brand" or "price".
        kind: "label" (one value an item at most), "labels" (any number of them) or "number".
        values: distinct labels, sorted; empty for numbers.
        offsets: int64 [n_items + 1]; item i has ``codes[offsets[i]:offsets[i + 1]]``.
        codes: int64 [offsets[-1]], index into ``values``; empty for numbers.
        numbers: float64 [n_items], NaN where missing; for labels all NaN.
    """

    name: str
    kind: str
    values: tuple[str, ...]
    offsets: np.ndarray
    codes: np.ndarray
    numbers: np.ndarray

    @classmethod
    def of_numbers(cls, name: str, numbers: np.ndarray) -> Attribute:
        """Make a number attribute of float64 [n_items], NaN where missing."""
        nothing = np.zeros(len(numbers) + 1, np.int64)
        return cls(name, "number", (), nothing, np.zeros(0, np.int64), numbers)

    @classmethod
    def of_lists(cls, name: str, kind: str, lists: Iterable[Sequence[str]]) -> Attribute:
        """Make a label attribute of each item's values.

        A value repeated in one list counts once, and only the first ``MAX_ITEM_VALUES`` of a list
        count: one item with hundreds would make every item's row of codes as long.
        """
        kept = [list(dict.fromkeys(values))[:MAX_ITEM_VALUES] for values in lists]
        sizes = np.fromiter(map(len, kept), np.int64, len(kept))
        flat = np.array(list(chain.from_iterable(kept)), object)
        codes, values = pd.factorize(flat, sort=True)
        return cls(
            name,
            kind,
            tuple(values),
            np.concatenate([[0], np.cumsum(sizes)]),
            codes.astype(np.int64),
            np.full(len(kept), np.nan),
        )

    def lists(self) -> list[list[str]]:
        """Return each item's values, in the order in which they were given."""
        flat = [self.values[code] for code in self.codes]
        return [flat[a:b] for a, b in pairwise(self.offsets.tolist())]

    def only(self, kept: np.ndarray) -> Attribute:
        """Leave out every value but those of bool [n_values] ``kept``."""
        held = kept[self.codes]
        return replace(
            self,
            values=tuple(compress(self.values, kept)),
            offsets=np.concatenate([[0], np.cumsum(held)])[self.offsets],
            codes=(np.cumsum(kept) - 1)[self.codes[held]],
        )

    def pairs(self, bands: int) -> tuple[np.ndarray, np.ndarray, int]:
        """Return which items have which codes: labels as they are, numbers by equal-count band.

        Returns:
            int64 [n] item places, ascending; int64 [n] codes from 0; and how many codes there are.
        """
        if self.kind != "number":
            places = np.repeat(np.arange(len(self.numbers)), np.diff(self.offsets))
            return places, self.codes, len(self.values)
        known = np.flatnonzero(np.isfinite(self.numbers))
        numbers = self.numbers[known]
        if len(known) == 0:
            return known, known, 0
        edges = np.unique(np.quantile(numbers, np.linspace(0, 1, bands + 1)[1:-1]))
        edges = edges[edges > numbers.min()]  # no band is empty
        return known, np.searchsorted(edges, numbers, side="right"), len(edges) + 1

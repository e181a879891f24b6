"""Every item's attribute values as one table of codes, which a model looks up in one embedding."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from trainer.attribute import Attribute


@dataclass(frozen=True)
class ItemCodes:
    """Attribute values by item row, row 0 (padding) without any; n_rows = n_items + 1.

    Attributes:
        values: int64 [n_rows, slots], codes from 1 to ``n_values``, left-aligned, 0 = empty slot.
        weights: float32 [n_rows, slots], 1 over the number of values that the item has in that
            attribute, so that an attribute contributes the mean of its values; 0 where empty.
        n_values: distinct codes of all attributes; no two attributes share one.
    """

    values: np.ndarray
    weights: np.ndarray
    n_values: int

    @classmethod
    def of(cls, attributes: Iterable[Attribute], n_items: int, bands: int) -> ItemCodes:
        """Number the values of all attributes; numbers are cut into ``bands``.

        An attribute of which every item has the same single value tells nothing and is left out.
        """
        items, codes, weights = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0)]
        n_values = 0
        for attribute in attributes:
            item, code, count = attribute.pairs(bands)
            if count == 0 or (count == 1 and len(item) == n_items):
                continue
            held = np.bincount(item, minlength=n_items)
            items.append(item)
            codes.append(n_values + 1 + code)
            weights.append(1 / held[item])
            n_values += count
        item = np.concatenate(items)
        order = np.argsort(item, kind="stable")
        row = item[order] + 1
        sizes = np.bincount(row, minlength=n_items + 1)
        slot = np.arange(len(row)) - (np.cumsum(sizes) - sizes)[row]
        shape = (n_items + 1, int(sizes.max()))
        values, shares = np.zeros(shape, np.int64), np.zeros(shape, np.float32)
        values[row, slot] = np.concatenate(codes)[order]
        shares[row, slot] = np.concatenate(weights)[order]
        return cls(values, shares, n_values)

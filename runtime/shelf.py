"""The shelf: what one shop may show from one catalogue right now, as masks by item row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from runtime.errors import UnusableInput, nearest
from runtime.rules import Rules

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runtime.catalogue import Catalogue

_SHOWN = 5  # unknown ids that a note names


class Shelf:
    """A shop's rules and stock, compiled for one catalogue; never changed, only replaced.

    Every array has n_items + 1 entries, one an item row; row 0 is padding and never allowed.

    Args:
        catalogue: items by row.
        rules: the shop's own.
        stock: quantity by item id; items absent from it or with none left are not shown. None
            where the stock is not known, and nothing is held back for it.

    Attributes:
        rules: as given.
        in_stock: how many items of the catalogue are in stock; None where that is not known.
        group: the category of each row as a number; -1 for none.
        promoted: int64 [n], the rows that the shop promotes; None where its rules have no
            promotions.
        notes: what the shop should know of its rules, a sentence each.

    Raises:
        UnusableInput: the rules name a category that the catalogue does not have. Such rules may
            be misspelt, and nothing is shown by rules that may be.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        rules: Rules | None = None,
        stock: Mapping[str, float] | None = None,
    ) -> None:
        self.rules = rules if rules is not None else Rules()
        codes = catalogue.category_codes
        self.group = np.concatenate([np.full(1, -1, codes.dtype), codes])  # [n_items + 1]
        never = self._forbidden(catalogue, "never_show", self.rules.never_show)
        restricted = self._forbidden(catalogue, "age_restricted", self.rules.age_restricted)
        self._to_adults = ~never
        self._to_adults[0] = False
        self._to_all = self._to_adults & ~restricted
        self._held = stock_mask(stock, catalogue) if stock is not None else None
        self.in_stock = int(self._held.sum()) if self._held is not None else None
        self._shown = {
            verified: listed if self._held is None else listed & self._held
            for verified, listed in ((True, self._to_adults), (False, self._to_all))
        }
        promoted = catalogue.rows(self.rules.promotions)
        self.promoted = promoted[promoted != 0] if self.rules.promotions else None
        absent = [i for i, row in zip(self.rules.promotions, promoted, strict=True) if row == 0]
        self.notes = tuple(_notes(self.rules, int((self.group[1:] < 0).sum()), absent))

    def allowed(self, age_verified: bool = False) -> NDArray[np.bool_]:
        """Return which rows may be shown, bool [n_items + 1], for the caller to narrow further."""
        return self._shown[age_verified].copy()

    def listed(self, age_verified: bool = False) -> NDArray[np.bool_]:
        """Return which rows the rules let be shown, in stock or not: bool [n_items + 1]."""
        return self._to_adults if age_verified else self._to_all

    def has(self, row: int) -> bool | None:
        """Say whether item row ``row`` is in stock; None where that is not known."""
        return bool(self._held[row]) if self._held is not None else None

    def _forbidden(
        self, catalogue: Catalogue, rule: str, categories: Iterable[str]
    ) -> NDArray[np.bool_]:
        """Return the rows of ``categories``, and those that have none: they could be of any."""
        chosen = np.zeros(len(catalogue.categories) + 1, np.bool_)  # the last one: no category
        for category in categories:
            if category not in catalogue.categories:
                raise UnusableInput(
                    f"rule {rule!r} names the category {category!r}, which this bundle does not "
                    f"have; {nearest(category, catalogue.categories)}"
                )
            chosen[catalogue.categories.index(category)] = True
            chosen[-1] = True
        forbidden: NDArray[np.bool_] = chosen[self.group]
        return forbidden


def row_mask(rows: NDArray[np.int64], catalogue: Catalogue) -> NDArray[np.bool_]:
    """Return bool [n_items + 1], True at ``rows``; row 0, where an unknown id points, never."""
    mask = np.zeros(catalogue.n_items + 1, np.bool_)
    mask[rows] = True
    mask[0] = False
    return mask


def stock_mask(stock: Mapping[str, float], catalogue: Catalogue) -> NDArray[np.bool_]:
    """Return which rows are in stock: bool [n_items + 1]."""
    held = [item_id for item_id, quantity in stock.items() if quantity > 0]
    return row_mask(catalogue.rows(held), catalogue)


def _notes(rules: Rules, uncategorised: int, absent: Sequence[str]) -> Iterator[str]:
    """Yield what the shop should know of its rules.

    Args:
        rules: the shop's own.
        uncategorised: how many items have no category.
        absent: promoted ids that the catalogue does not have.
    """
    if uncategorised and rules.never_show:
        yield (
            f"items without a category ({uncategorised}) are not shown, since 'never_show' "
            "names categories"
        )
    elif uncategorised and rules.age_restricted:
        yield (
            f"items without a category ({uncategorised}) are shown only where the age is "
            "verified, since 'age_restricted' names categories"
        )
    if absent:
        shown = ", ".join(repr(item_id) for item_id in absent[:_SHOWN])
        more = f" and {len(absent) - _SHOWN} more" if len(absent) > _SHOWN else ""
        yield f"'promotions' names items that this bundle does not have: {shown}{more}"

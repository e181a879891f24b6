"""A request in the shop's own ids, checked and turned into rows and an allowed mask."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from runtime.errors import UnusableInput
from runtime.shelf import row_mask, stock_mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runtime.catalogue import Catalogue
    from runtime.shelf import Shelf
    from runtime.users import Users


@dataclass(frozen=True)
class Request:
    """Who asks, with what in the basket, and what may be shown.

    Attributes:
        user: the shop's user id, None for nobody known.
        basket: item ids in the basket, oldest first.
        k: how many items to show, at least 1.
        category: show only this category.
        only: show only these item ids.
        exclude: never show these item ids.
        stock: quantity by item id; items absent from it or with none left are not shown.
        reasons: whether to say why each item is shown, which takes longer than finding it.
        age_verified: whether the shopper was found old enough for what is age-restricted.
    """

    user: str | None = None
    basket: tuple[str, ...] = ()
    k: int = 10
    category: str | None = None
    only: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    stock: Mapping[str, float] | None = None
    reasons: bool = True
    age_verified: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.k, bool) or not isinstance(self.k, int):
            raise UnusableInput(f"k is {self.k!r}; it must be a whole number")
        if self.user is not None and not isinstance(self.user, str):
            raise UnusableInput(f"user is {self.user!r}; it must be a text")
        if not isinstance(self.age_verified, bool):
            raise UnusableInput(f"age_verified is {self.age_verified!r}; it must be true or false")
        object.__setattr__(self, "basket", _ids("basket", self.basket))
        object.__setattr__(self, "exclude", _ids("exclude", self.exclude))
        if self.only is not None:
            object.__setattr__(self, "only", _ids("only", self.only))
        for item_id, quantity in (self.stock or {}).items():
            if not math.isfinite(quantity):
                raise UnusableInput(f"the stock of {item_id!r} is {quantity}; it must be finite")


@dataclass(frozen=True)
class ResolvedRequest:
    """A request in rows.

    Attributes:
        user: user row, 0 = anonymous.
        basket: int64 [n], known basket item rows, oldest first.
        history: int64 [n], item rows the known user bought, oldest first.
        allowed: bool [n_items + 1], what may be shown.
        unknown: ids nobody knows, in the order given, none twice.
    """

    user: int
    basket: NDArray[np.int64]
    history: NDArray[np.int64]
    allowed: NDArray[np.bool_]
    unknown: tuple[str, ...]

    @property
    def tier(self) -> str:
        """What the answer can build on: "user+basket", "basket", "user" or "popular"."""
        parts = (["user"] if self.user else []) + (["basket"] if len(self.basket) else [])
        return "+".join(parts) or "popular"


def resolve(
    request: Request, catalogue: Catalogue, users: Users, shelf: Shelf, seen_filter: bool
) -> ResolvedRequest:
    """Turn ids into rows and rules into the allowed mask; unknown ids are listed, not guessed.

    Not allowed are: row 0, what ``shelf`` holds back, what is in the basket, what the user bought
    (with ``seen_filter``), anything outside ``category`` or ``only``, ``exclude``, and what is not
    in the request's own stock.

    Raises:
        UnusableInput: there is no such category.
    """
    unknown: dict[str, None] = {}
    user = 0
    if request.user is not None:
        user = users.row(request.user)
        if user == 0:
            unknown[request.user] = None
    basket = _rows(request.basket, catalogue, unknown)
    history = users.history(user)
    allowed = shelf.allowed(request.age_verified)
    if request.category is not None:
        allowed &= catalogue.mask(request.category)
    if request.only is not None:
        allowed &= row_mask(_rows(request.only, catalogue, unknown), catalogue)
    if request.exclude:
        allowed[_rows(request.exclude, catalogue, unknown)] = False
    if request.stock is not None:
        allowed &= stock_mask(request.stock, catalogue)
    allowed[basket] = False
    if seen_filter and len(history):
        allowed[history] = False
    allowed[0] = False
    return ResolvedRequest(user, basket, history, allowed, tuple(unknown))


def _rows(
    item_ids: Sequence[str], catalogue: Catalogue, unknown: dict[str, None]
) -> NDArray[np.int64]:
    rows = catalogue.rows(item_ids)
    if not rows.all():
        unknown.update((item_ids[index], None) for index in np.flatnonzero(rows == 0).tolist())
        rows = rows[rows != 0]
    return rows


def _ids(name: str, values: Iterable[str]) -> tuple[str, ...]:
    if isinstance(values, str | bytes):
        raise UnusableInput(f"{name} is {values!r}; it must be a list of item ids")
    ids = tuple(values)
    for value in ids:
        if not isinstance(value, str):
            raise UnusableInput(f"{name} holds {value!r}; item ids are texts")
    return ids

"""What the shop's requests and replies hold: read, written and documented by these types."""

from __future__ import annotations

import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from runtime.serve.event import Kind
from runtime.serve.limits import Limits

_DEFAULT = Limits()
_MAX_ID = 512

Id = Annotated[str, Meta(min_length=1, max_length=_MAX_ID)]
Quantity = Annotated[float, Meta(ge=-1e15, le=1e15)]
Moment = Annotated[datetime.datetime, Meta(tz=True)]


class RecommendBody(Struct, forbid_unknown_fields=True, frozen=True):
    """Who asks, with what in the basket, and what may be shown."""

    user: Annotated[
        Id | None, Meta(description="the shop's user id; an unknown one is anonymous")
    ] = None
    basket: Annotated[
        list[Id], Meta(max_length=_DEFAULT.basket, description="item ids, oldest first")
    ] = []
    k: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="how many items; 10, or all that a small catalogue has"),
    ] = None
    category: Annotated[Id | None, Meta(description="show only this category")] = None
    only: Annotated[
        Annotated[list[Id], Meta(max_length=_DEFAULT.listed)] | None,
        Meta(description="show only these item ids"),
    ] = None
    exclude: Annotated[
        list[Id], Meta(max_length=_DEFAULT.listed, description="never show these item ids")
    ] = []
    stock: Annotated[
        dict[Id, Quantity] | None,
        Meta(description="quantity by item id, beside the shop's stock: both must allow an item"),
    ] = None
    reasons: Annotated[bool, Meta(description="say why each item is shown")] = True
    age_verified: Annotated[
        bool, Meta(description="the shopper is old enough for what the rules restrict")
    ] = False


class BundleReply(Struct, frozen=True):
    """Which bundle answered."""

    name: str
    version: int


class ItemReply(Struct, frozen=True):
    """One item of an answer."""

    rank: int
    item_id: str
    title: str
    category: str | None
    score: float
    reason: str | None
    promoted: bool


class AnswerReply(Struct, frozen=True):
    """Items, best first, and how the answer came about."""

    bundle: BundleReply
    tier: Literal["user+basket", "basket", "user", "popular"]
    variant: str
    provider: Literal["cpu", "cuda"]
    unknown: list[str]
    items: list[ItemReply]
    requested_provider: Literal["cpu", "cuda", "auto"]
    degraded: list[str]


class StockLine(Struct, forbid_unknown_fields=True, frozen=True):
    """How many there are of one item."""

    item_id: Id
    quantity: Quantity


StockBody = dict[Id, Quantity | dict[Id, Quantity] | list[StockLine]] | list[StockLine]
"""``{id: quantity}`` or ``[{"item_id", "quantity"}]``, either also as the value of ``stock``."""


class StockReply(Struct, frozen=True):
    """What is known of the stock; None where nothing is."""

    known: bool
    in_stock: int | None
    items: int
    unknown: list[str] = []
    updated: str | None = None


class EventBody(Struct, forbid_unknown_fields=True, frozen=True):
    """Something that a shopper did, or was shown."""

    id: Annotated[Id, Meta(description="the client's own, such as a UUID; twice is once")]
    kind: Kind
    session: Annotated[Id, Meta(description="whoever stands at the kiosk or till now")]
    item_id: Id
    user: Annotated[Id | None, Meta(description="the shop's user id; kept as a hash")] = None
    quantity: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    time: Annotated[
        Moment | None, Meta(description="when it happened, with its time zone; now, if absent")
    ] = None
    version: Annotated[
        Annotated[int, Meta(ge=1, le=(1 << 63) - 1)] | None,
        Meta(description="version of the bundle that answered; the one that serves, if absent"),
    ] = None


class EventsBody(Struct, forbid_unknown_fields=True, frozen=True):
    """Events, in the order in which they happened."""

    events: Annotated[list[EventBody], Meta(min_length=1, max_length=_DEFAULT.events)]


class EventsReply(Struct, frozen=True):
    """How many events were new, and how many had been there by id."""

    accepted: int
    duplicates: int
    bundle: BundleReply


class CatalogueItem(Struct, frozen=True):
    """One item of the catalogue; ``in_stock`` and ``price`` are None where they are not known.

    ``photo`` is the path of the shop's own photo, None where it has none.
    """

    item_id: str
    title: str
    category: str | None
    in_stock: bool | None
    price: float | None
    photo: str | None


class CategoryReply(Struct, frozen=True):
    """A category, how many of its items may be shown, and whether pictures of it can be drawn."""

    name: str
    items: int
    pictures: bool


class CatalogueReply(Struct, frozen=True):
    """A page of the items that were found and may be shown."""

    bundle: BundleReply
    total: int
    more: bool
    offset: int
    limit: int
    items: list[CatalogueItem]
    categories: list[CategoryReply]


class PicturesReply(Struct, frozen=True):
    """What the generator can draw."""

    bundle: BundleReply
    categories: list[str]
    height: int
    width: int
    channels: int


class ServingBundle(BundleReply, frozen=True):
    """Which bundle serves; ``sha256`` is its manifest's."""

    sha256: str


class ProviderReply(Struct, frozen=True):
    """Where graphs were to run and do; ``fallback`` says why "auto" did not get CUDA."""

    requested: Literal["cpu", "cuda", "auto"]
    actual: Literal["cpu", "cuda"]
    fallback: str | None


class LiveReply(Struct, frozen=True):
    """Whether the server lives."""

    live: bool


class ReadyReply(Struct, frozen=True):
    """Whether requests are served, by what, and what is wrong.

    ``stock`` is when the stock was told, None where it never was; ``notes`` are what the shop
    should know of its rules.
    """

    ready: bool
    bundle: ServingBundle
    provider: ProviderReply
    variants: dict[str, str]
    threads: int
    stock: str | None
    events: bool
    notes: list[str]
    problems: list[str]


class ReloadReply(Struct, frozen=True):
    """What became of a reload."""

    outcome: Literal["loaded", "unchanged"]
    bundle: BundleReply


class ErrorReply(Struct, frozen=True):
    """Why a request was refused, in one sentence."""

    error: str

"""The shop's own API: recommend, similar, stock and events."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from runtime.answer import Answer
from runtime.errors import UnusableInput
from runtime.request import Request
from runtime.serve.bodies import decode, off_loop
from runtime.serve.endpoint import Answers, Call, Endpoint
from runtime.serve.engine import Engine
from runtime.serve.errors import HttpError, NotFound
from runtime.serve.event import Event
from runtime.serve.parameters import Parameter
from runtime.serve.replies import JSON, json_reply
from runtime.serve.schemas import (
    AnswerReply,
    BundleReply,
    EventBody,
    EventsBody,
    EventsReply,
    Quantity,
    RecommendBody,
    StockBody,
    StockReply,
)
from runtime.serve.service import Service
from runtime.shop_files import parse_stock

_USUAL_K = 10
_SHOWN_UNKNOWN = 20  # ids of a stock list that the bundle does not know
_CSV = "text/csv"
K = Parameter("k", "integer", "how many items; 10, or all that a small catalogue has", low=1)
AGE = Parameter(
    "age_verified", "boolean", "the shopper is old enough for what the rules restrict", False
)
ITEM = Parameter("item_id", "string", "the shop's own id of an item")


class Shop:
    """Endpoints under /v1 that recommend, and that are told of stock and events."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._limits = service.settings.limits

    def endpoints(self) -> list[Endpoint]:
        """Return what is served."""
        answer = {200: Answers("items, best first", AnswerReply)}
        stock = {200: Answers("what is known of the stock", StockReply)}
        return [
            Endpoint(
                "POST", "/v1/recommend", "Recommend items to a shopper, a basket, or nobody.",
                self.recommend, answer, (400, 404, 408, 413, 415, 503), body=RecommendBody,
            ),
            Endpoint(
                "GET", "/v1/similar/{item_id:path}", "Show what goes with an item.",
                self.similar, answer, (400, 404, 503), (ITEM,), (K, AGE),
            ),
            Endpoint("GET", "/v1/stock", "Say what is known of the stock.", self.stock, stock),
            Endpoint(
                "PUT", "/v1/stock", "Replace the whole stock at once.", self.restock, stock,
                (400, 404, 408, 413, 415, 503), body=StockBody, media_types=(JSON, _CSV),
            ),
            Endpoint(
                "POST", "/v1/events", "Keep what was shown, tapped and bought.", self.keep,
                {200: Answers("how many were new", EventsReply)},
                (400, 404, 408, 413, 415, 503), body=EventsBody,
            ),
        ]  # fmt: skip

    async def recommend(self, call: Call) -> Response:
        """Answer as ``endcap recommend --json`` does."""
        body = await self._service.bodies.read(call.request, self._limits.small_body_bytes)
        asked: RecommendBody = decode(body, RecommendBody)
        engine = self._service.engine
        request = Request(
            user=self._known_as(asked.user, engine),
            basket=tuple(asked.basket),
            k=_k(asked.k, engine),
            category=asked.category,
            only=tuple(asked.only) if asked.only is not None else None,
            exclude=tuple(asked.exclude),
            stock=asked.stock,
            reasons=asked.reasons,
            age_verified=asked.age_verified,
        )
        return json_reply(await self._ask(engine, request))

    async def similar(self, call: Call) -> Response:
        """Answer as ``endcap similar --json`` does."""
        engine = self._service.engine
        item_id = call.values["item_id"]
        if engine.recommender is not None and engine.recommender.catalogue.row(item_id) is None:
            raise NotFound(f"unknown item {item_id[:80]!r}")
        request = Request(
            basket=(item_id,),
            k=_k(call.values["k"], engine),
            age_verified=call.values["age_verified"],
        )
        return json_reply(await self._ask(engine, request))

    async def stock(self, call: Call) -> Response:
        """Say what is known of the stock."""
        del call
        return json_reply(self._stock_reply(self._service.engine, {}))

    async def restock(self, call: Call) -> Response:
        """Replace the stock by the list in the body: JSON or CSV."""
        with self._service.restockers.place():
            body = await self._service.bodies.read(call.request, self._limits.body_bytes)
            kind = call.request.headers.get("content-type", "").partition(";")[0].strip().lower()
            stock = await off_loop(len(body), _stock, body, kind)
            engine = await self._service.restock(stock)
            return json_reply(await off_loop(len(body), self._stock_reply, engine, stock))

    async def keep(self, call: Call) -> Response:
        """Keep events on the disk before answering."""
        body = await self._service.bodies.read(call.request, self._limits.small_body_bytes)
        if self._service.events is None:
            raise NotFound("no events are kept here; start with: endcap serve BUNDLE --events FILE")
        told: EventsBody = decode(body, EventsBody)
        engine, now_s = self._service.engine, time.time()
        fresh = await self._service.events.write(
            [_event(event, engine, now_s) for event in told.events]
        )
        for event, new in zip(told.events, fresh, strict=True):
            outcome = "accepted" if new else "duplicate"
            self._service.metrics.events.labels(event.kind, outcome).inc()
        name = BundleReply(engine.name.name, engine.name.version)
        return json_reply(EventsReply(sum(fresh), len(fresh) - sum(fresh), name))

    def _known_as(self, user_id: str | None, engine: Engine) -> str | None:
        """Return the name under which the bundle knows a shopper.

        A bundle trained from the events that are kept here knows shoppers by the hashes that stand
        in their place there.
        """
        recommender, events = engine.recommender, self._service.events
        if user_id is None or recommender is None or events is None or recommender.knows(user_id):
            return user_id
        pseudonym = events.pseudonym(user_id)
        return pseudonym if recommender.knows(pseudonym) else user_id

    async def _ask(self, engine: Engine, request: Request) -> Answer:
        recommender = engine.recommender
        if recommender is None or engine.shelf is None:
            raise _no_recommender(engine)
        answer = await self._service.lane.ask(recommender, recommender.steps(request, engine.shelf))
        self._service.metrics.answer(answer)
        return answer

    def _stock_reply(self, engine: Engine, told: Mapping[str, float]) -> StockReply:
        if engine.recommender is None or engine.shelf is None:
            raise _no_recommender(engine)
        catalogue = engine.recommender.catalogue
        ids = list(told)
        unknown = [i for i, row in zip(ids, catalogue.rows(ids), strict=True) if row == 0]
        return StockReply(
            known=engine.shelf.in_stock is not None,
            in_stock=engine.shelf.in_stock,
            items=catalogue.n_items,
            unknown=unknown[:_SHOWN_UNKNOWN],
            updated=self._service.stocked_at,
        )


def _k(k: int | None, engine: Engine) -> int:
    if k is not None or engine.recommender is None:
        return k or 1
    return min(_USUAL_K, engine.recommender.max_k)


def _no_recommender(engine: Engine) -> NotFound:
    return NotFound(f"bundle {engine.name.name!r} holds no recommender")


def _stock(body: bytes, kind: str) -> dict[str, float]:
    """Return quantity by item id from a body of media type ``kind``."""
    if kind == _CSV or (kind != JSON and body.lstrip()[:1] not in (b"{", b"[", b"")):
        return _from_csv(body)
    try:
        told: Any = decode(body, StockBody)
    except HttpError as error:
        raise _about_an_item(body, error) from error
    return _from_json(told)


def _from_csv(body: bytes) -> dict[str, float]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise HttpError(f"the body is not UTF-8 (byte {error.start})") from error
    try:
        return parse_stock(text, "the body")
    except UnusableInput as error:
        raise HttpError(str(error)) from error


def _about_an_item(body: bytes, error: HttpError) -> HttpError:
    """Return ``error``, with the item's id where the quantity of one in a map is wrong."""
    if not error.message.startswith("a value of "):
        return error
    try:
        told: dict[str, Any] = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return error  # a number beyond all numbers
    if list(told) == ["stock"] and isinstance(told["stock"], dict):
        told = told["stock"]
    for item_id, quantity in told.items():
        try:
            msgspec.convert(quantity, Quantity)
        except msgspec.ValidationError as wrong:
            said = str(wrong).replace("`", "'")
            return HttpError(f"quantity of {item_id[:80]!r}: {said[:1].lower()}{said[1:]}")
    return error


def _from_json(told: Any) -> dict[str, float]:
    """Return quantity by item id from any spelling of ``StockBody``."""
    if isinstance(told, dict):
        nested = [name for name, value in told.items() if not isinstance(value, float)]
        if not nested:
            return told
        if nested != ["stock"] or len(told) > 1:
            raise HttpError(f"{nested[0][:80]}: expected a quantity")
        told = told["stock"]
        if isinstance(told, dict):
            return told
    stock: dict[str, float] = {}
    for line in told:
        stock[line.item_id] = stock.get(line.item_id, 0.0) + line.quantity
    return stock


def _event(told: EventBody, engine: Engine, now_s: float) -> Event:
    return Event(
        id=told.id,
        kind=told.kind,
        session=told.session,
        user=told.user,
        item_id=told.item_id,
        quantity=told.quantity,
        bundle=engine.name.name,
        version=told.version if told.version is not None else engine.name.version,
        time_s=told.time.timestamp() if told.time is not None else now_s,
    )

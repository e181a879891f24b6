"""The service: what is serving now, and everything that its endpoints share."""

from __future__ import annotations

import asyncio
import datetime
import math
from collections.abc import Mapping

from runtime.serve.bodies import Bodies
from runtime.serve.engine import Engine
from runtime.serve.errors import NotFound
from runtime.serve.event_writer import EventWriter
from runtime.serve.lane import Lane
from runtime.serve.metrics import Metrics
from runtime.serve.photo_folder import PhotoFolder
from runtime.serve.room import Room
from runtime.serve.settings import Settings
from runtime.serve.statistics import Statistics


class Service:
    """What endpoints share; the engine and the stock are replaced as wholes, on the event loop.

    Attributes:
        settings: what the server was told.
        engine: what serves now. A request takes it once and keeps it to its end.
        stock: quantity by item id; None where it is not known.
        stocked_at: when the stock was told, ISO 8601; None where it never was.
        photos: the shop's own photos of its items.
        events: keeps events; None where none are kept.
        lane: computes.
        metrics: counts.
        statistics: counts inference requests as Triton does.
        bodies: reads requests.
        searches: places for those who search the catalogue.
        photo_readers: places for those who ask for a photo.
        restockers: places for those who replace the stock.
        reloaders: places for those who ask for a reload.
        shelf_lock: held while a shelf is compiled and put to use.
        stopping: whether the server is about to end.
    """

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        stock: Mapping[str, float] | None,
        events: EventWriter | None,
    ) -> None:
        limits = settings.limits
        self.settings = settings
        self.engine = engine
        self.stock = stock
        self.stocked_at = _now() if stock is not None else None
        self.photos = PhotoFolder(settings.photos)
        self.events = events
        self.metrics = Metrics()
        self.lane = Lane(limits, self.metrics.batch)
        self.statistics = Statistics()
        self.bodies = Bodies(limits)
        self.searches = Room(limits.searches, "searches", limits.retry_after_s)
        self.photo_readers = Room(limits.photos, "photos", limits.retry_after_s)
        self.restockers = Room(limits.restocks, "replacements of the stock", limits.retry_after_s)
        self.reloaders = Room(limits.reloads, "reloads", limits.retry_after_s)
        self.shelf_lock = asyncio.Lock()
        self.stopping = False
        self._publish()
        self.metrics.watch(
            "endcap_queue_requests", "Requests that wait.", lambda: self.lane.waiting[0]
        )
        self.metrics.watch(
            "endcap_queue_pictures", "Pictures that wait.", lambda: self.lane.waiting[1]
        )

    async def take_over(self, engine: Engine) -> None:
        """Let ``engine`` serve from the next request on; those begun end with the old one."""
        async with self.shelf_lock:
            engine.shelf = await asyncio.to_thread(engine.stocked, self.stock)
            self.engine = engine
            self._publish()

    async def restock(self, stock: Mapping[str, float]) -> Engine:
        """Replace the stock at once; no request sees a part of it.

        Raises:
            NotFound: the bundle has no recommender.
        """
        async with self.shelf_lock:
            engine = self.engine
            if engine.recommender is None:
                raise NotFound(f"bundle {engine.name.name!r} holds no recommender, so no stock")
            engine.shelf = await asyncio.to_thread(engine.stocked, stock)
            self.stock, self.stocked_at = stock, _now()
            self._publish()
            return engine

    def _publish(self) -> None:
        engine = self.engine
        self.metrics.bundle(
            engine.name.name,
            engine.name.version,
            engine.store.bundle.manifest_sha256,
            engine.store.where,
        )
        in_stock = engine.shelf.in_stock if engine.shelf is not None else None
        self.metrics.stock_items.set(math.nan if in_stock is None else in_stock)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")

"""Hot reload: a new bundle is verified, proved and warmed beside the old, then takes over.

The bundle's path may be a folder that is replaced, a link that is switched, or a zip. A change is
acted on once it has been the same for two looks, so that a copy in progress is let finish. What is
not usable leaves the old one serving, and says why until something else lies there.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Literal

from runtime.errors import EndcapError
from runtime.serve.engine import Engine, load_engine
from runtime.serve.errors import HttpError
from runtime.serve.fingerprint import Fingerprint, fingerprint
from runtime.serve.service import Service
from runtime.shop_files import read_stock

Outcome = Literal["loaded", "unchanged", "refused"]
What = Literal["bundle", "stock"]
_log = logging.getLogger("endcap.serve")


class Reloader:
    """Watches the bundle, the rules and the stock, and reads them again.

    Attributes:
        problems: why what lies on the disk was refused, by what it is; empty while all is well.
    """

    def __init__(self, service: Service) -> None:
        self.problems: dict[What, str] = {}
        self._service = service
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        settings = service.settings
        self._bundle = (settings.bundle, *([Path(settings.rules)] if settings.rules else []))
        self._stock = (Path(settings.stock),) if settings.stock else ()
        self._stock_read = _look(self._stock)

    def start(self) -> None:
        """Begin to watch, unless the settings say never."""
        if self._service.settings.poll_s > 0:
            self._task = asyncio.get_running_loop().create_task(self._watch())

    async def stop(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def reload(self) -> Outcome:
        """Read the bundle and the rules, and the stock file if it is another, again now.

        A stock file that was read stays read: what a till has told since is newer.
        """
        async with self._lock:
            outcomes = [await self._reload_bundle()]
            if await asyncio.to_thread(_look, self._stock) != self._stock_read:
                outcomes.append(await self._reload_stock())
            worst_first: tuple[Outcome, ...] = ("refused", "loaded", "unchanged")
            return next(outcome for outcome in worst_first if outcome in outcomes)

    async def _reload_bundle(self) -> Outcome:
        settings, old = self._service.settings, self._service.engine
        try:
            engine = await asyncio.to_thread(load_engine, settings, None)
            if _same(engine, old):
                return self._ended("bundle", "unchanged")
            await self._service.take_over(engine)
        except EndcapError as error:
            return self._ended("bundle", "refused", str(error))
        except Exception as error:  # whatever lies there must not end the watch for what comes next
            _log.error("nobody foresaw this", exc_info=error)
            return self._ended("bundle", "refused", f"unexpected {type(error).__name__}: {error}")
        _log.info("%s version %d serves now", engine.name.name, engine.name.version)
        return self._ended("bundle", "loaded")

    async def _reload_stock(self) -> Outcome:
        assert self._service.settings.stock is not None
        found = await asyncio.to_thread(_look, self._stock)
        try:
            stock = await asyncio.to_thread(read_stock, self._service.settings.stock)
            await self._service.restock(stock)
        except (EndcapError, HttpError) as error:
            return self._ended("stock", "refused", str(error))
        self._stock_read = found
        return self._ended("stock", "loaded")

    def _ended(self, what: What, outcome: Outcome, problem: str | None = None) -> Outcome:
        self.problems.pop(what, None)
        if problem is not None:
            self.problems[what] = problem
            _log.error("the old one serves on: %s", problem)
        self._service.metrics.reloads.labels(outcome).inc()
        self._service.metrics.reload_ok.set(not self.problems)
        return outcome

    async def _watch(self) -> None:
        bundle, stock = _Watched(self._bundle), _Watched(self._stock)
        await asyncio.to_thread(bundle.settle)
        await asyncio.to_thread(stock.settle)
        while True:
            await asyncio.sleep(self._service.settings.poll_s)
            if await asyncio.to_thread(bundle.changed):
                async with self._lock:
                    await self._reload_bundle()
            if await asyncio.to_thread(stock.changed):
                async with self._lock:
                    await self._reload_stock()


class _Watched:
    """Places on the disk; says once of each change that it happened, when it has settled."""

    def __init__(self, places: tuple[Path, ...]) -> None:
        self._places = places
        self._acted_on: tuple[Fingerprint, ...] = ()
        self._last: tuple[Fingerprint, ...] = ()

    def settle(self) -> None:
        """Take what is there now as known."""
        self._acted_on = self._last = _look(self._places)

    def changed(self) -> bool:
        """Say whether there is something new that was there at the last look already."""
        now = _look(self._places)
        settled, self._last = now == self._last, now
        if not settled or now == self._acted_on:
            return False
        self._acted_on = now
        return True


def _look(places: tuple[Path, ...]) -> tuple[Fingerprint, ...]:
    return tuple(fingerprint(place) for place in places)


def _same(new: Engine, old: Engine) -> bool:
    return (
        new.store.bundle.manifest_sha256 == old.store.bundle.manifest_sha256
        and new.rules == old.rules
    )

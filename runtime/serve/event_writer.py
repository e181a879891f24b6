"""Events on their way to the disk: one thread writes, several requests share one commit."""

from __future__ import annotations

import asyncio
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from runtime.serve.errors import Overloaded
from runtime.serve.event import Event
from runtime.serve.events import EventStore

_MAX_WAITING = 64  # requests with events
_log = logging.getLogger("endcap.serve")


@dataclass(frozen=True)
class _Batch:
    events: Sequence[Event]
    future: asyncio.Future[list[bool]]


class EventWriter:
    """Writes events in a thread of its own.

    Args:
        store: the opened file.
        retry_after_s: when who is turned away may come again.
    """

    def __init__(self, store: EventStore, retry_after_s: int) -> None:
        self._store = store
        self._retry_after_s = retry_after_s
        self._waiting: queue.Queue[_Batch | None] = queue.Queue(_MAX_WAITING)
        self._thread = threading.Thread(target=self._work, name="endcap-events", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self.problem: str | None = None

    def start(self) -> None:
        """Begin to write; called on the event loop that asks."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def stop(self) -> None:
        """Write what waits, and close the file."""
        await asyncio.to_thread(self._waiting.put, None)
        await asyncio.to_thread(self._thread.join)

    def pseudonym(self, user_id: str) -> str:
        """Return the name under which the file, and a bundle trained from it, know a shopper."""
        return self._store.pseudonym(user_id)

    async def write(self, events: Sequence[Event]) -> list[bool]:
        """Keep ``events`` on the disk; of each, say whether it is new.

        Raises:
            Overloaded: too many wait, or the disk takes no more.
        """
        assert self._loop is not None
        future: asyncio.Future[list[bool]] = self._loop.create_future()
        try:
            self._waiting.put_nowait(_Batch(events, future))
        except queue.Full:
            raise Overloaded("too many events wait", self._retry_after_s) from None
        return await future

    def _work(self) -> None:
        going = True
        while going:
            batches = [self._waiting.get()]
            while not self._waiting.empty():
                batches.append(self._waiting.get_nowait())
            going = None not in batches
            self._write([batch for batch in batches if batch is not None])
        self._store.close()

    def _write(self, batches: Sequence[_Batch]) -> None:
        if not batches:
            return
        assert self._loop is not None
        events = [event for batch in batches for event in batch.events]
        try:
            fresh = self._store.add(events, time.time())
            gone = self._store.trim()
        except sqlite3.Error as error:
            self.problem = f"events cannot be written: {error}"
            _log.error("%s", self.problem)
            self._loop.call_soon_threadsafe(_refuse, batches, self.problem, self._retry_after_s)
            return
        self.problem = None
        if gone:
            _log.warning("the events file is full: the oldest %d events went", gone)
        self._loop.call_soon_threadsafe(_accept, batches, fresh)


def _accept(batches: Sequence[_Batch], fresh: Sequence[bool]) -> None:
    start = 0
    for batch in batches:
        stop = start + len(batch.events)
        if not batch.future.done():  # the client left
            batch.future.set_result(list(fresh[start:stop]))
        start = stop


def _refuse(batches: Sequence[_Batch], problem: str, retry_after_s: int) -> None:
    for batch in batches:
        if not batch.future.done():
            batch.future.set_exception(Overloaded(problem, retry_after_s))

"""Pictures that were drawn before, the least used going first when they are too many."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable


class PictureCache:
    """Encoded pictures by key, at most ``max_bytes`` of them; the same one is never drawn twice.

    For use on one event loop.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._coming: dict[str, asyncio.Future[bytes]] = {}
        self.size_bytes = 0

    def __contains__(self, key: str) -> bool:
        return key in self._kept

    async def get(self, key: str, draw: Callable[[], Awaitable[bytes]]) -> bytes:
        """Return the picture of ``key``; ``draw`` is awaited where nobody has drawn it yet."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        coming = self._coming.get(key)
        if coming is None:
            coming = asyncio.ensure_future(draw())
            self._coming[key] = coming
            coming.add_done_callback(lambda done: self._arrived(key, done))
        return await asyncio.shield(coming)  # who leaves must not stop it for the others

    def _arrived(self, key: str, done: asyncio.Future[bytes]) -> None:
        del self._coming[key]
        if done.cancelled() or done.exception() is not None:
            return
        picture = done.result()
        if len(picture) > self._max_bytes:
            return
        self._kept[key] = picture
        self.size_bytes += len(picture)
        while self.size_bytes > self._max_bytes:
            _, gone = self._kept.popitem(last=False)
            self.size_bytes -= len(gone)

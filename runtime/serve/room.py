"""Rooms: so many at a time, and whoever comes beyond that is turned away; nothing piles up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from runtime.serve.errors import Overloaded


class Room:
    """Places for what is done beside the lane; for one event loop.

    Args:
        places: how many requests at a time.
        what: whose places they are, for the sentence of a refusal.
        retry_after_s: when who is turned away may come again.
    """

    def __init__(self, places: int, what: str, retry_after_s: int) -> None:
        self._places = places
        self._what = what
        self._retry_after_s = retry_after_s
        self._taken = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place.

        Raises:
            Overloaded: all are taken.
        """
        if self._taken >= self._places:
            raise Overloaded(f"too many {self._what} at a time", self._retry_after_s)
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

"""A column of texts as one UTF-8 buffer: a million rows load without a million Python objects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class TextColumn:
    """Texts by index.

    Args:
        utf8: uint8 [bytes], all texts one after the other.
        offsets: int64 [n + 1], where each text starts and the last one ends.

    Raises:
        ValueError: dtype or shape differ, or the offsets do not cut ``utf8`` into texts.
    """

    def __init__(self, utf8: NDArray[Any], offsets: NDArray[Any]) -> None:
        if utf8.dtype != np.uint8 or utf8.ndim != 1:
            raise ValueError(f"text bytes are {utf8.dtype}{list(utf8.shape)}, not uint8[bytes]")
        if offsets.dtype != np.int64 or offsets.ndim != 1 or len(offsets) == 0:
            raise ValueError(f"text offsets are {offsets.dtype}{list(offsets.shape)}, not int64[n]")
        if offsets[0] != 0 or offsets[-1] != len(utf8) or np.any(offsets[1:] < offsets[:-1]):
            raise ValueError("text offsets do not cut the text bytes")
        self.utf8 = utf8
        self.offsets = offsets

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> str:
        start, end = self.offsets[index], self.offsets[index + 1]
        return self.utf8[start:end].tobytes().decode("utf-8", errors="replace")

    def equals(self, index: int, encoded: bytes) -> bool:
        """Say whether the text at ``index`` has exactly the bytes ``encoded``."""
        start, end = self.offsets[index], self.offsets[index + 1]
        return self.utf8[start:end].tobytes() == encoded

    def equal(self, indices: NDArray[np.int64], encoded: Sequence[bytes]) -> list[bool]:
        """Say of the text at each of ``indices`` whether it has exactly the bytes given for it."""
        starts, ends = self.offsets[indices].tolist(), self.offsets[indices + 1].tolist()
        content = self.utf8.data
        return [
            content[start:end].tobytes() == text
            for start, end, text in zip(starts, ends, encoded, strict=True)
        ]

    def resembling(self, text: str, limit: int = 200, width: int = 16) -> list[str]:
        """Return at most ``limit`` texts that share most leading bytes with ``text``.

        A coarse choice over the whole column, for a closer look by a slower measure.
        """
        wanted = np.frombuffer(text.encode("utf-8", errors="replace")[:width], np.uint8)
        starts, ends = self.offsets[:-1], self.offsets[1:]
        shared = -np.abs((ends - starts) - len(text.encode("utf-8", errors="replace")))
        for position, byte in enumerate(wanted):
            places = starts + position
            inside = places < ends
            hit = np.zeros(len(self), np.bool_)
            hit[inside] = self.utf8[places[inside]] == byte
            shared += 2 * hit
        if len(self) > limit:
            chosen = np.sort(np.argpartition(-shared, limit)[:limit])
        else:
            chosen = np.arange(len(self))
        return [self[int(index)] for index in chosen]


def pack_texts(texts: Iterable[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return (utf8, offsets) of ``texts``, as :class:`TextColumn` takes them."""
    encoded = [text.encode("utf-8") for text in texts]
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    return np.frombuffer(b"".join(encoded), np.uint8), offsets

"""Item ids turn into rows: found by hash, those asked for often remembered."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from runtime.text_column import TextColumn

if TYPE_CHECKING:
    from numpy.typing import NDArray

_REMEMBERED = 16_384  # ids: what most baskets and lists hold
_MANY = 10_000  # ids that are no basket and no list of a request, but a whole stock
_FEW = 8  # ids that are found sooner one by one than together


class ItemRows:
    """The rows of item ids, row 1 first; safe to ask from several threads.

    Args:
        ids: the ids in row order.
        hashes: uint64 [n_items], of all ids, ascending; see :func:`hashes_of`.
        rows: int32 [n_items], the row that each hash belongs to.

    Raises:
        ValueError: a row leaves the catalogue.
    """

    def __init__(
        self, ids: TextColumn, hashes: NDArray[np.uint64], rows: NDArray[np.int32]
    ) -> None:
        if len(ids) and not 1 <= rows.min() <= rows.max() <= len(ids):
            raise ValueError("id_row leaves the catalogue")
        self._ids = ids
        self._hash = hashes
        self._hash_row = rows
        self._known: dict[str, int] = {}

    def row(self, item_id: str) -> int:
        """Return the item row of ``item_id``, 0 where there is none."""
        row = self._known.get(item_id)
        if row is None:
            row = self._find(item_id)
            self._remember([item_id], [row])
        return row

    def rows(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """Return the item rows of ``ids``: int64 [n], 0 where there is none."""
        if len(ids) > _MANY:
            return self._find_together(ids)
        rows = [self._known.get(item_id, -1) for item_id in ids]
        if -1 in rows:
            new = [item_id for item_id, row in zip(ids, rows, strict=True) if row < 0]
            if len(new) < _FEW:
                found = [self._find(item_id) for item_id in new]
            else:
                found = self._find_together(new).tolist()
            self._remember(new, found)
            left = iter(found)
            rows = [row if row >= 0 else next(left) for row in rows]
        return np.array(rows, np.int64)

    def _remember(self, item_ids: Sequence[str], rows: Sequence[int]) -> None:
        if len(self._known) > _REMEMBERED:
            self._known.clear()
        self._known.update(zip(item_ids, rows, strict=True))

    def _find(self, item_id: str) -> int:
        encoded = item_id.encode("utf-8", errors="surrogatepass")
        wanted = hashes_of([encoded])[0]
        at = int(np.searchsorted(self._hash, wanted))
        while at < len(self._ids) and self._hash[at] == wanted:
            row = int(self._hash_row[at])
            if self._ids.equals(row - 1, encoded):
                return row
            at += 1
        return 0

    def _find_together(self, ids: Sequence[str]) -> NDArray[np.int64]:
        if len(self._ids) == 0:
            return np.zeros(len(ids), np.int64)
        encoded = [item_id.encode("utf-8", errors="surrogatepass") for item_id in ids]
        wanted = hashes_of(encoded)
        order = np.argsort(wanted)  # neighbours are found in neighbouring memory
        at = np.empty_like(order)
        at[order] = np.searchsorted(self._hash, wanted[order])
        at = np.minimum(at, len(self._ids) - 1)
        rows = np.where(self._hash[at] == wanted, self._hash_row[at], 0).astype(np.int64)
        found = np.flatnonzero(rows)
        same = self._ids.equal(rows[found] - 1, [encoded[index] for index in found.tolist()])
        for index in found[np.logical_not(same)].tolist():
            rows[index] = self._find(ids[index])  # two ids of one hash
        return rows


def hashes_of(encoded: Iterable[bytes]) -> NDArray[np.uint64]:
    """Return the hash of each id: the first 8 bytes of its BLAKE2b, big-endian; uint64 [n]."""
    digests = b"".join(hashlib.blake2b(text, digest_size=8).digest() for text in encoded)
    return np.frombuffer(digests, ">u8").astype(np.uint64)

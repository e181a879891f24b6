"""Known users by salted hash: a row and a history for each id, and no id that could be read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from runtime.errors import UnusableInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runtime.bundle import Bundle

_DIGEST_BYTES = 16


class Users:
    """User rows run from 1 to ``n_users``; row 0 is the anonymous shopper, without history.

    Args:
        arrays: the arrays of the users file, see :func:`pack_users`.
        salt: the bundle's salt.
        n_items: history rows must lie in 1..n_items.

    Raises:
        ValueError: an array is missing or does not fit the others.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]], salt: bytes, n_items: int) -> None:
        for name in ("digest", "row", "history_offsets", "history_rows"):
            if name not in arrays:
                raise ValueError(f"array {name!r} is missing")
        self._salt = salt
        self._digest = arrays["digest"]
        self._row = arrays["row"]
        self._offsets = arrays["history_offsets"]
        self._history = arrays["history_rows"]
        n = self.n_users = len(self._row)
        if self._digest.dtype != np.uint8 or self._digest.shape != (n, _DIGEST_BYTES):
            raise ValueError(f"digest is not uint8[{n}, {_DIGEST_BYTES}]")
        if self._row.dtype != np.int32 or self._history.dtype != np.int32:
            raise ValueError("row and history_rows are not int32")
        if n and not 1 <= self._row.min() <= self._row.max() <= n:
            raise ValueError("row leaves the list of users")
        offsets, history = self._offsets, self._history
        if offsets.dtype != np.int64 or offsets.shape != (n + 2,) or offsets[1] != 0:
            raise ValueError(f"history_offsets is not int64[{n + 2}] from row 0 without history")
        if offsets[0] != 0 or offsets[-1] != len(history) or np.any(offsets[1:] < offsets[:-1]):
            raise ValueError("history_offsets do not cut history_rows")
        if len(history) and not 1 <= history.min() <= history.max() <= n_items:
            raise ValueError("history_rows leave the catalogue")
        # the first half of each digest, as numbers in the digests' own order
        self._head = np.ascontiguousarray(self._digest[:, :8]).view(">u8")[:, 0].astype(np.uint64)

    @classmethod
    def of(cls, bundle: Bundle) -> Users:
        """Load the users of ``bundle``.

        Raises:
            UnusableInput: the bundle has none, or its file contradicts the manifest.
        """
        manifest = bundle.manifest
        if manifest.users_file is None or manifest.recommender is None:
            raise UnusableInput(f"bundle {str(bundle.path)!r} has no users")
        try:
            users = cls(
                bundle.arrays(manifest.users_file), manifest.salt, manifest.recommender.n_items
            )
            if users.n_users != manifest.recommender.n_users:
                raise ValueError(f"{users.n_users} users, manifest {manifest.recommender.n_users}")
        except ValueError as error:
            raise UnusableInput(
                f"bundle {str(bundle.path)!r}: {manifest.users_file!r} contradicts the manifest "
                f"({error}); export the bundle again"
            ) from error
        return users

    def row(self, user_id: str) -> int:
        """Return the user row of ``user_id``; 0 (anonymous) when training did not know it."""
        digest = user_digest(user_id, self._salt)
        head = np.uint64(int.from_bytes(digest[:8], "big"))
        at = int(np.searchsorted(self._head, head))
        while at < self.n_users and self._head[at] == head:
            if self._digest[at].tobytes() == digest:
                return int(self._row[at])
            at += 1
        return 0

    def history(self, row: int) -> NDArray[np.int64]:
        """Return the item rows that user row ``row`` bought, oldest first: int64 [n]."""
        if not 0 <= row <= self.n_users:
            raise UnusableInput(f"user row {row} is outside 0..{self.n_users}")
        part = self._history[self._offsets[row] : self._offsets[row + 1]]
        return part.astype(np.int64)


def user_digest(user_id: str, salt: bytes) -> bytes:
    """Return the 16 bytes under which a bundle with ``salt`` knows ``user_id``."""
    encoded = user_id.encode("utf-8", errors="surrogatepass")
    return hashlib.blake2b(encoded, key=salt, digest_size=_DIGEST_BYTES).digest()


def pack_users(
    user_ids: Sequence[str],
    history_offsets: NDArray[np.int64],
    history_rows: NDArray[np.int64],
    salt: bytes,
) -> dict[str, NDArray[Any]]:
    """Pack users into the arrays of the users file, ready for ``np.savez``.

    Args:
        user_ids: in row order, row 1 first.
        history_offsets: [n_users + 2], by user row, where its part of ``history_rows`` begins and
            the last one ends; row 0 is empty.
        history_rows: item rows bought by each user, oldest first, one user after the other.
        salt: the bundle's salt, 1 to 64 bytes.

    Raises:
        UnusableInput: the lengths differ, or an id occurs twice.
    """
    if len(user_ids) != len(history_offsets) - 2:
        raise UnusableInput(f"{len(user_ids)} users with {len(history_offsets) - 2} histories")
    if len(set(user_ids)) != len(user_ids):
        raise UnusableInput("a user_id occurs twice among the users")
    joined = b"".join(user_digest(user_id, salt) for user_id in user_ids)
    digests = np.frombuffer(joined, np.uint8).reshape(-1, _DIGEST_BYTES)
    halves = digests.view(">u8")  # [n_users, 2], in the digests' own order
    order = np.lexsort((halves[:, 1], halves[:, 0]))
    return {
        "digest": digests[order],
        "row": (order + 1).astype(np.int32),
        "history_offsets": history_offsets.astype(np.int64),
        "history_rows": history_rows.astype(np.int32),
    }

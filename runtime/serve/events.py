"""Events in SQLite: what was shown, tapped and bought, kept through a power cut, bounded in size.

The file is in WAL mode with ``synchronous = FULL``: an event that was acknowledged is on the disk
(https://sqlite.org/pragma.html#pragma_synchronous). Shopper ids are kept as keyed hashes whose key
is made with the file, so that the file names nobody; sessions and event ids are the client's own.
"""

from __future__ import annotations

import datetime
import hashlib
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from runtime.errors import UnusableInput
from runtime.serve.event import Event, KeptEvent

_FORMAT = 1
_DIGEST_BYTES = 16
_KEEP = 0.9  # of the size allowed, after the oldest events went
_PAGE_BYTES = 4096
_MIN_BYTES = 1 << 18
_DELETED_AT_A_TIME = 0.02  # of all events
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    session TEXT NOT NULL,
    user BLOB,
    item_id TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    bundle TEXT NOT NULL,
    version INTEGER NOT NULL,
    time_s REAL NOT NULL,
    received_s REAL NOT NULL
);
"""


class EventStore:
    """The file of events; to be used by one thread.

    Args:
        path: the SQLite file; made when it is absent.
        max_bytes: how large it may grow before the oldest events go; at least 256 KiB.

    Raises:
        UnusableInput: the file is not one of these, or cannot be written.
    """

    def __init__(self, path: str, max_bytes: int) -> None:
        if max_bytes < _MIN_BYTES:
            raise UnusableInput(f"the events file may have {max_bytes} bytes; give it {_MIN_BYTES}")
        self._path = path
        self._max_bytes = max_bytes
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._prepare()
        except sqlite3.Error as error:
            raise UnusableInput(
                f"cannot keep events in {path!r}: {error}; choose another file"
            ) from error

    def pseudonym(self, user_id: str) -> str:
        """Return the name under which this file alone, and its exports, know a shopper."""
        return self._hashed(user_id).hex()

    def add(self, events: Sequence[Event], now_s: float) -> list[bool]:
        """Keep ``events`` on the disk before returning; all of them or none.

        Args:
            events: in the order in which they came.
            now_s: when they came, seconds since 1970.

        Returns:
            Of each, whether it is new; False for an id that was there.

        Raises:
            sqlite3.Error: the disk is full or broken; nothing was kept.
        """
        fresh = []
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for event in events:
                done = self._db.execute(
                    "INSERT OR IGNORE INTO events (id, kind, session, user, item_id, quantity,"
                    " bundle, version, time_s, received_s) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        event.id, event.kind, event.session,
                        self._hashed(event.user) if event.user is not None else None,
                        event.item_id, event.quantity, event.bundle, event.version, event.time_s,
                        now_s,
                    ),
                )  # fmt: skip
                fresh.append(done.rowcount == 1)
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        return fresh

    def trim(self) -> int:
        """Let the oldest events go until the file is smaller than it may be; return how many."""
        if self.size_bytes <= self._max_bytes:
            return 0
        gone = 0
        while self._used_bytes() > _KEEP * self._max_bytes:
            (n,) = self._db.execute("SELECT count(*) FROM events").fetchone()
            if n == 0:
                break
            oldest = max(1, int(_DELETED_AT_A_TIME * n))
            done = self._db.execute(
                "DELETE FROM events WHERE row IN (SELECT row FROM events ORDER BY row LIMIT ?)",
                (oldest,),
            )
            gone += done.rowcount
        self._db.execute("PRAGMA incremental_vacuum").fetchall()
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return gone

    @property
    def size_bytes(self) -> int:
        """Size of the file, without what waits in its write-ahead log."""
        (pages,) = self._db.execute("PRAGMA page_count").fetchone()
        return int(pages) * _PAGE_BYTES

    def close(self) -> None:
        """Write everything into the one file and close it."""
        self._db.close()

    def _used_bytes(self) -> int:
        (free,) = self._db.execute("PRAGMA freelist_count").fetchone()
        return self.size_bytes - int(free) * _PAGE_BYTES

    def _hashed(self, user_id: str) -> bytes:
        text = user_id.encode("utf-8", errors="surrogatepass")
        return hashlib.blake2b(text, key=self._salt, digest_size=_DIGEST_BYTES).digest()

    def _prepare(self) -> None:
        for pragma in (
            f"page_size = {_PAGE_BYTES}",
            "auto_vacuum = INCREMENTAL",
            "journal_mode = WAL",
            "synchronous = FULL",
            "journal_size_limit = 4194304",
            "busy_timeout = 5000",
        ):
            self._db.execute(f"PRAGMA {pragma}").fetchall()
        self._db.executescript(_SCHEMA)
        self._db.execute(
            "INSERT OR IGNORE INTO meta VALUES ('salt', ?), ('format', ?)",
            (secrets.token_bytes(32), str(_FORMAT).encode()),
        )
        self._salt = _meta(self._db, "salt")
        _check_format(self._db, self._path)


def read_events(
    path: str, since_s: float = 0.0, kinds: Sequence[str] = ("bought",)
) -> Iterator[KeptEvent]:
    """Yield the events of ``kinds`` that came at ``since_s`` or later, in the order they came.

    A server may be writing to the file meanwhile.

    Raises:
        UnusableInput: the file is missing or is no file of events.
    """
    marks = ", ".join("?" * len(kinds))
    try:
        with closing(_opened(path)) as db:
            rows = db.execute(
                "SELECT id, kind, session, user, item_id, quantity, bundle, version, time_s,"
                f" received_s FROM events WHERE received_s >= ? AND kind IN ({marks}) ORDER BY row",
                (since_s, *kinds),
            )
            for event_id, kind, session, user, *rest in rows:
                yield KeptEvent(event_id, kind, session, user.hex() if user else None, *rest)
    except sqlite3.Error as error:
        raise UnusableInput(f"{path!r} is no file of events: {error}") from error


def count_events(path: str) -> int:
    """Return how many events the file holds, after SQLite looked through all of it.

    Raises:
        UnusableInput: the file is missing, damaged, or no file of events.
    """
    try:
        with closing(_opened(path)) as db:
            (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
            (n,) = db.execute("SELECT count(*) FROM events").fetchone()
    except sqlite3.Error as error:
        raise UnusableInput(f"{path!r} is no file of events: {error}") from error
    if verdict != "ok":
        raise UnusableInput(f"{path!r} is damaged: {verdict}; move it away and keep a copy")
    return int(n)


def moment(time_s: float) -> str:
    """Return seconds since 1970 as ISO 8601 in UTC, to the second."""
    told = datetime.datetime.fromtimestamp(time_s, datetime.UTC)
    return told.strftime("%Y-%m-%dT%H:%M:%SZ")


def _opened(path: str) -> sqlite3.Connection:
    """Open a file of events for reading."""
    if not Path(path).is_file():
        raise UnusableInput(f"there is no events file {path!r}; check the path")
    db = sqlite3.connect(Path(path).resolve().as_uri() + "?mode=ro", uri=True)
    try:
        _check_format(db, path)
    except BaseException:
        db.close()
        raise
    return db


def _meta(db: sqlite3.Connection, key: str) -> bytes:
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    if row is None:
        raise sqlite3.DatabaseError(f"it does not say its {key}")
    return row[0] if isinstance(row[0], bytes) else str(row[0]).encode()


def _check_format(db: sqlite3.Connection, path: str) -> None:
    found = _meta(db, "format").decode()
    if found != str(_FORMAT):
        raise UnusableInput(
            f"{path!r} has the events format {found!r} and this endcap reads {_FORMAT}; "
            "upgrade endcap: pip install --upgrade endcap"
        )

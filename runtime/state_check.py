"""Whether a folder can hold what a server keeps: room, a disk that keeps its word, events."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from runtime.check import Check
from runtime.errors import UnusableInput

_NEEDED_BYTES = 512 << 20  # the events file grows to 256 MB, and its log beside it
_SUFFIXES = (".db", ".sqlite", ".sqlite3")


def check_state(folder: str) -> list[Check]:
    """Look at the folder in which ``endcap serve --events`` keeps its file, and leave that."""
    path = Path(folder)
    if not path.is_dir():
        said = f"{folder!r} is no folder; mkdir -p {folder}, and let the service's user own it"
        return [Check("state", False, said)]
    return [_room(path), _disk(path), *_kept(path)]


def _room(path: Path) -> Check:
    free_bytes = shutil.disk_usage(path).free
    said = f"{free_bytes / 1e9:.1f} GB are free at {str(path)!r}"
    if free_bytes < _NEEDED_BYTES:
        needed = f"{_NEEDED_BYTES / 1e9:.1f} GB are needed"
        return Check("room", False, f"{said} and {needed}; make room or choose another folder")
    return Check("room", True, said)


def _disk(path: Path) -> Check:
    """Write as the events file is written: a write-ahead log, on the disk before it goes on."""
    name = "disk"
    try:
        with tempfile.TemporaryDirectory(prefix=".endcap-doctor-", dir=path) as folder:
            with closing(sqlite3.connect(Path(folder, "tried.sqlite"))) as db:
                (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
                db.execute("PRAGMA synchronous = FULL")
                db.execute("CREATE TABLE tried (row INTEGER PRIMARY KEY)")
                db.execute("INSERT INTO tried VALUES (1)")
                db.commit()
            if mode != "wal":
                said = f"SQLite's write-ahead log does not work at {str(path)!r}; use a local disk"
                return Check(name, False, said)
    except (OSError, sqlite3.Error) as error:
        why = getattr(error, "strerror", None) or str(error)
        said = f"cannot write at {str(path)!r}: {why}; let the service's user own it"
        return Check(name, False, said)
    return Check(name, True, f"SQLite writes ahead at {str(path)!r}")


def _kept(path: Path) -> list[Check]:
    from runtime.serve.events import count_events

    found = []
    for file in sorted(one for one in path.iterdir() if one.suffix in _SUFFIXES):
        try:
            n = count_events(str(file))
        except UnusableInput as error:
            found.append(Check(f"events {file.name}", False, str(error)))
        else:
            found.append(Check(f"events {file.name}", True, f"{n} events, whole"))
    return found

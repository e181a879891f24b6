"""Fingerprints: whether a bundle or a file on the disk is still the one that was read."""

from __future__ import annotations

import os
from pathlib import Path

Fingerprint = tuple[tuple[str, int, int, int], ...]


def fingerprint(path: Path) -> Fingerprint:
    """Return names, sizes, times and inodes of everything under ``path``, links followed.

    Cheap, and no proof: a change of it says that it is worth reading again. Empty where there is
    nothing, or nothing that can be looked at.
    """
    found: list[tuple[str, int, int, int]] = []
    _walk(path, "", found)
    return tuple(sorted(found))


def _walk(path: Path, name: str, found: list[tuple[str, int, int, int]]) -> None:
    try:
        facts = os.stat(path)
        inside = sorted(os.listdir(path)) if path.is_dir() else []
    except OSError:
        return  # it went while it was looked at: that is a change, and seen as one
    found.append((name, facts.st_size if not inside else 0, facts.st_mtime_ns, facts.st_ino))
    for child in inside:
        _walk(path / child, f"{name}/{child}", found)

"""The shop's own photos of its items, in one folder, by item id."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from runtime.errors import UnusableInput

_TYPES = {
    ".avif": "image/avif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
}


@dataclass(frozen=True)
class Photo:
    """One file: where it lies, and its media type."""

    path: Path
    media_type: str


class PhotoFolder:
    """Photos by item id; the folder is read again when files came or went.

    A photo is named by the id of its item: ``CS-0001.jpg``, percent-encoded where an id has what a
    file name cannot (``A%2F1.webp``). No part of a request ever becomes a path.

    Args:
        folder: its path, None for no photos.

    Raises:
        UnusableInput: it is no folder.
    """

    def __init__(self, folder: str | None) -> None:
        self._folder = Path(folder) if folder is not None else None
        self._read_ns = -1
        self._by_id: dict[str, Photo] = {}
        if self._folder is not None and not self._folder.is_dir():
            raise UnusableInput(
                f"{folder!r} is no folder of photos; make it, or leave --photos out"
            )

    def of(self, item_id: str) -> Photo | None:
        """Return the photo of an item, None where there is none."""
        self._look()
        return self._by_id.get(item_id)

    def url(self, item_id: str) -> str | None:
        """Return the path under which the photo of an item is served, None where there is none."""
        return f"/v1/photos/{quote(item_id, safe='')}" if self.of(item_id) is not None else None

    def _look(self) -> None:
        if self._folder is None:
            return
        try:
            changed_ns = self._folder.stat().st_mtime_ns
        except OSError:  # the folder went: there are no photos until it is back
            self._by_id, self._read_ns = {}, -1
            return
        if changed_ns == self._read_ns:
            return
        self._read_ns = changed_ns
        self._by_id = {
            unquote(path.stem): Photo(path, _TYPES[path.suffix.lower()])
            for path in sorted(self._folder.iterdir())
            if path.suffix.lower() in _TYPES and path.is_file() and not path.is_symlink()
        }

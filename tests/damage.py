"""Damage to a copy of a bundle, for tests of what the reader refuses."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Damage:
    """Changes to a bundle folder that keep, or don't keep, its manifest true."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def manifest(self, change: Callable[[dict[str, Any]], None]) -> None:
        path = self.folder / "manifest.json"
        document = json.loads(path.read_bytes())
        change(document)
        path.write_text(json.dumps(document), encoding="utf-8")

    def replace(self, name: str, content: bytes) -> None:
        """Put ``content`` at ``name`` and state its true size and hash in the manifest."""
        (self.folder / name).write_bytes(content)
        record = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        self.manifest(lambda document: document["files"].update({name: record}))

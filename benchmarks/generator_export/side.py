"""A side: anything that runs one graph, and the bytes of its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

Feeds = Mapping[str, np.ndarray]


class Painter(Protocol):
    """Anything that runs one graph."""

    def run(self, feeds: Feeds, outputs: Sequence[str]) -> Sequence[np.ndarray]:
        """Return the outputs for ``feeds``."""


@dataclass(frozen=True)
class Side:
    """One contender: what runs it, and the bytes of its file."""

    painter: Painter
    size_bytes: int

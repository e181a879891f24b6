"""How fast one core reads memory."""

from __future__ import annotations

import time

import torch

SIZE_BYTES = 2 << 30  # beyond any cache
REPEATS = 5


def read_bytes_per_s() -> float:
    """Return the most bytes a second that any of three ways to read a large array once reaches."""
    memory = torch.ones(SIZE_BYTES // 4)
    ways = (lambda: memory.dot(memory), memory.sum, memory.amax)
    best_s = float("inf")
    for _ in range(REPEATS):
        for read in ways:
            started = time.process_time()
            read()
            best_s = min(best_s, time.process_time() - started)
    return SIZE_BYTES / best_s

"""How fast variants are beside fp32 on the exporting machine: run in turns, medians compared."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from runtime.bench import Length, interleave
from runtime.session import open_session

if TYPE_CHECKING:
    from numpy.typing import NDArray

Feeds = Mapping[str, "NDArray[Any]"]
SECONDS = 0.5
"""How long each variant runs on each pool of requests, in seconds."""
_THREADS = 1  # more would measure how busy the machine's other cores are


def measure_speedups(
    base: bytes,
    candidates: Mapping[str, bytes],
    pools: Sequence[Sequence[Feeds]],
    outputs: Sequence[str],
    provider: str = "cpu",
) -> dict[str, float]:
    """Return how many times as fast as ``base`` each candidate is.

    All graphs answer the same requests in turns in one process, on one thread; the figure is the
    ratio of the medians, and of several pools (batch sizes) the smallest one. On the CPU core time
    is taken, which other programs on the machine disturb least.

    Args:
        base: the fp32 graph.
        candidates: graphs by variant, with the inputs and outputs of ``base``.
        pools: for each batch size the batches to ask, in turn.
        outputs: names of the outputs to ask for.
        provider: "cpu" or "cuda".

    Raises:
        UnusableInput: a graph cannot be opened or run.
    """
    if not candidates:
        return {}
    graphs = {"": base, **candidates}
    sessions = {name: open_session(graph, provider, _THREADS) for name, graph in graphs.items()}
    clock_ns = time.process_time_ns if provider == "cpu" else time.perf_counter_ns
    ratios: dict[str, list[float]] = {name: [] for name in candidates}
    for pool in pools:
        batches = [dict(feeds) for feeds in pool]
        taken = interleave(sessions, outputs, batches, Length(seconds=SECONDS), clock_ns)
        medians = {name: float(np.median(times)) for name, times in taken.items()}
        for name, of_name in ratios.items():
            of_name.append(medians[""] / medians[name])
    return {name: min(of_name) for name, of_name in ratios.items()}

"""Latency and throughput on this device: the variants of a bundle run in turns on its own requests.

Requests are the golden vectors, so they are the same on every device. Between two variants only the
graph differs: in each round all of them answer the same batch, one after another.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from runtime.errors import UnusableInput
from runtime.golden import GeneratorGolden, RecommenderGolden
from runtime.manifest import ModelSection, RecommenderSection
from runtime.session import Session, open_session, resolve_provider, thread_count
from runtime.session_cost import SessionCost, session_cost

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runtime.bundle import Bundle

Feeds = dict[str, "NDArray[Any]"]
BATCHES = (1, 8, 64)
WARM_UP_ROUNDS = 3
LEAST_ROUNDS = 5
_POOL_BATCHES = 8  # as many different batches are prepared, and asked in turn
_POOL_BYTES = 128 << 20  # of prepared batches: 64 requests at a million items take half of it
_BASE = "fp32"


@dataclass(frozen=True)
class Timing:
    """How fast one variant answers batches of one size.

    Attributes:
        model: "recommender" or "generator".
        variant: "fp32", "fp16", "int8".
        batch: requests or pictures a run.
        threads: threads a run may use.
        rounds: how many runs were timed.
        p50_ms: median of a run, in milliseconds.
        p95_ms: what 95 % of the runs stayed within, in milliseconds.
        per_second: requests or pictures a second over all runs.
        speedup: the median of fp32 over this one's; None where the bundle has no fp32.
    """

    model: str
    variant: str
    batch: int
    threads: int
    rounds: int
    p50_ms: float
    p95_ms: float
    per_second: float
    speedup: float | None

    def to_json(self) -> dict[str, Any]:
        """Return the entry of ``timings`` in ``endcap bench --json``."""
        return asdict(self)


@dataclass(frozen=True)
class Length:
    """How long to measure: ``rounds`` runs, or where that is None ``seconds`` a variant."""

    rounds: int | None = None
    seconds: float = 1.0


@dataclass(frozen=True)
class BenchReport:
    """What was measured on ``provider`` ("cpu" or "cuda")."""

    provider: str
    timings: tuple[Timing, ...]
    sessions: tuple[SessionCost, ...]


def bench_bundle(
    bundle: Bundle,
    provider: str = "auto",
    threads: Sequence[int] = (),
    batches: Sequence[int] = BATCHES,
    length: Length = Length(),
) -> BenchReport:
    """Measure every variant of both models of ``bundle``.

    Args:
        bundle: what to measure.
        provider: "cpu", "cuda", or "auto" (CUDA where it is available, else the CPU).
        threads: how many threads a run may use, each measured on its own; empty for one, and as
            many as a run gets by default. Graphs are opened with the largest of them.
        batches: batch sizes, each measured on its own.
        length: how long each is measured.

    Raises:
        MissingCapability: the provider, or onnxruntime, is not there.
        UnusableInput: a variant cannot run, or there are no golden vectors to ask with.
    """
    actual = resolve_provider(provider)
    counts = sorted({thread_count(count) for count in threads or (1, None)})
    timings: list[Timing] = []
    costs: list[SessionCost] = []
    for model, section in bundle.manifest.sections().items():
        contents = {name: bundle.read_bytes(v.file) for name, v in section.variants.items()}
        for name, content in contents.items():
            costs.append(session_cost(model, name, content, actual, counts[-1]))
        outputs = [tensor.name for tensor in section.outputs]
        pick, count = _requests(bundle, model, section)
        for threads_a_run in counts:
            sessions = {
                name: open_session(content, actual, threads_a_run)
                for name, content in contents.items()
            }
            for batch in batches:
                taken = interleave(sessions, outputs, _pool(pick, count, batch), length)
                timings += summarise(model, batch, threads_a_run, taken)
    return BenchReport(actual, tuple(timings), tuple(costs))


def interleave(
    sessions: Mapping[str, Session],
    outputs: Sequence[str],
    pool: Sequence[Feeds],
    length: Length,
    clock_ns: Callable[[], int] = time.perf_counter_ns,
) -> dict[str, list[int]]:
    """Run all ``sessions`` in turns and return how long each run took, in nanoseconds.

    The first runs are not counted, and each round begins with the next session, so that none of
    them always runs after the same other one.

    Args:
        sessions: by variant; all take the same inputs.
        outputs: what to ask of each.
        pool: batches of requests, asked round after round.
        length: how many rounds, or how many seconds a session, at least 5 rounds.
        clock_ns: a monotonic clock.
    """
    taken: dict[str, list[int]] = {name: [] for name in sessions}
    names = list(sessions)
    for feeds in [pool[n % len(pool)] for n in range(WARM_UP_ROUNDS)]:
        for name in names:
            sessions[name].run(feeds, outputs)
    limit_ns = length.seconds * 1e9 * len(names)
    begun_ns, done = clock_ns(), 0
    while not _enough(length, done, clock_ns() - begun_ns >= limit_ns):
        feeds = pool[done % len(pool)]
        first = done % len(names)
        for name in names[first:] + names[:first]:
            started_ns = clock_ns()
            sessions[name].run(feeds, outputs)
            taken[name].append(clock_ns() - started_ns)
        done += 1
    return taken


def summarise(
    model: str, batch: int, threads: int, taken_ns: Mapping[str, Sequence[int]]
) -> list[Timing]:
    """Turn the nanoseconds of the runs of each variant into one timing each.

    Percentiles are measured values: the smallest that half, or 95 %, of the runs stayed within.
    """
    percentiles = {
        name: np.percentile(taken, [50, 95], method="inverted_cdf") / 1e6
        for name, taken in taken_ns.items()
    }
    base = percentiles.get(_BASE)
    return [
        Timing(
            model=model,
            variant=name,
            batch=batch,
            threads=threads,
            rounds=len(taken),
            p50_ms=float(percentiles[name][0]),
            p95_ms=float(percentiles[name][1]),
            per_second=batch * len(taken) * 1e9 / sum(taken),
            speedup=float(base[0] / percentiles[name][0]) if base is not None else None,
        )
        for name, taken in taken_ns.items()
    ]


def _enough(length: Length, done: int, out_of_time: bool) -> bool:
    if length.rounds is not None:
        return done >= length.rounds
    return done >= LEAST_ROUNDS and out_of_time


def _requests(
    bundle: Bundle, model: str, section: ModelSection
) -> tuple[Callable[[Sequence[int]], Feeds], int]:
    """Return what picks the graph's inputs by golden index, and how many golden vectors exist."""
    arrays = bundle.arrays(section.golden)
    pick: Callable[[Sequence[int]], Feeds]
    if isinstance(section, RecommenderSection):
        requests = RecommenderGolden.from_arrays(arrays, section.golden)
        pick, count = partial(requests.pick, n_rows=section.n_items + 1), len(requests)
    else:
        pictures = GeneratorGolden.from_arrays(arrays, section.golden)
        pick, count = pictures.pick, len(pictures)
    if count == 0:
        raise UnusableInput(f"the {model} has no golden vectors to ask with; export it again")
    return pick, count


def _pool(pick: Callable[[Sequence[int]], Feeds], count: int, batch: int) -> list[Feeds]:
    """Prepare different batches, going round and round the golden vectors in their order."""
    pool: list[Feeds] = []
    size_bytes = 0
    while len(pool) < _POOL_BATCHES and size_bytes < _POOL_BYTES:
        start = len(pool) * batch
        pool.append(pick([n % count for n in range(start, start + batch)]))
        size_bytes += sum(array.nbytes for array in pool[-1].values())
    return pool

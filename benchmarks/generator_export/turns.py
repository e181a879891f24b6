"""Taking turns: every side runs the same batches in one process, medians over core time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.generator_export.side import Feeds, Side
from runtime.comparison import psnr_db
from runtime.golden import GeneratorGolden

BATCHES = (1, 16)


@dataclass(frozen=True)
class Figures:
    """What was found of a contender: milliseconds a picture by batch, PSNR in dB, bytes."""

    ms: Mapping[int, float]
    psnr_db: float
    size_bytes: int


def take_turns(
    sides: Mapping[str, Side], batches: Sequence[Feeds], rounds: int, runs: int
) -> dict[str, float]:
    """Return the median seconds of core time of a run of each side, ``runs`` of them a turn."""
    taken: dict[str, list[float]] = {name: [] for name in sides}
    names = list(sides)
    for turn in range(rounds + 1):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            for run in range(runs):
                feeds = batches[(turn * runs + run) % len(batches)]
                started = time.process_time()
                sides[name].painter.run(feeds, ["image"])
                seconds = time.process_time() - started
                if turn:  # the first turn warms up
                    taken[name].append(seconds)
    return {name: float(np.median(seconds)) for name, seconds in taken.items()}


def measure(
    sides: Mapping[str, Side], fresh: GeneratorGolden, rounds: int, runs: int
) -> dict[str, Figures]:
    """Time every side at every batch size, and compare its pictures with torch's."""
    ms: dict[str, dict[int, float]] = {name: {} for name in sides}
    for batch in BATCHES:
        starts = range(0, min(len(fresh), 8 * batch), batch)
        pool = [fresh.feeds(start, start + batch) for start in starts]
        fewer = max(3, rounds * 4 // (3 + batch))
        for name, seconds in take_turns(sides, pool, fewer, runs).items():
            ms[name][batch] = seconds * 1000 / batch
    figures = {}
    for name, side in sides.items():
        drawn = [np.asarray(side.painter.run(feeds, ["image"])[0]) for feeds in fresh.batches()]
        quality = psnr_db(fresh.image, np.concatenate(drawn))
        figures[name] = Figures(ms[name], quality, side.size_bytes)
    return figures

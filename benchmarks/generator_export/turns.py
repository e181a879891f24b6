"""Taking turns: every side runs the same batches in one process, medians over core time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.generator_export.side import Feeds, Painter, Side
from benchmarks.turns import take_turns
from runtime.comparison import psnr_db
from runtime.golden import GeneratorGolden

BATCHES = (1, 16)


@dataclass(frozen=True)
class Figures:
    """What was found of a contender: milliseconds a picture by batch, PSNR in dB, bytes."""

    ms: Mapping[int, float]
    psnr_db: float
    size_bytes: int


def timed(
    sides: Mapping[str, Side], batches: Sequence[Feeds], rounds: int, runs: int
) -> dict[str, float]:
    """Return the median seconds of core time of a run of each side, ``runs`` of them a turn."""

    def asker(painter: Painter) -> Callable[[int], object]:
        return lambda number: painter.run(batches[number % len(batches)], ["image"])

    return take_turns({name: asker(side.painter) for name, side in sides.items()}, rounds, runs)


def measure(
    sides: Mapping[str, Side], fresh: GeneratorGolden, rounds: int, runs: int
) -> dict[str, Figures]:
    """Time every side at every batch size, and compare its pictures with torch's."""
    ms: dict[str, dict[int, float]] = {name: {} for name in sides}
    for batch in BATCHES:
        starts = range(0, min(len(fresh), 8 * batch), batch)
        pool = [fresh.feeds(start, start + batch) for start in starts]
        fewer = max(3, rounds * 4 // (3 + batch))
        for name, seconds in timed(sides, pool, fewer, runs).items():
            ms[name][batch] = seconds * 1000 / batch
    figures = {}
    for name, side in sides.items():
        drawn = [np.asarray(side.painter.run(feeds, ["image"])[0]) for feeds in fresh.batches()]
        quality = psnr_db(fresh.image, np.concatenate(drawn))
        figures[name] = Figures(ms[name], quality, side.size_bytes)
    return figures

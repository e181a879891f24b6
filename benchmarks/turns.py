"""Sides of a benchmark in turns: what disturbs the machine disturbs all of them alike."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

import numpy as np


def on_one_core() -> int:
    """Keep this process on the last of its cores, and return that core's number."""
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


def take_turns(
    sides: Mapping[str, Callable[[int], object]], rounds: int, runs: int = 1
) -> dict[str, float]:
    """Return the median seconds of core time of a run of each side.

    A round more is run first, which warms up and is not counted. Each round begins with the next
    side, so that none of them always runs after the same other one.

    Args:
        sides: name -> what answers the question of a number; all sides are asked the same numbers,
            from 0 to ``(rounds + 1) * runs - 1``.
        rounds: counted turns of each side.
        runs: questions in a turn.
    """
    taken: dict[str, list[float]] = {name: [] for name in sides}
    names = list(sides)
    for turn in range(rounds + 1):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            for run in range(runs):
                started = time.process_time()
                sides[name](turn * runs + run)
                seconds = time.process_time() - started
                if turn:
                    taken[name].append(seconds)
    return {name: float(np.median(seconds)) for name, seconds in taken.items()}

"""Fidelity and variety told apart, by whose neighbourhood a picture falls into.

Precision and recall: Kynkäänniemi et al., "Improved Precision and Recall Metric for Assessing
Generative Models" (NeurIPS 2019). Density and coverage: Naeem et al., "Reliable Fidelity and
Diversity Metrics for Generative Models" (ICML 2020).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.generator.distances import BLOCK, Features

K = 5


@dataclass(frozen=True)
class Neighbourhoods:
    """What share of pictures lies in the balls around others' that reach their k-th neighbour.

    Attributes:
        precision: of generated pictures, those in a real one's ball.
        recall: of real pictures, those in a generated one's ball.
        density: real balls around a generated picture, over k; above 1 where they crowd.
        coverage: of real balls, those that hold a generated picture.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def compare_neighbourhoods(real: Features, generated: Features, k: int = K) -> Neighbourhoods:
    """Compare generated pictures with real ones; the figures depend on both sample sizes.

    Args:
        real: float64 [n, d], n above ``k``.
        generated: float64 [m, d], m above ``k``.
        k: neighbours that a ball reaches, the picture itself not counted.
    """
    real_reach, generated_reach = _reach(real, k), _reach(generated, k)
    around = np.zeros(len(generated), np.int64)  # real balls around each generated picture
    covered, recalled = [], []
    for rows, squared in _squared_distances(real, generated):
        inside = squared <= real_reach[rows, None]  # [block, m]
        around += inside.sum(0)
        covered.append(inside.any(1))
        recalled.append((squared <= generated_reach).any(1))
    return Neighbourhoods(
        precision=float((around > 0).mean()),
        recall=float(np.concatenate(recalled).mean()),
        density=float(around.mean()) / k,
        coverage=float(np.concatenate(covered).mean()),
    )


def nearest(queries: Features, among: Features, k: int) -> tuple[NDArray[np.int64], Features]:
    """Find each query's nearest rows of ``among``, nearest first.

    Args:
        queries: float64 [n, d].
        among: float64 [m, d].
        k: how many; at most m.

    Returns:
        Rows, int64 [n, k], and distances, float64 [n, k].
    """
    found, distances = [], []
    for _, squared in _squared_distances(queries, among):
        rows = np.argpartition(squared, k - 1, axis=1)[:, :k]
        values = np.take_along_axis(squared, rows, axis=1)
        order = np.lexsort((rows, values), axis=1)
        found.append(np.take_along_axis(rows, order, axis=1))
        distances.append(np.sqrt(np.take_along_axis(values, order, axis=1)))
    return np.concatenate(found), np.concatenate(distances)


def _reach(points: Features, k: int) -> Features:
    """Give each point's squared distance to its k-th neighbour, float64 [n]."""
    reach = []
    for rows, squared in _squared_distances(points, points):
        squared[np.arange(len(squared)), np.arange(rows.start, rows.stop)] = np.inf
        reach.append(np.partition(squared, k - 1, axis=1)[:, k - 1])
    return np.concatenate(reach)


def _squared_distances(a: Features, b: Features) -> Iterator[tuple[slice, Features]]:
    """Yield (rows of a, their squared distances to all of b) block by block."""
    squares = (b**2).sum(1)
    rows_at_once = max(1, BLOCK * BLOCK * 8 // len(b))  # 64 MiB
    for first in range(0, len(a), rows_at_once):
        rows = slice(first, min(first + rows_at_once, len(a)))
        squared = (a[rows] ** 2).sum(1)[:, None] + squares - 2 * a[rows] @ b.T
        yield rows, np.maximum(squared, 0, out=squared)

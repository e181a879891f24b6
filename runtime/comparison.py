"""What parity measures: how far answers are from torch's own, in numbers a shop cares about."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

K = 10
"""Depth of overlap and NDCG."""

TIE = 1e-5
"""Scores closer than this are ties: either order is right."""

PSNR_CAP_DB = 999.0
"""What PSNR says of identical images, whose true PSNR is infinite and no JSON number."""

SCORE_DIFF, OVERLAP, NDCG_LOSS, PSNR = (
    "max_abs_score_diff",
    f"overlap_at_{K}",
    f"ndcg_at_{K}_relative_loss",
    "psnr_db",
)

TOLERANCES: Mapping[str, Mapping[str, float | None]] = {
    SCORE_DIFF: {"fp32": 1e-4, "fp16": None, "int8": None},
    OVERLAP: {"fp32": 1.0, "fp16": 0.99, "int8": 0.95},
    NDCG_LOSS: {"fp32": 0.001, "fp16": 0.005, "int8": 0.01},
    PSNR: {"fp32": 55.0, "fp16": 45.0, "int8": 30.0},
}
"""Tolerance by metric and variant (design section 6); None: reported, not judged."""

_AT_LEAST = frozenset({OVERLAP, PSNR})  # of these more is better, of the others less


@dataclass(frozen=True)
class Check:
    """One figure of one variant against torch's own, and whether it is in tolerance.

    Attributes:
        model: "recommender" or "generator".
        variant: "fp32", "fp16", "int8".
        compared: how many requests or pictures the figure is over; 0 is a failure.
        metric: a key of :data:`TOLERANCES`.
        value: the figure; None where there is none, or none that is finite: a failure.
        tolerance: what it was held against; None: the figure is only reported.
        passed: the verdict.
    """

    model: str
    variant: str
    compared: int
    metric: str
    value: float | None
    tolerance: float | None
    passed: bool

    def to_json(self) -> dict[str, Any]:
        """Return the entry of ``checks`` in ``endcap parity --json``."""
        return {
            "model": self.model,
            "variant": self.variant,
            "compared": self.compared,
            "metric": self.metric,
            "value": self.value,
            "tolerance": self.tolerance,
            "passed": self.passed,
        }


def judge(model: str, variant: str, metric: str, compared: int, value: float) -> Check:
    """Hold ``value`` against the tolerance of ``metric`` for ``variant``.

    A variant that the table does not know is held to the tolerance of fp32.
    """
    by_variant = TOLERANCES[metric]
    tolerance = by_variant.get(variant, by_variant["fp32"])
    finite = compared > 0 and math.isfinite(value)
    if tolerance is None or not finite:
        passed = finite
    else:
        passed = value >= tolerance if metric in _AT_LEAST else value <= tolerance
    return Check(model, variant, compared, metric, value if finite else None, tolerance, passed)


def compare_recommender(
    variant: str,
    reference_item: NDArray[np.int64],
    reference_score: NDArray[np.float32],
    item: NDArray[np.int64],
    score: NDArray[np.float32],
    target: NDArray[np.int64],
) -> list[Check]:
    """Judge answers to the same n requests: score difference, overlap and NDCG loss.

    Args:
        variant: name of the variant judged.
        reference_item: torch's item rows, [n, top_k], best first, 0 = none.
        reference_score: torch's scores, [n, top_k], descending, -inf where the item is 0.
        item: the variant's item rows, same shape.
        score: the variant's scores, same shape.
        target: held-out item rows, [n], 0 = none.
    """
    n = len(reference_item) if item.shape == reference_item.shape else 0
    diff = max_abs_score_diff(reference_score, score) if n else math.nan
    overlap = (
        float(overlap_at_k(reference_item, reference_score, item, score).mean()) if n else math.nan
    )
    n_targets = int(np.count_nonzero(target)) if n else 0
    loss = relative_ndcg_loss(reference_item, item, score, target) if n_targets else math.nan
    return [
        judge("recommender", variant, SCORE_DIFF, n, diff),
        judge("recommender", variant, OVERLAP, n, overlap),
        judge("recommender", variant, NDCG_LOSS, n_targets, loss),
    ]


def compare_generator(
    variant: str, reference: NDArray[np.uint8], image: NDArray[np.uint8]
) -> list[Check]:
    """Judge pictures from the same latents, uint8 [n, height, width, channels]: PSNR."""
    same = image.shape == reference.shape and image.dtype == reference.dtype
    n = len(reference) if same else 0
    return [judge("generator", variant, PSNR, n, psnr_db(reference, image) if n else math.nan)]


def max_abs_score_diff(reference: NDArray[np.float32], score: NDArray[np.float32]) -> float:
    """Return the largest difference between two [n, top_k] score tables, position by position.

    Both are sorted, so items that tie may change places without any difference. Positions without
    an item (-inf) must be the same in both, else the difference is infinite.
    """
    empty, finite = np.isneginf(reference), np.isfinite(reference)
    if not np.array_equal(empty, np.isneginf(score)) or not np.all(np.isfinite(score[finite])):
        return math.inf
    if not np.all(empty | finite):
        return math.inf
    diff = np.abs(reference[finite].astype(np.float64) - score[finite])
    return float(diff.max()) if diff.size else 0.0


def overlap_at_k(
    reference_item: NDArray[np.int64],
    reference_score: NDArray[np.float32],
    item: NDArray[np.int64],
    score: NDArray[np.float32],
    k: int = K,
) -> NDArray[np.float64]:
    """Return for each of n requests the share of the reference's first k that is found again.

    Items within 1e-5 of the reference's k-th score tie: any of them may fill the places that such
    items have among the first k. The reference's own score counts where it lists the item, else
    the variant's.

    Args:
        reference_item: [n, top_k], 0 = none.
        reference_score: [n, top_k].
        item: [n, top_k], 0 = none.
        score: [n, top_k].
        k: how many count.
    """
    result = np.empty(len(item), np.float64)
    for i in range(len(item)):
        reference = {
            int(row): float(value)
            for row, value in zip(reference_item[i], reference_score[i], strict=True)
            if row != 0
        }
        wanted = [int(row) for row in reference_item[i, :k] if row != 0]
        found = {int(r): float(s) for r, s in zip(item[i, :k], score[i, :k], strict=True) if r != 0}
        if not wanted:
            result[i] = 0.0 if found else 1.0
            continue
        last = reference[wanted[-1]]
        sure = {row for row in wanted if reference[row] - last > TIE}
        tied = {
            row
            for row, own in found.items()
            if row not in sure and abs(reference.get(row, own) - last) <= TIE
        }
        places = len(wanted) - len(sure)  # any of those that tie may fill them
        result[i] = (len(sure & found.keys()) + min(len(tied), places)) / len(wanted)
    return result


def relative_ndcg_loss(
    reference_item: NDArray[np.int64],
    item: NDArray[np.int64],
    score: NDArray[np.float32],
    target: NDArray[np.int64],
    k: int = K,
) -> float:
    """Return (NDCG@k of the reference - NDCG@k of the variant) / NDCG@k of the reference.

    One relevant item a request, the target; requests without one (0) don't count. Where target
    and the item in its reference position tie in the variant's scores, the place is not lost.
    Negative where the variant ranks better; 0 where the reference finds nothing at all.

    Args:
        reference_item: [n, top_k].
        item: [n, top_k].
        score: [n, top_k], of the variant.
        target: [n].
        k: depth of the ranking.
    """
    reference_gain = gain = 0.0
    for i in np.flatnonzero(target):
        before, after = _rank(reference_item[i], target[i]), _rank(item[i], target[i])
        if before is not None and after is not None and before != after:
            tied = abs(float(score[i, before]) - float(score[i, after])) <= TIE
            after = before if tied else after
        reference_gain += _gain(before, k)
        gain += _gain(after, k)
    return (reference_gain - gain) / reference_gain if reference_gain else 0.0


def psnr_db(reference: NDArray[np.uint8], image: NDArray[np.uint8]) -> float:
    """Return the peak signal-to-noise ratio over all pictures together, in dB.

    Identical pictures have an infinite ratio, which JSON cannot hold: they give 999.0
    (:data:`PSNR_CAP_DB`).
    """
    error = np.mean(np.square(reference.astype(np.float64) - image.astype(np.float64)))
    return float(10 * np.log10(255.0**2 / error)) if error else PSNR_CAP_DB


def _rank(items: NDArray[np.int64], target: np.int64) -> int | None:
    places = np.flatnonzero(items == target)
    return int(places[0]) if len(places) else None


def _gain(rank: int | None, k: int) -> float:
    return 1 / math.log2(rank + 2) if rank is not None and rank < k else 0.0

"""The peers of each benchmark, with the grids that validation chooses from."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Settings = Mapping[str, Any]


def grid(**values: tuple[Any, ...]) -> tuple[Settings, ...]:
    """Return every combination of the values, the first name varying slowest."""
    return tuple(
        dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())
    )


@dataclass(frozen=True)
class Peer:
    """A contestant that runs in a process of its own.

    Attributes:
        label: how tables name it.
        fit: its name in ``benchmarks.quality.answer.FITS``.
        fits: settings that it is fitted with, tuned on validation where there are several.
        queries: settings that it is asked with, tuned with them.
        library: whether it needs the peers' environment; the others are plain numpy and torch.
        drawn: whether its answers depend on a seed.
    """

    label: str
    fit: str
    fits: tuple[Settings, ...] = ({},)
    queries: tuple[Settings, ...] = ({},)
    library: bool = False
    drawn: bool = False


NEIGHBOURS = grid(neighbours=(0, 50, 200))
DECAYS = grid(decay=(1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3))

POPULARITY = Peer("popularity", "popularity")
KNN = Peer("item-kNN cosine", "item-knn", NEIGHBOURS)
KNN_RECENCY = Peer("item-kNN cosine, recency-weighted", "item-knn", NEIGHBOURS, DECAYS)
PURE_SVD = Peer("PureSVD", "pure-svd", grid(rank=(10, 20, 30, 50)))
SASREC = Peer(
    "RecTools SASRec", "sasrec", grid(factors=(128,), epochs=(15,)), library=True, drawn=True
)


def ease(*l2: float) -> Peer:
    """EASE with the penalties that validation may choose; a single one is named."""
    label = f"EASE, lambda {l2[0]:g}" if len(l2) == 1 else "EASE"
    return Peer(label, "ease", grid(l2=l2))


def ease_recency(*l2: float) -> Peer:
    """EASE asked with a recency-weighted context."""
    return Peer("EASE, recency-weighted", "ease", grid(l2=l2), DECAYS)


def als(*, factors: tuple[int, ...], l2: tuple[float, ...], alpha: tuple[float, ...]) -> Peer:
    """Alternating least squares of the library implicit."""
    fits = grid(factors=factors, l2=l2, alpha=alpha)
    return Peer("implicit ALS", "als", fits, library=True, drawn=True)


def bpr(*, factors: tuple[int, ...], rate: tuple[float, ...], l2: tuple[float, ...]) -> Peer:
    """Bayesian personalised ranking of the library implicit."""
    fits = grid(factors=factors, learning_rate=rate, l2=l2)
    return Peer("implicit BPR", "bpr", fits, library=True, drawn=True)

"""Held-out evaluation: anything that answers requests, ranked against the cases' answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from trainer.cases import Cases
from trainer.metrics import (
    RESAMPLES,
    bootstrap_intervals,
    popularity_ranks,
    ranking_metrics,
    shown_popularity,
)
from trainer.recommender.candidates import Candidates
from trainer.recommender.tiers import ANONYMOUS, KNOWN, NOBODY, TIERS, Tier
from trainer.recommender.yardsticks import (
    CATEGORY_EXPECTED,
    CATEGORY_POPULARITY,
    POPULARITY,
    ColdItems,
    Recommend,
    category_recommend,
    expected_sales,
    popularity_recommend,
)

K = 10

Advance = Callable[[int], None]
"""Told how many cases were ranked since the last time."""


class ServingModel(Protocol):
    """What both recommenders offer."""

    def serve(
        self, user: Tensor, basket: Tensor, allowed: Tensor, top_k: int
    ) -> tuple[Tensor, Tensor]:
        """Answer requests as the exported graph does."""


def torch_recommend(model: ServingModel, device: torch.device, k: int = K) -> Recommend:
    """Wrap a torch model as a :data:`Recommend`."""

    def recommend(user: np.ndarray, basket: np.ndarray, allowed: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            item, _ = model.serve(
                torch.from_numpy(user).to(device),
                torch.from_numpy(basket).to(device),
                torch.from_numpy(allowed).to(device),
                min(k, allowed.shape[1] - 1),
            )
        found: np.ndarray = item.cpu().numpy()
        return found

    return recommend


def rank_together(
    contestants: Mapping[str, tuple[Recommend, Tier]],
    cases: Cases,
    candidates: Candidates,
    max_basket: int,
    advance: Advance = lambda count: None,
) -> dict[str, np.ndarray]:
    """Rank every case by every contestant among the same candidates.

    Args:
        contestants: name -> what is evaluated, and how much it is told.
        cases: questions with known answers, one at least.
        candidates: what competes.
        max_basket: newest context items that a model is given.
        advance: for a progress bar.

    Returns:
        name -> int64 [n, k].
    """
    ranked: dict[str, list[np.ndarray]] = {name: [] for name in contestants}
    for batch, allowed in candidates.batches(cases):
        for name, (recommend, tier) in contestants.items():
            ranked[name].append(recommend(*tier.requests(batch, max_basket), allowed))
        advance(len(batch))
    return {name: np.concatenate(parts) for name, parts in ranked.items()}


def rank_cases(
    recommend: Recommend, cases: Cases, *, n_rows: int, max_basket: int, hide_context: bool
) -> np.ndarray:
    """Rank every case with all that is known, against the whole catalogue, int64 [n, k].

    Args:
        recommend: what is evaluated.
        cases: questions with known answers.
        n_rows: item rows, padding counted.
        max_basket: newest context items that the model is given.
        hide_context: as in :class:`Candidates`.
    """
    candidates = Candidates(n_rows, hide_context)
    return rank_together({"": (recommend, KNOWN)}, cases, candidates, max_basket)[""]


def summarise(ranked: np.ndarray, cases: Cases, n_rows: int, k: int = K) -> dict[str, Any]:
    """Average the metrics at k over the cases, with catalogue coverage and the counts.

    A list is shorter than k where the catalogue is: its last places stay empty.
    """
    full = _of_length(ranked, k)
    return _means(full, ranking_metrics(full, cases, n_rows), n_rows)


def figures(ranked: np.ndarray, cases: Cases, counts: np.ndarray, k: int = K) -> dict[str, Any]:
    """Summarise, with the popularity of what is shown and an interval around every mean.

    Args:
        ranked: int64 [n, up to k], item rows best first.
        cases: n cases.
        counts: int64 [n_rows], purchases of each item before the test.
        k: places that are looked at.
    """
    full = _of_length(ranked, k)
    rank = shown_popularity(full, popularity_ranks(counts))
    metrics = ranking_metrics(full, cases, len(counts))
    by_case = metrics | {"popularity_rank": rank}
    return {
        **_means(full, metrics, len(counts)),
        f"popularity_rank@{k}": float(rank.mean()),
        "interval": {
            f"{name}@{k}": list(bounds) for name, bounds in bootstrap_intervals(by_case).items()
        },
    }


def _means(full: np.ndarray, by_case: Mapping[str, np.ndarray], n_rows: int) -> dict[str, Any]:
    """Average metrics, float64 [n] by name, of the lists ``full``, int64 [n, k]."""
    n, k = full.shape
    shown = np.unique(full[full > 0])
    return {f"{name}@{k}": float(values.mean()) for name, values in by_case.items()} | {
        f"coverage@{k}": len(shown) / (n_rows - 1),
        "cases": n,
    }


def _of_length(ranked: np.ndarray, k: int) -> np.ndarray:
    full = np.zeros((len(ranked), k), np.int64)
    full[:, : ranked.shape[1]] = ranked[:, :k]
    return full


def evaluate_beside_popularity(
    recommend: Recommend,
    cases: Cases,
    counts: np.ndarray,
    *,
    max_basket: int,
    hide_context: bool,
    protocol: str = "full",
    k: int = K,
    cold: ColdItems | None = None,
    advance: Advance = lambda count: None,
) -> dict[str, Any]:
    """Evaluate every tier and the popularity yardstick among the same candidates.

    Args:
        recommend: what is evaluated, k items at a time.
        cases: test cases; each tier counts those that have what it tells.
        counts: int64 [n_rows], purchases of each item before the test.
        max_basket: newest context items that the model is given.
        hide_context: as in :class:`Candidates`.
        protocol: "full" and "random" rank against the whole catalogue, "sampled" against 99 items
            that the shopper never took.
        k: items that are looked at.
        cold: hidden items and the cases that ask for them; always ranked in full.
        advance: for a progress bar over cases and cold cases twice.

    Returns:
        {"protocol", "k", "cases", "answers", "items", "seen_items_hidden", "resamples", "results"},
        whose results go by tier and yardstick, and are empty when there are no cases.
    """
    results: dict[str, Any] = {}
    if len(cases):
        asked = {tier.name: tier.asks(cases) for tier in TIERS}
        contestants = {t.name: (recommend, t) for t in TIERS if len(asked[t.name])}
        contestants[POPULARITY] = (popularity_recommend(counts, k), NOBODY)
        asked[POPULARITY] = NOBODY.asks(cases)
        candidates = Candidates(len(counts), hide_context, sampled=protocol == "sampled")
        ranked = rank_together(contestants, cases, candidates, max_basket, advance)
        for name, rows in ranked.items():
            results[name] = figures(rows[asked[name]], cases.take(asked[name]), counts, k)
    if cold is not None and len(cold.cases):
        results |= _cold_results(recommend, cold, counts, max_basket, hide_context, k, advance)
    return {
        "protocol": protocol,
        "k": k,
        "cases": len(cases),
        "answers": len(cases.target_items),
        "items": len(counts) - 1,
        "seen_items_hidden": hide_context,
        "resamples": RESAMPLES,
        "results": results,
    }


def _cold_results(
    recommend: Recommend,
    cold: ColdItems,
    counts: np.ndarray,
    max_basket: int,
    hide_context: bool,
    k: int,
    advance: Advance,
) -> dict[str, Any]:
    """Ask for hidden items, among themselves and against the whole catalogue, beside yardsticks.

    The model is told all that is known of the shopper, the yardsticks what lies in the basket. The
    first goes by sales, of which hidden items have none; the second expects of them what their
    labels' other items sold.
    """
    expected = expected_sales(counts, cold.labels)
    contestants = {
        "": (recommend, KNOWN),
        f", {CATEGORY_POPULARITY}": (category_recommend(counts, cold.category, k), ANONYMOUS),
        f", {CATEGORY_EXPECTED}": (category_recommend(expected, cold.category, k), ANONYMOUS),
    }
    results = {}
    for name, only in (("cold", cold.hidden), ("cold in whole catalogue", None)):
        candidates = Candidates(len(counts), hide_context, only=only)
        ranked = rank_together(contestants, cold.cases, candidates, max_basket, advance)
        for who, rows in ranked.items():
            results[name + who] = figures(rows, cold.cases, counts, k)
    return results

"""Held-out evaluation: anything that answers requests, ranked against the cases' answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from trainer.cases import Cases
from trainer.metrics import ranking_metrics

K = 10
SAMPLED_NEGATIVES = 99
BATCH = 256

Recommend = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""user [batch, 1], basket [batch, max_basket], allowed [batch, n_rows] -> items [batch, k]."""


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


def popularity_recommend(counts: np.ndarray, k: int = K) -> Recommend:
    """Recommend the most bought items among the allowed, the yardstick of every table.

    Args:
        counts: int64 [n_rows], training purchases of each item.
        k: items to show.
    """
    order = np.argsort(-counts, kind="stable")
    order = order[order > 0]

    def recommend(user: np.ndarray, basket: np.ndarray, allowed: np.ndarray) -> np.ndarray:
        free = allowed[:, order]  # [batch, n_items], most popular first
        place = np.argsort(~free, axis=1, kind="stable")[:, :k]
        return np.where(np.take_along_axis(free, place, axis=1), order[place], 0)

    return recommend


def rank_cases(
    recommend: Recommend,
    cases: Cases,
    *,
    n_rows: int,
    max_basket: int,
    hide_context: bool,
    protocol: str = "full",
    anonymous: bool = False,
    seed: int = 7,
) -> np.ndarray:
    """Rank every case, int64 [n, k].

    Args:
        recommend: what is evaluated.
        cases: questions with known answers.
        n_rows: item rows, padding counted.
        max_basket: newest context items that the model is given.
        hide_context: whether items that a known shopper already has compete no more; what lies in
            an anonymous basket never competes.
        protocol: "full" ranks against the whole catalogue, "sampled" against 99 unseen items.
        anonymous: withhold the user id.
        seed: seed of the sampled protocol's negatives.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    baskets = cases.baskets(max_basket)
    users = np.zeros_like(cases.user) if anonymous else cases.user
    ranked = []
    for start in range(0, len(cases), BATCH):
        chosen = range(start, min(start + BATCH, len(cases)))
        allowed = np.ones((len(chosen), n_rows), bool)
        allowed[:, 0] = False
        for row, case in enumerate(chosen):
            if hide_context or cases.user[case] == 0:
                allowed[row, cases.context(case)] = False
            allowed[row, cases.targets(case)] = True
            if protocol == "sampled":
                allowed[row] = _sampled(allowed[row], cases, case, rng)
        part = slice(chosen.start, chosen.stop)
        ranked.append(recommend(users[part, None], baskets[part], allowed))
    return np.concatenate(ranked)


def _sampled(allowed: np.ndarray, cases: Cases, case: int, rng: np.random.Generator) -> np.ndarray:
    """Leave the answers and 99 items that the shopper never took."""
    unseen = allowed.copy()
    unseen[cases.context(case)] = False
    unseen[cases.targets(case)] = False
    rows = np.flatnonzero(unseen)
    only = np.zeros_like(allowed)
    only[rng.choice(rows, min(SAMPLED_NEGATIVES, len(rows)), replace=False)] = True
    only[cases.targets(case)] = True
    return only


def summarise(ranked: np.ndarray, cases: Cases, n_rows: int) -> dict[str, Any]:
    """Average the metrics at :data:`K` over the cases, with catalogue coverage and the counts.

    A list is shorter than that where the catalogue is: its last places stay empty.
    """
    full = np.zeros((len(ranked), K), np.int64)
    full[:, : ranked.shape[1]] = ranked
    means = {name: float(v.mean()) for name, v in ranking_metrics(full, cases, n_rows).items()}
    shown = np.unique(full[full > 0])
    return {f"{name}@{K}": value for name, value in means.items()} | {
        f"coverage@{K}": len(shown) / (n_rows - 1),
        "cases": len(cases),
    }


def evaluate_beside_popularity(
    recommend: Recommend,
    cases: Cases,
    counts: np.ndarray,
    *,
    max_basket: int,
    hide_context: bool,
    protocol: str = "full",
) -> dict[str, Any]:
    """Evaluate with the user id, without it, and the popularity yardstick, on the same cases.

    Returns:
        {"protocol", "k", "cases", "items", "results": {"model", "model, anonymous", "popularity"}},
        whose results are empty when there are no cases.
    """
    n_rows = len(counts)

    def table(one: Recommend, *, anonymous: bool) -> dict[str, Any]:
        ranked = rank_cases(
            one,
            cases,
            n_rows=n_rows,
            max_basket=max_basket,
            hide_context=hide_context,
            protocol=protocol,
            anonymous=anonymous,
        )
        return summarise(ranked, cases, n_rows)

    results = {}
    if len(cases):
        results["model"] = table(recommend, anonymous=False)
        results["model, anonymous"] = table(recommend, anonymous=True)
        results["popularity"] = table(popularity_recommend(counts), anonymous=True)
    return {
        "protocol": protocol,
        "k": K,
        "cases": len(cases),
        "items": n_rows - 1,
        "seen_items_hidden": hide_context,
        "results": results,
    }

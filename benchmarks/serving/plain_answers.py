"""What plain servers answer with: ``session.run`` of a graph, and nothing of endcap's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime

from runtime.store import Store

Answer = Callable[[list[str], int], tuple[np.ndarray, np.ndarray]]
"""From item ids in the basket and k to rows and scores, best first."""


def naive(store: Store) -> Answer:
    """Score every item beside the shopper; mask and cut in numpy."""
    from benchmarks.serving.naive import pair_model  # needs onnx, which only this one does

    section = store.bundle.manifest.recommender
    assert section is not None
    session = _session(pair_model(section.n_users, section.n_items))
    items = np.arange(section.n_items + 1)
    rows = _rows(store)

    def answer(basket: list[str], k: int) -> tuple[np.ndarray, np.ndarray]:
        user = np.zeros_like(items)
        (score,) = session.run(["score"], {"user": user, "item": items})
        score[0] = -np.inf
        score[[rows[item] for item in basket if item in rows]] = -np.inf
        best = np.argpartition(-score, k)[:k]
        best = best[np.argsort(-score[best])]
        return best, score[best]

    return answer


def ours(store: Store) -> Answer:
    """Run the bundle's graph, which masks and cuts itself."""
    section = store.bundle.manifest.recommender
    assert section is not None
    session = _session(store.bundle.read_bytes(section.variants[section.default["cpu"]].file))
    rows = _rows(store)

    def answer(basket: list[str], k: int) -> tuple[np.ndarray, np.ndarray]:
        known = [rows[item] for item in basket if item in rows][-section.max_basket :]
        feeds = {
            "user": np.zeros((1, 1), np.int64),
            "basket": np.zeros((1, section.max_basket), np.int64),
            "allowed": np.ones((1, section.n_items + 1), bool),
        }
        if known:
            feeds["basket"][0, -len(known) :] = known
        feeds["allowed"][0, [0, *known]] = False
        item, score = session.run(["item", "score"], feeds)
        return item[0, :k], score[0, :k]

    return answer


def _session(model: bytes) -> Any:
    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])


def _rows(store: Store) -> dict[str, int]:
    return {store.catalogue.item_id(row): row for row in range(1, store.catalogue.n_items + 1)}

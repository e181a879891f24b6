"""The peers: a plain FastAPI app around ``session.run``, as its tutorial would have it.

``python -m benchmarks.serving.plain_app GRAPH BUNDLE --port P`` serves POST /recommend.

GRAPH is "naive" (a pair model: every item scored beside the shopper, the mask and the top k in
numpy) or "ours" (the bundle's own graph, mask and top k in it). ``--style`` sets a ``def`` endpoint
(FastAPI runs it in its pool of threads) or an ``async def`` one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.serving.naive import pair_model
from runtime.store import Store, load

Answer = Callable[[list[str], int], tuple[np.ndarray, np.ndarray]]


class Body(BaseModel):
    """What is asked."""

    user: int = 0
    basket: list[str] = []
    k: int = 10


class Item(BaseModel):
    """One item of the answer."""

    rank: int
    item_id: str
    title: str
    category: str | None
    score: float


class Reply(BaseModel):
    """The answer."""

    items: list[Item]


def naive(store: Store) -> Answer:
    """Score every item beside the shopper; mask and cut in numpy."""
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


def make_app(graph: str, store: Store, style: str) -> FastAPI:
    """Return the app."""
    answer = naive(store) if graph == "naive" else ours(store)
    catalogue = store.catalogue
    shown = [
        (catalogue.item_id(row), catalogue.title(row), catalogue.category(row))
        for row in range(1, catalogue.n_items + 1)
    ]
    app = FastAPI()

    def reply(body: Body) -> Reply:
        rows, scores = answer(body.basket, body.k)
        return Reply(
            items=[
                Item(
                    rank=rank,
                    item_id=shown[row - 1][0],
                    title=shown[row - 1][1],
                    category=shown[row - 1][2],
                    score=float(score),
                )
                for rank, (row, score) in enumerate(zip(rows, scores, strict=True), 1)
            ]
        )

    if style == "def":

        @app.post("/recommend")
        def recommend(body: Body) -> Reply:
            return reply(body)

    else:

        @app.post("/recommend")
        async def recommend_async(body: Body) -> Reply:
            return reply(body)

    return app


def _session(model: bytes) -> Any:
    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])


def _rows(store: Store) -> dict[str, int]:
    return {store.catalogue.item_id(row): row for row in range(1, store.catalogue.n_items + 1)}


@click.command()
@click.argument("graph", type=click.Choice(["naive", "ours"]))
@click.argument("bundle")
@click.option("--style", type=click.Choice(["def", "async def"]), default="def")
@click.option("--port", type=int, required=True)
def main(graph: str, bundle: str, style: str, port: int) -> None:
    """Serve."""
    app = make_app(graph, load(bundle, "cpu"), style)
    uvicorn.run(app, port=port, log_level="warning")


if __name__ == "__main__":
    main()

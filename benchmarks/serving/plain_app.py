"""The peers: a plain FastAPI app around ``session.run``, as its tutorial would have it.

``python -m benchmarks.serving.plain_app GRAPH BUNDLE --port P`` serves POST /recommend.

GRAPH is "naive" (a pair model: every item scored beside the shopper, the mask and the top k in
numpy) or "ours" (the bundle's own graph, mask and top k in it). ``--style`` sets a ``def`` endpoint
(FastAPI runs it in its pool of threads) or an ``async def`` one.
"""

from __future__ import annotations

import click
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.serving.plain_answers import naive, ours
from runtime.store import Store, load


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

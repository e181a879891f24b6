"""The recommender's variants: how each is built, proved and timed."""

from __future__ import annotations

from collections.abc import Mapping

from export.measure import Feeds
from export.parity import Parity, first_failed, recommender_parity
from export.recommender import recommender_graph
from export.tables import FP16, INT8
from export.variants import Trial
from runtime.golden import RecommenderGolden
from trainer.recommender.mlp import Mlp
from trainer.recommender.two_stage import TwoStage

BATCHES = (1, 8)
"""Requests a run that variants are timed with: a shopper's, and those behind their reasons."""

_POOL = 8  # different batches, asked in turn


def recommender_trial(
    model: Mlp | TwoStage,
    top_k: int,
    fresh: RecommenderGolden,
    golden: RecommenderGolden,
    requests: Feeds,
) -> Trial:
    """Say how fp16 and int8 of a recommender are tried.

    They must be in tolerance over the fresh requests, and over the golden ones by themselves, which
    is what devices will see.

    Args:
        model: in evaluation mode, on the CPU.
        top_k: length of an answer.
        fresh: requests and torch's own answers.
        golden: those that ship.
        requests: the requests that nodes are recorded for.
    """
    n_rows = len(model.bias) if isinstance(model, TwoStage) else model.item.num_embeddings

    def built(variant: str, metadata: Mapping[str, str]) -> bytes:
        return recommender_graph(model, top_k, metadata, variant)

    def parity(variant: str, graph: bytes) -> Parity:
        found = recommender_parity(variant, graph, fresh, n_rows)
        shipped = recommender_parity(variant, graph, golden, n_rows)
        return first_failed(found, shipped)

    return Trial(
        model="recommender",
        candidates={
            FP16: lambda metadata: built(FP16, metadata),
            INT8: lambda metadata: built(INT8, metadata),
        },
        parity=parity,
        pools=[_pool(golden, batch, n_rows) for batch in BATCHES],
        requests=requests,
    )


def _pool(golden: RecommenderGolden, batch: int, n_rows: int) -> list[Feeds]:
    """Make batches of the golden requests, going round where they are few."""
    size = batch * _POOL
    places = [place % len(golden) for place in range(size)]
    return [golden.pick(places[start : start + batch], n_rows) for start in range(0, size, batch)]

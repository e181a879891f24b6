"""The end of a recommender's graph: what may be shown, and the best of it."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from export.graph import GraphBuilder

MASKED = 1e38
"""What is taken off the score of an item that may not be shown; finite, so that the mask is one
multiplication: ONNX Runtime's Where takes three passes over the scores."""

BARRED = -1e37
"""Scores below are of items that may not be shown."""


def penalties(build: GraphBuilder, allowed: str, output: str) -> str:
    """Turn uint8 ``allowed``, 0 or 1, into what it takes off a score: float32, -1e38 or 0."""
    build.once("masked", np.array(MASKED, np.float32))
    build.once("one_allowed", np.array(1, np.uint8))
    return build.node("DequantizeLinear", [allowed, "masked", "one_allowed"], output)


def as_numbers(build: GraphBuilder, allowed: str, output: str) -> str:
    """Turn bool ``allowed`` into uint8."""
    return build.node("Cast", [allowed], output, to=TensorProto.UINT8)


def best_candidates(build: GraphBuilder, scores: str, count: int) -> None:
    """Find the rows of the ``count`` best of ``scores``, [batch, n]: "candidates", ascending."""
    build.integers("n_candidates", count)
    build.nodes("TopK", [scores, "n_candidates"], ["best_scores", "best_rows"], axis=1, sorted=0)
    in_row_order(build, "best_rows", "n_candidates")


def in_row_order(build: GraphBuilder, rows: str, count: str) -> None:
    """Sort ``rows``, [batch, count], so that a TopK behind them breaks ties to the lower row."""
    build.nodes("TopK", [rows, count], ["candidates", "candidate_place"], axis=1, largest=0)


def best_of_candidates(build: GraphBuilder, scores: str, top_k: int) -> None:
    """Find the ``top_k`` best candidates by ``scores``, [batch, candidates]: "best", "row"."""
    build.integers("top_k", top_k)
    build.nodes("TopK", [scores, "top_k"], ["best", "place"], axis=1)
    build.node("GatherElements", ["candidates", "place"], "row", axis=1)


def answer(build: GraphBuilder, best: str, score: str, row: str) -> None:
    """Put out items and scores, with 0 and -inf where nothing was left that may be shown.

    Args:
        build: the graph.
        best: float32 [batch, top_k], descending, below :data:`BARRED` where nothing was left.
        score: what to put out for it, [batch, top_k].
        row: int64 [batch, top_k].
    """
    build.floats("barred_score", BARRED)
    build.floats("never", -np.inf)
    build.integers("padding", 0)
    build.node("Less", [best, "barred_score"], "unused")
    build.node("Where", ["unused", "never", score], "score")
    build.node("Where", ["unused", "padding", row], "item")

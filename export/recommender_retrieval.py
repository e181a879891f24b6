"""Retrieval in the two-stage graph: the whole catalogue scored, what may not be shown taken out."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from export.graph import GraphBuilder
from export.recommender_items import CodedItems, Items
from export.recommender_neighbours import neighbours
from export.recommender_selection import MASKED, as_numbers, in_row_order, penalties
from export.recommender_shopper import array
from export.tables import Tables
from trainer.recommender.two_stage import TwoStage

SPARE = 32
"""Candidates of the int8 graph that are scored again beside as many as an answer has items."""


def retrieve(build: GraphBuilder, tables: Tables, items: Items, model: TwoStage) -> None:
    """Score the catalogue in float32: "permitted", [batch, n_rows]."""
    items.scores("query", _offset(build, tables, model), "permitted")


def _offset(build: GraphBuilder, tables: Tables, model: TwoStage) -> str:
    """Add up all that scores have beside the product, the mask too: float32 [batch, n_rows].

    Nobody's vector is zero, so popularity in the place of the bias is nobody's whole score.
    """
    build.constant("offsets", np.stack(_biases(model)))
    build.node("Cast", ["is_nobody"], "nobody_column", to=TensorProto.INT64)
    build.node("Squeeze", ["nobody_column", "second"], "nobody_number")  # [batch]
    offset = build.node("Gather", ["offsets", "nobody_number"], "offset")
    if model.has_neighbours:
        offset = neighbours(build, tables, model, offset)
    penalty = penalties(build, as_numbers(build, "allowed", "allowed_one"), "penalty")
    return build.node("Add", [offset, penalty], "offset_permitted")


def retrieve_coded(
    build: GraphBuilder, tables: Tables, items: CodedItems, model: TwoStage, count: int
) -> None:
    """Choose candidates by a product of codes, and score them again with the query in float32.

    So only the items' own rounding is left: "candidates", "candidate_vectors" [batch, count, dim],
    "retrieval" [batch, count]. The bias costs nothing within the product, and the popularity for
    nobody only requests of nobody.
    """
    bias, popularity = _biases(model)
    build.constant("item_bias", bias)
    build.constant("popularity", popularity)
    allowed = as_numbers(build, "allowed", "allowed_one")
    scores = items.products("query", "item_bias", "product")  # [batch, n_rows]
    if model.has_neighbours:
        scores = neighbours(build, tables, model, scores)
    build.node("Add", [scores, penalties(build, allowed, "penalty")], "permitted")
    build.integers("n_best", count)
    build.nodes("TopK", ["permitted", "n_best"], ["best_of_all", "rows_of_all"], axis=1, sorted=0)
    _nobodys(build, allowed)
    in_row_order(build, "best_rows", "n_best")
    items.rows("candidates", "candidate_vectors")
    _score_again(build, allowed, scores if model.has_neighbours else None)


def _nobodys(build: GraphBuilder, allowed: str) -> None:
    """Put nobody's best rows, by popularity, into "rows_of_all": "best_rows", [batch, count].

    Where nobody asks, these nodes have nothing to do.
    """
    build.integers("first", 0)
    build.node("Squeeze", ["is_nobody", "second"], "is_nobodys")  # [batch]
    build.node("NonZero", ["is_nobodys"], "nobody_row")  # [1, nobodies]
    build.node("Squeeze", ["nobody_row", "first"], "nobodies")
    build.node("Gather", [allowed, "nobodies"], "allowed_to_nobody")
    build.node("Add", ["popularity", penalties(build, "allowed_to_nobody", "taken")], "popular")
    build.nodes("TopK", ["popular", "n_best"], ["best_popular", "popular_rows"], axis=1, sorted=0)
    build.node("Unsqueeze", ["nobodies", "second"], "nobody_places")
    places = ["rows_of_all", "nobody_places", "popular_rows"]
    build.node("ScatterND", places, "best_rows")


def _score_again(build: GraphBuilder, allowed: str, with_neighbours: str | None) -> None:
    """Score the candidates with the query in float32: "retrieval", [batch, count]."""
    build.integers("last", 2)
    build.node("Unsqueeze", ["query", "last"], "query_column")  # [batch, dim, 1]
    build.node("MatMul", ["candidate_vectors", "query_column"], "affinity_column")
    build.node("Squeeze", ["affinity_column", "last"], "affinity")
    build.node("Gather", ["item_bias", "candidates"], "candidate_bias")
    build.node("Gather", ["popularity", "candidates"], "candidate_popularity")
    either = ["is_nobody", "candidate_popularity", "candidate_bias"]
    offset = build.node("Where", either, "candidate_offset")
    if with_neighbours is not None:
        build.node("GatherElements", [with_neighbours, "candidates"], "after", axis=1)
        build.node("GatherElements", ["product", "candidates"], "before", axis=1)
        build.node("Sub", ["after", "before"], "candidate_neighbours")
        offset = build.node("Add", [offset, "candidate_neighbours"], "candidate_sum")
    build.node("GatherElements", [allowed, "candidates"], "candidate_allowed", axis=1)
    penalty = penalties(build, "candidate_allowed", "candidate_penalty")
    build.node("Add", ["affinity", offset], "candidate_score")
    build.node("Add", ["candidate_score", penalty], "retrieval")


def _biases(model: TwoStage) -> tuple[np.ndarray, np.ndarray]:
    """Return what is added to products, and nobody's scores, float32 [n_rows] both."""
    bias, popularity = array(model.serving_bias()).copy(), array(model.popularity).copy()
    bias[0] = popularity[0] = -MASKED  # padding is never an answer, whatever the mask says
    return bias, popularity

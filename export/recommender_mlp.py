"""The seed MLP's graph: the item half of its first layer is made at export, every item scored."""

from __future__ import annotations

from onnx import TensorProto

from export.graph import GraphBuilder, tensor
from export.recommender_codes import CodedLayers
from export.recommender_layers import Layers
from export.recommender_selection import (
    BARRED,
    answer,
    as_numbers,
    best_candidates,
    best_of_candidates,
    penalties,
)
from export.recommender_shopper import array
from export.tables import FP32, INT8, Tables
from trainer.recommender.mlp import Mlp

SPARE = 32
"""Candidates of the int8 graph that are scored again in float32, beside two an item of an answer;
the exact best 50 of 100,000 were among the first 71, the best 10 among the first 19."""

ONE_BY_ONE = 16_384
"""Rows above which float32 scores a batch's requests one after the other, as int8 always does: the
hidden layers of each would take some 400 bytes a row."""


def mlp_graph(build: GraphBuilder, model: Mlp, top_k: int, variant: str) -> None:
    """Add the nodes of an MLP.

    In int8 a product of 8-bit codes chooses candidates, which are scored again in float32 from
    float32 weights: the answer is that of fp32 as long as its items are among the candidates.

    Args:
        build: the graph.
        model: in evaluation mode, on the CPU.
        top_k: length of an answer.
        variant: "fp32", "fp16", "int8".
    """
    tables = Tables(build, FP32 if variant == INT8 else variant)
    n_rows = model.item.num_embeddings
    _user(build, tables, model)
    coded = variant == INT8
    one_by_one = coded or n_rows > ONE_BY_ONE
    layers = (
        CodedLayers(build, tables, model)
        if coded
        else Layers(build, tables, model, one_by_one=one_by_one)
    )
    build.integers("mask_ends", 0, -1, 0, layers.places - n_rows + 1)
    build.integers("first_row", 1)
    if one_by_one:
        logit, row = _one_by_one(build, layers, model.config.dim, n_rows, top_k)
    else:
        logit, row = _best(build, layers, "user_vector", "allowed", top_k)
    build.node("Sigmoid", [logit], "probability")
    answer(build, logit, "probability", row)


def _one_by_one(
    build: GraphBuilder, layers: Layers | CodedLayers, dim: int, n_rows: int, top_k: int
) -> tuple[str, str]:
    """Find logits and rows of the best items, [batch, top_k], of one request after the other."""
    build.integers("request_axis", 0)

    def one(inner: GraphBuilder) -> None:
        inner.node("Unsqueeze", ["request_user", "request_axis"], "user_of_request")
        inner.node("Unsqueeze", ["request_allowed", "request_axis"], "allowed_of_request")
        logit, row = _best(inner, layers, "user_of_request", "allowed_of_request", top_k)
        inner.node("Squeeze", [logit, "request_axis"], "request_logit")
        inner.node("Squeeze", [row, "request_axis"], "request_row")

    inputs = {
        "user_vector": tensor("request_user", "float32", dim),
        "allowed": tensor("request_allowed", "bool", n_rows),
    }
    outputs = {
        "logit_of_each": tensor("request_logit", "float32", top_k),
        "row_of_each": tensor("request_row", "int64", top_k),
    }
    build.each(one, inputs, outputs)
    return "logit_of_each", "row_of_each"


def _best(
    build: GraphBuilder, layers: Layers | CodedLayers, user: str, allowed: str, top_k: int
) -> tuple[str, str]:
    """Find logits and rows of the best items, [batch, top_k], where no request is too many."""
    layers.logits(build, user)
    # Without padding's row, and with the places up to a whole block, which are never allowed.
    build.node("Pad", [as_numbers(build, allowed, "allowed_one"), "mask_ends"], "allowed_place")
    build.node("Add", ["logits", penalties(build, "allowed_place", "penalty")], "permitted")
    if isinstance(layers, CodedLayers):
        count = min(2 * top_k + SPARE, layers.places)
        best_candidates(build, "permitted", count)
        layers.exact(build, "candidates", count)
        build.node("GatherElements", ["permitted", "candidates"], "candidate_sum", axis=1)
        build.floats("barred_sum", BARRED)
        build.node("Less", ["candidate_sum", "barred_sum"], "barred")
        build.node("Where", ["barred", "candidate_sum", "candidate_logit"], "final")
        best_of_candidates(build, "final", top_k)
        logit, place = "best", "row"
    else:
        build.integers("top_k", top_k)
        build.nodes("TopK", ["permitted", "top_k"], ["best_sum", "place"], axis=1)
        logit, place = build.node("Add", ["best_sum", "logit_shift"], "best"), "place"
    return logit, build.node("Add", [place, "first_row"], "best_row")


def _user(build: GraphBuilder, tables: Tables, model: Mlp) -> None:
    """Choose the vector that stands for the shopper, [batch, dim], as ``Mlp.user_vector`` does."""
    known = array(model.user.weight[: model.n_users + 1])  # the log's anonymous baskets stay here
    buyers = array(model.buyers)
    build.constant("everyone", buyers[0])
    build.integers("no_row", 0)
    build.floats("one", 1)
    build.integers("items_axis", 1)
    build.node("Greater", ["basket", "no_row"], "held")
    build.node("Cast", ["held"], "held_one", to=TensorProto.FLOAT)
    build.node("ReduceSum", ["held_one", "items_axis"], "count", keepdims=1)  # [batch, 1]
    build.node("Unsqueeze", ["held_one", "items_axis"], "held_row")  # [batch, 1, max_basket]
    tables.rows("buyers", buyers, "basket", "basket_buyers")  # [batch, max_basket, dim]
    build.node("MatMul", ["held_row", "basket_buyers"], "buyers_row")
    build.node("Squeeze", ["buyers_row", "items_axis"], "buyers_sum")  # [batch, dim]
    build.node("Max", ["count", "one"], "count_or_one")
    build.node("Div", ["buyers_sum", "count_or_one"], "buyers_mean")
    build.node("GreaterOrEqual", ["count", "one"], "has_basket")
    build.node("Where", ["has_basket", "buyers_mean", "everyone"], "anonymous_vector")
    tables.rows("user_vectors", known, "user", "known_row")  # [batch, 1, dim]
    build.node("Squeeze", ["known_row", "items_axis"], "known_vector")
    build.node("Greater", ["user", "no_row"], "is_known")  # [batch, 1]
    build.node("Where", ["is_known", "known_vector", "anonymous_vector"], "user_vector")

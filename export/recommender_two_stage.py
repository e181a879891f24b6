"""The two-stage recommender's graph: retrieval, candidates and ranking in one."""

from __future__ import annotations

from typing import cast

from torch import nn

from export.graph import GraphBuilder
from export.recommender_items import CodedItems, item_table
from export.recommender_retrieval import SPARE, retrieve, retrieve_coded
from export.recommender_selection import BARRED, answer, best_candidates, best_of_candidates
from export.recommender_shopper import array, nobody, shopper
from export.tables import Tables
from trainer.recommender.two_stage import TwoStage


def two_stage_graph(build: GraphBuilder, model: TwoStage, top_k: int, variant: str) -> None:
    """Add the nodes of a two-stage model.

    What does not depend on the request is made here: item vectors, biases, the basket's weights.

    Args:
        build: the graph.
        model: in evaluation mode, on the CPU.
        top_k: length of an answer.
        variant: "fp32", "fp16", "int8".
    """
    tables = Tables(build, variant)
    items = item_table(build, tables, array(model.item_vectors()))
    shopper(build, tables, items, model)
    build.floats("temperature", model.config.temperature)
    build.node("Div", ["shopper", "temperature"], "query")  # [batch, dim]
    nobody(build)
    candidates = max(model.config.candidates, top_k) if model.ranks else None
    if isinstance(items, CodedItems):
        shortlist = top_k + SPARE if candidates is None else candidates
        retrieve_coded(build, tables, items, model, min(shortlist, len(model.bias)))
    else:
        retrieve(build, tables, items, model)
        if candidates is None:
            build.integers("top_k", top_k)
            build.nodes("TopK", ["permitted", "top_k"], ["best", "row"], axis=1)
            answer(build, "best", "best", "row")
            return
        best_candidates(build, "permitted", min(candidates, len(model.bias)))
        items.rows("candidates", "candidate_vectors")
        build.node("GatherElements", ["permitted", "candidates"], "retrieval", axis=1)
    scores = _ranked(build, tables, model) if model.ranks else "retrieval"
    best_of_candidates(build, scores, top_k)
    answer(build, "best", "best", "row")


def _ranked(build: GraphBuilder, tables: Tables, model: TwoStage) -> str:
    """Run the MLP on (shopper, item, retrieval score) of the candidates: [batch, candidates].

    The first layer is the sum of its three parts, so that the shopper's is computed once.
    """
    dim = model.config.dim
    first = cast(nn.Linear, model.ranker[0])
    weight = array(first.weight).T  # [2 * dim + 1, hidden]
    of_shopper = tables.matrix("rank_shopper", weight[:dim])
    of_item = tables.matrix("rank_item", weight[dim : 2 * dim])
    build.constant("rank_retrieval", weight[2 * dim :])
    build.constant("rank_bias_0", array(first.bias))
    build.integers("hidden_axis", 2)
    build.floats("barred_retrieval", BARRED)
    build.floats("lowest", -1e30)  # stands in for barred items, whose scores would overflow
    build.node("Gemm", ["shopper", of_shopper, "rank_bias_0"], "from_shopper")
    build.node("Unsqueeze", ["from_shopper", "second"], "from_shopper_row")
    build.node("MatMul", ["candidate_vectors", of_item], "from_item")
    build.node("Max", ["retrieval", "lowest"], "retrieval_finite")
    build.node("Unsqueeze", ["retrieval_finite", "hidden_axis"], "retrieval_column")
    build.node("MatMul", ["retrieval_column", "rank_retrieval"], "from_retrieval")
    build.node("Add", ["from_item", "from_retrieval"], "from_pair")
    build.node("Add", ["from_pair", "from_shopper_row"], "hidden_0")  # [batch, candidates, hidden]
    correction = _rest_of_mlp(build, tables, model.ranker, "hidden_0")
    build.node("Squeeze", [correction, "hidden_axis"], "correction")
    build.floats("none", 0.0)
    build.node("Where", ["is_nobody", "none", "correction"], "correction_of_somebody")
    build.node("Add", ["retrieval", "correction_of_somebody"], "ranked")
    build.node("Less", ["retrieval", "barred_retrieval"], "barred")
    return build.node("Where", ["barred", "retrieval", "ranked"], "final")  # [batch, candidates]


def _rest_of_mlp(build: GraphBuilder, tables: Tables, layers: nn.Sequential, hidden: str) -> str:
    """Apply everything after an MLP's first linear layer to ``hidden``, [..., width]."""
    for number in range(2, len(layers), 2):
        layer = cast(nn.Linear, layers[number])
        level = number // 2
        weight = tables.matrix(f"weight_{level}", array(layer.weight).T)
        build.constant(f"bias_{level}", array(layer.bias))
        build.node("Relu", [hidden], f"active_{level}")
        build.node("MatMul", [f"active_{level}", weight], f"product_{level}")
        hidden = build.node("Add", [f"product_{level}", f"bias_{level}"], f"hidden_{level}")
    return hidden

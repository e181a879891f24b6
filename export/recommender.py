"""The recommender's graph (design §3.1), written by hand for both architectures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from export.graph import BATCH, GraphBuilder, TensorSpec, tensor
from trainer.recommender.mlp import Mlp
from trainer.recommender.two_stage import TwoStage

NEVER = -np.inf


def recommender_contract(
    n_rows: int, max_basket: int, top_k: int
) -> tuple[list[TensorSpec], list[TensorSpec]]:
    """Return the graph's inputs and outputs as the manifest states them."""
    inputs = [
        tensor("user", "int64", BATCH, 1),
        tensor("basket", "int64", BATCH, max_basket),
        tensor("allowed", "bool", BATCH, n_rows),
    ]
    outputs = [tensor("item", "int64", BATCH, top_k), tensor("score", "float32", BATCH, top_k)]
    return inputs, outputs


def recommender_graph(model: Mlp | TwoStage, top_k: int, metadata: Mapping[str, str]) -> bytes:
    """Write a trained recommender as an fp32 ONNX model.

    Args:
        model: in evaluation mode, on the CPU.
        top_k: length of an answer, at most the number of items.
        metadata: goes into the model's metadata (bundle, version, variant).

    Returns:
        The serialised model, weights inside.
    """
    build = GraphBuilder()
    build.floats("never", NEVER)
    with torch.no_grad():
        if isinstance(model, TwoStage):
            n_rows = len(model.bias)
            _two_stage(build, model, top_k)
        else:
            n_rows = model.item.num_embeddings
            _mlp(build, model, top_k)
    inputs, outputs = recommender_contract(n_rows, model.config.max_basket, top_k)
    return build.finish("recommender", inputs, outputs, metadata)


def _array(value: Tensor) -> np.ndarray:
    array: np.ndarray = value.detach().cpu().numpy()
    return array


def _linear(layers: nn.Sequential, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return weight, transposed to [inputs, outputs], and bias of one layer of an MLP."""
    layer = cast(nn.Linear, layers[number])
    return _array(layer.weight).T, _array(layer.bias)


def _two_stage(build: GraphBuilder, model: TwoStage, top_k: int) -> None:
    bias = _array(model.serving_bias()).copy()
    popularity = _array(model.popularity).copy()
    bias[0] = popularity[0] = NEVER  # padding is never an answer, whatever the mask says
    build.constant("item_vectors", _array(model.item_vectors()))
    build.constant("item_bias", bias)
    build.constant("popularity", popularity)
    _shopper(build, model)
    build.floats("temperature", model.config.temperature)
    build.node("Div", ["shopper", "temperature"], "query")  # [batch, dim]
    _nobody(build)
    build.node("Where", ["is_nobody", "popularity", "item_bias"], "offset")  # [batch, n_rows]
    scores = build.node("Gemm", ["query", "item_vectors", "offset"], "affinity", transB=1)
    if model.has_neighbours:
        scores = _neighbours(build, model, scores)
    build.node("Where", ["allowed", scores, "never"], "permitted")  # [batch, n_rows]
    build.integers("top_k", top_k)
    if not model.ranks:
        build.nodes("TopK", ["permitted", "top_k"], ["score", "row"], axis=1)
        _blank_unused(build)
        return
    count = min(max(model.config.candidates, top_k), len(bias))
    build.integers("n_candidates", count)
    build.nodes(
        "TopK", ["permitted", "n_candidates"], ["best_scores", "best_rows"], axis=1, sorted=0
    )
    # In row order, so that the last TopK breaks ties to the lower row.
    build.nodes(
        "TopK", ["best_rows", "n_candidates"], ["candidates", "candidate_place"], axis=1, largest=0
    )
    build.node("GatherElements", ["permitted", "candidates"], "retrieval", axis=1)
    _rank_candidates(build, model)
    build.node("IsInf", ["retrieval"], "barred")
    build.node("Where", ["barred", "never", "ranked"], "final")  # [batch, candidates]
    build.nodes("TopK", ["final", "top_k"], ["score", "place"], axis=1)
    build.node("GatherElements", ["candidates", "place"], "row", axis=1)
    _blank_unused(build)


def _shopper(build: GraphBuilder, model: TwoStage) -> None:
    """Pool the basket by recency, bend it, add the user, bring to unit length: [batch, dim]."""
    recency = model.recency - model.recency.max()
    build.constant("recency", _array(torch.exp(recency)))
    build.constant("user_vectors", _array(model.user.weight))
    build.integers("no_item", 0)
    build.floats("tiny", 1e-12)
    build.integers("second", 1)
    build.node("Greater", ["basket", "no_item"], "held")
    build.node("Cast", ["held"], "held_one", to=1)
    build.node("Mul", ["held_one", "recency"], "weight")  # [batch, max_basket]
    build.node("ReduceSum", ["weight", "second"], "weight_sum", keepdims=1)
    build.node("Max", ["weight_sum", "tiny"], "weight_total")
    build.node("Div", ["weight", "weight_total"], "share")
    build.node("Unsqueeze", ["share", "second"], "share_row")  # [batch, 1, max_basket]
    build.node("Gather", ["item_vectors", "basket"], "basket_vectors")
    build.node("MatMul", ["share_row", "basket_vectors"], "pooled_row")  # [batch, 1, dim]
    pooled = build.node("Squeeze", ["pooled_row", "second"], "pooled")  # [batch, dim]
    if model.encoder is not None:
        pooled = _encoder(build, model.encoder, pooled)
    build.node("Gather", ["user_vectors", "user"], "user_row")  # [batch, 1, dim]
    build.node("Squeeze", ["user_row", "second"], "user_vector")
    build.node("Add", [pooled, "user_vector"], "taste")  # [batch, dim]
    build.node("ReduceL2", ["taste", "second"], "taste_length", keepdims=1)
    build.node("Max", ["taste_length", "tiny"], "taste_norm")
    build.node("Div", ["taste", "taste_norm"], "shopper")


def _nobody(build: GraphBuilder) -> None:
    """Say which requests have neither user nor basket: bool [batch, 1]."""
    build.node("Equal", ["user", "no_item"], "is_anonymous")
    build.node("ReduceMax", ["basket", "second"], "last_row", keepdims=1)
    build.node("Equal", ["last_row", "no_item"], "is_empty")
    build.node("And", ["is_anonymous", "is_empty"], "is_nobody")


def _encoder(build: GraphBuilder, encoder: nn.Sequential, pooled: str) -> str:
    """Add the encoder's correction, made from the pooled basket and its newest item.

    Row 0's vector is zero, so a basket that ends in padding has no newest item. GELU is spelled
    out, x/2 (1 + erf(x / sqrt 2)), as the opset has no operator for it.
    """
    linear = [layer for layer in encoder if isinstance(layer, nn.Linear)]
    for number, layer in enumerate(linear):
        build.constant(f"encoder_{number}", _array(layer.weight).T)
        build.constant(f"encoder_bias_{number}", _array(layer.bias))
    build.floats("root_half", np.sqrt(0.5))
    build.floats("half", 0.5)
    build.floats("whole", 1.0)
    build.integers("newest_place", -1)
    build.node("Gather", ["basket", "newest_place"], "newest", axis=1)  # [batch, 1]
    build.node("Gather", ["item_vectors", "newest"], "newest_row")
    build.node("Squeeze", ["newest_row", "second"], "newest_vector")  # [batch, dim]
    build.node("Concat", [pooled, "newest_vector"], "encoder_input", axis=1)
    build.node("Gemm", ["encoder_input", "encoder_0", "encoder_bias_0"], "encoder_sum")
    build.node("Mul", ["encoder_sum", "root_half"], "encoder_scaled")
    build.node("Erf", ["encoder_scaled"], "encoder_erf")
    build.node("Add", ["encoder_erf", "whole"], "encoder_gate")
    build.node("Mul", ["encoder_sum", "encoder_gate"], "encoder_doubled")
    build.node("Mul", ["encoder_doubled", "half"], "encoder_active")
    build.node("Gemm", ["encoder_active", "encoder_1", "encoder_bias_1"], "bend")
    build.node("ReduceMax", ["held_one", "second"], "bends", keepdims=1)  # [batch, 1]
    build.node("Mul", ["bend", "bends"], "bend_of_baskets")  # nobody stays at zero
    return build.node("Add", [pooled, "bend_of_baskets"], "bent")


def _neighbours(build: GraphBuilder, model: TwoStage, scores: str) -> str:
    """Add what the basket's items hold for their neighbours to ``scores``, [batch, n_rows]."""
    small = np.min_scalar_type(-len(model.bias))  # int16 up to 32,768 rows: a quarter of the file
    build.constant("neighbours", _array(model.neighbours).astype(small))
    build.constant("neighbour_weights", _array(model.neighbour_weights))
    build.constant("neighbour_recency", _array(model.neighbour_recency))
    build.integers("third", 2)
    build.integers("flat", 0, -1)
    build.node("Mul", ["held_one", "neighbour_recency"], "counted")  # [batch, max_basket]
    build.node("Unsqueeze", ["counted", "third"], "counted_column")
    build.node("Gather", ["neighbour_weights", "basket"], "basket_weights")
    build.node("Mul", ["basket_weights", "counted_column"], "spoken")
    build.node("Gather", ["neighbours", "basket"], "basket_neighbours")
    build.node("Reshape", ["basket_neighbours", "flat"], "neighbour_rows_small")
    build.node("Cast", ["neighbour_rows_small"], "neighbour_rows", to=7)  # [batch, basket * kept]
    build.node("Reshape", ["spoken", "flat"], "neighbour_values")
    inputs = [scores, "neighbour_rows", "neighbour_values"]
    return build.node("ScatterElements", inputs, "with_neighbours", axis=1, reduction="add")


def _rank_candidates(build: GraphBuilder, model: TwoStage) -> None:
    """Run the MLP on (shopper, item, retrieval score) of the candidates: [batch, candidates].

    The first layer is the sum of its three parts, so that the shopper's is computed once.
    """
    dim = model.config.dim
    weight, bias = _linear(model.ranker, 0)  # [2 * dim + 1, hidden]
    build.constant("rank_shopper", weight[:dim])
    build.constant("rank_item", weight[dim : 2 * dim])
    build.constant("rank_retrieval", weight[2 * dim :])
    build.constant("rank_bias_0", bias)
    build.floats("lowest", -1e30)  # stands in for -inf, which would make NaN
    build.node("Gemm", ["shopper", "rank_shopper", "rank_bias_0"], "from_shopper")
    build.node("Unsqueeze", ["from_shopper", "second"], "from_shopper_row")
    build.node("Gather", ["item_vectors", "candidates"], "candidate_vectors")
    build.node("MatMul", ["candidate_vectors", "rank_item"], "from_item")
    build.integers("last", 2)
    build.node("Max", ["retrieval", "lowest"], "retrieval_finite")
    build.node("Unsqueeze", ["retrieval_finite", "last"], "retrieval_column")
    build.node("MatMul", ["retrieval_column", "rank_retrieval"], "from_retrieval")
    build.node("Add", ["from_item", "from_retrieval"], "from_pair")
    build.node("Add", ["from_pair", "from_shopper_row"], "hidden_0")  # [batch, candidates, hidden]
    correction = _rest_of_mlp(build, model.ranker, "hidden_0")
    build.node("Squeeze", [correction, "last"], "correction")
    build.floats("none", 0.0)
    build.node("Where", ["is_nobody", "none", "correction"], "correction_of_somebody")
    build.node("Add", ["retrieval_finite", "correction_of_somebody"], "ranked")


def _rest_of_mlp(build: GraphBuilder, layers: nn.Sequential, hidden: str) -> str:
    """Apply everything after an MLP's first linear layer to ``hidden``, [..., width]."""
    for number in range(2, len(layers), 2):
        weight, bias = _linear(layers, number)
        level = number // 2
        build.constant(f"weight_{level}", weight)
        build.constant(f"bias_{level}", bias)
        build.node("Relu", [hidden], f"active_{level}")
        build.node("MatMul", [f"active_{level}", f"weight_{level}"], f"product_{level}")
        hidden = build.node("Add", [f"product_{level}", f"bias_{level}"], f"hidden_{level}")
    return hidden


def _blank_unused(build: GraphBuilder) -> None:
    """Make the item 0 wherever the score says that nothing was left."""
    build.node("IsInf", ["score"], "unused")
    build.integers("padding", 0)
    build.node("Where", ["unused", "padding", "row"], "item")


def _mlp(build: GraphBuilder, model: Mlp, top_k: int) -> None:
    dim = model.config.dim
    weight, bias = _linear(model.layers, 0)  # [2 * dim, hidden]
    _mlp_user(build, model)
    build.constant("user_weight", weight[:dim])
    build.constant("user_bias", bias)
    build.node("Gemm", ["user_vector", "user_weight", "user_bias"], "from_user")
    build.integers("second", 1)
    build.node("Unsqueeze", ["from_user", "second"], "from_user_row")  # [batch, 1, hidden]
    build.constant("from_item", _array(model.item.weight) @ weight[dim:])  # [n_rows, hidden]
    build.node("Add", ["from_user_row", "from_item"], "hidden_0")  # [batch, n_rows, hidden]
    score = _rest_of_mlp(build, model.layers, "hidden_0")
    build.integers("last", 2)
    build.node("Squeeze", [score, "last"], "logit")  # [batch, n_rows]
    padding = np.zeros(model.item.num_embeddings, np.float32)
    padding[0] = NEVER  # padding is never an answer, whatever the mask says
    build.constant("padding_bias", padding)
    build.node("Add", ["logit", "padding_bias"], "logit_of_items")
    build.node("Where", ["allowed", "logit_of_items", "never"], "permitted")
    build.integers("top_k", top_k)
    build.nodes("TopK", ["permitted", "top_k"], ["best_logit", "row"], axis=1)
    build.node("IsInf", ["best_logit"], "barred")
    build.node("Sigmoid", ["best_logit"], "probability")
    build.node("Where", ["barred", "never", "probability"], "score")
    _blank_unused(build)


def _mlp_user(build: GraphBuilder, model: Mlp) -> None:
    """Choose the vector that stands for the shopper, [batch, dim], as ``Mlp.user_vector`` does."""
    known = model.user.weight[: model.n_users + 1]  # anonymous baskets of the log are not shipped
    build.constant("user_vectors", _array(known))
    build.constant("buyers", _array(model.buyers))
    build.constant("everyone", _array(model.buyers[0]))
    build.integers("no_row", 0)
    build.floats("one", 1)
    build.integers("items_axis", 1)
    build.integers("dim_axis", 2)
    build.node("Greater", ["basket", "no_row"], "held")
    build.node("Cast", ["held"], "held_one", to=1)
    build.node("ReduceSum", ["held_one", "items_axis"], "count", keepdims=1)  # [batch, 1]
    build.node("Unsqueeze", ["held_one", "dim_axis"], "held_column")
    build.node("Gather", ["buyers", "basket"], "basket_buyers")  # [batch, max_basket, dim]
    build.node("Mul", ["basket_buyers", "held_column"], "held_buyers")
    build.node("ReduceSum", ["held_buyers", "items_axis"], "buyers_sum", keepdims=0)
    build.node("Max", ["count", "one"], "count_or_one")
    build.node("Div", ["buyers_sum", "count_or_one"], "buyers_mean")
    build.node("GreaterOrEqual", ["count", "one"], "has_basket")
    build.node("Where", ["has_basket", "buyers_mean", "everyone"], "anonymous_vector")
    build.node("Gather", ["user_vectors", "user"], "known_row")  # [batch, 1, dim]
    build.node("Squeeze", ["known_row", "items_axis"], "known_vector")
    build.node("Greater", ["user", "no_row"], "is_known")  # [batch, 1]
    build.node("Where", ["is_known", "known_vector", "anonymous_vector"], "user_vector")

"""The shopper's half of the two-stage graph: a vector made of user and basket."""

from __future__ import annotations

import numpy as np
import torch
from onnx import TensorProto
from torch import Tensor, nn

from export.graph import GraphBuilder
from export.recommender_items import CodedItems, Items
from export.tables import Tables
from trainer.recommender.two_stage import TwoStage


def array(value: Tensor) -> np.ndarray:
    """Return a tensor of a model as numpy has it."""
    found: np.ndarray = value.detach().cpu().numpy()
    return found


def shopper(
    build: GraphBuilder, tables: Tables, items: Items | CodedItems, model: TwoStage
) -> None:
    """Pool the basket by recency, bend it, add the user, bring to unit length: [batch, dim]."""
    recency = model.recency - model.recency.max()
    build.constant("recency", array(torch.exp(recency)))
    build.integers("no_item", 0)
    build.floats("tiny", 1e-12)
    build.integers("second", 1)
    build.node("Greater", ["basket", "no_item"], "held")
    build.node("Cast", ["held"], "held_one", to=TensorProto.FLOAT)
    build.node("Mul", ["held_one", "recency"], "weight")  # [batch, max_basket]
    build.node("ReduceSum", ["weight", "second"], "weight_sum", keepdims=1)
    build.node("Max", ["weight_sum", "tiny"], "weight_total")
    build.node("Div", ["weight", "weight_total"], "share")
    build.node("Unsqueeze", ["share", "second"], "share_row")  # [batch, 1, max_basket]
    items.rows("basket", "basket_vectors")
    build.node("MatMul", ["share_row", "basket_vectors"], "pooled_row")  # [batch, 1, dim]
    pooled = build.node("Squeeze", ["pooled_row", "second"], "pooled")  # [batch, dim]
    if model.encoder is not None:
        pooled = _encoder(build, tables, model.encoder, pooled)
    tables.rows("user_vectors", array(model.user.weight), "user", "user_row")  # [batch, 1, dim]
    build.node("Squeeze", ["user_row", "second"], "user_vector")
    build.node("Add", [pooled, "user_vector"], "taste")  # [batch, dim]
    build.node("ReduceL2", ["taste", "second"], "taste_length", keepdims=1)
    build.node("Max", ["taste_length", "tiny"], "taste_norm")
    build.node("Div", ["taste", "taste_norm"], "shopper")


def nobody(build: GraphBuilder) -> None:
    """Say which requests have neither user nor basket: bool [batch, 1]."""
    build.node("Equal", ["user", "no_item"], "is_anonymous")
    build.node("ReduceMax", ["basket", "second"], "last_row", keepdims=1)
    build.node("Equal", ["last_row", "no_item"], "is_empty")
    build.node("And", ["is_anonymous", "is_empty"], "is_nobody")


def _encoder(build: GraphBuilder, tables: Tables, encoder: nn.Sequential, pooled: str) -> str:
    """Add the encoder's correction, made from the pooled basket and its newest item.

    Row 0's vector is zero, so a basket that ends in padding has no newest item. GELU is spelled
    out, x/2 (1 + erf(x / sqrt 2)), as the opset has no operator for it.
    """
    linear = [layer for layer in encoder if isinstance(layer, nn.Linear)]
    weights = []
    for number, layer in enumerate(linear):
        weights.append(tables.matrix(f"encoder_{number}", array(layer.weight).T))
        build.constant(f"encoder_bias_{number}", array(layer.bias))
    build.floats("root_half", np.sqrt(0.5))
    build.floats("half", 0.5)
    build.floats("whole", 1.0)
    build.integers("newest_place", -1)
    build.node("Gather", ["basket_vectors", "newest_place"], "newest_row", axis=1)
    build.node("Squeeze", ["newest_row", "second"], "newest_vector")  # [batch, dim]
    build.node("Concat", [pooled, "newest_vector"], "encoder_input", axis=1)
    build.node("Gemm", ["encoder_input", weights[0], "encoder_bias_0"], "encoder_sum")
    build.node("Mul", ["encoder_sum", "root_half"], "encoder_scaled")
    build.node("Erf", ["encoder_scaled"], "encoder_erf")
    build.node("Add", ["encoder_erf", "whole"], "encoder_gate")
    build.node("Mul", ["encoder_sum", "encoder_gate"], "encoder_doubled")
    build.node("Mul", ["encoder_doubled", "half"], "encoder_active")
    build.node("Gemm", ["encoder_active", weights[1], "encoder_bias_1"], "bend")
    build.node("ReduceMax", ["held_one", "second"], "bends", keepdims=1)  # [batch, 1]
    build.node("Mul", ["bend", "bends"], "bend_of_baskets")  # nobody stays at zero
    return build.node("Add", [pooled, "bend_of_baskets"], "bent")

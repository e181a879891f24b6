"""The MLP's layers over the whole catalogue, with the items' half of the first made at export.

``relu(a + u) = max(a, -u) + u``: an item's half a and the shopper's half u take one operation
instead of two, and the u behind it goes through the next layer once a shopper, not once an item.
"""

from __future__ import annotations

import numpy as np
from torch import nn

from export.graph import GraphBuilder
from export.recommender_shopper import array
from export.tables import Tables
from trainer.recommender.mlp import Mlp

BLOCK = 16
"""Items whose hidden units lie in one row of a table, so that its broadcast runs long."""

_ROWS_AT_ONCE = 65_536  # bounds the memory of the float64 copy


def linear_layers(model: Mlp) -> list[nn.Linear]:
    """Return the MLP's linear layers, the first of two halves."""
    return [layer for layer in model.layers if isinstance(layer, nn.Linear)]


def item_half(model: Mlp) -> np.ndarray:
    """Return float32 [places, width]: the first layer of item rows 1 and up, then zeros.

    Place p is item row p + 1; places behind the last item fill its block. Products are added up in
    float64, so that equal items stay equal: in float32 the last bit may depend on the row.
    """
    weight = array(linear_layers(model)[0].weight).T[model.config.dim :].astype(np.float64)
    items = array(model.item.weight)[1:]
    half = np.zeros((len(items) + -len(items) % BLOCK, weight.shape[1]), np.float32)
    for start in range(0, len(items), _ROWS_AT_ONCE):
        part = items[start : start + _ROWS_AT_ONCE]
        half[start : start + len(part)] = part.astype(np.float64) @ weight
    return half


def constants(build: GraphBuilder, tables: Tables, model: Mlp) -> list[str]:
    """Add what all variants need, and return the names of the weights between first and last."""
    linear = linear_layers(model)
    build.constant("user_weight", array(linear[0].weight).T[: model.config.dim])
    build.constant("last_weight", array(linear[-1].weight))  # [1, width]
    for level, layer in enumerate(linear):
        build.constant(f"bias_{level}", array(layer.bias))
    build.integers("by_unit_0", -1, linear[0].out_features)
    build.integers("one_to_block", 1, BLOCK)
    build.integers("block_axis", 1)
    return [
        tables.matrix(f"weight_{level}", array(layer.weight).T)
        for level, layer in enumerate(linear[1:-1], 1)
    ]


def rectify(build: GraphBuilder, blocks: str, threshold: str, level: int) -> str:
    """Take max(a, threshold) of every item.

    Args:
        build: the graph.
        blocks: [batch or 1, blocks, 16 * width].
        threshold: [batch, width].
        level: which layer, for the names.

    Returns:
        "active", [batch * places, width].
    """
    build.node("Tile", [threshold, "one_to_block"], f"threshold_row_{level}")
    thresholds = [f"threshold_row_{level}", "block_axis"]
    build.node("Unsqueeze", thresholds, f"thresholds_{level}")  # [batch, 1, 16 * width]
    build.node("Max", [blocks, f"thresholds_{level}"], f"above_{level}")
    return build.node("Reshape", [f"above_{level}", f"by_unit_{level}"], f"active_{level}")


class Layers:
    """Every item's logit in float32: "logits", [batch, places], short of "logit_shift" [batch, 1].

    Args:
        build: where the constants go.
        tables: their storage.
        model: the MLP.
    """

    def __init__(self, build: GraphBuilder, tables: Tables, model: Mlp) -> None:
        half = item_half(model)
        self.places = len(half)
        self._weights = constants(build, tables, model)
        self._items = tables.matrix("from_item", half.reshape(-1, BLOCK * half.shape[1]))
        build.integers("by_request", -1, self.places)
        for level, layer in enumerate(linear_layers(model)[1:-1], 1):
            build.integers(f"by_unit_{level}", -1, layer.out_features)
            by_block = (-1, self.places // BLOCK, BLOCK * layer.out_features)
            build.integers(f"by_block_{level}", *by_block)

    def logits(self, build: GraphBuilder, user: str) -> None:
        """Add the nodes that score every item for ``user``, float32 [batch, dim]."""
        shift = build.node("Gemm", [user, "user_weight", "bias_0"], "shift_0")  # [batch, width]
        build.node("Neg", [shift], "threshold_0")
        active = rectify(build, self._items, "threshold_0", 0)
        level = 0
        for level, weight in enumerate(self._weights, 1):
            build.node("MatMul", [active, weight], f"product_{level}")  # [batch * places, width]
            shift = build.node("Gemm", [shift, weight, f"bias_{level}"], f"shift_{level}")
            build.node("Neg", [shift], f"threshold_{level}")
            shape = [f"product_{level}", f"by_block_{level}"]
            blocks = build.node("Reshape", shape, f"blocks_{level}")
            active = rectify(build, blocks, f"threshold_{level}", level)
        build.node("Gemm", ["last_weight", active], "logit_of_pairs", transB=1)  # [1, pairs]
        build.node("Reshape", ["logit_of_pairs", "by_request"], "logits")
        last = [shift, "last_weight", f"bias_{level + 1}"]
        build.node("Gemm", last, "logit_shift", transB=1)  # [batch, 1]

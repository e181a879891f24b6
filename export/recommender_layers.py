"""The MLP's layers over the whole catalogue, with the items' half of the first made at export.

``relu(a + u) = max(a, -u) + u``: an item's half a and the shopper's half u take one operation
instead of two, and the u behind it goes through the next layer once a shopper, not once an item.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import nn

from export.graph import GraphBuilder, tensor
from export.recommender_shopper import array
from export.tables import Tables
from trainer.recommender.mlp import Mlp

BLOCK = 16
"""Items whose hidden units lie in one row of a table, so that its broadcast runs long."""

TILE = 4_096
"""Items that are scored at once where requests come one by one."""

_ROWS_AT_ONCE = 65_536  # bounds the memory of the float64 copy


def linear_layers(model: Mlp) -> list[nn.Linear]:
    """Return the MLP's linear layers, the first of two halves."""
    return [layer for layer in model.layers if isinstance(layer, nn.Linear)]


@dataclass(frozen=True)
class Tiles:
    """A catalogue in tiles of whole blocks, scored one after the other.

    What is made of a tile stays in a core's own cache until the next layer reads it.

    Attributes:
        count: how many there are.
        places: items in each, a multiple of :data:`BLOCK`.
    """

    count: int
    places: int

    @classmethod
    def of(cls, n_items: int, most: int) -> Tiles:
        """Cut ``n_items`` into as few equal tiles of about ``most`` as hold them."""
        count = -(-n_items // most)
        return cls(count, -(-n_items // (count * BLOCK)) * BLOCK)

    @property
    def all_places(self) -> int:
        """Places of all tiles, those behind the last item too."""
        return self.count * self.places

    def blocks(self, width: int) -> tuple[int, ...]:
        """Return the shape of a table with ``width`` numbers an item, a block a row."""
        shape = (self.places // BLOCK, BLOCK * width)
        return shape if self.count == 1 else (self.count, *shape)

    def each(
        self,
        build: GraphBuilder,
        table: str,
        dtype: str,
        width: int,
        score: Callable[[GraphBuilder, str, str], None],
    ) -> str:
        """Add the nodes that score every tile, and return the name of what they put out.

        Args:
            build: the graph.
            table: the items' table, of the shape :meth:`blocks`.
            dtype: its type.
            width: numbers an item.
            score: given a builder, a tile's table and a name, adds the nodes that put out a
                request's logits under that name, float32 [1, places]; where there is one tile they
                may put out those of a batch.

        Returns:
            float32 [1, batch * places], or [tiles, 1, places].
        """
        if self.count == 1:
            score(build, table, "logit_of_pairs")
            return "logit_of_pairs"
        inputs = {table: tensor("tile", dtype, self.places // BLOCK, BLOCK * width)}
        outputs = {"logit_of_tiles": tensor("logit_of_tile", "float32", 1, self.places)}
        build.each(lambda inner: score(inner, "tile", "logit_of_tile"), inputs, outputs)
        return "logit_of_tiles"


def item_half(model: Mlp, places: int) -> np.ndarray:
    """Return float32 [places, width]: the first layer of item rows 1 and up, then zeros.

    Place p is item row p + 1. Products are added up in float64, so that equal items stay equal: in
    float32 the last bit may depend on the row.
    """
    weight = array(linear_layers(model)[0].weight).T[model.config.dim :].astype(np.float64)
    items = array(model.item.weight)[1:]
    half = np.zeros((places, weight.shape[1]), np.float32)
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


def spread(build: GraphBuilder, threshold: str, level: int) -> None:
    """Repeat ``threshold``, [batch, width], for a block's items: "thresholds", [batch, 1, 16 w]."""
    build.node("Tile", [threshold, "one_to_block"], f"threshold_row_{level}")
    build.node("Unsqueeze", [f"threshold_row_{level}", "block_axis"], f"thresholds_{level}")


def rectify(build: GraphBuilder, blocks: str, level: int) -> str:
    """Take max(a, threshold) of every item.

    Args:
        build: the graph.
        blocks: [batch or 1, blocks, 16 * width].
        level: which layer's "thresholds" to take.

    Returns:
        "active", [batch * places, width].
    """
    build.node("Max", [blocks, f"thresholds_{level}"], f"above_{level}")
    return build.node("Reshape", [f"above_{level}", f"by_unit_{level}"], f"active_{level}")


class Layers:
    """Every item's logit in float32: "logits", [batch, places], short of "logit_shift" [batch, 1].

    Args:
        build: where the constants go.
        tables: their storage.
        model: the MLP.
        one_by_one: whether requests come one at a time, so that the catalogue may lie in tiles.
    """

    def __init__(
        self, build: GraphBuilder, tables: Tables, model: Mlp, *, one_by_one: bool
    ) -> None:
        n_items = model.item.num_embeddings - 1
        self._tiles = Tiles.of(n_items, TILE if one_by_one else n_items)
        self.places = self._tiles.all_places
        half = item_half(model, self.places)
        self._width = half.shape[1]
        self._weights = constants(build, tables, model)
        blocks = self._tiles.blocks(self._width)
        self._items = tables.matrix("from_item", half.reshape(blocks))
        build.integers("by_request", -1, self.places)
        for level, layer in enumerate(linear_layers(model)[1:-1], 1):
            build.integers(f"by_unit_{level}", -1, layer.out_features)
            by_block = (-1, self._tiles.places // BLOCK, BLOCK * layer.out_features)
            build.integers(f"by_block_{level}", *by_block)

    def logits(self, build: GraphBuilder, user: str) -> None:
        """Add the nodes that score every item for ``user``, float32 [batch, dim]."""
        shift = build.node("Gemm", [user, "user_weight", "bias_0"], "shift_0")  # [batch, width]
        for level in range(len(self._weights) + 1):
            if level:
                layer = [shift, self._weights[level - 1], f"bias_{level}"]
                shift = build.node("Gemm", layer, f"shift_{level}")
            spread(build, build.node("Neg", [shift], f"threshold_{level}"), level)
        last = [shift, "last_weight", f"bias_{len(self._weights) + 1}"]
        build.node("Gemm", last, "logit_shift", transB=1)  # [batch, 1]
        scored = self._tiles.each(build, self._items, "float32", self._width, self._score)
        build.node("Reshape", [scored, "by_request"], "logits")

    def _score(self, build: GraphBuilder, items: str, output: str) -> None:
        """Add the nodes that score the items of a table: ``output``, [1, batch * places]."""
        active = rectify(build, items, 0)
        for level, weight in enumerate(self._weights, 1):
            build.node("MatMul", [active, weight], f"product_{level}")  # [batch * places, width]
            shape = [f"product_{level}", f"by_block_{level}"]
            blocks = build.node("Reshape", shape, f"blocks_{level}")
            active = rectify(build, blocks, level)
        build.node("Gemm", ["last_weight", active], output, transB=1)

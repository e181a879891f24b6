"""The MLP's layers in 8-bit codes: a fast look at every item, and an exact one at candidates."""

from __future__ import annotations

import numpy as np

from export.graph import GraphBuilder, tensor
from export.recommender_layers import (
    TILE,
    Tiles,
    constants,
    item_half,
    linear_layers,
    rectify,
    spread,
)
from export.recommender_shopper import array
from export.tables import Tables
from trainer.recommender.mlp import Mlp

LEVELS = 255  # codes of a hidden unit
WEIGHT_LEVELS = 63  # 255 * 63 * 2 fits into 16 bits, which x86 without VNNI adds up in


class CodedLayers:
    """One request's logits, the first two layers in codes: close enough to choose candidates.

    A hidden unit has a scale of its own: ReLU is homogeneous, so the second layer's weights take
    it in. Its codes start at the lowest value that any shopper can tell from others, and end at the
    highest of an item. What the shopper adds to a unit is rounded to the same codes, and what these
    are worth goes into the second layer's bias, so a unit that is off adds exactly nothing.

    Args:
        build: where the constants go.
        tables: their storage, float32.
        model: the MLP.
    """

    def __init__(self, build: GraphBuilder, tables: Tables, model: Mlp) -> None:
        self._linear = linear_layers(model)
        self._weights = constants(build, tables, model)
        self._tiles = Tiles.of(model.item.num_embeddings - 1, TILE)
        self.places = self._tiles.all_places
        half = item_half(model, self.places)
        step = self._code_items(build, model, half)
        weight = array(self._linear[1].weight).T * step[:, None]
        scale = np.abs(weight).max(axis=0) / WEIGHT_LEVELS  # [width of the second layer]
        scale = np.where(scale > 0, scale, 1)
        build.constant("weight_codes", np.rint(weight / scale).astype(np.int8))
        build.constant("weight_scale", scale.astype(np.float32))
        build.constant("from_item", half)
        build.constant("unit_scale", np.array(1, np.float32))
        build.constant("zero_code", np.array(0, np.uint8))
        build.integers("row_of_places", 1, self.places)
        if not self._weights:
            build.integers("row_of_tile", 1, self._tiles.places)

    def _code_items(self, build: GraphBuilder, model: Mlp, half: np.ndarray) -> np.ndarray:
        """Add the codes of ``half``, [places, width], and return what one is worth, [width]."""
        user_weight, bias = array(self._linear[0].weight).T[: model.config.dim], self._bias()
        items = half[: model.item.num_embeddings - 1]
        users = array(model.user.weight)[1:] @ user_weight + bias  # others are means of these
        low = np.maximum(items.min(axis=0), -users.max(axis=0))
        high = np.maximum(items.max(axis=0), low)
        step = np.where(high > low, high - low, 1) / LEVELS
        codes = np.rint((half - low) / step).clip(0, LEVELS).astype(np.uint8)
        build.constant("item_codes", codes.reshape(self._tiles.blocks(half.shape[1])))
        build.constant("threshold_weight", (-user_weight / step).astype(np.float32))
        build.constant("threshold_bias", (-(bias + low) / step).astype(np.float32))
        return step

    def _bias(self) -> np.ndarray:
        return array(self._linear[0].bias)

    def logits(self, build: GraphBuilder, user: str) -> None:
        """Add the nodes that score every item for ``user``, float32 [1, dim]: "logits".

        They are short of the last layer's bias, which all items share.
        """
        build.node("Gemm", [user, "user_weight", "bias_0"], "from_user")
        build.node("Gemm", [user, "threshold_weight", "threshold_bias"], "threshold_sum")
        threshold = ["threshold_sum", "unit_scale", "zero_code"]
        build.node("QuantizeLinear", threshold, "threshold_0")  # uint8 [1, width]
        spread(build, "threshold_0", 0)
        self._product(build, ["threshold_0"], "threshold_product", 1)
        build.node("Sub", ["bias_1", "threshold_product"], "shift_row")  # [1, width]
        build.node("Squeeze", ["shift_row", "request_axis"], "shift_1")
        width = self._linear[0].out_features
        scored = self._tiles.each(build, "item_codes", "uint8", width, self._score)
        build.node("Reshape", [scored, "row_of_places"], "logits")

    def _score(self, build: GraphBuilder, codes: str, output: str) -> None:
        """Add the nodes that score the items of a table of codes: ``output``, [1, places]."""
        active = rectify(build, codes, 0)
        hidden = self._product(build, [active, "shift_1"], "hidden_1", self._tiles.places)
        if not self._weights:
            build.node("Reshape", [hidden, "row_of_tile"], output)
            return
        for level, weight in enumerate(self._weights[1:], 2):
            build.node("Relu", [hidden], f"active_{level - 1}")
            layer = [f"active_{level - 1}", weight, f"bias_{level}"]
            hidden = build.node("Gemm", layer, f"hidden_{level}")
        build.node("Relu", [hidden], "active_last")  # [places, width]
        build.node("Gemm", ["last_weight", "active_last"], output, transB=1)

    def exact(self, build: GraphBuilder, candidates: str, count: int) -> None:
        """Add the nodes that score ``candidates``, places [1, count]: "candidate_logit"."""
        build.integers("by_candidate", 1, count)
        build.node("Gather", ["from_item", candidates], "candidate_item")  # [1, count, width]
        build.node("Add", ["candidate_item", "from_user"], "candidate_hidden")
        hidden = build.node("Reshape", ["candidate_hidden", "by_unit_0"], "candidate_hidden_0")
        for level, weight in enumerate([*self._weights, "last_weight"], 1):
            build.node("Relu", [hidden], f"candidate_active_{level}")
            layer = [f"candidate_active_{level}", weight, f"bias_{level}"]
            transposed = int(weight == "last_weight")
            hidden = build.node("Gemm", layer, f"candidate_hidden_{level}", transB=transposed)
        build.node("Reshape", [hidden, "by_candidate"], "candidate_logit")

    def _product(self, build: GraphBuilder, inputs: list[str], output: str, rows: int) -> str:
        """Multiply codes, uint8 [rows, width], by the second layer's, and add a bias if given."""
        codes, *bias = inputs
        scales = ["weight_codes", "unit_scale", "weight_scale", "zero_code"]
        given = ["", *bias] if bias else []  # before it come the weights' zero points, none
        put_out = tensor(output, "float32", rows, self._linear[1].out_features)
        return build.contrib("MatMulIntegerToFloat", [codes, *scales, *given], put_out)

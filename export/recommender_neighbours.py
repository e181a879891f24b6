"""Item-item weights in the two-stage graph: what the basket's items add to their neighbours."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from export.graph import GraphBuilder
from export.recommender_shopper import array
from export.tables import INT8, Tables
from trainer.recommender.two_stage import TwoStage

FARTHEST = 255  # rows from one neighbour to the next that a byte can say


def neighbours(build: GraphBuilder, tables: Tables, model: TwoStage, scores: str) -> str:
    """Add what the basket's items hold for their neighbours to ``scores``, [batch, n_rows].

    Padding counts for nothing, as ``held_one`` is zero there.
    """
    rows, weights = array(model.neighbours), array(model.neighbour_weights)
    if tables.variant == INT8:
        rows, weights = _steps(rows, weights)
    else:
        rows = rows.astype(np.min_scalar_type(-len(rows)))  # int16 up to 32,768 rows
    build.constant("neighbours", rows)
    build.constant("neighbour_recency", array(model.neighbour_recency))
    build.integers("third", 2)
    build.integers("flat", 0, -1)
    build.node("Mul", ["held_one", "neighbour_recency"], "counted")  # [batch, max_basket]
    build.node("Unsqueeze", ["counted", "third"], "counted_column")
    tables.rows("neighbour_weights", weights, "basket", "basket_weights")
    build.node("Mul", ["basket_weights", "counted_column"], "spoken")
    build.node("Gather", ["neighbours", "basket"], "basket_neighbours")
    if tables.variant == INT8:
        build.constant("third_axis", np.array(2))
        build.node("Cast", ["basket_neighbours"], "neighbour_steps", to=TensorProto.INT64)
        build.node("CumSum", ["neighbour_steps", "third_axis"], "neighbour_places")
    else:
        build.node("Cast", ["basket_neighbours"], "neighbour_places", to=TensorProto.INT64)
    build.node("Reshape", ["neighbour_places", "flat"], "neighbour_rows")  # [batch, basket * kept]
    build.node("Reshape", ["spoken", "flat"], "neighbour_values")
    inputs = [scores, "neighbour_rows", "neighbour_values"]
    return build.node("ScatterElements", inputs, "with_neighbours", axis=1, reduction="add")


def _steps(rows: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spell ascending rows as steps of a byte from one to the next, in as many places.

    Where a step is longer than a byte can say, zero weights stand in between; where these lack
    room, the smallest weights of the item make it.

    Args:
        rows: int64 [n_rows, kept], ascending.
        weights: float32 [n_rows, kept].

    Returns:
        uint8 steps and float32 weights, both [n_rows, kept].
    """
    steps = np.zeros(rows.shape, np.uint8)
    beside = np.zeros(rows.shape, np.float32)
    for item, (row, weight) in enumerate(zip(rows, weights, strict=True)):
        by_size = np.argsort(-np.abs(weight), kind="stable")
        for count in range(np.count_nonzero(weight), 0, -1):
            held = np.sort(by_size[:count])
            step = np.diff(row[held], prepend=0)
            stand_ins = np.maximum(step - 1, 0) // FARTHEST  # before each neighbour
            place = np.arange(count) + stand_ins.cumsum()
            if place[-1] < len(row):
                steps[item, : place[-1]] = FARTHEST
                steps[item, place] = step - FARTHEST * stand_ins
                beside[item, place] = weight[held]
                break
    return steps, beside

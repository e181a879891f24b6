"""The least that retrieval can be: a dot product with every item, and the best of it."""

from __future__ import annotations

import numpy as np

from benchmarks.recommender_export.drawn import K
from export.graph import BATCH, GraphBuilder, tensor


def bare_graph(vectors: np.ndarray) -> bytes:
    """Write query [batch, dim] -> item, score [batch, 10], without filter, bias or shopper.

    Args:
        vectors: float32 [n_items, dim].
    """
    build = GraphBuilder()
    build.constant("vectors", vectors)
    build.integers("k", K)
    build.node("Gemm", ["query", "vectors"], "scores", transB=1)  # [batch, n_items]
    build.nodes("TopK", ["scores", "k"], ["score", "item"], axis=1)
    inputs = [tensor("query", "float32", BATCH, vectors.shape[1])]
    outputs = [tensor("item", "int64", BATCH, K), tensor("score", "float32", BATCH, K)]
    return build.finish("bare", inputs, outputs, {})

"""The recommender's graph (design §3.1), written by hand for both architectures."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from export.graph import BATCH, GraphBuilder, TensorSpec, tensor
from export.recommender_mlp import mlp_graph
from export.recommender_two_stage import two_stage_graph
from export.tables import FP32
from trainer.recommender.mlp import Mlp
from trainer.recommender.two_stage import TwoStage


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


def recommender_graph(
    model: Mlp | TwoStage, top_k: int, metadata: Mapping[str, str], variant: str = FP32
) -> bytes:
    """Write a trained recommender as an ONNX model.

    Args:
        model: in evaluation mode, on the CPU.
        top_k: length of an answer, at most the number of items.
        metadata: goes into the model's metadata (bundle, version, variant).
        variant: "fp32"; "fp16", whose weights take half the space; "int8".

    Returns:
        The serialised model, weights inside.
    """
    build = GraphBuilder()
    with torch.no_grad():
        if isinstance(model, TwoStage):
            n_rows = len(model.bias)
            two_stage_graph(build, model, top_k, variant)
        else:
            n_rows = model.item.num_embeddings
            mlp_graph(build, model, top_k, variant)
    inputs, outputs = recommender_contract(n_rows, model.config.max_basket, top_k)
    return build.finish("recommender", inputs, outputs, metadata)

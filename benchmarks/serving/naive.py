"""The naive export: the seed's pair model as an exporter writes it, one score a pair.

User and item embeddings of 50, concatenated, 100 -> 64 -> 32 -> 1, ReLU, sigmoid. Weights are
random: what a run costs does not depend on them.
"""

from __future__ import annotations

import itertools

import numpy as np
from onnx import TensorProto, helper, numpy_helper

_WIDTHS = (100, 64, 32, 1)


def pair_model(n_users: int, n_items: int, seed: int = 7) -> bytes:
    """Return the ONNX model: (user [n], item [n]) rows in, score [n] out."""
    rng = np.random.Generator(np.random.PCG64(seed))
    half = _WIDTHS[0] // 2
    tensors = {
        "users": rng.normal(0, 0.1, (n_users + 1, half)).astype(np.float32),
        "items": rng.normal(0, 0.1, (n_items + 1, half)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Gather", ["users", "user"], ["user_vector"]),
        helper.make_node("Gather", ["items", "item"], ["item_vector"]),
        helper.make_node("Concat", ["user_vector", "item_vector"], ["layer_0"], axis=1),
    ]
    for layer, (wide, narrow) in enumerate(itertools.pairwise(_WIDTHS), 1):
        scale = wide**-0.5
        tensors[f"w{layer}"] = rng.normal(0, scale, (narrow, wide)).astype(np.float32)
        tensors[f"b{layer}"] = np.zeros(narrow, np.float32)
        inputs = [f"layer_{layer - 1}", f"w{layer}", f"b{layer}"]
        nodes.append(helper.make_node("Gemm", inputs, [f"sum_{layer}"], transB=1))
        if layer < len(_WIDTHS) - 1:
            nodes.append(helper.make_node("Relu", [f"sum_{layer}"], [f"layer_{layer}"]))
    tensors["axis"] = np.array([1], np.int64)
    last = f"sum_{len(_WIDTHS) - 1}"
    nodes.append(helper.make_node("Sigmoid", [last], ["probability"]))
    nodes.append(helper.make_node("Squeeze", ["probability", "axis"], ["score"]))
    graph = helper.make_graph(
        nodes,
        "pair",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["n"])
            for name in ("user", "item")
        ],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["n"])],
        [numpy_helper.from_array(array, name) for name, array in tensors.items()],
    )
    opset = helper.make_opsetid("", 20)
    content: bytes = helper.make_model(
        graph, opset_imports=[opset], ir_version=10
    ).SerializeToString()
    return content

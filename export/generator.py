"""The generator's graph (design §4.1), written by hand, its transposed convolutions as they are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from onnx import TensorProto

from export.generator_layers import Network
from export.graph import BATCH, GraphBuilder, TensorSpec, tensor


def generator_contract(network: Network) -> tuple[list[TensorSpec], list[TensorSpec]]:
    """Return the graph's inputs and outputs as the manifest states them."""
    size, channels = network.image_size, network.channels
    inputs = [
        tensor("z", "float32", BATCH, network.z_dim),
        tensor("category", "int64", BATCH, 1),
    ]
    return inputs, [tensor("image", "uint8", BATCH, size, size, channels)]


def generator_graph(
    network: Network, metadata: Mapping[str, str], weights: str = "float32"
) -> bytes:
    """Write a trained generator as an ONNX model that computes in float32.

    The transposed convolutions stay as they are: on onnxruntime's CPU kernels no rewriting of them
    was faster in fp32.

    Args:
        network: the generator's numbers.
        metadata: goes into the model's metadata (bundle, version, variant).
        weights: what weights are stored in, "float32" or "float16"; the latter are turned back
            into float32 in the graph, which onnxruntime does once, when it opens it.

    Returns:
        The serialised model, weights inside.
    """
    build = GraphBuilder()
    current = write_latent(build, network)
    build.integers("spatial", 2, 3)
    current = build.node("Unsqueeze", [current, "spatial"], "map_0")  # [batch, inputs, 1, 1]
    for level, layer in enumerate(network.layers, start=1):
        convolved = build.node(
            "ConvTranspose",
            [
                current,
                _weight(build, f"weight_{level}", layer.weight, weights),
                build.constant(f"bias_{level}", layer.bias),
            ],
            f"convolved_{level}",
            kernel_shape=list(layer.weight.shape[2:]),
            strides=[layer.stride] * 2,
            pads=[layer.padding] * 4,
        )
        current = build.node("Tanh" if layer.last else "Relu", [convolved], f"map_{level}")
    build.node("Transpose", [write_pixels(build, current, "pixels")], "image", perm=[0, 2, 3, 1])
    inputs, outputs = generator_contract(network)
    return build.finish("generator", inputs, outputs, metadata)


def write_latent(build: GraphBuilder, network: Network) -> str:
    """Write what joins z and the category's vector, and return its name: [batch, inputs]."""
    build.constant("category_vectors", network.category_vectors)
    build.integers("second", 1)
    build.node("Gather", ["category_vectors", "category"], "category_row")  # [batch, 1, dim]
    build.node("Squeeze", ["category_row", "second"], "category_vector")
    return build.node("Concat", ["z", "category_vector"], "latent", axis=1)


def write_pixels(build: GraphBuilder, source: str, output: str) -> str:
    """Write what turns -1..1 into bytes, as torch does (``Generator.to_uint8``)."""
    build.floats("one", 1)
    build.floats("half_range", 127.5)
    build.constant("black", np.array(0, np.float32))
    build.constant("white", np.array(255, np.float32))
    build.node("Add", [source, "one"], "shifted")
    build.node("Mul", ["shifted", "half_range"], "levels")
    build.node("Round", ["levels"], "rounded")  # halves to even, as torch.round
    build.node("Clip", ["rounded", "black", "white"], "clipped")
    return build.node("Cast", ["clipped"], output, to=TensorProto.UINT8)


def _weight(build: GraphBuilder, name: str, weight: np.ndarray, stored_in: str) -> str:
    if stored_in == "float32":
        return build.constant(name, weight)
    build.constant(f"{name}_{stored_in}", weight.astype(stored_in))
    return build.node("Cast", [f"{name}_{stored_in}"], name, to=TensorProto.FLOAT)

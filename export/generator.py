"""The generator's graph (design §4.1), written by hand with batch norm folded."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from export.graph import BATCH, GraphBuilder, TensorSpec, tensor
from trainer.generator.model import Generator


def generator_contract(generator: Generator) -> tuple[list[TensorSpec], list[TensorSpec]]:
    """Return the graph's inputs and outputs as the manifest states them."""
    size, channels = generator.image_size, generator.channels
    inputs = [
        tensor("z", "float32", BATCH, generator.z_dim),
        tensor("category", "int64", BATCH, 1),
    ]
    return inputs, [tensor("image", "uint8", BATCH, size, size, channels)]


def generator_graph(generator: Generator, metadata: Mapping[str, str]) -> bytes:
    """Write a trained generator as an fp32 ONNX model.

    The transposed convolutions stay as they are: on onnxruntime's CPU kernels no rewriting of them
    was faster in fp32. Each batch norm is folded into the convolution before it.

    Args:
        generator: in evaluation mode, on the CPU.
        metadata: goes into the model's metadata (bundle, version, variant).

    Returns:
        The serialised model, weights inside.
    """
    build = GraphBuilder()
    build.constant("category_vectors", generator.embedding.weight.detach().numpy())
    build.integers("second", 1)
    build.integers("spatial", 2, 3)
    build.node("Gather", ["category_vectors", "category"], "category_row")  # [batch, 1, dim]
    build.node("Squeeze", ["category_row", "second"], "category_vector")
    build.node("Concat", ["z", "category_vector"], "latent", axis=1)
    current = build.node("Unsqueeze", ["latent", "spatial"], "map_0")  # [batch, inputs, 1, 1]
    for level, (convolution, norm) in enumerate(generator.layers, start=1):
        weight, bias = folded(convolution, norm)
        build.constant(f"weight_{level}", weight)
        build.constant(f"bias_{level}", bias)
        convolved = build.node(
            "ConvTranspose",
            [current, f"weight_{level}", f"bias_{level}"],
            f"convolved_{level}",
            kernel_shape=list(convolution.kernel_size),
            strides=list(convolution.stride),
            pads=[*_pads(convolution), *_pads(convolution)],
        )
        current = build.node("Tanh" if norm is None else "Relu", [convolved], f"map_{level}")
    build.floats("one", 1)
    build.floats("half_range", 127.5)
    build.constant("black", np.array(0, np.float32))
    build.constant("white", np.array(255, np.float32))
    build.node("Add", [current, "one"], "shifted")
    build.node("Mul", ["shifted", "half_range"], "levels")
    build.node("Round", ["levels"], "rounded")  # halves to even, as torch.round
    build.node("Clip", ["rounded", "black", "white"], "clipped")
    build.node("Cast", ["clipped"], "pixels", to=2)
    build.node("Transpose", ["pixels"], "image", perm=[0, 2, 3, 1])
    inputs, outputs = generator_contract(generator)
    return build.finish("generator", inputs, outputs, metadata)


def _pads(convolution: nn.ConvTranspose2d) -> list[int]:
    padding = convolution.padding
    return [int(pad) for pad in padding] if not isinstance(padding, str) else []


def folded(
    convolution: nn.ConvTranspose2d, norm: nn.BatchNorm2d | None
) -> tuple[np.ndarray, np.ndarray]:
    """Fold a batch norm's running statistics into the convolution before it.

    Returns:
        Weight, float32 [inputs, outputs, 4, 4], and bias, float32 [outputs].
    """
    with torch.no_grad():
        weight = convolution.weight.double()
        bias = (
            weight.new_zeros(weight.shape[1])
            if convolution.bias is None
            else convolution.bias.double()
        )
        if norm is not None:
            assert norm.running_mean is not None
            assert norm.running_var is not None
            scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
            weight = weight * scale[None, :, None, None]
            bias = (bias - norm.running_mean.double()) * scale + norm.bias.double()
        return weight.float().contiguous().numpy(), bias.float().numpy()

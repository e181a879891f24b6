"""A trained generator as plain numbers: its layers with batch norm folded in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from trainer.generator.model import Generator


@dataclass(frozen=True)
class Layer:
    """A transposed convolution, and ReLU behind it; of stride 1, it is a plain one turned over.

    Attributes:
        weight: float32 [inputs, outputs, side, side].
        bias: float32 [outputs].
        stride: outputs from one input to the next.
        padding: rows and columns cut off at every edge.
        last: whether it is the network's last, which no ReLU follows.
    """

    weight: np.ndarray
    bias: np.ndarray
    stride: int
    padding: int
    last: bool

    @classmethod
    def of(cls, convolution: nn.ConvTranspose2d | nn.Conv2d, norm: nn.BatchNorm2d | None) -> Layer:
        """Take a convolution's numbers, and fold the running statistics of its batch norm in."""
        padding = convolution.padding[0]
        assert not isinstance(padding, str)
        with torch.no_grad():
            weight = convolution.weight.double()
            if not convolution.transposed:
                weight = weight.transpose(0, 1).flip(2, 3)
                padding = weight.shape[2] - 1 - padding
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
            return cls(
                weight=weight.float().contiguous().numpy(),
                bias=bias.float().numpy(),
                stride=convolution.stride[0],
                padding=padding,
                last=norm is None,
            )


@dataclass(frozen=True)
class Network:
    """What a generator computes: z and a category's vector through layers to tanh.

    Attributes:
        category_vectors: float32 [categories, dim].
        layers: first to last; the first reads a 1x1 map.
        z_dim: numbers in z.
        image_size: pixels on a side.
    """

    category_vectors: np.ndarray
    layers: tuple[Layer, ...]
    z_dim: int
    image_size: int

    @classmethod
    def of(cls, generator: Generator) -> Network:
        """Take the numbers of a trained generator, in evaluation mode and on the CPU."""
        return cls(
            category_vectors=generator.embedding.weight.detach().numpy(),
            layers=tuple(Layer.of(*layer) for layer in generator.layers),
            z_dim=generator.z_dim,
            image_size=generator.image_size,
        )

    @property
    def channels(self) -> int:
        """Channels of the picture."""
        return len(self.layers[-1].bias)

    @property
    def n_inputs(self) -> int:
        """Numbers that the first layer reads: z and the category's vector."""
        return len(self.layers[0].weight)

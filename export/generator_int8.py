"""The generator in int8: weights a scale an output channel, maps in uint8, channels last.

ReLU is the lower bound of uint8, and ``(tanh(x) + 1) * 127.5 = 255 * sigmoid(2 x)`` makes the last
layer's bytes into the picture's by one table. Scheme: Jacob et al., "Quantization and Training of
Neural Networks for Efficient Integer-Arithmetic-Only Inference" (CVPR 2018), section 2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from export.generator import generator_contract, write_latent, write_pixels
from export.generator_layers import Layer, Network
from export.generator_rewritten import (
    conv_pads,
    first_matrix,
    write_first_map,
    write_parts,
)
from export.graph import BATCH, GraphBuilder, tensor
from export.upsampling import Part, choose_form, kernel

LEVELS = 255
_WEIGHT_LEVELS = 127
_ALIGNED = 4  # channels that onnxruntime's int8 kernels read at a time
_BIAS_INPUTS = (127, 127, 127, 1)  # constant inputs that the first layer's bias is made up of
_REACH = 3 * 127 * _WEIGHT_LEVELS  # the largest bias they make up, in steps of both scales
_LARGEST_BIAS = 2**24  # of a convolution, far from where int32 ends


@dataclass(frozen=True)
class Scale:
    """How a map is stored in uint8: ``value = step * (byte - zero)``."""

    step: float
    zero: int

    @classmethod
    def over(cls, low: float, high: float) -> Scale:
        """Spread the 255 steps from ``low`` to ``high``, so that 0 lies on one of them."""
        step = max(high - low, 1e-6) / LEVELS
        return cls(step, round(-low / step))


@dataclass(frozen=True)
class Scales:
    """The scales of what lies between the layers.

    Attributes:
        latent: of z and the category's vector.
        maps: of every layer's map, first to last; of the last one before tanh.
    """

    latent: Scale
    maps: tuple[Scale, ...]


def aligned(network: Network) -> Network:
    """Round up the channels of maps to what int8 kernels read at a time, with zeros."""
    layers = []
    extra_inputs = 0
    for layer in network.layers:
        extra = 0 if layer.last else -len(layer.bias) % _ALIGNED
        weight = np.pad(layer.weight, ((0, extra_inputs), (0, extra), (0, 0), (0, 0)))
        layers.append(replace(layer, weight=weight, bias=np.pad(layer.bias, (0, extra))))
        extra_inputs = extra
    return replace(network, layers=tuple(layers))


class Int8:
    """Int8 between uint8 maps; see :class:`export.generator_rewritten.Arithmetic`.

    Args:
        scales: of the maps.
        in_float32: numbers of the layers, from 1, that compute in float32 all the same.
    """

    def __init__(self, scales: Scales, in_float32: frozenset[int] = frozenset()) -> None:
        self._scales = scales
        self._in_float32 = in_float32

    def write_first(self, build: GraphBuilder, network: Network) -> str:
        """Write the first layer as a matrix product, its bias among the inputs."""
        layer = network.layers[0]
        matrix = first_matrix(layer)  # [inputs, columns]
        bias = np.tile(layer.bias, matrix.shape[1] // len(layer.bias))
        target = _write_scale(build, "map_1", self._scales.maps[0])
        if 1 in self._in_float32:
            build.constant("weight_1", matrix)
            build.constant("bias_1", bias)
            build.node("Gemm", [write_latent(build, network), "weight_1", "bias_1"], "convolved_1")
            build.node("QuantizeLinear", ["convolved_1", *target], "flat_1")
            return write_first_map(build, "flat_1", layer)
        scale = self._scales.latent
        latent = write_latent(build, _with_bias_inputs(network, scale.step))
        source = _write_scale(build, "latent", scale)
        build.node("QuantizeLinear", [latent, *source], "latent_bytes")
        steps = _weight_steps(np.abs(matrix).max(axis=0), bias, scale.step * _REACH)
        of_bias = _bias_rows(np.round(bias / (steps * scale.step)))
        weight = _write_weight(build, "1", np.concatenate([matrix / steps, of_bias]), steps)
        build.node("QLinearMatMul", ["latent_bytes", *source, *weight, *target], "flat_1")
        return write_first_map(build, "flat_1", layer)

    def write_layer(
        self, build: GraphBuilder, source: str, level: int, layer: Layer, side: int
    ) -> str:
        """Write a further layer as convolutions; the bounds of uint8 are its ReLU."""
        before, after = self._scales.maps[level - 2 : level]
        source_scale = [f"map_{level - 1}_step", f"map_{level - 1}_zero"]
        if level in self._in_float32:
            made = _write_in_float32(build, [source, *source_scale], level, layer)
            if layer.last:
                return made
            return build.node(
                "QuantizeLinear",
                [made, *_write_scale(build, f"map_{level}", after)],
                f"map_{level}",
            )
        target_scale = _write_scale(build, f"map_{level}", after)

        def convolve(name: str, made: str, row: Part, column: Part) -> str:
            weight = kernel(layer.weight, row, column)
            bias = np.tile(layer.bias, len(row.taps) * len(column.taps))
            peak = np.abs(weight).max(axis=(1, 2, 3))
            steps = _weight_steps(peak, bias, before.step * _LARGEST_BIAS)
            build.constant(f"bias_{name}", np.round(bias / (steps * before.step)).astype(np.int32))
            stored = _write_weight(build, name, weight / steps[:, None, None, None], steps)
            return build.contrib(
                "QLinearConv",
                [source, *source_scale, *stored, *target_scale, f"bias_{name}"],
                tensor(made, "uint8", BATCH, row.places, column.places, len(steps)),
                kernel_shape=list(weight.shape[2:]),
                strides=[row.stride, column.stride],
                pads=conv_pads(row, column),
                channels_last=1,
            )

        inputs, outputs = layer.weight.shape[:2]
        form = choose_form(side, inputs, outputs, layer.padding, layer.stride)
        return write_parts(build, level, form, len(layer.bias), convolve)

    def write_picture(self, build: GraphBuilder, source: str, network: Network) -> None:
        """Write the picture: by a table of 256 entries, or as fp32 does."""
        level = len(network.layers)
        if level in self._in_float32:
            write_pixels(build, build.node("Tanh", [source], "tone"), "image")
            return
        build.constant("doubled_step", np.array(2 * self._scales.maps[-1].step, np.float32))
        target = _write_scale(build, "image", Scale(1 / LEVELS, 0))
        (image,) = generator_contract(network)[1]
        build.contrib(
            "QLinearSigmoid", [source, "doubled_step", f"map_{level}_zero", *target], image
        )


def _write_in_float32(build: GraphBuilder, source: list[str], level: int, layer: Layer) -> str:
    """Write a further layer as the fp32 graph has it, from bytes and their scale."""
    build.node("DequantizeLinear", source, f"float_{level}")
    build.node("Transpose", [f"float_{level}"], f"channels_first_{level}", perm=[0, 3, 1, 2])
    build.constant(f"weight_{level}", layer.weight)
    build.constant(f"bias_{level}", layer.bias)
    build.node(
        "ConvTranspose",
        [f"channels_first_{level}", f"weight_{level}", f"bias_{level}"],
        f"convolved_{level}",
        kernel_shape=list(layer.weight.shape[2:]),
        strides=[layer.stride] * 2,
        pads=[layer.padding] * 4,
    )
    return build.node("Transpose", [f"convolved_{level}"], f"joined_{level}", perm=[0, 2, 3, 1])


def _write_scale(build: GraphBuilder, name: str, scale: Scale) -> list[str]:
    """Write a scale's two constants and return their names."""
    return [
        build.constant(f"{name}_step", np.array(scale.step, np.float32)),
        build.constant(f"{name}_zero", np.array(scale.zero, np.uint8)),
    ]


def _weight_steps(peak: np.ndarray, bias: np.ndarray, largest: float) -> np.ndarray:
    """Return the steps that carry weights up to ``peak``, float32 [outputs].

    They are wider where an output's bias, in these steps, would be larger than ``largest``.
    """
    steps = np.maximum(peak / _WEIGHT_LEVELS, np.abs(bias) / largest)
    return np.maximum(steps, 1e-12).astype(np.float32)  # an output that nothing feeds


def _write_weight(
    build: GraphBuilder, name: str, in_steps: np.ndarray, steps: np.ndarray
) -> list[str]:
    """Write a weight, its steps and its zeros as constants, and return their names."""
    return [
        build.constant(f"weight_{name}", np.round(in_steps).astype(np.int8)),
        build.constant(f"weight_{name}_step", steps),
        build.constant(f"weight_{name}_zero", np.zeros(len(steps), np.int8)),
    ]


def _with_bias_inputs(network: Network, step: float) -> Network:
    """Let constant numbers follow each category's vector: a matrix product has no bias."""
    constant = np.array(_BIAS_INPUTS, np.float32) * np.float32(step)
    vectors = network.category_vectors
    rows = np.tile(constant, (len(vectors), 1))
    return replace(network, category_vectors=np.concatenate([vectors, rows], axis=1))


def _bias_rows(whole: np.ndarray) -> np.ndarray:
    """Make up each of ``whole``, [columns], from the constant inputs: [4, columns]."""
    rows = []
    left = whole.copy()
    for size in _BIAS_INPUTS:
        row = np.clip(np.round(left / size), -_WEIGHT_LEVELS, _WEIGHT_LEVELS)
        left -= row * size
        rows.append(row)
    return np.stack(rows)

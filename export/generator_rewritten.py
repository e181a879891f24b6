"""The generator's graph without transposed convolutions, channels last, in any arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

from export.generator import generator_contract, write_latent, write_pixels
from export.generator_layers import Layer, Network
from export.graph import GraphBuilder
from export.upsampling import Axis, Form, Part, choose_form, kernel


class Arithmetic(Protocol):
    """What the numbers between the layers are, and how they are computed."""

    def write_first(self, build: GraphBuilder, network: Network) -> str:
        """Write latent and first layer, and return its map's name: [batch, side, side, outputs]."""

    def write_layer(
        self, build: GraphBuilder, source: str, level: int, layer: Layer, side: int
    ) -> str:
        """Write a further layer, ReLU included, that reads ``source``, ``side`` pixels a side."""

    def write_picture(self, build: GraphBuilder, source: str, network: Network) -> None:
        """Write the ``image`` from the last layer's map, which no tanh has been over."""


def rewritten_graph(network: Network, metadata: Mapping[str, str], arithmetic: Arithmetic) -> bytes:
    """Write the generator with every transposed convolution as plain ones.

    Args:
        network: the generator's numbers.
        metadata: goes into the model's metadata (bundle, version, variant).
        arithmetic: how layers are computed.

    Returns:
        The serialised model, weights inside.
    """
    build = GraphBuilder()
    current = arithmetic.write_first(build, network)
    side = network.layers[0].weight.shape[2]
    for level, layer in enumerate(network.layers[1:], start=2):
        current = arithmetic.write_layer(build, current, level, layer, side)
        side = layer.stride * (side - 1) + layer.weight.shape[2] - 2 * layer.padding
    arithmetic.write_picture(build, current, network)
    inputs, outputs = generator_contract(network)
    return build.finish("generator", inputs, outputs, metadata)


class Float32:
    """Float32 throughout: what the rewriting is proved right with, before it is quantized."""

    def write_first(self, build: GraphBuilder, network: Network) -> str:
        """See :class:`Arithmetic`."""
        layer = network.layers[0]
        build.constant("weight_1", first_matrix(layer))
        build.constant("bias_1", np.tile(layer.bias, layer.weight.shape[2] ** 2))
        build.node("Gemm", [write_latent(build, network), "weight_1", "bias_1"], "convolved_1")
        return write_first_map(build, build.node("Relu", ["convolved_1"], "flat_1"), layer)

    def write_layer(
        self, build: GraphBuilder, source: str, level: int, layer: Layer, side: int
    ) -> str:
        """See :class:`Arithmetic`."""
        first = build.node("Transpose", [source], f"channels_first_{level}", perm=[0, 3, 1, 2])

        def convolve(name: str, made: str, row: Part, column: Part) -> str:
            build.constant(f"weight_{name}", kernel(layer.weight, row, column))
            build.constant(f"bias_{name}", np.tile(layer.bias, len(row.taps) * len(column.taps)))
            build.node(
                "Conv",
                [first, f"weight_{name}", f"bias_{name}"],
                f"first_{name}",
                strides=[row.stride, column.stride],
                pads=conv_pads(row, column),
            )
            return build.node("Transpose", [f"first_{name}"], made, perm=[0, 2, 3, 1])

        inputs, outputs = layer.weight.shape[:2]
        form = choose_form(side, inputs, outputs, layer.padding, layer.stride)
        joined = write_parts(build, level, form, len(layer.bias), convolve)
        return joined if layer.last else build.node("Relu", [joined], f"map_{level}")

    def write_picture(self, build: GraphBuilder, source: str, network: Network) -> None:
        """See :class:`Arithmetic`."""
        write_pixels(build, build.node("Tanh", [source], "tone"), "image")


def first_matrix(layer: Layer) -> np.ndarray:
    """Return the first layer, which reads one pixel, as a matrix: [inputs, side ** 2 * outputs]."""
    channels_last = layer.weight.transpose(0, 2, 3, 1)
    return np.ascontiguousarray(channels_last.reshape(len(layer.weight), -1))


def write_first_map(build: GraphBuilder, flat: str, layer: Layer) -> str:
    """Write the first layer's numbers as a map, [batch, side, side, outputs]."""
    build.integers("shape_1", -1, *layer.weight.shape[2:], len(layer.bias))
    return build.node("Reshape", [flat, "shape_1"], "map_1")


def conv_pads(row: Part, column: Part) -> list[int]:
    """Return the zeros around the map as ONNX orders them: top, left, bottom, right."""
    return [row.pads[0], column.pads[0], row.pads[1], column.pads[1]]


def write_parts(
    build: GraphBuilder,
    level: int,
    form: Form,
    channels: int,
    convolve: Callable[[str, str, Part, Part], str],
) -> str:
    """Write a layer's convolutions, and what puts their outputs in place.

    Args:
        build: the graph in the making.
        level: the layer's number.
        form: how the layer is rewritten.
        channels: its outputs.
        convolve: writes the convolution of a name that makes some of the rows and columns, and
            returns the name asked for its output: [batch, places, places, rows * columns *
            channels].

    Returns:
        The map's name: [batch, side, side, channels].
    """
    rows, columns = form.rows, form.columns
    if form.in_place:
        return convolve(str(level), f"joined_{level}", rows.parts[0], columns.parts[0])
    bands = []
    for above, row in enumerate(rows.parts):
        found = []
        for beside, column in enumerate(columns.parts):
            name = f"{level}_{above}{beside}"
            found.append(convolve(name, f"part_{name}", row, column))
        # Of columns that take turns, the channels of one follow those of the other.
        side_by_side = f"band_{level}_{above}"
        joined = len(found) > 1
        bands.append(build.node("Concat", found, side_by_side, axis=3) if joined else found[0])
    width = columns.outputs * channels  # numbers in a row of pixels, before columns are cut off
    if len(bands) > 1:
        current = _take_turns(build, level, bands, rows.parts[0].places, width)
    else:
        current = _unfold(build, level, bands[0], rows.parts[0], columns, channels)
    bounds = {axis: crop for axis, crop in _crops(form, channels).items() if crop is not None}
    if bounds:
        build.integers(f"start_{level}", *(start for start, _ in bounds.values()))
        build.integers(f"stop_{level}", *(stop for _, stop in bounds.values()))
        build.integers(f"axes_{level}", *bounds)
        where = [f"start_{level}", f"stop_{level}", f"axes_{level}"]
        current = build.node("Slice", [current, *where], f"cropped_{level}")
    sides = [axis.crop[1] - axis.crop[0] for axis in (rows, columns)]
    build.integers(f"shape_{level}", -1, *sides, channels)
    return build.node("Reshape", [current, f"shape_{level}"], f"joined_{level}")


def _crops(form: Form, channels: int) -> dict[int, tuple[int, int] | None]:
    """Return what counts of the axes that rows and columns lie on, None for all of it."""
    rows, columns = form.rows, form.columns
    row_axis, column_axis = (1, 3) if len(rows.parts) > 1 else (1, 2)
    start, stop = columns.crop
    return {
        row_axis: rows.crop if rows.cropped else None,
        column_axis: (start * channels, stop * channels) if columns.cropped else None,
    }


def _take_turns(build: GraphBuilder, level: int, bands: list[str], places: int, width: int) -> str:
    """Let the rows of two bands take turns: [batch, places, 2, width]; no row is cut off."""
    build.integers(f"row_{level}", -1, places, 1, width)
    rows = [
        build.node("Reshape", [band, f"row_{level}"], f"rows_{level}_{number}")
        for number, band in enumerate(bands)
    ]
    return build.node("Concat", rows, f"rows_{level}", axis=2)


def _unfold(
    build: GraphBuilder, level: int, band: str, row: Part, columns: Axis, channels: int
) -> str:
    """Take apart the rows of a place, each with a place's columns: [batch, rows, width]."""
    height, width = len(row.taps), columns.outputs * channels
    places = columns.parts[0].places
    build.integers(f"block_{level}", -1, row.places, places, height, width // places)
    build.node("Reshape", [band, f"block_{level}"], f"blocks_{level}")
    build.node("Transpose", [f"blocks_{level}"], f"unfolded_{level}", perm=[0, 1, 3, 2, 4])
    build.integers(f"rows_shape_{level}", -1, row.places * height, width)
    return build.node("Reshape", [f"unfolded_{level}", f"rows_shape_{level}"], f"rows_{level}")

"""The int8 generator's graph computed node by node in numpy, in whole numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import helper, numpy_helper

_OUTPUTS_AT_ONCE = 16  # bounds the memory of the pairs


def compute(graph: bytes, feeds: Mapping[str, np.ndarray], *, saturating: bool) -> np.ndarray:
    """Return the graph's ``image``.

    Args:
        graph: what ``export.generator_calibration.int8_graph`` wrote, all of it in int8.
        feeds: the graph's inputs.
        saturating: add neighbouring products in 16 bits that saturate, as x86-64 CPUs without VNNI
            do (``vpmaddubsw``).
    """
    model = onnx.load_model_from_string(graph)
    values = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    values.update(feeds)
    for node in model.graph.node:
        inputs = [values[name] for name in node.input]
        attributes = {one.name: helper.get_attribute_value(one) for one in node.attribute}
        if node.op_type in ("QLinearMatMul", "QLinearConv"):
            result = _product(node.op_type, inputs, attributes, saturating=saturating)
        else:
            result = _moved(node.op_type, inputs, attributes)
        values[node.output[0]] = result
    return values["image"]


def _moved(op_type: str, inputs: list[np.ndarray], attributes: dict[str, object]) -> np.ndarray:
    first = inputs[0]
    match op_type:
        case "Gather":
            return first[inputs[1]]
        case "Squeeze":
            return first.squeeze(tuple(inputs[1]))
        case "Concat":
            return np.concatenate(inputs, attributes["axis"])  # type: ignore[call-overload, no-any-return]
        case "Reshape":
            return first.reshape(inputs[1])
        case "Transpose":
            return first.transpose(attributes["perm"])  # type: ignore[arg-type]
        case "Slice":
            where = [slice(None)] * first.ndim
            for start, stop, axis in zip(*inputs[1:], strict=True):
                where[axis] = slice(start, stop)
            return first[tuple(where)]
        case "QuantizeLinear":
            return _bytes(first / inputs[1], inputs[2])
        case "QLinearSigmoid":
            value = (first.astype(np.float64) - inputs[2]) * inputs[1]
            return _bytes(1 / (1 + np.exp(-value)) / inputs[3], inputs[4])
    raise ValueError(op_type)


def _product(
    op_type: str, inputs: list[np.ndarray], attributes: dict[str, object], *, saturating: bool
) -> np.ndarray:
    source, step, zero, weight, weight_step, _, target_step, target_zero, *bias = inputs
    if op_type == "QLinearConv":
        top, left, bottom, right = attributes["pads"]  # type: ignore[misc]
        height, width = attributes["kernel_shape"]  # type: ignore[misc]
        down, across = attributes["strides"]  # type: ignore[misc]
        edges = ((0, 0), (top, bottom), (left, right), (0, 0))
        padded = np.pad(source, edges, constant_values=int(zero))
        seen = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))
        seen = seen[:, ::down, ::across].transpose(0, 1, 2, 4, 5, 3)  # height, width, channels last
        rows = seen.reshape(*seen.shape[:3], -1)
        columns = weight.transpose(0, 2, 3, 1).reshape(len(weight), -1)
    else:
        rows, columns = source, weight.T
    total = _sums(rows.reshape(-1, rows.shape[-1]), columns, saturating=saturating)
    total -= int(zero) * columns.astype(np.int64).sum(axis=1)
    total += bias[0] if bias else 0
    scaled = total * (step * weight_step / target_step).astype(np.float64)
    return _bytes(scaled, target_zero).reshape(*rows.shape[:-1], len(columns))


def _sums(rows: np.ndarray, columns: np.ndarray, *, saturating: bool) -> np.ndarray:
    """Multiply [places, inputs] by [outputs, inputs]: int64 [places, outputs]."""
    odd = rows.shape[1] % 2
    bytes_, weights = (np.pad(one, ((0, 0), (0, odd))).astype(np.int32) for one in (rows, columns))
    total = np.zeros((len(rows), len(columns)), np.int64)
    for start in range(0, len(columns), _OUTPUTS_AT_ONCE):
        part = weights[start : start + _OUTPUTS_AT_ONCE]
        pairs = bytes_[:, None, 0::2] * part[:, 0::2] + bytes_[:, None, 1::2] * part[:, 1::2]
        if saturating:
            pairs = np.clip(pairs, -32768, 32767)
        total[:, start : start + _OUTPUTS_AT_ONCE] = pairs.sum(axis=2)
    return total


def _bytes(value: np.ndarray, zero: np.ndarray) -> np.ndarray:
    return np.clip(np.round(value) + zero, 0, 255).astype(np.uint8)

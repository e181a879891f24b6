"""Large weights handed to onnxruntime beside a model instead of within it.

onnxruntime copies a weight that lies in the model's bytes three times while it opens it, and one
that is handed over once. At a million items that is the difference between a second and less than
half of one, and between four times the file in memory, for that moment, and two times.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from runtime.onnx_wire import WireError, WireField, wire_fields, wire_message, wire_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGE_BYTES = 16 << 20
"""From this size on a weight is taken out; smaller ones are not worth the trouble."""

_DTYPES: dict[int, type[np.generic]] = {
    1: np.float32,
    2: np.uint8,
    3: np.int8,
    6: np.int32,
    7: np.int64,
    10: np.float16,
}
_GRAPH, _INITIALIZER = 7, 5  # of a model, of a graph
_DIMS, _DATA_TYPE, _NAME, _RAW_DATA, _EXTERNAL_DATA, _DATA_LOCATION = 1, 2, 8, 9, 13, 14
_LIES_OUTSIDE = b"\x70\x01"  # data_location = EXTERNAL


def take_out_weights(model: bytes) -> tuple[bytes, dict[str, NDArray[Any]]]:
    """Split ``model`` into a small one and its large weights by name, which lie in ``model``.

    The small model calls these external data, in no file: it opens only where they are handed over.
    What is no ONNX model stays as it is.
    """
    if len(model) < LARGE_BYTES:
        return model, {}
    weights: dict[str, NDArray[Any]] = {}
    try:
        parts = [
            wire_message(_GRAPH, _graph(model, item, weights))
            if item.number == _GRAPH
            else model[begin : item.end]
            for begin, item in _with_begin(model, 0, len(model))
        ]
    except WireError:
        return model, {}
    return (b"".join(parts), weights) if weights else (model, {})


def _graph(model: bytes, graph: WireField, weights: dict[str, NDArray[Any]]) -> bytes:
    parts = []
    for begin, item in _with_begin(model, graph.start, graph.end):
        without = None
        if item.number == _INITIALIZER and item.end - item.start >= LARGE_BYTES:
            without = _tensor(model, item, weights)
        parts.append(model[begin : item.end] if without is None else without)
    return b"".join(parts)


def _tensor(model: bytes, tensor: WireField, weights: dict[str, NDArray[Any]]) -> bytes | None:
    """Return a tensor without its numbers, which go into ``weights``; None where it has others."""
    kept: list[bytes] = []
    dims: list[int] = []
    dtype: type[np.generic] | None = None
    name, data = "", None
    for begin, item in _with_begin(model, tensor.start, tensor.end):
        if item.number == _RAW_DATA:
            data = item
            continue
        if item.end - begin >= LARGE_BYTES:
            return None
        kept.append(model[begin : item.end])
        if item.number == _DIMS:
            dims.append(item.value)
        elif item.number == _DATA_TYPE:
            dtype = _DTYPES.get(item.value)
        elif item.number == _NAME:
            name = wire_text(model, item)
    if data is None or dtype is None or name in weights:
        return None
    size_bytes = data.end - data.start
    if math.prod(dims) * np.dtype(dtype).itemsize != size_bytes:
        return None
    weights[name] = np.frombuffer(model, dtype, math.prod(dims), data.start).reshape(dims)
    where = {"location": "handed over", "offset": "0", "length": str(size_bytes)}
    for key, value in where.items():
        entry = wire_message(1, key.encode()) + wire_message(2, value.encode())
        kept.append(wire_message(_EXTERNAL_DATA, entry))
    content = b"".join([*kept, _LIES_OUTSIDE])
    return wire_message(_INITIALIZER, content)


def _with_begin(model: bytes, start: int, end: int) -> Iterator[tuple[int, WireField]]:
    """Yield the fields of a message, each with the place where its tag begins."""
    for item in wire_fields(model, start, end):
        yield start, item
        start = item.end

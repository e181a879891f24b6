"""Tensors of the Open Inference Protocol v2: read from JSON or bytes, checked, written back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from runtime.manifest import Tensor
from runtime.serve.bodies import decode
from runtime.serve.errors import HttpError
from runtime.serve.inference_schemas import InferInput, TensorMetadata, TensorReply

BINARY_SIZE = "binary_data_size"
_DATATYPES = {
    "bool": "BOOL", "uint8": "UINT8", "int32": "INT32", "int64": "INT64",
    "float16": "FP16", "float32": "FP32", "float64": "FP64",
}  # fmt: skip
_ELEMENTS: Mapping[str, type] = {"b": bool, "u": int, "i": int, "f": float}


@dataclass(frozen=True)
class TensorSpec:
    """What a model's input or output is.

    Attributes:
        name: as the graph calls it.
        dtype: numpy's, little-endian.
        shape: of one request; the batch comes before it.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @classmethod
    def of(cls, tensor: Tensor) -> TensorSpec:
        """Return the spec of a tensor of the manifest, whose first axis is the batch."""
        shape = tuple(int(axis) for axis in tensor.shape[1:])
        return cls(tensor.name, np.dtype(tensor.dtype).newbyteorder("<"), shape)

    @property
    def datatype(self) -> str:
        """The protocol's name of the dtype."""
        return _DATATYPES[self.dtype.name]

    def metadata(self) -> TensorMetadata:
        """Return it as the protocol describes it; -1 is any batch."""
        return TensorMetadata(self.name, self.datatype, [-1, *self.shape])


def read_tensor(
    given: InferInput, spec: TensorSpec, binary: bytes | None, max_batch: int
) -> NDArray[Any]:
    """Return the values of an input, [batch, *spec.shape].

    Args:
        given: what the JSON says of it.
        spec: what it must be.
        binary: its bytes, None where its values are in the JSON.
        max_batch: largest batch allowed.

    Raises:
        HttpError: datatype, shape or values do not fit; the message names the input.
    """
    name = given.name
    if given.datatype != spec.datatype:
        raise HttpError(
            f"input {name!r} has datatype {given.datatype[:20]!r}; it must be {spec.datatype!r}"
        )
    if len(given.shape) != len(spec.shape) + 1 or tuple(given.shape[1:]) != spec.shape:
        raise HttpError(
            f"input {name!r} has shape {given.shape[:8]}; it must be {[-1, *spec.shape]}"
        )
    if not 1 <= given.shape[0] <= max_batch:
        raise HttpError(
            f"input {name!r} has a batch of {given.shape[0]}; it must be from 1 to {max_batch}"
        )
    if binary is not None:
        return _from_bytes(name, binary, given.shape, spec.dtype)
    if given.data is msgspec.UNSET:
        raise HttpError(f"input {name!r} has neither 'data' nor {BINARY_SIZE!r}")
    return _from_json(name, bytes(given.data), given.shape, spec.dtype)


def binary_size(given: InferInput) -> int | None:
    """Return how many bytes of the body's binary part an input takes; None for none.

    Raises:
        HttpError: the number is none, or there is ``data`` too.
    """
    if "shared_memory_region" in given.parameters:
        raise HttpError(f"input {given.name!r} lies in shared memory, which is not served here")
    size = given.parameters.get(BINARY_SIZE)
    if size is None:
        return None
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise HttpError(f"input {given.name!r}: {BINARY_SIZE} is {str(size)[:40]!r}, no size")
    if given.data is not msgspec.UNSET:
        raise HttpError(f"input {given.name!r} has both 'data' and {BINARY_SIZE!r}; give one")
    return size


def write_tensor(name: str, values: NDArray[Any], *, binary: bool) -> tuple[TensorReply, bytes]:
    """Return an output for the JSON, and the bytes that follow it (none for ``binary`` False).

    JSON has no infinity; what is none of a number is written as Python and Triton write it
    (``-Infinity``), for every stock client reads it so.
    """
    datatype = _DATATYPES[values.dtype.name]
    shape = list(values.shape)
    if binary:
        content = values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
        return TensorReply(name, shape, datatype, {BINARY_SIZE: len(content)}), content
    flat = values.ravel().tolist()
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raw = json.dumps(flat).encode()
    else:
        raw = msgspec.json.encode(flat)
    return TensorReply(name, shape, datatype, data=msgspec.Raw(raw)), b""


def _from_bytes(
    name: str, binary: bytes, shape: Sequence[int], dtype: np.dtype[Any]
) -> NDArray[Any]:
    wanted = math.prod(shape) * dtype.itemsize
    if len(binary) != wanted:
        raise HttpError(
            f"input {name!r} has {len(binary)} bytes; shape {list(shape)} needs {wanted}"
        )
    if dtype.kind != "b":
        return np.frombuffer(binary, dtype).reshape(shape)
    codes = np.frombuffer(binary, np.uint8)
    if codes.size and codes.max() > 1:
        raise HttpError(f"input {name!r} holds the byte {codes.max()}; a BOOL is 0 or 1")
    return codes.astype(np.bool_).reshape(shape)


def _from_json(name: str, raw: bytes, shape: Sequence[int], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Read values that are flat, row-major, or nested as the shape is."""
    depth = _depth(raw)
    if depth not in (1, len(shape)):
        raise HttpError(
            f"input {name!r} has 'data' nested {depth} deep; it must be flat, or nested "
            f"{len(shape)} deep as its shape {list(shape)}"
        )
    kind: Any = _ELEMENTS[dtype.kind]
    for _ in range(depth):
        kind = list[kind]
    told = decode(raw, kind, f"input {name!r} data")
    try:
        with np.errstate(over="ignore"):
            values = np.array(told, dtype)
    except OverflowError as error:
        raise HttpError(f"input {name!r} holds a number beyond {dtype.name}") from error
    except ValueError as error:
        raise HttpError(f"input {name!r} has rows of different length") from error
    fits = values.size == math.prod(shape) if depth == 1 else values.shape == tuple(shape)
    if not fits:
        raise HttpError(
            f"input {name!r} has {values.size} values; its shape {list(shape)} needs "
            f"{math.prod(shape)}"
        )
    return values.reshape(shape)


def _depth(raw: bytes) -> int:
    depth = 0
    for byte in raw[:64]:
        if byte == ord("["):
            depth += 1
        elif byte not in b" \t\r\n":
            break
    return depth

"""What requests and replies of the Open Inference Protocol v2 hold."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct


class InferInput(Struct, frozen=True):
    """One input tensor: its values in ``data``, or ``binary_data_size`` bytes after the JSON."""

    name: str
    shape: list[Annotated[int, Meta(ge=0, le=1 << 40)]]
    datatype: str
    parameters: dict[str, Any] = {}
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class InferOutput(Struct, frozen=True):
    """One output that is asked for."""

    name: str
    parameters: dict[str, Any] = {}


class InferBody(Struct, frozen=True):
    """An inference request of the Open Inference Protocol v2."""

    inputs: list[InferInput]
    id: str = ""
    parameters: dict[str, Any] = {}
    outputs: list[InferOutput] = []


class TensorReply(Struct, frozen=True, omit_defaults=True):
    """One output tensor, row-major; without ``data`` where its bytes follow the JSON."""

    name: str
    shape: list[int]
    datatype: str
    parameters: dict[str, Any] = {}
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class InferReply(Struct, frozen=True, omit_defaults=True):
    """An inference reply of the Open Inference Protocol v2."""

    model_name: str
    model_version: str
    outputs: list[TensorReply]
    parameters: dict[str, Any]
    id: str = ""


class TensorMetadata(Struct, frozen=True):
    """A tensor of a model; -1 is any size."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(Struct, frozen=True):
    """A model of the Open Inference Protocol v2."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class ServerMetadata(Struct, frozen=True):
    """The server, as the Open Inference Protocol v2 describes itself."""

    name: str
    version: str
    extensions: list[str]

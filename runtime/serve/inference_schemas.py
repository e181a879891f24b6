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


class ModelReady(Struct, frozen=True):
    """Whether a model serves."""

    name: str
    ready: bool


class TensorConfig(Struct, frozen=True):
    """A tensor of a model as Triton's configuration has it, without the batch."""

    name: str
    data_type: str
    dims: list[int]


class ModelConfig(Struct, frozen=True):
    """The configuration that Triton would have for a model."""

    name: str
    platform: str
    backend: str
    max_batch_size: int
    version_policy: dict[str, dict[str, int]]
    input: list[TensorConfig]
    output: list[TensorConfig]
    dynamic_batching: dict[str, int] = {}


class Duration(Struct, frozen=True):
    """How many requests, and how long all of them took together."""

    count: int
    ns: int


class ModelStatistics(Struct, frozen=True):
    """What became of the inference requests of a model; ``last_inference`` in ms since 1970."""

    name: str
    version: str
    last_inference: int
    inference_count: int
    execution_count: int
    inference_stats: dict[str, Duration]
    batch_stats: list[dict[str, int]] = []


class StatisticsReply(Struct, frozen=True):
    """Statistics of models."""

    model_stats: list[ModelStatistics]


class IndexEntry(Struct, frozen=True):
    """A model in the index."""

    name: str
    version: str
    state: str = "READY"
    reason: str = ""


class ServerMetadata(Struct, frozen=True):
    """The server, as the Open Inference Protocol v2 describes itself."""

    name: str
    version: str
    extensions: list[str]

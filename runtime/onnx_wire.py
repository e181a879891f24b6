"""ONNX files read at the level of protobuf's wire format, without the onnx package.

A bundle is checked on devices that have no onnx: a scan finds what may not be in a bundle (external
tensor data, custom operators, local functions) and lists the nodes. Tensor contents are skipped,
so a 500 MB model takes as long as a small one. Field numbers are those of onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

STANDARD_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
"""Operator domains of the ONNX standard."""

CONTRIB_DOMAIN = "com.microsoft"
CONTRIB_OPERATORS = frozenset(
    {
        "MatMulIntegerToFloat",
        "MatMulNBits",
        "QLinearConv",  # the standard's, and channels last
        "QLinearSigmoid",
    }
)
"""The operators of :data:`CONTRIB_DOMAIN`, which every ONNX Runtime has built in, that export
writes; the domain's many others are refused like any custom operator."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_DEPTH = 32  # subgraphs within subgraphs; real models have two or three levels


class WireError(ValueError):
    """The bytes are not an ONNX model; the message says what was met and where."""


@dataclass(frozen=True)
class Node:
    """A node of the main graph, with the names of the tensors it reads and writes."""

    name: str
    op_type: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def label(self) -> str:
        """The node's name, or its first output where it has none."""
        return self.name or (self.outputs[0] if self.outputs else self.op_type)


@dataclass
class ModelScan:
    """What a scan found; ``problems`` are the reasons why the model may not be in a bundle."""

    nodes: list[Node] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    initializers: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class WireField:
    """One field of a message.

    Attributes:
        number: which field.
        value: its number, where it is one.
        start: where its content begins, in bytes.
        end: where its content ends.
    """

    number: int
    value: int
    start: int
    end: int


def scan_model(model: bytes) -> ModelScan:
    """List the nodes of ``model`` in file (topological) order, and everything not allowed in it.

    Raises:
        WireError: the bytes are not an ONNX model.
    """
    found = ModelScan()
    has_graph = False
    for item in wire_fields(model, 0, len(model)):
        if item.number == 7:
            has_graph = True
            _scan_graph(model, item, found, depth=0)
        elif item.number == 25:
            found.problems.append("a model-local function")
        elif item.number == 20:
            found.problems.append("training information")
    if not has_graph:
        raise WireError("it holds no graph")
    return found


def expose_outputs(model: bytes, names: Iterable[str]) -> bytes:
    """Return ``model`` with the tensors ``names`` added to its graph outputs.

    Protobuf merges a message that occurs twice, so the new outputs are simply appended to the file
    as a second occurrence of the graph; ONNX Runtime infers their types.
    """
    present = set(scan_model(model).outputs)
    wanted = [name for name in dict.fromkeys(names) if name not in present]
    outputs = b"".join(wire_message(12, wire_message(1, name.encode("utf-8"))) for name in wanted)
    return model + wire_message(7, outputs) if wanted else model


def _scan_graph(model: bytes, graph: WireField, found: ModelScan, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise WireError(f"its subgraphs are nested more than {_MAX_DEPTH} deep")
    top = depth == 0
    for item in wire_fields(model, graph.start, graph.end):
        if item.number == 1:
            node = _scan_node(model, item, found, depth)
            if top:
                found.nodes.append(node)
        elif item.number == 5:
            name = _scan_tensor(model, item, found)
            if top:
                found.initializers.append(name)
        elif item.number == 15:
            _scan_sparse(model, item, found)
        elif top and item.number == 11:
            found.inputs.append(_value_name(model, item))
        elif top and item.number == 12:
            found.outputs.append(_value_name(model, item))


def _scan_node(model: bytes, node: WireField, found: ModelScan, depth: int) -> Node:
    inputs: list[str] = []
    outputs: list[str] = []
    texts = {3: "", 4: "", 7: ""}
    for item in wire_fields(model, node.start, node.end):
        if item.number == 1:
            inputs.append(wire_text(model, item))
        elif item.number == 2:
            outputs.append(wire_text(model, item))
        elif item.number in texts:
            texts[item.number] = wire_text(model, item)
        elif item.number == 5:
            _scan_attribute(model, item, found, depth)
    name, op_type, domain = texts[3], texts[4], texts[7]
    contrib = domain == CONTRIB_DOMAIN and op_type in CONTRIB_OPERATORS
    if domain not in STANDARD_DOMAINS and not contrib:
        found.problems.append(f"the custom operator {domain}::{op_type} (node {name!r})")
    return Node(name, op_type, domain, tuple(inputs), tuple(outputs))


def _scan_attribute(model: bytes, attribute: WireField, found: ModelScan, depth: int) -> None:
    for item in wire_fields(model, attribute.start, attribute.end):
        if item.number in (5, 10):
            _scan_tensor(model, item, found)
        elif item.number in (6, 11):
            _scan_graph(model, item, found, depth + 1)
        elif item.number in (22, 23):
            _scan_sparse(model, item, found)


def _scan_sparse(model: bytes, sparse: WireField, found: ModelScan) -> None:
    for item in wire_fields(model, sparse.start, sparse.end):
        if item.number in (1, 2):
            _scan_tensor(model, item, found)


def _scan_tensor(model: bytes, tensor: WireField, found: ModelScan) -> str:
    name = ""
    external = False
    for item in wire_fields(model, tensor.start, tensor.end):
        if item.number == 8:
            name = wire_text(model, item)
        elif item.number == 13 or (item.number == 14 and item.value != 0):
            external = True
    if external:
        found.problems.append(f"external data (tensor {name!r})")
    return name


def _value_name(model: bytes, value: WireField) -> str:
    name = ""
    for item in wire_fields(model, value.start, value.end):
        if item.number == 1:
            name = wire_text(model, item)
    return name


def wire_text(model: bytes, item: WireField) -> str:
    """Return the text that ``item`` holds.

    Raises:
        WireError: it is not UTF-8.
    """
    try:
        return model[item.start : item.end].decode("utf-8")
    except UnicodeDecodeError as error:
        raise WireError(f"a name at byte {item.start} is not UTF-8") from error


def wire_fields(model: bytes, start: int, end: int) -> Iterator[WireField]:
    """Yield the fields of the message that lies at [start, end), skipping over their contents.

    Raises:
        WireError: the bytes are no message.
    """
    position = start
    while position < end:
        tag, position = _varint(model, position, end)
        kind = tag & 7
        value = 0
        first = position
        if kind == _VARINT:
            value, position = _varint(model, position, end)
        elif kind == _BYTES:
            length, first = _varint(model, position, end)
            position = first + length
        elif kind in (_FIXED64, _FIXED32):
            position += 8 if kind == _FIXED64 else 4
        else:
            raise WireError(f"wire type {kind} at byte {position} is not of ONNX")
        if position > end:
            raise WireError(f"a field at byte {first} runs past its end")
        yield WireField(tag >> 3, value, first, position)


def _varint(model: bytes, position: int, end: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= end:
            raise WireError("it is cut short")
        byte = model[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise WireError(f"a number at byte {position} is too long")


def wire_message(number: int, content: bytes) -> bytes:
    """Return ``content`` as the field ``number`` of a message."""
    return _encoded(number << 3 | _BYTES) + _encoded(len(content)) + content


def _encoded(value: int) -> bytes:
    result = bytearray()
    while value >= 0x80:
        result.append(value & 0x7F | 0x80)
        value >>= 7
    result.append(value)
    return bytes(result)

"""What every graph must be before it goes into a bundle: one file that any ONNX Runtime opens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

import onnx
from onnx import helper

from export.graph import TensorSpec, refuse_large
from runtime.errors import CheckFailed
from runtime.onnx_wire import CONTRIB_DOMAIN, scan_model
from runtime.version import __version__

Contract = tuple[Sequence[TensorSpec], Sequence[TensorSpec]]
"""The inputs and the outputs of a graph, as the manifest states them."""

_IDLE = frozenset({"Identity", "Dropout"})  # nodes that answer with what they were given
_DOMAIN_OF_ONNX = ("", "ai.onnx")


def graph_metadata(name: str, version: int, variant: str) -> dict[str, str]:
    """Return what a graph says of itself: bundle, its version, variant, and who produced it."""
    return {
        "bundle": name,
        "version": str(version),
        "variant": variant,
        "producer": f"endcap {__version__}",
    }


def check_hygiene(
    file: str, content: bytes, contract: Contract, metadata: Mapping[str, str]
) -> None:
    """Make sure that the graph ``content`` may go into a bundle as ``file``.

    Raises:
        UnusableInput: it is larger than one file may be.
        CheckFailed: it breaks a rule; the message says which.
    """
    refuse_large(len(content), repr(file))
    problems = [f"it holds {problem}" for problem in scan_model(content).problems]
    model = onnx.load_model_from_string(content)
    if not problems:
        problems = [
            *_about_the_contract(model, contract),
            *_about_metadata(model, metadata),
            *_about_opsets(model),
        ]
        graphs = list(_graphs(model.graph))
        read = {name for graph in graphs for node in graph.node for name in node.input}
        for graph in graphs:
            problems += _about_nodes(graph)
            problems += _about_tensors(graph, read)
            problems += _about_contrib(graph)
    if not problems:
        problems = list(_about_validity(model))
    if problems:
        raise CheckFailed(
            f"{file!r} is no graph to ship, so no bundle is written: {'; '.join(problems)}; "
            "this is a defect of endcap, please report it"
        )


def _about_the_contract(model: onnx.ModelProto, contract: Contract) -> Iterator[str]:
    values = (model.graph.input, model.graph.output)
    for kind, wanted, found in zip(("inputs", "outputs"), contract, values, strict=True):
        stated = [_spec(value) for value in found]
        if stated != [dict(spec) for spec in wanted]:
            yield f"its {kind} are {stated}, and the contract is {list(wanted)}"


def _spec(value: onnx.ValueInfoProto) -> TensorSpec:
    kind = value.type.tensor_type
    return {
        "name": value.name,
        "dtype": str(helper.tensor_dtype_to_np_dtype(kind.elem_type)),
        "shape": [axis.dim_param or axis.dim_value for axis in kind.shape.dim],
    }


def _about_metadata(model: onnx.ModelProto, metadata: Mapping[str, str]) -> Iterator[str]:
    stated = {entry.key: entry.value for entry in model.metadata_props}
    for key, value in metadata.items():
        if stated.get(key) != value:
            yield f"its metadata says {stated.get(key)!r} for {key!r} instead of {value!r}"
    if not model.producer_name:
        yield "it names no producer"


def _about_opsets(model: onnx.ModelProto) -> Iterator[str]:
    stated = [entry.domain for entry in model.opset_import]
    used = {node.domain for graph in _graphs(model.graph) for node in graph.node}
    for domain in sorted(used - set(stated)):
        yield f"it states no opset of {domain!r} and uses it"
    for domain in sorted(set(stated)):
        if stated.count(domain) > 1:
            yield f"it states the opset of {domain!r} twice"
        if domain not in used and domain not in _DOMAIN_OF_ONNX:
            yield f"it states an opset of {domain!r} and does not use it"


def _about_nodes(graph: onnx.GraphProto) -> Iterator[str]:
    made_by = {name: node for node in graph.node for name in node.output}
    names = [node.name for node in graph.node]
    for node in graph.node:
        if not node.name or names.count(node.name) > 1:
            yield f"a node {node.name!r} ({node.op_type}) has no name of its own"
        if node.op_type in _IDLE:
            yield f"the node {node.name!r} ({node.op_type}) does nothing"
        source = made_by.get(node.input[0]) if node.input else None
        if node.op_type == "Cast" and source is not None and source.op_type == "Cast":
            yield f"the node {node.name!r} casts what {source.name!r} has just cast"


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """Yield ``graph`` and the bodies of its nodes, which read what lies around them."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from _graphs(attribute.g)


def _about_tensors(graph: onnx.GraphProto, read: set[str]) -> Iterator[str]:
    """Complain of what nobody reads; of a node with several outputs one read is enough."""
    read = read | {value.name for value in graph.output}
    for constant in graph.initializer:
        if constant.name not in read:
            yield f"the initializer {constant.name!r} is not used"
    for value in graph.input:
        if value.name not in read:
            yield f"the input {value.name!r} is not used"
    for node in graph.node:
        if not read & set(node.output):
            yield f"no output of the node {node.name!r} ({node.op_type}) is used"


def _about_contrib(graph: onnx.GraphProto) -> Iterator[str]:
    """Complain of outputs that ONNX cannot infer, for it has no schema, and that are not stated."""
    stated = {value.name for value in chain(graph.value_info, graph.output)}
    for node in graph.node:
        if node.domain == CONTRIB_DOMAIN and not stated >= set(node.output):
            yield f"it does not state what the node {node.name!r} ({node.op_type}) puts out"


def _about_validity(model: onnx.ModelProto) -> Iterator[str]:
    """Ask ONNX's checker, then its strict shape inference, which also finds casts to the same."""
    try:
        onnx.checker.check_model(model, full_check=True)
        inferred = onnx.shape_inference.infer_shapes(
            model, check_type=True, strict_mode=True, data_prop=True
        )
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        yield f"ONNX refuses it: {' '.join(str(error).split())}"
        return
    graph = inferred.graph
    types = {constant.name: constant.data_type for constant in graph.initializer}
    for value in chain(graph.value_info, graph.input, graph.output):
        types[value.name] = value.type.tensor_type.elem_type
    for node in graph.node:
        if node.op_type == "Cast" and types.get(node.input[0]) == types.get(node.output[0], 0):
            yield f"the node {node.name!r} casts to the type that its input has"

"""The scan agrees with the onnx package, and finds what is hidden in subgraphs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from runtime.onnx_wire import WireError, expose_outputs, scan_model
from runtime.session import open_session

TINY = Path(__file__).parents[1] / "golden" / "tiny-store"
GRAPHS = sorted(TINY.glob("*/fp32.onnx"))


def branch(*nodes: onnx.NodeProto) -> onnx.GraphProto:
    output = helper.make_tensor_value_info("inner", TensorProto.FLOAT, [1])
    return helper.make_graph(list(nodes), "branch", [], [output])


def conditional(then: onnx.GraphProto, otherwise: onnx.GraphProto) -> onnx.ModelProto:
    node = helper.make_node(
        "If", ["condition"], ["y"], "choose", then_branch=then, else_branch=otherwise
    )
    graph = helper.make_graph(
        [node],
        "main",
        [helper.make_tensor_value_info("condition", TensorProto.BOOL, [1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def constant() -> onnx.NodeProto:
    value = numpy_helper.from_array(np.ones(1, np.float32))
    return helper.make_node("Constant", [], ["inner"], "one", value=value)


def test_there_are_graphs() -> None:
    assert len(GRAPHS) == 2


@pytest.mark.parametrize("path", GRAPHS, ids=lambda path: path.parent.name)
def test_lists_what_onnx_lists(path: Path) -> None:
    model = onnx.load(path)
    found = scan_model(path.read_bytes())
    assert [(n.name, n.op_type, n.domain, n.inputs, n.outputs) for n in found.nodes] == [
        (n.name, n.op_type, n.domain, tuple(n.input), tuple(n.output)) for n in model.graph.node
    ]
    assert found.inputs == [value.name for value in model.graph.input]
    assert found.outputs == [value.name for value in model.graph.output]
    assert found.initializers == [tensor.name for tensor in model.graph.initializer]
    assert found.problems == []


def test_subgraphs_are_no_nodes_of_the_main_graph() -> None:
    model = conditional(branch(constant()), branch(constant()))
    found = scan_model(model.SerializeToString())
    assert [node.op_type for node in found.nodes] == ["If"]
    assert found.problems == []


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_custom_operator_in_a_subgraph(depth: int) -> None:
    inner = branch(helper.make_node("Spy", [], ["inner"], "deep", domain="evil"))
    for _ in range(depth - 1):
        condition = helper.make_node(
            "Constant", [], ["c"], value=numpy_helper.from_array(np.ones(1, np.bool_))
        )
        choose = helper.make_node(
            "If", ["c"], ["inner"], then_branch=branch(constant()), else_branch=inner
        )
        inner = branch(condition, choose)
    found = scan_model(conditional(branch(constant()), inner).SerializeToString())
    assert found.problems == ["the custom operator evil::Spy (node 'deep')"]


@pytest.mark.parametrize(
    ("op_type", "allowed"), [("QLinearConv", True), ("FusedMatMul", False), ("QLinearconv", False)]
)
def test_of_the_contrib_operators_only_those_that_export_writes(
    op_type: str, allowed: bool
) -> None:
    node = helper.make_node(op_type, [], ["inner"], "n", domain="com.microsoft")
    found = scan_model(conditional(branch(constant()), branch(node)).SerializeToString())
    said = f"the custom operator com.microsoft::{op_type} (node 'n')"
    assert found.problems == ([] if allowed else [said])


def external(name: str) -> TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[1])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")
    return tensor


def test_external_data_in_a_constant_of_a_subgraph() -> None:
    node = helper.make_node("Constant", [], ["inner"], value=external("hidden"))
    found = scan_model(conditional(branch(constant()), branch(node)).SerializeToString())
    assert found.problems == ["external data (tensor 'hidden')"]


def test_external_data_in_lists_and_sparse_tensors() -> None:
    model = conditional(branch(constant()), branch(constant()))
    sparse = model.graph.sparse_initializer.add()
    sparse.values.CopyFrom(external("values"))
    sparse.indices.CopyFrom(external("indices"))
    model.graph.node[0].attribute.add(name="several").tensors.append(external("listed"))
    found = scan_model(model.SerializeToString())
    assert sorted(found.problems) == [
        "external data (tensor 'indices')",
        "external data (tensor 'listed')",
        "external data (tensor 'values')",
    ]


def test_graph_given_in_two_parts() -> None:
    """Protobuf merges them, so the second part must be scanned as well."""
    hidden = onnx.ModelProto()
    hidden.graph.node.append(helper.make_node("Spy", [], ["inner"], domain="evil"))
    model = conditional(branch(constant()), branch(constant())).SerializeToString()
    assert scan_model(model + hidden.SerializeToString()).problems


def test_too_deep_nesting_is_refused() -> None:
    """By hand, for protobuf itself refuses to write so deep a model."""
    graph = b""
    for _ in range(60):
        graph = wrapped(1, wrapped(5, wrapped(6, graph)))  # node, attribute, subgraph
    with pytest.raises(WireError, match="nested"):
        scan_model(wrapped(7, graph))


def wrapped(number: int, content: bytes) -> bytes:
    length = len(content)
    encoded = bytes([length]) if length < 128 else bytes([length % 128 + 128, length // 128])
    return bytes([number * 8 + 2]) + encoded + content


@pytest.mark.parametrize("path", GRAPHS, ids=lambda path: path.parent.name)
def test_cut_models_are_refused(path: Path) -> None:
    content = path.read_bytes()
    for length in range(0, len(content) - 1, 97):
        cut = content[:length]
        if length == 0:
            with pytest.raises(WireError, match="no graph"):
                scan_model(cut)
        else:
            with pytest.raises(WireError):
                scan_model(cut)


@given(content=st.binary(max_size=200))
def test_any_bytes_are_scanned_or_refused(content: bytes) -> None:
    try:
        found = scan_model(content)
    except WireError:
        return
    assert isinstance(found.nodes, list)


def test_exposed_tensors_come_back() -> None:
    content = (TINY / "recommender" / "fp32.onnx").read_bytes()
    exposed = expose_outputs(content, ["pooled", "item", "may_show", "pooled"])
    assert scan_model(exposed).outputs == ["item", "score", "pooled", "may_show"]
    session = open_session(exposed, "cpu", 1)
    allowed = np.ones((1, 11), np.bool_)
    basket = np.array([[0, 0, 1, 2]], np.int64)
    feeds = {"user": np.zeros((1, 1), np.int64), "basket": basket, "allowed": allowed}
    pooled, may_show = session.run(feeds, ["pooled", "may_show"])
    held = numpy_helper.to_array(
        next(t for t in onnx.load_from_string(content).graph.initializer if t.name == "held")
    )
    np.testing.assert_allclose(pooled[0], 0.8 * held[1] + held[2], rtol=1e-6)
    np.testing.assert_array_equal(may_show, [[False] + [True] * 10])


def test_nothing_to_expose_changes_nothing() -> None:
    content = GRAPHS[0].read_bytes()
    assert expose_outputs(content, []) == content
    assert expose_outputs(content, scan_model(content).outputs) == content


def test_contents_of_tensors_are_not_walked() -> None:
    """A 40 MB tensor costs as many steps as a small one: the scan skips over it."""
    model = conditional(branch(constant()), branch(constant()))
    big = numpy_helper.from_array(np.zeros(10_000_000, np.float32), "big")
    model.graph.initializer.append(big)
    content = CountingBytes(model.SerializeToString())
    assert scan_model(content).initializers == ["big"]
    assert content.reads < 1000


class CountingBytes(bytes):
    """Bytes that count how often one of them is looked at."""

    reads = 0

    def __getitem__(self, key: object) -> object:  # type: ignore[override]
        self.reads += 1
        return super().__getitem__(key)  # type: ignore[index]

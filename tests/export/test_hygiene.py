"""What export refuses to ship, rule by rule, and that nothing is written then."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from export import build
from export.graph import GraphBuilder, TensorSpec, tensor
from export.hygiene import check_hygiene, graph_metadata
from runtime.errors import CheckFailed, UnusableInput
from runtime.version import __version__
from tests.command import complaint, run
from tests.conftest import Chain, fewer_requests

Change = Callable[[onnx.ModelProto], None]
INPUTS = [tensor("x", "float32", "batch", 3)]
OUTPUTS = [tensor("y", "float32", "batch", 3), tensor("n", "int64", "batch", 1)]
METADATA = graph_metadata("shop", 4, "fp32")


def clean_graph() -> bytes:
    builder = GraphBuilder()
    builder.constant("weight", np.eye(3, dtype=np.float32))
    builder.integers("one", 1)
    builder.node("MatMul", ["x", "weight"], "y")
    builder.nodes("TopK", ["y", "one"], ["best", "n"], axis=1)
    return builder.finish("shop", INPUTS, OUTPUTS, METADATA)


def check(content: bytes, inputs: list[TensorSpec] = INPUTS) -> None:
    check_hygiene("shop/fp32.onnx", content, (inputs, OUTPUTS), METADATA)


def test_a_clean_graph_is_taken() -> None:
    check(clean_graph())  # one output of TopK is read, the other cannot be left out
    assert METADATA["producer"] == f"endcap {__version__}"


def with_node(op_type: str, inputs: list[str], output: str, **attributes: Any) -> Change:
    """Return the change: one more node before all others."""

    def change(model: onnx.ModelProto) -> None:
        name = f"{op_type}_{output}"
        node = helper.make_node(op_type, inputs, [output], name, **attributes)
        model.graph.node.insert(0, node)

    return change


def through(op_type: str, *casts: int) -> Change:
    """Return the change: x goes through one node, or through casts, before it is multiplied."""

    def change(model: onnx.ModelProto) -> None:
        last = "x"
        for number, to in enumerate(casts or [None]):
            attributes = {} if to is None else {"to": to}
            node = helper.make_node(op_type, [last], [f"x{number}"], f"n{number}", **attributes)
            model.graph.node.insert(number, node)
            last = f"x{number}"
        model.graph.node[-2].input[0] = last

    return change


def edited(part: Callable[[onnx.ModelProto], Any], **values: object) -> Change:
    """Return the change: the fields of a part of the model get other values."""

    def change(model: onnx.ModelProto) -> None:
        for name, value in values.items():
            setattr(part(model), name, value)

    return change


def first_node(model: onnx.ModelProto) -> onnx.NodeProto:
    return model.graph.node[0]


def type_of_x(model: onnx.ModelProto) -> onnx.TypeProto.Tensor:
    return model.graph.input[0].type.tensor_type


def unread_input(model: onnx.ModelProto) -> None:
    model.graph.node[0].input[0] = "weight"


def unused_constant(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(2, np.float32), "left"))


def external_weight(model: onnx.ModelProto) -> None:
    onnx.external_data_helper.set_external_data(model.graph.initializer[0], "weights.bin")


def another_opset(model: onnx.ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("ai.onnx.ml", 3))


def contrib_of_unstated_output(model: onnx.ModelProto) -> None:
    first_node(model).op_type, first_node(model).domain = "QLinearConv", "com.microsoft"
    first_node(model).output[0] = model.graph.node[1].input[0] = "between"
    model.graph.node.append(helper.make_node("Relu", ["between"], ["y"], "Relu_y"))
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))


def wrong_shape(model: onnx.ModelProto) -> None:
    weight = np.zeros((3, 2), np.float32)
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(weight, "weight"))


FLOAT, DOUBLE = TensorProto.FLOAT, TensorProto.DOUBLE


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (through("Identity"), r"the node 'n0' \(Identity\) does nothing"),
        (through("Dropout"), r"the node 'n0' \(Dropout\) does nothing"),
        (through("Cast", DOUBLE, FLOAT), "the node 'n1' casts what 'n0' has just cast"),
        (through("Cast", FLOAT), "the node 'n0' casts to the type that its input has"),
        (unused_constant, "the initializer 'left' is not used"),
        (with_node("Relu", ["x"], "z"), r"no output of the node 'Relu_z' \(Relu\) is used"),
        (unread_input, "the input 'x' is not used"),
        (edited(first_node, name=""), r"a node '' \(MatMul\) has no name of its own"),
        (edited(first_node, name="TopK_best"), "'TopK_best' .* has no name of its own"),
        (
            edited(lambda model: model.graph.output[0], name="best"),
            "its outputs are .*'best'.*the contract is",
        ),
        (edited(type_of_x, elem_type=DOUBLE), "its inputs are .*float64"),
        (
            edited(lambda model: model.metadata_props[0], value="cafe"),
            "says 'cafe' for 'bundle' instead of 'shop'",
        ),
        (edited(lambda model: model.metadata_props[3], key="maker"), "says None for 'producer'"),
        (edited(lambda model: model, producer_name=""), "it names no producer"),
        (
            edited(lambda model: model.opset_import[0], domain="ai.onnx.ml"),
            "it states no opset of '' and uses it",
        ),
        (another_opset, "it states an opset of 'ai.onnx.ml' and does not use it"),
        (
            edited(first_node, op_type="QLinearConv", domain="com.microsoft"),
            "it states no opset of 'com.microsoft' and uses it",
        ),
        (contrib_of_unstated_output, r"does not state what .*'MatMul_y' \(QLinearConv\) puts out"),
        (
            edited(first_node, op_type="FusedMatMul", domain="com.microsoft"),
            "it holds the custom operator com.microsoft::FusedMatMul",
        ),
        (external_weight, r"it holds external data \(tensor 'weight'\)"),
        (wrong_shape, "ONNX refuses it: .*"),
        (edited(first_node, op_type="MatMall"), "ONNX refuses it: .*MatMall"),
    ],
)
def test_what_breaks_a_rule_is_refused(change: Change, said: str) -> None:
    model = onnx.load_model_from_string(clean_graph())
    change(model)
    with pytest.raises(CheckFailed, match=said) as caught:
        check(model.SerializeToString())
    assert str(caught.value).startswith("'shop/fp32.onnx' is no graph to ship")


def test_the_contract_is_held_to_the_letter() -> None:
    with pytest.raises(CheckFailed, match=r"its inputs are .* and the contract is .*'x', .*4"):
        check(clean_graph(), [tensor("x", "float32", "batch", 4)])


def test_a_graph_beyond_one_file_is_refused_before_it_is_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = clean_graph()
    monkeypatch.setattr("export.graph.MAX_GRAPH_BYTES", 35)
    with pytest.raises(UnusableInput, match=r"constant 'weight' takes 3.6e-08 GB, .* at most 3.5e"):
        clean_graph()
    with pytest.raises(UnusableInput, match=r"'shop/fp32.onnx' takes .* train a smaller model"):
        check(content)


def test_export_writes_no_bundle_of_too_large_a_model(
    chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fewer_requests(monkeypatch)
    monkeypatch.setattr("export.graph.MAX_GRAPH_BYTES", 1000)
    out = tmp_path / "b"
    sentence = complaint(run("export", "--recommender", chain.recommender, "--out", out))
    assert "one ONNX file holds at most 1e-06 GB" in sentence
    assert not out.exists()


def test_export_writes_no_bundle_with_something_left_over(
    chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fewer_requests(monkeypatch)
    whole = build.generator_graph

    def careless(*arguments: Any) -> bytes:
        model = onnx.load_model_from_string(whole(*arguments))
        unused_constant(model)
        return model.SerializeToString()

    monkeypatch.setattr(build, "generator_graph", careless)
    out = tmp_path / "b"
    sentence = complaint(run("export", "--generator", chain.generator, "--out", out), code=1)
    assert "'generator/fp32.onnx' is no graph to ship" in sentence
    assert "the initializer 'left' is not used" in sentence
    assert not out.exists()

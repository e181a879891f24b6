"""Weights handed over beside the model: the same session, whatever the model holds."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from runtime import onnx_weights
from runtime.errors import UnusableInput
from runtime.onnx_weights import take_out_weights
from runtime.onnx_wire import expose_outputs, scan_model
from runtime.session import open_session


@pytest.fixture(autouse=True)
def _small_weights_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_weights, "LARGE_BYTES", 400)


def model(weight: np.ndarray, name: str = "weight", *, raw: bool = True) -> onnx.ModelProto:
    """A lookup in ``weight``, float32 [n, 3], whose numbers may stand as floats instead of raw."""
    tensor = numpy_helper.from_array(weight, name)
    if not raw:
        tensor = helper.make_tensor(name, TensorProto.FLOAT, weight.shape, weight.flatten())
    graph = helper.make_graph(
        [helper.make_node("Gather", [name, "row"], ["found"], "look_up"),
         helper.make_node("Add", ["found", "little"], ["sum"], "add")],
        "lookup",
        [helper.make_tensor_value_info("row", TensorProto.INT64, ["n"])],
        [helper.make_tensor_value_info("sum", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(np.ones(3, np.float32), "little"), tensor],
    )  # fmt: skip
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(made, {"bundle": "x"})
    return made


WEIGHT = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
ROWS = np.array([3, 99, 0])


@pytest.mark.parametrize("name", ["weight", "w", "we", "wei"])  # numbers at any byte of the file
def test_the_session_answers_the_same(name: str) -> None:
    content = model(WEIGHT, name).SerializeToString()
    small, weights = take_out_weights(content)
    assert list(weights) == [name]
    np.testing.assert_array_equal(weights[name], WEIGHT)
    assert len(small) < len(content) - 1000
    (found,) = open_session(content, "cpu", 1).run({"row": ROWS})
    np.testing.assert_array_equal(found, WEIGHT[ROWS] + 1)
    (raw,) = open_session(content, "cpu", 1, optimise=False).run({"row": ROWS})
    np.testing.assert_array_equal(raw, found)


def test_the_rest_of_the_model_stays() -> None:
    content = model(WEIGHT).SerializeToString()
    small, _ = take_out_weights(content)
    before, after = onnx.load_from_string(content), onnx.load_from_string(small)
    tensor = after.graph.initializer[1]
    assert tensor.data_location == TensorProto.EXTERNAL
    assert {entry.key: entry.value for entry in tensor.external_data}["length"] == "1200"
    tensor.CopyFrom(before.graph.initializer[1])
    assert after == before


def test_a_graph_in_two_parts() -> None:
    content = expose_outputs(model(WEIGHT).SerializeToString(), ["found"])
    small, weights = take_out_weights(content)
    assert scan_model(small).outputs == ["sum", "found"]
    assert list(weights) == ["weight"]
    total, found = open_session(content, "cpu", 1).run({"row": ROWS})
    np.testing.assert_array_equal(total, found + 1)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32, np.int64, np.float16, np.float32])
def test_every_type_that_export_writes(dtype: type[np.generic]) -> None:
    weight = np.arange(1200).reshape(3, 400).astype(dtype)
    graph = helper.make_graph([], "g", [], [], [numpy_helper.from_array(weight, "w")])
    _, weights = take_out_weights(helper.make_model(graph).SerializeToString())
    assert weights["w"].dtype == dtype
    np.testing.assert_array_equal(weights["w"], weight)


def test_what_is_small_or_of_another_kind_stays() -> None:
    for made in (
        model(WEIGHT[:3]),  # small
        model(WEIGHT, raw=False),
        helper.make_model(
            helper.make_graph(
                [], "g", [], [], [numpy_helper.from_array(np.zeros(200, np.float64), "doubles")]
            )
        ),
    ):
        content = made.SerializeToString()
        assert take_out_weights(content) == (content, {})


def test_numbers_that_do_not_fit_the_shape_stay_for_onnxruntime_to_refuse() -> None:
    made = model(WEIGHT)
    made.graph.initializer[1].dims[0] = 101
    content = made.SerializeToString()
    assert take_out_weights(content) == (content, {})
    with pytest.raises(UnusableInput, match="cannot open the graph"):
        open_session(content, "cpu", 1)


def test_bytes_that_are_no_model_stay() -> None:
    for content in (b"\xff" * 1000, model(WEIGHT).SerializeToString()[:900]):
        assert take_out_weights(content) == (content, {})
        with pytest.raises(UnusableInput, match="cannot open the graph"):
            open_session(content, "cpu", 1)

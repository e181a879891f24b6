"""Parity on the device: it holds where it should, and damage is caught and traced to its node."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from runtime.bundle import open_bundle
from runtime.errors import UnusableInput
from runtime.layers import record_layers
from runtime.parity import ParityReport, check_bundle

METRICS = ["max_abs_score_diff", "overlap_at_10", "ndcg_at_10_relative_loss", "psnr_db"]


def report_of(folder: Path) -> ParityReport:
    return check_bundle(open_bundle(folder), "cpu", threads=1)


def change_weight(
    damage: Any, graph: str, tensor: str, change: Callable[[np.ndarray], None]
) -> None:
    """Change a tensor of ``graph`` and make the manifest agree, as a wrong export would."""
    model = onnx.load(damage.folder / graph)
    place = next(t for t in model.graph.initializer if t.name == tensor)
    array = numpy_helper.to_array(place).copy()
    change(array)
    place.CopyFrom(numpy_helper.from_array(array, tensor))
    damage.replace(graph, model.SerializeToString())


def scale_one(array: np.ndarray) -> None:
    """Change the largest weight by 1 %."""
    place = np.unravel_index(np.abs(array).argmax(), array.shape)
    array[place] *= 1.01


def test_tiny_store_passes(tiny: Path) -> None:
    report = report_of(tiny)
    assert report.passed
    assert report.provider == "cpu"
    assert [check.metric for check in report.checks] == METRICS
    assert [check.compared for check in report.checks] == [12, 12, 10, 6]
    assert report.checks[0].value is not None
    assert 0 <= report.checks[0].value < 1e-5
    assert report.checks[3].value == 999.0
    assert report.failures == ()


@pytest.mark.parametrize(
    ("tensor", "node", "op_type"),
    [
        ("held", "basket_vectors", "Gather"),
        ("users", "user_vector", "Gather"),
        ("place_weights", "recency", "Mul"),
        ("shown_t", "match", "MatMul"),
        ("popularity", "popularity_bias", "Add"),
    ],
)
def test_one_changed_weight_is_caught_and_traced(
    damage: Any, copy: Path, tensor: str, node: str, op_type: str
) -> None:
    change_weight(damage, "recommender/fp32.onnx", tensor, scale_one)
    report = report_of(copy)
    assert not report.passed
    assert not report.checks[0].passed
    assert report.checks[3].passed  # the generator is as it was
    (failure,) = report.failures
    assert (failure.model, failure.variant) == ("recommender", "fp32")
    assert failure.first_diverging is not None
    assert failure.first_diverging.node == node
    assert failure.first_diverging.op_type == op_type
    assert failure.reason == f"first diverging node: {node!r} ({op_type})"


def test_changed_generator_is_traced(damage: Any, copy: Path) -> None:
    def change(array: np.ndarray) -> None:
        array *= 1.2

    change_weight(damage, "generator/fp32.onnx", "weight", change)
    (failure,) = report_of(copy).failures
    assert failure.first_diverging is not None
    assert (failure.model, failure.first_diverging.node) == ("generator", "draw")


def test_swapped_inputs_are_traced(damage: Any, copy: Path) -> None:
    graph = copy / "recommender" / "fp32.onnx"
    model = onnx.load(graph)
    node = next(n for n in model.graph.node if n.name == "filter")
    node.input[1], node.input[2] = node.input[2], node.input[1]
    damage.replace("recommender/fp32.onnx", model.SerializeToString())
    (failure,) = report_of(copy).failures
    assert failure.first_diverging is not None
    assert failure.first_diverging.node == "filter"
    assert failure.first_diverging.difference is None


def test_vanished_node_is_traced(damage: Any, copy: Path) -> None:
    model = onnx.load(copy / "recommender" / "fp32.onnx")
    recency = next(n for n in model.graph.node if n.name == "recency")
    pool = next(n for n in model.graph.node if n.name == "pool")
    pool.input[0] = recency.input[0]
    model.graph.node.remove(recency)
    damage.replace("recommender/fp32.onnx", model.SerializeToString())
    (failure,) = report_of(copy).failures
    assert failure.first_diverging is not None
    assert (failure.first_diverging.node, failure.first_diverging.difference) == ("recency", None)


def test_graph_that_cannot_be_opened_fails_its_checks(damage: Any, copy: Path) -> None:
    model = onnx.load(copy / "recommender" / "fp32.onnx")
    model.graph.node[0].op_type = "Gahter"
    damage.replace("recommender/fp32.onnx", model.SerializeToString())
    report = report_of(copy)
    assert [check.passed for check in report.checks] == [False, False, False, True]
    assert [check.compared for check in report.checks] == [0, 0, 0, 6]
    assert "cannot open the graph" in report.failures[0].reason


def test_graph_with_another_input_fails_its_checks(damage: Any, copy: Path) -> None:
    model = onnx.load(copy / "generator" / "fp32.onnx")
    model.graph.input[0].name = "latent_z"
    model.graph.node[2].input[0] = "latent_z"
    damage.replace("generator/fp32.onnx", model.SerializeToString())
    report = report_of(copy)
    assert not report.passed
    assert "cannot run the graph" in report.failures[0].reason


def npz(arrays: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def test_no_golden_requests_is_a_failure(damage: Any, copy: Path) -> None:
    arrays = open_bundle(copy).arrays("golden/recommender.npz")
    empty = {name: array[:0] for name, array in arrays.items()}
    empty["rule_offsets"] = np.zeros(1, np.int64)
    damage.replace("golden/recommender.npz", npz(empty))
    report = report_of(copy)
    assert not report.passed
    assert [check.compared for check in report.checks] == [0, 0, 0, 6]
    assert "nothing was compared" in report.failures[0].reason


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("user", np.zeros(12, np.int32), "user is int32"),
        ("score", np.zeros((12, 3), np.float32), "score is float32"),
        ("rule_offsets", np.arange(13) * 2, "rule_offsets do not cut"),
        ("target", None, "has no array 'target'"),
    ],
)
def test_damaged_golden_vectors(
    damage: Any, copy: Path, name: str, value: np.ndarray | None, said: str
) -> None:
    arrays = open_bundle(copy).arrays("golden/recommender.npz")
    del arrays[name]
    if value is not None:
        arrays[name] = value
    damage.replace("golden/recommender.npz", npz(arrays))
    with pytest.raises(UnusableInput, match=said):
        report_of(copy)


def test_golden_rows_outside_the_catalogue(damage: Any, copy: Path) -> None:
    arrays = open_bundle(copy).arrays("golden/recommender.npz")
    arrays["rule_rows"] = arrays["rule_rows"] + 100
    damage.replace("golden/recommender.npz", npz(arrays))
    with pytest.raises(UnusableInput, match=r"outside 0\.\.10"):
        report_of(copy)


def test_damaged_layers_are_said(damage: Any, copy: Path) -> None:
    damage.replace("golden/recommender-layers.npz", npz({"names": np.zeros(3, np.uint8)}))
    assert report_of(copy).passed  # they are only needed on failure
    change_weight(damage, "recommender/fp32.onnx", "shown_t", scale_one)
    (failure,) = report_of(copy).failures
    assert failure.first_diverging is None
    assert "no node can be named" in failure.reason


def test_bundle_without_layers(damage: Any, copy: Path) -> None:
    damage.manifest(lambda document: document["recommender"].update(layers=None))
    change_weight(damage, "recommender/fp32.onnx", "shown_t", scale_one)
    (failure,) = report_of(copy).failures
    assert "holds no golden layers" in failure.reason


def test_recorded_layers_are_the_stated_ones(tiny: Path) -> None:
    model = (tiny / "generator" / "fp32.onnx").read_bytes()
    bundle = open_bundle(tiny)
    golden = bundle.arrays("golden/generator.npz")
    arrays = record_layers(model, {"z": golden["z"][:4], "category": golden["category"][:4]})
    names = json.loads(arrays["names"].tobytes())
    assert names[-1] == {"tensor": "image", "node": "as_image", "op_type": "Reshape"}
    assert len(names) == 10
    last = len(names) - 1
    flat = golden["image"][:4].astype(np.float64).ravel()  # 768 values, 3 to a part
    np.testing.assert_array_equal(arrays[f"t{last}.sums"][0], flat.reshape(256, 3).sum(axis=1))
    places = [int(i * (767 / 255)) for i in range(256)]
    np.testing.assert_array_equal(arrays[f"t{last}.sample"], flat[places])


def test_json_is_the_contract(tiny: Path, damage: Any, copy: Path) -> None:
    document = json.loads(json.dumps(report_of(tiny).to_json(), allow_nan=False))
    assert list(document) == ["passed", "provider", "checks"]
    assert document["passed"] is True
    keys = ["model", "variant", "compared", "metric", "value", "tolerance", "passed"]
    assert [list(check) for check in document["checks"]] == [keys] * 4
    change_weight(damage, "recommender/fp32.onnx", "shown_t", scale_one)
    failed = json.loads(json.dumps(report_of(copy).to_json(), allow_nan=False))
    assert failed["passed"] is False
    assert failed["failures"][0]["first_diverging"]["node"] == "match"


def test_junit(tiny: Path, damage: Any, copy: Path) -> None:
    suite = ElementTree.fromstring(report_of(tiny).to_junit("tiny-store"))[0]
    assert suite.attrib["tests"] == "4"
    assert suite.attrib["failures"] == "0"
    change_weight(damage, "recommender/fp32.onnx", "shown_t", scale_one)
    suite = ElementTree.fromstring(report_of(copy).to_junit("odd \0 \ufffe name"))[0]
    failures = suite.findall("testcase/failure")
    assert suite.attrib["failures"] == str(len(failures))
    assert failures
    assert failures[0].text is not None
    assert "'match'" in failures[0].text

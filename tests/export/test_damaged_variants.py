"""Damaged fp16 and int8 graphs behind a true manifest: parity catches them and names the node."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from export.draft import Draft
from export.generator import generator_contract, generator_graph
from export.generator_layers import Network
from export.generator_variants import generator_trial
from export.parity import generator_parity
from export.requests import first_pictures, fresh_pictures
from export.variants import add_variants
from runtime.bundle import open_bundle, write_bundle
from runtime.errors import UnusableInput
from runtime.parity import check_bundle
from tests.damage import Damage, node_of, swapped_inputs
from tests.export.test_generator_graph import generator

Change = Callable[[onnx.ModelProto], None]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of a generator whose pictures have contrast, in all variants."""
    folder = tmp_path_factory.mktemp("whole") / "bundle"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("export.measure.SECONDS", 0.01)
        patch.setattr("export.generator_calibration.PICTURES", 32)
        _write(folder)
    return folder


def _write(folder: Path) -> None:
    model = generator(32, 3)
    network = Network.of(model)
    fresh = fresh_pictures(model, 64, seed=1)
    golden = first_pictures(fresh, 32)
    requests = golden.feeds(0, 4)
    draft = Draft({"name": "shop", "version": 1, "producer": {}, "data": {}, "salt": "00"})
    facts = {
        "categories": ["a", "b", "c"], "z_dim": 100, "image_size": 32, "channels": 3, "metrics": {},
    }  # fmt: skip
    graph = generator_graph(network, draft.metadata("fp32"))
    parity = generator_parity("fp32", graph, fresh)
    contract = generator_contract(network)
    draft.add_model("generator", graph, parity, golden, requests, contract, facts)
    add_variants(draft, generator_trial(network, fresh, golden, requests, print), print)
    write_bundle(folder, draft.manifest, {**draft.files, "README.md": b"a test"})


@pytest.fixture
def bundle(whole: Path, tmp_path: Path) -> Damage:
    """A copy to damage."""
    return Damage(Path(shutil.copytree(whole, tmp_path / "bundle")))


def scaled(tensor: str, factor: float) -> Change:
    """Return the damage: a constant is ``factor`` times as large."""

    def change(model: onnx.ModelProto) -> None:
        (constant,) = (one for one in model.graph.initializer if one.name == tensor)
        value = numpy_helper.to_array(constant)
        constant.CopyFrom(numpy_helper.from_array((value * factor).astype(value.dtype), tensor))

    return change


def one_weight(tensor: str) -> Change:
    """Return the damage: the largest weight changes its sign."""

    def change(model: onnx.ModelProto) -> None:
        (constant,) = (one for one in model.graph.initializer if one.name == tensor)
        value = numpy_helper.to_array(constant).copy()
        value.flat[np.abs(value.astype(int)).argmax()] *= -1
        constant.CopyFrom(numpy_helper.from_array(value, tensor))

    return change


def without(node: str, attribute: str) -> Change:
    """Return the damage: an attribute is lost, as a rewriting that doesn't know it loses it."""

    def change(model: onnx.ModelProto) -> None:
        attributes = node_of(model, node).attribute
        attributes.remove(next(one for one in attributes if one.name == attribute))

    return change


@pytest.mark.parametrize(
    ("variant", "change", "node", "op_type"),
    [
        ("int8", scaled("weight_2_00_step", 3.0), "QLinearConv_part_2_00", "QLinearConv"),
        ("int8", scaled("weight_1_step", 0.3), "QLinearMatMul_flat_1", "QLinearMatMul"),
        ("int8", swapped_inputs("Concat_latent"), "Concat_latent", "Concat"),
        ("int8", scaled("doubled_step", 0.2), "QLinearSigmoid_image", "QLinearSigmoid"),
        ("fp16", scaled("weight_2_float16", 1.5), "Cast_weight_2", "Cast"),
        ("fp16", swapped_inputs("Concat_latent"), "Concat_latent", "Concat"),
    ],
)
def test_a_damaged_variant_is_caught_and_its_node_named(
    bundle: Damage, variant: str, change: Change, node: str, op_type: str
) -> None:
    assert check_bundle(open_bundle(bundle.folder), "cpu").passed
    bundle.graph(f"generator/{variant}.onnx", change)
    report = check_bundle(open_bundle(bundle.folder), "cpu")
    assert [check.variant for check in report.checks if not check.passed] == [variant]
    (failure,) = report.failures
    assert failure.variant == variant
    assert failure.first_diverging is not None, failure.reason
    assert (failure.first_diverging.node, failure.first_diverging.op_type) == (node, op_type)


def test_one_weight_that_pictures_forgive_is_seen_in_its_node(bundle: Damage) -> None:
    bundle.graph("generator/int8.onnx", one_weight("weight_3_00"))
    report = check_bundle(open_bundle(bundle.folder), "cpu", layers=True)
    assert report.passed
    (int8,) = (one for one in report.layers if one.variant == "int8")
    differing = [node.node for node in int8.nodes if node.verdict == "differs"]
    assert differing[0] == "QLinearConv_part_3_00"


def test_a_lost_attribute_fails_the_variant_and_not_the_rest(bundle: Damage) -> None:
    bundle.graph("generator/int8.onnx", without("QLinearConv_part_2_00", "channels_last"))
    report = check_bundle(open_bundle(bundle.folder), "cpu")
    assert {check.variant: check.passed for check in report.checks} == {
        "fp32": True, "fp16": True, "int8": False,
    }  # fmt: skip
    assert "onnxruntime cannot" in report.failures[0].reason


def test_damaged_layers_of_a_variant_are_named(bundle: Damage) -> None:
    bundle.replace("golden/generator-int8-layers.npz", b"x")
    assert check_bundle(open_bundle(bundle.folder), "cpu").passed  # they are for failures alone
    with pytest.raises(UnusableInput, match=r"generator-int8-layers.npz' is not a plain .npz"):
        check_bundle(open_bundle(bundle.folder), "cpu", layers=True)


def test_layers_of_a_variant_must_be_listed(bundle: Damage) -> None:
    file = "golden/generator-int8-layers.npz"
    bundle.manifest(lambda document: document["files"].pop(file))
    with pytest.raises(UnusableInput, match=r"variants.int8.layers.* names .*int8-layers.npz"):
        open_bundle(bundle.folder)

"""Graphs damaged behind a true manifest: only parity can catch them, and it names the node."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from runtime.bundle import open_bundle
from runtime.parity import check_bundle
from tests.damage import (
    Damage,
    one_weight_by_1_percent,
    round_as_before_opset_11,
    scatter_as_before_opset_16,
    stated_opset,
    swapped_inputs,
)

CORNER_STORE = Path(__file__).parents[2] / "models" / "corner-store"
Change = Callable[[onnx.ModelProto], None]


@pytest.fixture
def shop(tmp_path: Path) -> Damage:
    """A copy of a shipped bundle to damage."""
    return Damage(Path(shutil.copytree(CORNER_STORE, tmp_path / "shop")))


def caught(damage: Damage, model: str, change: Change) -> tuple[str, str]:
    """Damage a graph, and return node and operator that parity names."""
    damage.graph(f"{model}/fp32.onnx", change)
    report = check_bundle(open_bundle(damage.folder), "cpu", threads=1)
    assert not report.passed
    assert {check.model for check in report.checks if not check.passed} == {model}
    (failure,) = report.failures
    assert failure.first_diverging is not None, failure.reason
    found = failure.first_diverging
    assert failure.reason == f"first diverging node: {found.node!r} ({found.op_type})"
    return found.node, found.op_type


@pytest.mark.parametrize(
    ("model", "change", "node", "op_type"),
    [
        ("recommender", one_weight_by_1_percent("held"), "basket_vectors", "Gather"),
        ("recommender", swapped_inputs("filter", 1, 2), "filter", "Where"),
        ("generator", swapped_inputs("latent"), "latent", "Concat"),
        ("generator", round_as_before_opset_11("round"), "round", "Round"),
    ],
)
def test_the_tiny_store(
    damage: Damage, model: str, change: Change, node: str, op_type: str
) -> None:
    assert caught(damage, model, change) == (node, op_type)


@pytest.mark.parametrize(
    ("change", "node", "op_type"),
    [
        (one_weight_by_1_percent("encoder_1"), "Gemm_bend", "Gemm"),
        (swapped_inputs("Where_final", 1, 2), "Where_final", "Where"),
        (
            scatter_as_before_opset_16("ScatterElements_with_neighbours"),
            "ScatterElements_with_neighbours",
            "ScatterElements",
        ),
    ],
)
def test_a_shipped_recommender(shop: Damage, change: Change, node: str, op_type: str) -> None:
    assert caught(shop, "recommender", change) == (node, op_type)


@pytest.mark.parametrize(
    ("change", "node", "op_type"),
    [
        (swapped_inputs("Concat_latent"), "Concat_latent", "Concat"),
        (round_as_before_opset_11("Round_rounded"), "Round_rounded", "Round"),
    ],
)
def test_a_shipped_generator(shop: Damage, change: Change, node: str, op_type: str) -> None:
    assert caught(shop, "generator", change) == (node, op_type)


@pytest.mark.parametrize("model", ["recommender", "generator"])
def test_a_graph_restated_for_an_older_opset(shop: Damage, model: str) -> None:
    """Before opset 13 Unsqueeze had its axes as an attribute: the nodes are not what they say."""
    shop.graph(f"{model}/fp32.onnx", stated_opset(12))
    report = check_bundle(open_bundle(shop.folder), "cpu", threads=1)
    assert {check.model for check in report.checks if not check.passed} == {model}
    (failure,) = report.failures
    assert failure.first_diverging is None
    assert "cannot open the graph" in failure.reason


def test_layers_show_what_the_pictures_forgive(shop: Damage) -> None:
    """1 % of one weight of a generator stays above 55 dB, and its node is still named."""
    shop.graph("generator/fp32.onnx", one_weight_by_1_percent("weight_1"))
    report = check_bundle(open_bundle(shop.folder), "cpu", threads=1, layers=True)
    assert report.passed
    (damaged,) = [p for p in report.layers if (p.model, p.variant) == ("generator", "fp32")]
    others = [part for part in report.layers if part is not damaged]
    assert {node.verdict for part in others for node in part.nodes} == {"agrees"}
    verdicts = [node.verdict for node in damaged.nodes]
    first = verdicts.index("differs")
    assert damaged.nodes[first].node == "ConvTranspose_convolved_1"
    assert [node.node for node in damaged.nodes[:first]] == [
        "Gather_category_row", "Squeeze_category_vector", "Concat_latent", "Unsqueeze_map_0"
    ]  # fmt: skip

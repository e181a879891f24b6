"""Damaged variants of both recommenders behind a true manifest: parity catches them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from export.draft import Draft
from export.parity import recommender_parity
from export.recommender import recommender_contract, recommender_graph
from runtime.bundle import open_bundle, write_bundle
from runtime.catalogue import Column, pack_catalogue
from runtime.golden import RecommenderGolden, pack_rules
from runtime.parity import check_bundle
from runtime.users import pack_users
from tests.damage import Damage, reversed_rows, stated_opset, swapped_inputs
from tests.export.test_recommender_sizes import N_USERS, of_every_tier, shop
from trainer.recommender.mlp import Mlp
from trainer.recommender.two_stage import TwoStage

N_ITEMS = 400  # far more than the candidates of an answer
TOP_K = 10
VARIANTS = ("fp32", "fp16", "int8")
Change = Callable[[onnx.ModelProto], None]


def golden_of(model: Mlp | TwoStage) -> RecommenderGolden:
    """Sixteen requests of every tier and torch's answers, the first of which are the targets."""
    asked = of_every_tier(N_ITEMS)
    with torch.no_grad():
        item, score = (value.numpy() for value in model.serve(*asked.values(), TOP_K))
    only, offsets, rows = pack_rules(asked["allowed"].numpy())
    return RecommenderGolden(
        user=asked["user"].numpy()[:, 0],
        basket=asked["basket"].numpy(),
        target=item[:, 0],
        only=only,
        rule_offsets=offsets,
        rule_rows=rows,
        item=item,
        score=score,
    )


def written(arch: str, folder: Path) -> Path:
    """A bundle of a recommender with drawn weights, in all variants."""
    model = shop(arch, N_ITEMS, ranked=True)
    golden = golden_of(model)
    n_rows = N_ITEMS + 1
    draft = Draft({"name": "shop", "version": 1, "producer": {}, "data": {}, "salt": "00"})
    names = [f"item {row}" for row in range(1, n_rows)]
    arrays, columns = pack_catalogue([Column("item_id", "text", names)])
    catalogue = draft.add_arrays("catalogue.npz", arrays)
    draft.manifest["catalogue"] = {"file": catalogue, "columns": columns}
    users = [f"user {row}" for row in range(N_USERS)]
    nothing = np.zeros(N_USERS + 2, np.int64)
    packed = pack_users(users, nothing, np.zeros(0, np.int64), b"\0")
    draft.manifest["users"] = {"file": draft.add_arrays("users.npz", packed)}
    facts = {
        "arch": arch, "n_items": N_ITEMS, "n_users": N_USERS, "max_basket": 6, "top_k": TOP_K,
        "seen_filter": False, "metrics": {}, "evaluation": {},
    }  # fmt: skip
    requests = golden.feeds(0, 4, n_rows)
    contract = recommender_contract(n_rows, 6, TOP_K)
    for variant in VARIANTS:
        graph = recommender_graph(model, TOP_K, draft.metadata(variant), variant)
        parity = recommender_parity(variant, graph, golden, n_rows)
        if variant == "fp32":
            draft.add_model("recommender", graph, parity, golden, requests, contract, facts)
        else:
            draft.add_variant("recommender", variant, graph, parity, 1.0, requests)
    write_bundle(folder, draft.manifest, {**draft.files, "README.md": b"a test"})
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A bundle of each arch, written once."""
    made: dict[str, Path] = {}

    def of(arch: str) -> Path:
        if arch not in made:
            made[arch] = written(arch, tmp_path_factory.mktemp("whole") / "bundle")
        return made[arch]

    return of


@pytest.mark.parametrize("arch", ["two-stage", "mlp"])
def test_the_undamaged_variants_are_in_tolerance(whole: Callable[[str], Path], arch: str) -> None:
    report = check_bundle(open_bundle(whole(arch)), "cpu", layers=True)
    assert report.passed, report
    assert [compared.variant for compared in report.layers] == list(VARIANTS)
    assert {node.verdict for one in report.layers for node in one.nodes} == {"agrees"}


@pytest.mark.parametrize(
    ("arch", "variant", "change", "node"),
    [
        ("two-stage", "fp16", reversed_rows("user_vectors"), "Gather_user_row_stored"),
        ("two-stage", "fp16", swapped_inputs("Div_share"), "Div_share"),
        ("two-stage", "int8", reversed_rows("item_vectors"), "Gather_basket_vectors_stored"),
        (
            "two-stage",
            "int8",
            swapped_inputs("Where_candidate_offset", 1, 2),
            "Where_candidate_offset",
        ),
        ("mlp", "fp16", swapped_inputs("Where_user_vector", 1, 2), "Where_user_vector"),
        ("mlp", "int8", reversed_rows("item_codes"), "Scan_logit_of_each"),
        ("mlp", "int8", reversed_rows("from_item"), "Scan_logit_of_each"),
        ("mlp", "int8", swapped_inputs("Div_buyers_mean"), "Div_buyers_mean"),
    ],
)
def test_a_damaged_variant_is_caught_and_its_node_named(
    whole: Callable[[str], Path],
    tmp_path: Path,
    arch: str,
    variant: str,
    change: Change,
    node: str,
) -> None:
    copy = Damage(Path(shutil.copytree(whole(arch), tmp_path / "copy")))
    copy.graph(f"recommender/{variant}.onnx", change)
    report = check_bundle(open_bundle(copy.folder), "cpu")
    assert {check.variant for check in report.checks if not check.passed} == {variant}
    (failure,) = report.failures
    assert failure.first_diverging is not None, failure.reason
    assert failure.first_diverging.node == node


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_restated_for_an_older_opset(
    whole: Callable[[str], Path], tmp_path: Path, variant: str
) -> None:
    copy = Damage(Path(shutil.copytree(whole("two-stage"), tmp_path / "copy")))
    copy.graph(f"recommender/{variant}.onnx", stated_opset(12))
    report = check_bundle(open_bundle(copy.folder), "cpu")
    assert {check.variant for check in report.checks if not check.passed} == {variant}
    assert "cannot open the graph" in report.failures[0].reason

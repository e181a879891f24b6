"""Recommender graphs from ten items to some ten thousand, for every tier, against torch."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from export import recommender_items
from export.hygiene import check_hygiene
from export.recommender import recommender_contract, recommender_graph
from export.recommender_layers import BLOCK, TILE, Tiles
from export.recommender_mlp import ONE_BY_ONE
from runtime.comparison import compare_recommender
from runtime.session import Session, open_session
from runtime.session_cost import session_cost
from trainer.item_codes import ItemCodes
from trainer.recommender.config import MlpConfig, TwoStageConfig
from trainer.recommender.mlp import Mlp
from trainer.recommender.two_stage import TwoStage

N_USERS = 20
SIZES = (10, 16, 17, 1000, ONE_BY_ONE + 1000)


def shop(
    arch: str,
    n_items: int,
    *,
    ranked: bool = False,
    dim: int = 40,
    hidden: tuple[int, ...] = (64, 32),
) -> Mlp | TwoStage:
    """A model with weights as spread as trained ones; an MLP of ``hidden``, or a two-stage one."""
    torch.manual_seed(1)
    if arch == "mlp":
        mlp = Mlp(MlpConfig(max_basket=6, hidden=hidden), N_USERS, N_USERS, n_items).eval()
        with torch.no_grad():
            mlp.user.weight.normal_(0, 0.4)
            mlp.item.weight.normal_(0, 0.4)
        mlp.remember_buyers(
            torch.randint(1, N_USERS + 1, (500,)), torch.randint(1, n_items, (500,))
        )
        return mlp
    config = TwoStageConfig(dim=dim, max_basket=6, neighbours=0, candidates=30)
    counts = torch.randint(0, 50, (n_items + 1,))
    two_stage = TwoStage(config, N_USERS, ItemCodes.of([], n_items, 8), counts).eval()
    with torch.no_grad():
        two_stage.user.weight[1:].normal_(0, 0.1)
        two_stage.bias.normal_()
        assert two_stage.encoder is not None
        for parameter in two_stage.encoder.parameters():
            parameter.normal_(0, 0.1)
        if ranked:
            for parameter in two_stage.ranker.parameters():
                parameter.normal_(0, 0.2)
    return two_stage


def of_every_tier(n_items: int) -> dict[str, torch.Tensor]:
    """Known with and without basket, anonymous basket, nobody; under stock, a short list, all."""
    rng = np.random.default_rng(n_items)
    n = 16
    user = np.arange(n)[:, None] % 2 * rng.integers(1, N_USERS + 1, (n, 1))
    basket = rng.integers(1, n_items + 1, (n, 6))
    basket[np.arange(n) % 4 < 2] = 0
    basket[:, :3] *= rng.integers(0, 2, (n, 1))
    allowed = rng.random((n, n_items + 1)) < 0.9
    allowed[4:8] = rng.random((4, n_items + 1)) < 3 / n_items
    allowed[8:12] = True
    return {name: torch.from_numpy(value) for name, value in
            {"user": user, "basket": basket, "allowed": allowed}.items()}  # fmt: skip


def answers(session: Session, asked: dict[str, torch.Tensor]) -> tuple[np.ndarray, np.ndarray]:
    item, score = session.run({name: value.numpy() for name, value in asked.items()})
    return item, score


@pytest.mark.parametrize("n_items", SIZES)
@pytest.mark.parametrize("arch", ["mlp", "two-stage", "two-stage, ranked"])
def test_fp32_answers_as_torch_does(arch: str, n_items: int) -> None:
    model = shop(arch.partition(",")[0], n_items, ranked=arch.endswith("ranked"))
    asked = of_every_tier(n_items)
    with torch.no_grad():
        item, score = (value.numpy() for value in model.serve(*asked.values(), 10))
    found, found_score = answers(open_session(recommender_graph(model, 10, {}), "cpu"), asked)
    np.testing.assert_array_equal(found, item)
    np.testing.assert_array_equal(np.isneginf(found_score), item == 0)
    np.testing.assert_allclose(found_score[item > 0], score[item > 0], atol=2e-5)


@pytest.mark.parametrize(
    ("arch", "variant"), [("two-stage", "fp32"), ("mlp", "fp32"), ("mlp", "int8")]
)
def test_a_million_items(arch: str, variant: str) -> None:
    n_items = 1_000_000
    model = shop(arch, n_items, dim=8, hidden=(8, 4))
    asked = {name: value[::4] for name, value in of_every_tier(n_items).items()}
    with torch.no_grad():
        item, score = (value.numpy() for value in model.serve(*asked.values(), 10))
    content = recommender_graph(model, 10, {}, variant)
    found, found_score = answers(open_session(content, "cpu"), asked)
    checks = compare_recommender("fp32", item, score, found, found_score, item[:, 0])
    assert [check.passed for check in checks] == [True] * 3, checks
    assert item.max() > n_items / 2  # what lies far down the table is found too


@pytest.mark.parametrize("variant", ["fp32", "fp16"])
def test_vectors_that_onnxruntime_may_not_copy_answer_the_same(
    monkeypatch: pytest.MonkeyPatch, variant: str
) -> None:
    model, asked = shop("two-stage", 1000), of_every_tier(1000)
    item, score = answers(open_session(recommender_graph(model, 10, {}, variant), "cpu"), asked)
    monkeypatch.setattr(recommender_items, "PACKED_BYTES", 0)
    content = recommender_graph(model, 10, {"bundle": "test"}, variant)
    found, found_score = answers(open_session(content, "cpu"), asked)
    np.testing.assert_array_equal(found, item)
    np.testing.assert_allclose(found_score, score, atol=2e-5)
    contract = recommender_contract(1001, 6, 10)
    check_hygiene("graph", content, contract, {"bundle": "test"})


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_large_vectors_are_held_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recommender_items, "PACKED_BYTES", 1 << 20)
    content = recommender_graph(shop("two-stage", 200_000), 10, {})
    held_bytes = session_cost("recommender", "fp32", content, "cpu", 1).resident_bytes
    assert held_bytes is not None
    assert held_bytes < 1.5 * len(content)


@pytest.mark.parametrize(
    ("n_items", "count"), [(1, 1), (10, 1), (TILE, 1), (TILE + 1, 2), (100_000, 25)]
)
def test_tiles_hold_all_items_in_whole_blocks(n_items: int, count: int) -> None:
    tiles = Tiles.of(n_items, TILE)
    assert tiles.count == count
    assert tiles.places % BLOCK == 0
    assert 0 <= tiles.all_places - n_items < count * BLOCK
    assert tiles.blocks(64)[-2:] == (tiles.places // BLOCK, BLOCK * 64)


@pytest.mark.parametrize("variant", ["fp32", "fp16", "int8"])
@pytest.mark.parametrize("arch", ["mlp", "two-stage"])
def test_ties_break_to_the_lower_row(arch: str, variant: str) -> None:
    """Every item is there three times over; torch's own scores of them may differ in a last bit."""
    model = shop(arch, 300)
    with torch.no_grad():
        for table in (
            model.item.weight,
            *([model.bias, model.popularity] if arch != "mlp" else []),
        ):
            table[101:201] = table[1:101]
            table[201:301] = table[1:101]
        if isinstance(model, TwoStage):
            model.sold[:] = True
    asked = of_every_tier(300)
    item, _ = answers(open_session(recommender_graph(model, 30, {}, variant), "cpu"), asked)
    for rows, allowed in zip(item.tolist(), asked["allowed"].numpy(), strict=True):
        for place, row in enumerate(rows):
            lower = [twin for twin in range(row - 100, 0, -100) if allowed[twin]]
            assert set(lower) <= set(rows[:place])
    if variant == "fp32":
        with torch.no_grad():
            expected = model.serve(*asked.values(), 30)[0].numpy()
            # torch's product rounds a row otherwise at the edge of a block, and then parts twins.
            np.testing.assert_array_equal((item - 1) % 100, (expected - 1) % 100)

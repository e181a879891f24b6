"""The int8 graphs against arithmetic in numpy: what is exact, and what is only rounded."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from export import recommender_items
from export.recommender import recommender_graph
from export.recommender_neighbours import _steps
from runtime.session import open_session
from tests.export.test_recommender_sizes import answers, of_every_tier, shop
from tests.trainer.test_recommender_models import two_stage
from trainer.recommender.mlp import Mlp
from trainer.recommender.two_stage import TwoStage


def brute_force(model: Mlp, asked: dict[str, torch.Tensor], k: int) -> list[list[int]]:
    """Score every pair by the seed's own formula in float64, and sort."""
    weights = [p.detach().double().numpy() for p in model.layers.parameters()]
    items = model.item.weight.detach().double().numpy()
    with torch.no_grad():
        users = model.user_vector(asked["user"][:, 0], asked["basket"]).double().numpy()
    best = []
    for user, allowed in zip(users, asked["allowed"].numpy(), strict=True):
        value = np.concatenate([np.tile(user, (len(items), 1)), items], axis=1)
        for level, (weight, bias) in enumerate(zip(weights[::2], weights[1::2], strict=True)):
            value = (np.maximum(value, 0) if level else value) @ weight.T + bias
        logit = np.where(allowed, value[:, 0], -np.inf)
        logit[0] = -np.inf
        order = np.argsort(-logit, kind="stable")[:k]
        best.append([int(row) if np.isfinite(logit[row]) else 0 for row in order])
    return best


def constants(content: bytes) -> dict[str, np.ndarray]:
    graph = onnx.load_from_string(content).graph
    return {one.name: numpy_helper.to_array(one) for one in graph.initializer}


@pytest.mark.parametrize("n_items", [12, 300, 5000])
@pytest.mark.parametrize("top_k", [10, 50])
def test_the_mlps_answer_is_exact(n_items: int, top_k: int) -> None:
    model = shop("mlp", n_items)
    assert isinstance(model, Mlp)
    top_k = min(top_k, n_items)
    session = open_session(recommender_graph(model, top_k, {}, "int8"), "cpu")
    asked = of_every_tier(n_items)
    item, score = answers(session, asked)
    assert item.tolist() == brute_force(model, asked, top_k)
    with torch.no_grad():
        expected = model.serve(*asked.values(), top_k)[1].numpy()
    np.testing.assert_allclose(score[item > 0], expected[item > 0], atol=1e-6)


def test_codes_alone_would_not_be() -> None:
    """What the second look at the candidates is for: the codes' own order is another."""
    model = shop("mlp", 5000)
    content = onnx.load_from_string(recommender_graph(model, 50, {}, "int8"))
    scan = next(node for node in content.graph.node if node.op_type == "Scan")
    (body,) = (entry.g for entry in scan.attribute if entry.name == "body")
    for node in body.node:
        if node.output[0] == "final":
            node.input[2] = "candidate_sum"
    item, _ = answers(open_session(content.SerializeToString(), "cpu"), of_every_tier(5000))
    assert isinstance(model, Mlp)
    assert item.tolist() != brute_force(model, of_every_tier(5000), 50)


def test_weights_add_up_within_16_bits_and_use_their_codes() -> None:
    stored = constants(recommender_graph(shop("mlp", 300), 10, {}, "int8"))
    codes, weights = stored["item_codes"], stored["weight_codes"]
    assert (codes.dtype, weights.dtype) == (np.uint8, np.int8)
    assert codes.max() == 255
    assert np.abs(weights).max() == 63
    assert 2 * 255 * 63 < 2**15  # x86 without VNNI adds two products in 16 bits


@pytest.mark.parametrize("dim", [8, 16, 50, 128, 300])
def test_item_codes_are_the_nearest(dim: int) -> None:
    model = two_stage(dim=dim)
    stored = constants(recommender_graph(model, 5, {}, "int8"))
    codes, scales = stored["item_vectors"].astype(np.float32) - 128, stored["item_scales"]
    vectors = model.item_vectors().detach().numpy()
    decoded = (codes * scales[:, :, None]).reshape(len(vectors), -1)
    assert not decoded[:, dim:].any()
    error = np.abs(decoded[:, :dim] - vectors)
    half_a_step = np.repeat(scales / 2, codes.shape[2], axis=1)[:, :dim]
    assert (error <= half_a_step + 1e-7).all()
    assert codes.shape[1] == -(-dim // recommender_items.MAX_BLOCK)


@pytest.mark.parametrize("ranked", [False, True])
@pytest.mark.parametrize("n_items", [40, 3000])
def test_the_two_stages_answer_is_that_of_the_decoded_items(n_items: int, ranked: bool) -> None:
    """Torch with the decoded weights answers the same: nothing else is rounded but candidates."""
    model = shop("two-stage", n_items, ranked=ranked)
    assert isinstance(model, TwoStage)
    content = recommender_graph(model, 10, {}, "int8")
    stored = constants(content)
    decoded = (stored["item_vectors"].astype(np.float32) - 128) * stored["item_scales"][..., None]
    asked = of_every_tier(n_items)
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and (ranked or name.startswith("encoder")):
            found = NAMES[name]
            weight = stored[found].astype(np.float32) * stored[f"{found}_scale"]
            if found != "rank_shopper":
                module.weight.data = torch.from_numpy(weight.T)
                continue
            item = stored["rank_item"].astype(np.float32) * stored["rank_item_scale"]
            parts = [weight, item, stored["rank_retrieval"]]
            module.weight.data = torch.from_numpy(np.concatenate(parts).T)
    users = stored["user_vectors"].astype(np.float32) * stored["user_vectors_scale"]
    model.user.weight.data = torch.from_numpy(users)
    vectors = torch.from_numpy(decoded.reshape(n_items + 1, -1)[:, :40])
    model.item_vectors = lambda rows=None: vectors  # type: ignore[method-assign]
    with torch.no_grad():
        expected, expected_score = (v.numpy() for v in model.serve(*asked.values(), 10))
    item, score = answers(open_session(content, "cpu"), asked)
    np.testing.assert_array_equal(item, expected)
    np.testing.assert_allclose(score[item > 0], expected_score[item > 0], atol=1e-4)


NAMES = {
    "encoder.1": "encoder_0",
    "encoder.4": "encoder_1",
    "ranker.0": "rank_shopper",
    "ranker.2": "weight_1",
    "ranker.4": "weight_2",
}


def test_neighbours_are_steps_of_a_byte() -> None:
    rows = np.array([[3, 4, 258, 259], [300, 301, 302, 303], [0, 1, 2, 900], [5, 6, 7, 8]])
    weights = np.array([[1, -2, 3, 4], [1, 2, 3, 0], [9, 0, 0, 8], [0, 0, 0, 0]], np.float32)
    steps, beside = _steps(rows, weights)
    places = steps.astype(np.int64).cumsum(axis=1)
    kept = [
        dict(zip(p[b != 0], b[b != 0], strict=True)) for p, b in zip(places, beside, strict=True)
    ]
    assert kept == [
        {3: 1, 4: -2, 258: 3, 259: 4},
        {300: 1, 301: 2, 302: 3},
        {0: 9},  # 900 is three stand-ins away, and 9 is more than 8
        {},
    ]


@pytest.mark.parametrize("count", [9, 30])
def test_neighbours_count_as_in_torch(count: int) -> None:
    model = two_stage(neighbours=count)
    rows, weights = model.neighbours.numpy(), model.neighbour_weights.numpy()
    steps, beside = _steps(rows, weights)
    spread = np.zeros((2, 31, 31), np.float32)
    for number, (place, weight) in enumerate(
        ((rows, weights), (steps.astype(np.int64).cumsum(axis=1), beside))
    ):
        np.add.at(spread[number], (np.arange(31)[:, None], place), weight)
    np.testing.assert_array_equal(spread[0], spread[1])


@pytest.mark.parametrize(
    ("arch", "constant"),
    [("mlp", "item_codes"), ("mlp", "from_item"), ("two-stage", "item_vectors")],
)
def test_swapped_rows_change_the_answer(arch: str, constant: str) -> None:
    """Damage that parity must see: another order of the items behind the same names."""
    model = shop(arch, 3000)
    whole = recommender_graph(model, 10, {}, "int8")
    content = onnx.load_from_string(whole)
    (stored,) = (one for one in content.graph.initializer if one.name == constant)
    value = numpy_helper.to_array(stored)
    stored.CopyFrom(numpy_helper.from_array(value[::-1].copy(), constant))
    asked = of_every_tier(3000)
    before, _ = answers(open_session(whole, "cpu"), asked)
    after, _ = answers(open_session(content.SerializeToString(), "cpu"), asked)
    assert (before == after).mean() < 0.9

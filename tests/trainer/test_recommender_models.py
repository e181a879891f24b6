"""The two recommenders against formulas worked out apart from their code."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from trainer.item_codes import ItemCodes
from trainer.recommender import row_adam
from trainer.recommender.config import MlpConfig, TwoStageConfig
from trainer.recommender.mlp import Mlp
from trainer.recommender.ranking import best_rows
from trainer.recommender.two_stage import TwoStage

N_USERS, N_ITEMS = 5, 30


def two_stage(seed: int = 0, **fields: object) -> TwoStage:
    torch.manual_seed(seed)
    config = TwoStageConfig(**({"dim": 8, "max_basket": 4, "neighbours": 9} | fields))
    counts = torch.ones(N_ITEMS + 1, dtype=torch.int64)
    counts[[0, 7]] = 0
    model = TwoStage(config, N_USERS, item_codes(), counts).eval()
    with torch.no_grad():
        model.bias.normal_()
        model.popularity.normal_()
        for parameter in (*model.ranker.parameters(), *encoder_weights(model)):
            parameter.normal_(0, 0.3)
    if model.neighbours.shape[1]:
        model.keep_neighbours(torch.from_numpy(item_item()), decay=0.5, scale=2.0)
    return model


def encoder_weights(model: TwoStage) -> list[nn.Parameter]:
    return [] if model.encoder is None else list(model.encoder.parameters())


def item_item() -> np.ndarray:
    weights = np.random.default_rng(3).normal(size=(N_ITEMS + 1, N_ITEMS + 1)).astype(np.float32)
    weights[0], weights[:, 0] = 0, 0
    return weights


def item_codes() -> ItemCodes:
    """Two attributes of three values each: one an item for the first, none to two for the other."""
    rng = np.random.default_rng(0)
    values = np.zeros((N_ITEMS + 1, 3), np.int64)
    values[1:, 0] = rng.integers(1, 4, N_ITEMS)
    values[1:, 1] = rng.integers(0, 2, N_ITEMS) * 4
    values[1:, 2] = (values[1:, 1] > 0) * rng.integers(0, 2, N_ITEMS) * rng.integers(5, 7, N_ITEMS)
    weights = np.zeros((N_ITEMS + 1, 3), np.float32)
    weights[:, 0] = values[:, 0] > 0
    held = values[:, 1:] > 0
    weights[:, 1:] = held / np.maximum(held.sum(axis=1, keepdims=True), 1)
    return ItemCodes(values, weights, 6)


def requests(n: int, max_basket: int, seed: int = 1) -> tuple[torch.Tensor, ...]:
    rng = np.random.default_rng(seed)
    user = rng.integers(0, N_USERS + 1, (n, 1))
    basket = rng.integers(1, N_ITEMS + 1, (n, max_basket))
    basket[np.arange(max_basket) < rng.integers(0, max_basket + 1, (n, 1))] = 0
    allowed = rng.random((n, N_ITEMS + 1)) < rng.random((n, 1))
    return tuple(map(torch.from_numpy, (user, basket, allowed)))


def test_the_seed_has_its_own_sizes() -> None:
    model = Mlp(MlpConfig(), n_users=7, n_sequences=7, n_items=11)
    assert [tuple(p.shape) for p in model.parameters()] == [
        *[(8, 50), (12, 50)],  # embeddings of 50, row 0 beside the users and items
        *[(64, 100), (64,), (32, 64), (32,), (1, 32), (1,)],
    ]
    assert [type(layer) for layer in model.layers] == [nn.Linear, nn.ReLU] * 2 + [nn.Linear]


def test_the_seed_scores_as_numpy_does() -> None:
    torch.manual_seed(3)
    model = Mlp(MlpConfig(), N_USERS, N_USERS, N_ITEMS).eval()
    weights = [p.detach().numpy().astype(np.float64) for p in model.parameters()]
    users, items, w1, b1, w2, b2, w3, b3 = weights
    pair = np.concatenate([users[2], items[9]])
    hidden = np.maximum(w1 @ pair + b1, 0)
    hidden = np.maximum(w2 @ hidden + b2, 0)
    expected = 1 / (1 + np.exp(-(w3 @ hidden + b3)))
    logit = model(torch.tensor([2]), torch.tensor([9]))
    np.testing.assert_allclose(torch.sigmoid(logit).item(), expected[0], atol=1e-6)
    only_it = torch.zeros(1, N_ITEMS + 1, dtype=torch.bool)
    only_it[0, 9] = True
    item, score = model.serve(
        torch.tensor([[2]]), torch.zeros(1, 50, dtype=torch.int64), only_it, 3
    )
    assert item.tolist() == [[9, 0, 0]]
    np.testing.assert_allclose(score[0, 0].item(), expected[0], atol=1e-6)
    assert score[0, 1:].tolist() == [-np.inf, -np.inf]


def test_the_seed_serves_an_anonymous_basket_as_the_mean_of_its_buyers() -> None:
    torch.manual_seed(4)
    model = Mlp(MlpConfig(), n_users=2, n_sequences=3, n_items=4).eval()
    user, item = torch.tensor([1, 2, 3, 1]), torch.tensor([1, 1, 2, 3])
    model.remember_buyers(user, item)
    e = model.user.weight.detach()
    basket = torch.zeros(3, 50, dtype=torch.int64)
    basket[0, -1] = 1  # bought by sequences 1 and 2
    basket[1, -2:] = torch.tensor([1, 2])
    found = model.user_vector(torch.zeros(3, dtype=torch.int64), basket)
    of_item_1 = (e[1] + e[2]) / 2
    torch.testing.assert_close(found[0], of_item_1)
    torch.testing.assert_close(found[1], (of_item_1 + e[3]) / 2)
    torch.testing.assert_close(found[2], (e[1] + e[2] + e[3]) / 3)  # nobody at all: everyone's mean
    known = model.user_vector(torch.tensor([2]), basket[:1])
    torch.testing.assert_close(known[0], e[2])  # the seed's own formula, whatever the basket


@pytest.mark.parametrize("lazy_from", [0, 1000])  # sparse tables, dense ones
@pytest.mark.parametrize("batch", [3, 40])  # fewer pairs than items, more
def test_comparing_items_is_scoring_each_pair(
    monkeypatch: pytest.MonkeyPatch, lazy_from: int, batch: int
) -> None:
    monkeypatch.setattr(row_adam, "LAZY_ROWS", lazy_from)
    torch.manual_seed(5)
    model = Mlp(MlpConfig(), N_USERS, N_USERS, N_ITEMS)
    assert model.item.sparse == (lazy_from == 0)
    user = torch.randint(1, N_USERS + 1, (batch,))
    item = torch.randint(1, N_ITEMS + 1, (batch, 5))
    slope = torch.randn(batch, 5)
    gradients = []
    for logit in (
        model.compare(user, item),
        model(user.repeat_interleave(5), item.flatten()).view(batch, 5),
    ):
        found = torch.autograd.grad((logit * slope).sum(), list(model.parameters()))
        gradients.append([logit, *(g.to_dense() if g.is_sparse else g for g in found)])
    for compared, one_by_one in zip(*gradients, strict=True):
        torch.testing.assert_close(compared, one_by_one, rtol=1e-4, atol=1e-5)


def test_two_stage_scores_as_numpy_does() -> None:
    model = two_stage()
    w = {name: p.detach().numpy().astype(np.float64) for name, p in model.named_parameters()}
    codes, sold = item_codes(), model.sold.numpy()
    vectors = w["item.weight"] * sold[:, None]
    for row in range(N_ITEMS + 1):
        for code, weight in zip(codes.values[row], codes.weights[row], strict=True):
            if code:
                vectors[row] += weight * w["attribute.weight"][code]
    norm = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = np.divide(vectors, norm, out=np.zeros_like(vectors), where=norm > 0)
    basket = np.array([0, 0, 3, 12])
    share = np.exp(w["recency"][2:])
    share /= share.sum()
    pooled = share[0] * vectors[3] + share[1] * vectors[12]
    hidden = w["encoder.1.weight"] @ np.concatenate([pooled, vectors[12]]) + w["encoder.1.bias"]
    hidden *= [0.5 * (1 + math.erf(h / math.sqrt(2))) for h in hidden]  # GELU
    bend = w["encoder.4.weight"] @ hidden + w["encoder.4.bias"]
    shopper = pooled + bend + w["user.weight"][4]
    shopper /= np.linalg.norm(shopper)
    retrieval = vectors @ shopper / 0.07 + w["bias"]
    retrieval[7] = vectors[7] @ shopper / 0.07 + bias_of_its_like(w["bias"], sold, 7)
    for held, counts in ((3, 0.5), (12, 1.0)):  # decay 0.5
        weights = item_item()[held]
        strongest = np.argsort(-np.abs(weights))[:9]
        retrieval[strongest] += counts * 2.0 * weights[strongest]
    features = np.concatenate(
        [np.tile(shopper, (N_ITEMS + 1, 1)), vectors, retrieval[:, None]], axis=1
    )
    for layer in (0, 2):
        features = np.maximum(
            features @ w[f"ranker.{layer}.weight"].T + w[f"ranker.{layer}.bias"], 0
        )
    final = retrieval + (features @ w["ranker.4.weight"].T + w["ranker.4.bias"])[:, 0]
    allowed = torch.ones(1, N_ITEMS + 1, dtype=torch.bool)
    item, score = model.serve(torch.tensor([[4]]), torch.from_numpy(basket[None]), allowed, 10)
    order = np.argsort(-final[1:])[:10] + 1
    assert item[0].tolist() == order.tolist()
    np.testing.assert_allclose(score[0].detach().numpy(), final[order], rtol=1e-4, atol=1e-4)


def bias_of_its_like(bias: np.ndarray, sold: np.ndarray, unsold: int) -> float:
    """Average, over the item's attribute values, what sold items with each have beyond all."""
    codes, middle = item_codes(), bias[sold].mean()
    shares = dict(zip(codes.values[unsold], codes.weights[unsold], strict=True))
    beyond = 0.0
    for value, share in shares.items():
        excess = [bias[row] - middle for row in np.flatnonzero(sold) if value in codes.values[row]]
        beyond += share * sum(excess) / (len(excess) + 10)
    return float(middle + beyond / sum(shares.values()))


def test_nobody_at_all_gets_the_best_sellers() -> None:
    torch.manual_seed(0)
    counts = torch.randperm(N_ITEMS + 1)  # row 0's is nobody's business; one item never sold
    model = TwoStage(TwoStageConfig(dim=8, max_basket=4), N_USERS, item_codes(), counts).eval()
    for layer in model.ranker.parameters():
        nn.init.normal_(layer)  # whatever the ranking stage says
    nobody = torch.zeros(2, 1, dtype=torch.int64), torch.zeros(2, 4, dtype=torch.int64)
    nobody[1][1, -1] = 5  # the second has a basket
    allowed = torch.ones(2, N_ITEMS + 1, dtype=torch.bool)
    item, score = model.serve(*nobody, allowed, N_ITEMS)
    order = counts[1:].argsort(descending=True) + 1
    assert item[0].tolist() == order.tolist()
    torch.testing.assert_close(score[0], torch.log(counts[order].clamp(min=0.5)))
    assert item[1].tolist() != order.tolist()


def test_an_item_never_sold_has_the_vector_of_its_attributes() -> None:
    model = two_stage()
    codes = item_codes()
    held = torch.from_numpy(codes.values[7])
    expected = torch.from_numpy(codes.weights[7]) @ model.attribute.weight[held]
    expected = nn.functional.normalize(expected, dim=0)
    torch.testing.assert_close(model.item_vectors()[7], expected)


def test_an_item_never_sold_has_the_bias_of_its_like() -> None:
    """By hand: values 1 and 2 are one attribute, 3 another; item 6 has 1 and 3, item 7 nothing."""
    values = np.array([[0, 0], [1, 0], [1, 3], [2, 0], [2, 3], [2, 0], [1, 3], [0, 0]])
    codes = ItemCodes(values, (values > 0).astype(np.float32), n_values=3)
    counts = torch.tensor([0, 5, 5, 5, 5, 5, 0, 0])
    model = TwoStage(TwoStageConfig(dim=4, max_basket=4), 1, codes, counts)
    with torch.no_grad():
        model.bias[1:6] = torch.tensor([4.0, 6.0, 1.0, 0.0, -1.0])  # 2 on average
    by_value = (2 + 4) / (2 + 10), (4 - 2) / (2 + 10)  # beyond 2, of values 1 and 3
    expected = [4, 6, 1, 0, -1, 2 + sum(by_value) / 2, -0.6]  # a tenth sell slower than -0.6
    assert model.serving_bias()[1:].tolist() == pytest.approx(expected)


def test_some_item_vectors_equal_those_of_the_whole_table() -> None:
    model = two_stage()
    rows = torch.tensor([0, 3, 7, 3])
    torch.testing.assert_close(model.item_vectors(rows), model.item_vectors()[rows])


def test_answers_keep_to_what_is_allowed_in_both_models() -> None:
    torch.manual_seed(0)
    for model in (two_stage(), Mlp(MlpConfig(max_basket=4), N_USERS, N_USERS, N_ITEMS).eval()):
        user, basket, allowed = requests(40, 4)
        item, score = model.serve(user, basket, allowed, 20)
        assert (score.diff(dim=1).nan_to_num(0) <= 0).all()
        for row in range(40):
            shown = item[row][item[row] > 0]
            assert len(set(shown.tolist())) == len(shown)
            assert allowed[row, shown].all()
            wanted = min(20, int(allowed[row, 1:].sum()))
            assert len(shown) == wanted  # k answers whenever k items are allowed
            assert (score[row, wanted:] == -torch.inf).all()


def test_equal_items_keep_row_order() -> None:
    model = two_stage()
    with torch.no_grad():
        model.bias[:] = 0
        model.popularity[:] = 0
        for parameter in model.ranker.parameters():
            parameter.zero_()
    nobody = torch.zeros(1, 1, dtype=torch.int64), torch.zeros(1, 4, dtype=torch.int64)
    item, _ = model.serve(*nobody, torch.ones(1, N_ITEMS + 1, dtype=torch.bool), 6)
    assert item.tolist() == [[1, 2, 3, 4, 5, 6]]


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 0.5, 2.0]), min_size=1, max_size=40),
    count=st.integers(1, 40),
)
def test_best_rows_is_a_stable_sort(values: list[float], count: int) -> None:
    count = min(count, len(values))
    expected = sorted(range(len(values)), key=lambda i: (-values[i], i))[:count]
    scores = torch.tensor([values, values], dtype=torch.float32)
    assert best_rows(scores, count).tolist() == [expected, expected]


def test_the_boundary_gap_is_between_the_last_candidate_and_the_first_left_out() -> None:
    model = two_stage(candidates=4)
    for parameter in model.ranker.parameters():
        nn.init.zeros_(parameter)
    nn.init.ones_(model.ranker[-1].weight)  # of hidden units that are all 0: nothing changes
    user, basket, allowed = requests(40, 4)
    gap = model.boundary_gap(user, basket, allowed, 3)
    _, score = model.serve(user, basket, allowed, 4)
    wider = two_stage(candidates=5)
    wider.load_state_dict(model.state_dict())
    _, longer = wider.serve(user, basket, allowed, 5)
    for row in range(40):
        if torch.isfinite(longer[row, 4]):
            torch.testing.assert_close(gap[row], score[row, 3] - longer[row, 4])
        else:
            assert gap[row] == torch.inf
    assert torch.isinf(
        two_stage(candidates=N_ITEMS + 1).boundary_gap(user, basket, allowed, 3)
    ).all()


def test_the_encoder_says_nothing_of_an_empty_basket_and_starts_from_the_pooled_one() -> None:
    torch.manual_seed(2)
    fresh = TwoStage(
        TwoStageConfig(dim=8, max_basket=4), N_USERS, item_codes(), torch.ones(31).long()
    ).eval()
    plain = TwoStage(
        TwoStageConfig(dim=8, max_basket=4, encoder_hidden=0),
        N_USERS,
        item_codes(),
        fresh.sold.long(),
    ).eval()
    plain.load_state_dict(fresh.state_dict(), strict=False)
    user, basket, _ = requests(20, 4)
    with torch.no_grad():
        vectors = fresh.item_vectors()
        torch.testing.assert_close(
            fresh.shopper_vector(user[:, 0], basket, vectors),
            plain.shopper_vector(user[:, 0], basket, vectors),
        )
    trained = two_stage()
    nobody = trained.shopper_vector(
        torch.zeros(1, dtype=torch.int64), torch.zeros(1, 4).long(), trained.item_vectors()
    )
    assert not nobody.any()

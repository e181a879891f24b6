"""Item-item weights against ridge regressions solved one item at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.trainer.shop import config, shop
from trainer.recommender import item_item as item_item_module
from trainer.recommender.item_item import co_purchases, item_item_weights, strongest
from trainer.recommender.neighbours import OFF, ItemItemStage
from trainer.recommender.sampling import TrainingRows
from trainer.recommender.saved import build_model, keep_data
from trainer.recommender.two_stage import TwoStage
from trainer.split import split_interactions

BASKETS = [[1, 2, 3], [1, 2], [2, 3, 4, 4], [4], [1, 2, 4]]


def rows() -> TrainingRows:
    sequence = torch.tensor([s for s, items in enumerate(BASKETS) for _ in items])
    item = torch.tensor([i for items in BASKETS for i in items])
    ends = [torch.searchsorted(sequence, sequence, right=right) for right in (False, True)]
    return TrainingRows(sequence + 1, sequence, item, *ends, torch.ones(len(item)), 4)


@pytest.mark.parametrize("at_once", [1, 2, 16_384])
def test_co_purchases_weigh_a_basket_by_the_root_of_its_size(
    monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(item_item_module, "SEQUENCES_AT_ONCE", at_once)
    taken = np.zeros((5, 5))
    for basket, items in enumerate(BASKETS):
        taken[basket, items] = 1
    lengths = taken.sum(axis=1)  # a repeat within a basket counts once
    # The weights are brought to a mean of 1 over the purchases.
    expected = taken.T @ (taken * (lengths**-0.5)[:, None])
    expected /= np.repeat(lengths**-0.5, lengths.astype(int)).mean()
    np.testing.assert_allclose(co_purchases(rows()).numpy(), expected, rtol=1e-5)


def test_each_column_is_the_ridge_regression_of_an_item_on_the_others() -> None:
    rng = np.random.default_rng(0)
    taken = (rng.random((60, 7)) < 0.4).astype(np.float64)
    taken[:, 0] = 0  # padding
    gram = taken.T @ taken
    l2, dropout = 3.0, 0.25
    found = item_item_weights(torch.from_numpy(gram), l2, dropout).numpy()
    # Dropping out a quarter of a basket adds a penalty of 1/3 of an item's own count.
    penalty = l2 + np.diag(gram) / 3
    for column in range(1, 7):
        others = [row for row in range(1, 7) if row != column]
        system = gram[np.ix_(others, others)] + np.diag(penalty[others])
        expected = np.linalg.solve(system, gram[others, column])
        np.testing.assert_allclose(found[others, column], expected, rtol=1e-8)
    assert not np.diag(found).any()
    assert not found[0].any()
    assert not found[:, 0].any()


def test_the_strongest_weights_are_kept_in_row_order() -> None:
    weights = torch.tensor([[0.0, 3.0, -4.0, 1.0], [2.0, 0.0, 0.1, -0.2]])
    items, kept = strongest(weights, 2)
    assert items.tolist() == [[1, 2], [0, 3]]
    torch.testing.assert_close(kept, torch.tensor([[3.0, -4.0], [2.0, -0.2]]))


def test_validation_takes_weights_that_help_and_leaves_out_those_that_do_not(
    tmp_path: Path,
) -> None:
    dataset, settings = shop(tmp_path), config()
    split = split_interactions(dataset.interactions, settings.split)
    data = keep_data(dataset, split, split.train)
    model = build_model(settings, data)
    assert isinstance(model, TwoStage)
    bought = TrainingRows.of(dataset.interactions, split.train, torch.device("cpu"))
    stage = ItemItemStage(model, bought, ordered=True)
    choice, found = stage.choose(split.validation, hide_context=True)  # retrieval is untrained
    assert choice.scale > 0
    stage.apply(choice)
    basket = torch.zeros(1, 8, dtype=torch.int64)
    basket[0, -2:] = torch.tensor([1, 2])  # rows of i0 and i1, one of either group
    direct = model.neighbour_scores(basket)[0]
    expected = model.neighbour_weights.new_zeros(data.n_rows)
    for held, age in ((2, 0), (1, 1)):
        for item, weight in zip(model.neighbours[held], model.neighbour_weights[held], strict=True):
            expected[item] += choice.decay**age * weight
    torch.testing.assert_close(direct, expected)

    alone = torch.arange(len(bought.item))  # every purchase a sequence of its own: no pairs
    ends = [alone, alone + 1]
    lonely = TrainingRows(bought.user, alone, bought.item, *ends, bought.label, bought.n_items)
    model.neighbour_weights.zero_()
    stage = ItemItemStage(model, lonely, ordered=True)
    assert stage.choose(split.validation, hide_context=True)[0] == OFF
    unordered = ItemItemStage(model, bought, ordered=False)
    assert unordered.choose(split.validation, hide_context=True)[0].decay == 1
    assert 0 < found <= 1

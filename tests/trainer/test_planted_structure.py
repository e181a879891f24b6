"""The sample store's structure is known: training must find it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from trainer.dataset import load_dataset
from trainer.options import from_mapping
from trainer.recommender.config import RecommenderConfig
from trainer.recommender.saved import TrainedRecommender, load_recommender
from trainer.recommender.train import train_recommender
from trainer.sample_store import SampleStore, make_sample_store

SETTINGS = {
    "data": {"basket_column": "basket_id", "repeat_purchases": True},
    "training": {"epochs": 3},
    "two_stage": {"dim": 64, "max_basket": 20},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[SampleStore, TrainedRecommender]:
    folder = tmp_path_factory.mktemp("planted")
    store = make_sample_store(11)
    store.write(folder / "store")
    config = from_mapping(RecommenderConfig, SETTINGS)
    log, items = folder / "store" / "interactions.csv", folder / "store" / "catalogue.csv"
    run = train_recommender(load_dataset(log, config.data, items), config, folder / "run")
    return store, load_recommender(run)


def shown(trained: TrainedRecommender, user: int, basket: list[int], k: int) -> list[str]:
    """Return the ids of the best k items, those in the basket apart."""
    rows = torch.zeros(1, trained.max_basket, dtype=torch.int64)
    for place, row in enumerate(reversed(basket[-trained.max_basket :]), start=1):
        rows[0, -place] = row
    allowed = torch.ones(1, trained.data.n_rows, dtype=torch.bool)
    if user == 0:
        allowed[0, basket] = False
    item, _ = trained.model.serve(torch.tensor([[user]]), rows, allowed, k)
    return [trained.data.items.item_ids[row - 1] for row in item[0].tolist()]


def test_planted_pairs_recommend_each_other(
    trained: tuple[SampleStore, TrainedRecommender],
) -> None:
    store, model = trained
    rows = {item_id: row for row, item_id in enumerate(model.data.items.item_ids, start=1)}
    for first, second in store.pairs:
        for held, partner in ((first, second), (second, first)):
            assert partner in shown(model, 0, [rows[held]], 3), (held, partner)


def test_taste_groups_get_their_items(trained: tuple[SampleStore, TrainedRecommender]) -> None:
    store, model = trained
    shares: dict[str, list[float]] = {}
    for row, user in enumerate(model.data.user_ids[::20]):
        group = store.taste_group[user]
        user_row = row * 20 + 1
        found = shown(model, user_row, model.data.history(user_row).tolist(), 10)
        shares.setdefault(group, []).append(
            float(np.mean([item in store.group_items[group] for item in found]))
        )
    for group, items in store.group_items.items():
        assert np.mean(shares[group]) > 3 * len(items) / len(store.catalogue), group


def test_the_model_beats_popularity_on_what_was_held_out(
    trained: tuple[SampleStore, TrainedRecommender],
) -> None:
    results = trained[1].evaluation["results"]
    assert trained[1].evaluation["cases"] == 2000
    assert results["user+basket"]["ndcg@10"] > 1.5 * results["popularity"]["ndcg@10"]

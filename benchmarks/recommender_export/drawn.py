"""Recommenders of any size with drawn weights, and requests to ask them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from trainer.item_codes import ItemCodes
from trainer.recommender.config import MlpConfig, TwoStageConfig
from trainer.recommender.mlp import Mlp
from trainer.recommender.two_stage import TwoStage

USERS = 300
DIM = 50  # numbers in a vector, as many as the seed's MLP and implicit's factors have
K = 10
IN_STOCK = 0.9  # share of the catalogue
HELD = 5  # items in a basket
MASKS = 16  # different stocks, in turn

Feeds = dict[str, np.ndarray]


def drawn_mlp(n_items: int) -> Mlp:
    """Make the seed's MLP with vectors as spread as trained ones."""
    torch.manual_seed(1)
    model = Mlp(MlpConfig(dim=DIM), USERS, USERS, n_items).eval()
    with torch.no_grad():
        model.user.weight.normal_(0, 0.4)
        model.item.weight.normal_(0, 0.4)
    return model


def drawn_two_stage(n_items: int, *, ranks: bool, dim: int = DIM) -> TwoStage:
    """Make a two-stage model of the default sizes but the vectors'.

    Args:
        n_items: catalogue size; above ``neighbour_items`` there are no item-item weights.
        ranks: whether the ranking stage has earned its place; else only retrieval is exported.
        dim: numbers in a vector.
    """
    torch.manual_seed(1)
    counts = torch.randint(0, 50, (n_items + 1,))
    config = TwoStageConfig(dim=dim)
    model = TwoStage(config, USERS, ItemCodes.of([], n_items, config.price_bands), counts).eval()
    with torch.no_grad():
        model.user.weight[1:].normal_(0, 0.1)
        model.bias.normal_()
        trained = [model.encoder, model.ranker] if ranks else [model.encoder]
        for part in trained:
            assert part is not None
            for parameter in part.parameters():
                parameter.normal_(0, 0.1)
    return model


def drawn_requests(n_items: int, max_basket: int, *, baskets: bool) -> list[Feeds]:
    """Draw one request of every known shopper under a stock filter.

    Returns:
        user int64 [1, 1], basket int64 [1, max_basket], allowed bool [1, n_items + 1] of each.
    """
    rng = np.random.default_rng(2)
    masks = [rng.random((1, n_items + 1)) < IN_STOCK for _ in range(MASKS)]
    asked = []
    for user in range(1, USERS + 1):
        basket = np.zeros((1, max_basket), np.int64)
        if baskets:
            basket[0, -HELD:] = rng.integers(1, n_items + 1, HELD)
        feeds = {"user": np.array([[user]]), "basket": basket, "allowed": masks[user % MASKS]}
        asked.append(feeds)
    return asked


def asked_in_turn(requests: Sequence[Feeds], number: int) -> Feeds:
    """Return the request of a number, going round."""
    return requests[number % len(requests)]

"""Training rows turned into requests of every tier, so that one model serves them all."""

from __future__ import annotations

import torch
from torch import Tensor

from trainer.recommender.config import TwoStageConfig
from trainer.recommender.sampling import TrainingRows


class ShopperRequests:
    """Says of training purchases who asked, with what in the basket.

    Args:
        config: shares of what is withheld.
        rows: purchases.
        ordered: whether a shopper's basket is what came before the purchase; else it is whatever
            else the shopper took, in no order.
    """

    def __init__(self, config: TwoStageConfig, rows: TrainingRows, *, ordered: bool) -> None:
        self.config, self.rows, self.ordered = config, rows, ordered

    def draw(self, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """Draw requests: known or not, with a long, short, thinned or empty basket.

        Args:
            chosen: int64 [batch], training rows.

        Returns:
            user, int64 [batch], and basket, int64 [batch, max_basket], right-aligned.
        """
        config, device = self.config, chosen.device
        draw = torch.rand(3, len(chosen), device=device)
        contexts = self.rows.contexts if self.ordered else self.rows.companions
        basket = contexts(chosen, config.max_basket)
        kept = torch.randint(1, config.max_basket + 1, (len(chosen), 1), device=device)
        age = torch.arange(config.max_basket, 0, -1, device=device)  # newest item: 1
        cut = (draw[0, :, None] < config.short_baskets) & (age > kept)
        cut |= draw[1, :, None] < config.basket_dropout
        if config.item_dropout:
            cut |= (torch.rand(basket.shape, device=device) < config.item_dropout) & (age > 1)
        user = self.rows.user[chosen].masked_fill(draw[2] < config.user_dropout, 0)
        return user, basket.masked_fill(cut, 0)

"""The seed's recommender: an MLP over user and item embeddings (He et al., 2017, section 3.3)."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainer.recommender.config import MlpConfig
from trainer.recommender.ranking import best_rows, scoring_mlp
from trainer.recommender.row_adam import is_lazy


class Mlp(nn.Module):
    """Score of a pair = sigmoid(MLP(user embedding, item embedding)); 50 + 50 -> 64 -> 32 -> 1.

    The seed knows nothing but user ids. So that it can still serve a kiosk, an anonymous basket
    stands in as the mean of its items' buyers: :attr:`buyers` holds, for every item, the mean
    embedding of the training shoppers who took it, and row 0 the mean of all shoppers, which serves
    nobody at all. A known shopper is scored by the seed's own formula, whatever is in the basket.

    Args:
        config: sizes.
        n_users: known shoppers, whose embeddings serving uses.
        n_sequences: known shoppers and anonymous baskets; each trains an embedding of its own.
        n_items: items.
    """

    buyers: Tensor

    def __init__(self, config: MlpConfig, n_users: int, n_sequences: int, n_items: int) -> None:
        super().__init__()
        self.config = config
        self.n_users = n_users
        n_users_trained, n_rows = n_sequences + 1, n_items + 1
        # Row s + 1 is sequence s.
        self.user = nn.Embedding(n_users_trained, config.dim, sparse=is_lazy(n_users_trained))
        self.item = nn.Embedding(n_rows, config.dim, sparse=is_lazy(n_rows))
        self.layers = scoring_mlp(2 * config.dim, config.hidden)
        self.register_buffer("buyers", torch.zeros(n_items + 1, config.dim))
        with torch.no_grad():
            self.user.weight.normal_(0, 0.1)
            self.item.weight.normal_(0, 0.1)

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        """Compute logits, float32 [batch]; their sigmoid is the seed's score.

        Args:
            user: int64 [batch], rows of ``self.user``.
            item: int64 [batch], item rows.
        """
        pair = torch.cat([self.user(user), self.item(item)], dim=-1)  # [batch, 100]
        logit: Tensor = self.layers(pair)[:, 0]
        return logit

    def compare(self, user: Tensor, item: Tensor) -> Tensor:
        """Compute the logits of several items a user, float32 [batch, n], fast enough to train by.

        They are :meth:`forward`'s of every pair. The first layer of [user, item] is the sum of its
        two halves, so the user's is computed once for the n items, and the items' once for the
        whole table where the pairs outnumber it.

        Args:
            user: int64 [batch], rows of ``self.user``.
            item: int64 [batch, n], item rows.
        """
        first = cast(nn.Linear, self.layers[0])
        user_weight, item_weight = first.weight.tensor_split(2, dim=1)
        from_user = F.linear(_rows(self.user, user), user_weight, first.bias)  # [batch, hidden]
        flat = item.flatten()
        if not self.item.sparse and len(self.item.weight) < len(flat):
            # float32 again after autocast: an item's slopes are added up over the batch.
            table = F.linear(self.item.weight, item_weight).float()  # [n_rows, hidden]
            from_item = table.index_select(0, flat)
        else:
            from_item = F.linear(_rows(self.item, flat), item_weight)
        both = from_item.view(*item.shape, -1) + from_user[:, None]  # [batch, n, hidden]
        logit: Tensor = self.layers[1:](both)[..., 0]
        return logit

    @torch.no_grad()
    def remember_buyers(self, user: Tensor, item: Tensor) -> None:
        """Fill :attr:`buyers` from the training purchases.

        Args:
            user: int64 [n], rows of ``self.user``.
            item: int64 [n], item rows.
        """
        vectors = self.user.weight[user]
        total = torch.zeros_like(self.buyers).index_add_(0, item, vectors)
        count = torch.bincount(item, minlength=len(self.buyers))[:, None]
        everyone = self.user.weight[1:].mean(dim=0)
        self.buyers.copy_(torch.where(count > 0, total / count.clamp(min=1), everyone))
        self.buyers[0] = everyone

    def user_vector(self, user: Tensor, basket: Tensor) -> Tensor:
        """Compute the vector that stands for the shopper, float32 [batch, dim].

        Args:
            user: int64 [batch], user rows, 0 = anonymous.
            basket: int64 [batch, max_basket], item rows, 0 = padding.
        """
        held = (basket > 0)[..., None]  # [batch, max_basket, 1]
        count = held.sum(dim=1)  # [batch, 1]
        pooled = (self.buyers[basket] * held).sum(dim=1) / count.clamp(min=1)
        anonymous = torch.where(count > 0, pooled, self.buyers[0])
        return torch.where(user[:, None] > 0, self.user(user), anonymous)

    def boundary_gap(self, user: Tensor, basket: Tensor, allowed: Tensor, top_k: int) -> Tensor:
        """Return float32 [batch], all infinite: every item is scored, none is left out before."""
        return torch.full((len(user),), torch.inf)

    def serve(
        self, user: Tensor, basket: Tensor, allowed: Tensor, top_k: int
    ) -> tuple[Tensor, Tensor]:
        """Answer requests as the exported graph does (design §3.1); scores are probabilities.

        Args:
            user: int64 [batch, 1].
            basket: int64 [batch, max_basket].
            allowed: bool [batch, n_rows].
            top_k: length of the answer.

        Returns:
            item, int64 [batch, top_k], and score, float32 [batch, top_k].
        """
        first = cast(nn.Linear, self.layers[0])
        vector = self.user_vector(user[:, 0], basket)  # [batch, dim]
        # The first layer of [user, item] is the sum of its two halves, each computed once.
        user_weight, item_weight = first.weight.tensor_split(2, dim=1)
        from_user = vector @ user_weight.T + first.bias  # [batch, hidden]
        from_item = self.item.weight @ item_weight.T  # [n_rows, hidden]
        logits = torch.cat(
            [self.layers[1:](one + from_item)[None, :, 0] for one in from_user]
        )  # [batch, n_rows]
        logits = logits.masked_fill(~allowed, -torch.inf)
        logits[:, 0] = -torch.inf
        item = best_rows(logits, top_k)
        logit = logits.gather(1, item)
        score = torch.where(logit.isinf(), logit, torch.sigmoid(logit))
        return item.masked_fill(logit.isinf(), 0), score


def _rows(table: nn.Embedding, rows: Tensor) -> Tensor:
    """Look up float32 [n, dim]; on the CPU a gradient three times faster than the module's own."""
    if table.sparse:
        found: Tensor = table(rows)
        return found
    return table.weight.index_select(0, rows)

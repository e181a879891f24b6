"""The two-stage recommender: retrieval by a dot product, then the seed's MLP on the candidates."""

from __future__ import annotations

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainer.item_codes import ItemCodes
from trainer.recommender.config import TwoStageConfig
from trainer.recommender.item_item import fading, strongest
from trainer.recommender.ranking import basket_encoder, best_rows, scoring_mlp
from trainer.recommender.row_adam import is_lazy

FEW_CARRIERS = 10.0
"""Sold items with an attribute value that weigh as much as the catalogue's mean does."""


def is_nobody(user: Tensor, basket: Tensor) -> Tensor:
    """Say which requests have neither user, int64 [batch], nor basket: bool [batch]."""
    return (user == 0) & (basket == 0).all(dim=1)


class TwoStage(nn.Module):
    """Shopper vector times item vectors, plus item-item weights; then an MLP on the candidates.

    An item's vector is its own embedding plus those of its attributes, at unit length. A shopper's
    is the recency-weighted mean of the basket's item vectors, plus what a small network makes of
    that mean and the newest item, plus the user's embedding, at unit length; it is zero for nobody
    at all. The retrieval score is their product over the temperature, plus the bias, plus the
    weights that the basket's items hold for the item; for nobody it is the log of the item's sales.

    Args:
        config: sizes and dropouts.
        n_users: known shoppers; user row 0 is anonymous.
        codes: every item's attribute values, n_rows = n_items + 1.
        counts: int64 [n_rows], purchases to learn from; items without have attributes only.
        ordered: whether a basket's newest item counts most from the start; training bends the
            curve.
    """

    codes: Tensor
    code_weights: Tensor
    sold: Tensor
    popularity: Tensor
    neighbours: Tensor
    neighbour_weights: Tensor
    neighbour_recency: Tensor

    def __init__(
        self,
        config: TwoStageConfig,
        n_users: int,
        codes: ItemCodes,
        counts: Tensor,
        *,
        ordered: bool = True,
    ) -> None:
        super().__init__()
        self.config = config
        n_rows, dim = len(counts), config.dim
        self.item = nn.Embedding(n_rows, dim, sparse=is_lazy(n_rows))
        self.attribute = nn.Embedding(codes.n_values + 1, dim, padding_idx=0)
        self.user = nn.Embedding(n_users + 1, dim, padding_idx=0, sparse=is_lazy(n_users + 1))
        self.recency = nn.Parameter(torch.zeros(config.max_basket))  # last one = newest item
        self.bias = nn.Parameter(torch.zeros(n_rows))
        self.encoder = basket_encoder(dim, config.encoder_hidden, config.encoder_dropout)
        self.ranker = scoring_mlp(2 * dim + 1, config.ranker_hidden)
        self.register_buffer("codes", torch.from_numpy(codes.values))  # [n_rows, slots]
        self.register_buffer("code_weights", torch.from_numpy(codes.weights))
        self.register_buffer("sold", counts > 0)
        # Half a sale stands for none.
        self.register_buffer("popularity", torch.log(counts.clamp(min=0.5).float()))
        count = min(config.neighbours, n_rows) if n_rows - 1 <= config.neighbour_items else 0
        self.register_buffer("neighbours", torch.zeros(n_rows, count, dtype=torch.int64))
        self.register_buffer("neighbour_weights", torch.zeros(n_rows, count))
        self.register_buffer("neighbour_recency", torch.zeros(config.max_basket))
        self._initialise(ordered=ordered)

    @torch.no_grad()
    def _initialise(self, *, ordered: bool) -> None:
        spread = 1 / math.sqrt(self.config.dim)
        self.item.weight.normal_(0, spread)
        self.attribute.weight.normal_(0, spread)
        self.attribute.weight[0] = 0
        self.user.weight.normal_(0, spread * self.config.user_scale)
        self.user.weight[0] = 0
        if ordered:
            self.recency.copy_(torch.linspace(-2, 0, self.config.max_basket))
        # Without a shopper the softmax is at its best at the log of the counts.
        popularity = self.popularity[self.sold]
        self.bias[self.sold] = popularity - popularity.mean()
        # The ranking stage starts as retrieval's own order and departs from it as it learns.
        last = cast(nn.Linear, self.ranker[-1])
        last.weight.zero_()
        last.bias.zero_()

    def item_vectors(self, rows: Tensor | None = None) -> Tensor:
        """Compute item vectors, float32 [n_rows, dim], or [len(rows), dim] for int64 ``rows``.

        Row 0 (padding) is zero. An item never sold has its attributes' sum; without any attribute
        it has no vector, and only its bias speaks.
        """
        if rows is None:
            vector, sold = self.item.weight, self.sold
            codes, weights = self.codes, self.code_weights
        else:
            vector, sold = self.item(rows), self.sold[rows]
            codes, weights = self.codes[rows], self.code_weights[rows]
        vector = vector * sold[:, None]
        if codes.shape[1]:
            held = codes > 0
            before = held.sum(dim=1).cumsum(dim=0)
            offsets = torch.cat([before.new_zeros(1), before[:-1]])
            vector = vector + F.embedding_bag(
                codes[held],
                self.attribute.weight,
                offsets,
                mode="sum",
                per_sample_weights=weights[held],
            )
        return F.normalize(vector, dim=-1)

    def pooling_weights(self, basket: Tensor) -> Tensor:
        """Compute each basket item's share, float32 [batch, max_basket], zero on padding."""
        weight = torch.exp(self.recency - self.recency.max()) * (basket > 0)
        return weight / weight.sum(dim=1, keepdim=True).clamp(min=1e-12)

    def shopper_vector(
        self, user: Tensor, basket: Tensor, vectors: Tensor, place: Tensor | None = None
    ) -> Tensor:
        """Compute shopper vectors, float32 [batch, dim], of unit length or zero for nobody.

        Args:
            user: int64 [batch], user rows.
            basket: int64 [batch, max_basket], item rows, right-aligned.
            vectors: float32 [n, dim], item vectors.
            place: int64 [batch, max_basket], where in ``vectors`` each basket item's lies; the
                item rows themselves when left out.
        """
        weight = self.pooling_weights(basket)
        place = basket if place is None else place
        taste = F.embedding_bag(place, vectors, mode="sum", per_sample_weights=weight)
        if self.encoder is not None:
            newest = vectors[place[:, -1]] * (basket[:, -1:] > 0)
            bend = self.encoder(torch.cat([taste, newest], dim=-1))
            taste = taste + bend * (basket > 0).any(dim=1, keepdim=True)  # nobody stays at zero
        return F.normalize(taste + self.user(user), dim=-1)

    def keep_neighbours(self, weights: Tensor, decay: float, scale: float) -> None:
        """Take item-item weights, float32 [n_rows, n_rows]; see :mod:`.item_item`.

        Args:
            weights: row = item held, column = item scored.
            decay: what a basket item counts for each item that came after it.
            scale: logits for a weight of 1; 0 leaves them out.
        """
        items, strengths = strongest(weights, self.neighbours.shape[1])
        self.neighbours.copy_(items)
        self.neighbour_weights.copy_(strengths * scale)
        self.neighbour_recency.copy_(fading(decay, self.config.max_basket))

    def neighbour_scores(self, basket: Tensor) -> Tensor:
        """Add up what the basket's items hold for every item, float32 [batch, n_rows]."""
        counted = self.neighbour_recency * (basket > 0)  # [batch, max_basket]
        weights = self.neighbour_weights[basket] * counted[..., None]
        scores = weights.new_zeros(len(basket), len(self.bias))
        return scores.scatter_add_(1, self.neighbours[basket].flatten(1), weights.flatten(1))

    def serving_bias(self) -> Tensor:
        """Return float32 [n_rows]: the learned bias; for unsold items what their like have.

        That is the mean over the item's attributes of what sold items with the same values have,
        drawn towards that of any sold item where those are few. Unsold items without any attribute
        get that of a slow seller.
        """
        learned = self.bias[self.sold]
        if len(learned) == 0:
            return torch.zeros_like(self.bias)
        middle = learned.mean()
        codes = self.codes[self.sold]
        carriers = self.bias.new_zeros(len(self.attribute.weight))
        excess = carriers.clone()
        owners = (learned - middle)[:, None].expand(codes.shape)
        carriers.scatter_add_(0, codes.flatten(), torch.ones_like(owners).flatten())
        excess.scatter_add_(0, codes.flatten(), owners.flatten())
        mean = excess / (carriers + FEW_CARRIERS)  # [n_values + 1]
        weight = self.code_weights
        alike = (mean[self.codes] * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)
        described = weight.any(dim=1)
        unsold = torch.where(described, middle + alike, torch.quantile(learned, 0.1))
        return torch.where(self.sold, self.bias, unsold)

    def rank(self, shopper: Tensor, nobody: Tensor, items: Tensor, retrieval: Tensor) -> Tensor:
        """Re-score candidates: retrieval's score plus the MLP's correction, float32 [batch, c].

        Nobody at all is shown the best sellers: there is nothing to correct.

        Args:
            shopper: float32 [batch, dim].
            nobody: bool [batch].
            items: float32 [batch, c, dim], the candidates' vectors.
            retrieval: float32 [batch, c], their retrieval scores.
        """
        shoppers = shopper[:, None, :].expand(-1, items.shape[1], -1)
        features = torch.cat([shoppers, items, retrieval[..., None]], dim=-1)
        correction: Tensor = self.ranker(features)[..., 0]
        return retrieval + correction.masked_fill(nobody[:, None], 0)

    def retrieve(
        self, user: Tensor, basket: Tensor, vectors: Tensor, bias: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Score the whole catalogue: shopper vectors [batch, dim] and scores [batch, n_rows]."""
        shopper = self.shopper_vector(user, basket, vectors)
        scores = shopper @ vectors.T / self.config.temperature + bias
        if self.has_neighbours:
            scores = scores + self.neighbour_scores(basket)
        return shopper, torch.where(is_nobody(user, basket)[:, None], self.popularity, scores)

    def _permitted(
        self, user: Tensor, basket: Tensor, allowed: Tensor, vectors: Tensor, bias: Tensor
    ) -> tuple[Tensor, Tensor]:
        shopper, scores = self.retrieve(user[:, 0], basket, vectors, bias)
        scores = scores.masked_fill(~allowed, -torch.inf)
        scores[:, 0] = -torch.inf
        return shopper, scores

    @property
    def has_neighbours(self) -> bool:
        """Whether there are item-item weights that say anything."""
        return bool(self.neighbour_weights.any())

    @property
    def ranks(self) -> bool:
        """Whether the ranking stage has earned its place; else retrieval's order is the answer."""
        return bool(cast(nn.Linear, self.ranker[-1]).weight.any())

    def boundary_gap(self, user: Tensor, basket: Tensor, allowed: Tensor, top_k: int) -> Tensor:
        """Return float32 [batch]: by how much the last candidate beats the first item left out.

        Where this is within rounding error either item is rightly the last candidate, and the
        ranking stage may lift it into the answer: no two programs need to agree. Infinite where
        every permitted item is a candidate, or nothing is ranked again. Arguments as in
        :meth:`serve`.
        """
        count = max(self.config.candidates, top_k)
        if count >= allowed.shape[1] or not self.ranks:
            return self.bias.new_full((len(user),), torch.inf)
        _, scores = self._permitted(user, basket, allowed, self.item_vectors(), self.serving_bias())
        last, first_out = scores.topk(count + 1, dim=1).values[:, -2:].T
        return torch.where(first_out.isinf(), torch.inf, last - first_out)

    def serve(
        self, user: Tensor, basket: Tensor, allowed: Tensor, top_k: int
    ) -> tuple[Tensor, Tensor]:
        """Answer requests as the exported graph does (design §3.1).

        Args:
            user: int64 [batch, 1].
            basket: int64 [batch, max_basket].
            allowed: bool [batch, n_rows].
            top_k: length of the answer.

        Returns:
            item, int64 [batch, top_k], and score, float32 [batch, top_k].
        """
        vectors, bias = self.item_vectors(), self.serving_bias()
        shopper, scores = self._permitted(user, basket, allowed, vectors, bias)
        if not self.ranks:
            item = best_rows(scores, top_k)
            score = scores.gather(1, item)
            return item.masked_fill(score.isinf(), 0), score
        count = min(max(self.config.candidates, top_k), scores.shape[1])
        candidates = best_rows(scores, count).sort(dim=1).values  # ties break to the lower row
        retrieval = scores.gather(1, candidates)
        nobody = is_nobody(user[:, 0], basket)
        final = self.rank(shopper, nobody, vectors[candidates], retrieval.clamp(min=-1e30))
        final = final.masked_fill(retrieval.isinf(), -torch.inf)
        place = best_rows(final, top_k)
        score = final.gather(1, place)
        item = candidates.gather(1, place).masked_fill(score.isinf(), 0)
        return item, score

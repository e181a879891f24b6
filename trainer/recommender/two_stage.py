"""The two-stage recommender: retrieval by a dot product, then the seed's MLP on the candidates."""

from __future__ import annotations

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainer.config import TwoStageConfig
from trainer.recommender.ranking import best_rows, scoring_mlp


class TwoStage(nn.Module):
    """Shopper vector times item vectors, then an MLP that re-scores the best candidates.

    An item's vector is its own embedding plus those of its attributes, at unit length. A shopper's
    is the recency-weighted mean of the basket's item vectors plus the user's embedding, at unit
    length; it is zero for nobody at all, whose ranking is the item bias. The retrieval score is
    their product over the temperature, plus the bias.

    Args:
        config: sizes and dropouts.
        n_users: known shoppers; user row 0 is anonymous.
        attribute_codes: int64 [n_attributes, n_rows], 0 = missing; n_rows = n_items + 1.
        attribute_sizes: number of codes of each attribute, missing not counted.
        sold: bool [n_rows], items with purchases to learn from; the others have attributes only.
    """

    attribute_codes: Tensor
    sold: Tensor

    def __init__(
        self,
        config: TwoStageConfig,
        n_users: int,
        attribute_codes: Tensor,
        attribute_sizes: list[int],
        sold: Tensor,
    ) -> None:
        super().__init__()
        self.config = config
        n_rows = len(sold)
        spread = 1 / math.sqrt(config.dim)
        self.item = nn.Embedding(n_rows, config.dim)
        attributes = [nn.Embedding(size + 1, config.dim, padding_idx=0) for size in attribute_sizes]
        self.attributes = nn.ModuleList(attributes)
        self.user = nn.Embedding(n_users + 1, config.dim, padding_idx=0)
        self.recency = nn.Parameter(torch.zeros(config.max_basket))  # last one = newest item
        self.bias = nn.Parameter(torch.zeros(n_rows))
        self.ranker = scoring_mlp(2 * config.dim + 1, config.ranker_hidden)
        self.register_buffer("attribute_codes", attribute_codes)
        self.register_buffer("sold", sold)
        with torch.no_grad():
            self.item.weight.normal_(0, spread)
            for embedding in attributes:
                embedding.weight.normal_(0, spread)
                embedding.weight[0] = 0
            self.user.weight.normal_(0, spread * config.user_scale)
            self.user.weight[0] = 0
            # Newest items count most from the start; training bends the curve.
            self.recency.copy_(torch.linspace(-2, 0, config.max_basket))
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
            vector = self.item.weight * self.sold[:, None]
            codes = self.attribute_codes
        else:
            vector = self.item(rows) * self.sold[rows, None]
            codes = self.attribute_codes[:, rows]
        for embedding, code in zip(self.attributes, codes, strict=True):
            vector = vector + embedding(code)
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
        pooled = F.embedding_bag(place, vectors, mode="sum", per_sample_weights=weight)
        return F.normalize(pooled + self.user(user), dim=-1)

    def serving_bias(self) -> Tensor:
        """Return float32 [n_rows]: the learned bias, and for unsold items that of a slow seller."""
        learned = self.bias[self.sold]
        slow = torch.quantile(learned, 0.1) if len(learned) else self.bias.new_zeros(())
        return torch.where(self.sold, self.bias, slow)

    def rank(self, shopper: Tensor, items: Tensor, retrieval: Tensor) -> Tensor:
        """Re-score candidates: retrieval's score plus the MLP's correction, float32 [batch, c].

        Args:
            shopper: float32 [batch, dim].
            items: float32 [batch, c, dim], the candidates' vectors.
            retrieval: float32 [batch, c], their retrieval scores.
        """
        shoppers = shopper[:, None, :].expand(-1, items.shape[1], -1)
        features = torch.cat([shoppers, items, retrieval[..., None]], dim=-1)
        correction: Tensor = self.ranker(features)[..., 0]
        return retrieval + correction

    def retrieve(
        self, user: Tensor, basket: Tensor, vectors: Tensor, bias: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Score the whole catalogue: shopper vectors [batch, dim] and scores [batch, n_rows]."""
        shopper = self.shopper_vector(user, basket, vectors)
        return shopper, shopper @ vectors.T / self.config.temperature + bias

    def _permitted(
        self, user: Tensor, basket: Tensor, allowed: Tensor, vectors: Tensor, bias: Tensor
    ) -> tuple[Tensor, Tensor]:
        shopper, scores = self.retrieve(user[:, 0], basket, vectors, bias)
        scores = scores.masked_fill(~allowed, -torch.inf)
        scores[:, 0] = -torch.inf
        return shopper, scores

    def boundary_gap(self, user: Tensor, basket: Tensor, allowed: Tensor, top_k: int) -> Tensor:
        """Return float32 [batch]: by how much the last candidate beats the first item left out.

        Where this is within rounding error either item is rightly the last candidate, and the
        ranking stage may lift it into the answer: no two programs need to agree. Infinite where
        every permitted item is a candidate. Arguments as in :meth:`serve`.
        """
        _, scores = self._permitted(user, basket, allowed, self.item_vectors(), self.serving_bias())
        count = max(self.config.candidates, top_k)
        if count >= scores.shape[1]:
            return scores.new_full((len(scores),), torch.inf)
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
        count = min(max(self.config.candidates, top_k), scores.shape[1])
        candidates = best_rows(scores, count).sort(dim=1).values  # ties break to the lower row
        retrieval = scores.gather(1, candidates)
        final = self.rank(shopper, vectors[candidates], retrieval.clamp(min=-1e30))
        final = final.masked_fill(retrieval.isinf(), -torch.inf)
        place = best_rows(final, top_k)
        score = final.gather(1, place)
        item = candidates.gather(1, place).masked_fill(score.isinf(), 0)
        return item, score

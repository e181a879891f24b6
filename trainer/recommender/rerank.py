"""Training the ranking stage on what retrieval gets wrong."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from trainer.recommender.requests import ShopperRequests
from trainer.recommender.sampling import TrainingRows
from trainer.recommender.two_stage import TwoStage, is_nobody


class RankingStage:
    """Softmax of the item that came next against hard negatives, with retrieval frozen.

    The negatives are drawn from retrieval's own candidates, so that the MLP learns what retrieval
    gets wrong.

    Args:
        model: whose ranking MLP is trained.
        rows: purchases.
        requests: what the model is told of the shoppers.
    """

    name = "ranking"

    def __init__(self, model: TwoStage, rows: TrainingRows, requests: ShopperRequests) -> None:
        self.model, self.rows, self.requests = model, rows, requests
        self._frozen: tuple[Tensor, Tensor] | None = None

    @property
    def examples(self) -> int:
        """Number of training rows."""
        return len(self.rows.item)

    def groups(self, learning_rate: float) -> list[dict[str, Any]]:
        """Return the ranking MLP's weights."""
        return [{"params": list(self.model.ranker.parameters()), "lr": learning_rate}]

    def after_epoch(self) -> None:
        """Nothing is derived from the weights ahead of serving."""

    @torch.no_grad()
    def _candidates(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return shoppers [batch, dim], which of them are nobody [batch], and candidates.

        These are rows and retrieval scores, [batch, 1 + negatives].
        """
        if self._frozen is None:
            self._frozen = self.model.item_vectors(), self.model.serving_bias()
        vectors, bias = self._frozen
        user, basket = self.requests.draw(rows)
        target = self.rows.item[rows][:, None]
        shopper, scores = self.model.retrieve(user, basket, vectors, bias)
        positive = scores.gather(1, target)
        scores[:, 0] = -torch.inf
        scores.scatter_(1, basket, -torch.inf)
        scores.scatter_(1, target, -torch.inf)
        count = min(self.model.config.candidates, scores.shape[1])
        hard = scores.topk(count, dim=1).indices
        wanted = min(self.model.config.ranker_negatives, count)
        chosen = torch.rand(hard.shape, device=hard.device).topk(wanted, dim=1).indices
        negatives = hard.gather(1, chosen)
        retrieval = torch.cat([positive, scores.gather(1, negatives)], dim=1)
        items = torch.cat([target, negatives], dim=1)
        return shopper, is_nobody(user, basket), items, retrieval

    def loss(self, rows: Tensor) -> Tensor:
        """Compute the cross-entropy of the next item among itself and its hard negatives."""
        shopper, nobody, items, retrieval = self._candidates(rows)
        absent = retrieval.isinf()
        assert self._frozen is not None
        vectors, _ = self._frozen
        final = self.model.rank(shopper, nobody, vectors[items], retrieval.clamp(min=-1e30))
        logits = final.masked_fill(absent, -torch.inf)
        return F.cross_entropy(logits, logits.new_zeros(len(logits), dtype=torch.int64))

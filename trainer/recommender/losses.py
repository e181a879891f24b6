"""What each stage of training minimises, from row indices to a scalar loss."""

from __future__ import annotations

from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from trainer.recommender.mlp import Mlp
from trainer.recommender.ranking import best_rows
from trainer.recommender.sampling import NegativeSampler, PopularitySampler, TrainingRows
from trainer.recommender.two_stage import TwoStage


class Stage(Protocol):
    """One stage of training: which weights move, over how many examples, towards what."""

    name: str
    epochs: int

    @property
    def examples(self) -> int:
        """Number of training rows."""

    def groups(self, learning_rate: float) -> list[dict[str, Any]]:
        """Return the weights that this stage moves, as an optimiser's groups with their rates."""

    def loss(self, rows: Tensor) -> Tensor:
        """Compute the mean loss of a batch of training rows, int64 [batch]."""

    def after_epoch(self) -> None:
        """Bring what serving derives from the weights up to date."""


class MlpStage:
    """Binary cross-entropy on the log's own labels, or on sampled negatives when it has none."""

    name = "mlp"

    def __init__(self, model: Mlp, rows: TrainingRows, epochs: int, *, labelled: bool) -> None:
        self.model, self.rows, self.epochs, self.labelled = model, rows, epochs, labelled
        self.negatives = NegativeSampler(rows)

    @property
    def examples(self) -> int:
        """Number of training rows."""
        return len(self.rows.item)

    def groups(self, learning_rate: float) -> list[dict[str, Any]]:
        """Return every weight."""
        return [{"params": list(self.model.parameters()), "lr": learning_rate}]

    def loss(self, rows: Tensor) -> Tensor:
        """Compute binary cross-entropy, over the rows and ``negatives`` more for each."""
        sequence = self.rows.sequence[rows]
        item, label = self.rows.item[rows, None], self.rows.label[rows, None]  # [batch, 1]
        if not self.labelled:
            drawn = self.negatives.draw(sequence, self.model.config.negatives)
            item = torch.cat([item, drawn], dim=1)  # [batch, 1 + negatives]
            label = F.pad(label, (0, drawn.shape[1]))
        logit = self.model.compare(sequence + 1, item)
        return F.binary_cross_entropy_with_logits(logit, label)

    def after_epoch(self) -> None:
        """Recompute the anonymous shopper's stand-ins from who bought what."""
        bought = self.rows.positives()
        self.model.remember_buyers(bought.sequence + 1, bought.item)


class RetrievalStage:
    """Softmax over the catalogue: the item that came next against all others.

    On a catalogue above ``full_softmax_items`` the others are a sample shared by the batch, and the
    logits are corrected by the log of the probability of being drawn.
    """

    name = "retrieval"

    def __init__(self, model: TwoStage, rows: TrainingRows, epochs: int) -> None:
        self.model, self.rows, self.epochs = model, rows, epochs
        self.sampler = PopularitySampler(rows.counts())
        self.full = rows.n_items <= model.config.full_softmax_items
        self.unsold = torch.where(model.sold, 0.0, -torch.inf)  # [n_rows]

    @property
    def examples(self) -> int:
        """Number of training rows."""
        return len(self.rows.item)

    def groups(self, learning_rate: float) -> list[dict[str, Any]]:
        """Return every weight but the ranking stage's, user vectors at a rate of their own."""
        named = dict(self.model.named_parameters())
        user = named.pop("user.weight")
        shared = [weight for name, weight in named.items() if not name.startswith("ranker.")]
        return [
            {"params": shared, "lr": learning_rate},
            {"params": [user], "lr": learning_rate * self.model.config.user_rate},
        ]

    def after_epoch(self) -> None:
        """Nothing is derived from the weights ahead of serving."""

    def loss(self, rows: Tensor) -> Tensor:
        """Compute the cross-entropy of the next item, for shoppers of every tier."""
        user, basket = varied_requests(self.model, self.rows, rows)
        target = self.rows.item[rows]
        if self.full:
            vectors = self.model.item_vectors()
            shopper = self._dropped(self.model.shopper_vector(user, basket, vectors))
            logits = shopper @ vectors.T / self.model.config.temperature
            return F.cross_entropy(logits + self.model.bias + self.unsold, target)
        drawn = self.sampler.draw(self.model.config.sampled_negatives)
        needed, place = torch.unique(
            torch.cat([basket.flatten(), target, drawn]), return_inverse=True
        )
        in_basket, at_target, at_drawn = place.split([basket.numel(), len(target), len(drawn)])
        vectors = self.model.item_vectors(needed)
        shopper = self.model.shopper_vector(user, basket, vectors, in_basket.view_as(basket))
        shopper = self._dropped(shopper)
        positive = (shopper * vectors[at_target]).sum(dim=1, keepdim=True)
        cosine = torch.cat([positive, shopper @ vectors[at_drawn].T], dim=1)
        competitors = torch.cat([target[:, None], drawn.expand(len(target), -1)], dim=1)
        logits = cosine / self.model.config.temperature + self.model.bias[competitors]
        logits = logits - self.sampler.log_probability[competitors]
        same = competitors == target[:, None]
        same[:, 0] = False
        logits = logits.masked_fill(same, -torch.inf)
        return F.cross_entropy(logits, torch.zeros_like(target))

    def _dropped(self, shopper: Tensor) -> Tensor:
        return F.dropout(shopper, self.model.config.dropout)


class RankingStage:
    """Softmax of the item that came next against hard negatives, with retrieval frozen.

    The negatives are drawn from retrieval's own candidates, so that the MLP learns what retrieval
    gets wrong.
    """

    name = "ranking"

    def __init__(self, model: TwoStage, rows: TrainingRows) -> None:
        self.model, self.rows, self.epochs = model, rows, model.config.ranker_epochs
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
    def _candidates(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return shoppers [batch, dim], rows and retrieval scores [batch, 1 + negatives]."""
        if self._frozen is None:
            self._frozen = self.model.item_vectors(), self.model.serving_bias()
        vectors, bias = self._frozen
        user, basket = varied_requests(self.model, self.rows, rows)
        target = self.rows.item[rows][:, None]
        shopper, scores = self.model.retrieve(user, basket, vectors, bias)
        positive = scores.gather(1, target)
        scores[:, 0] = -torch.inf
        scores.scatter_(1, basket, -torch.inf)
        scores.scatter_(1, target, -torch.inf)
        count = min(self.model.config.candidates, scores.shape[1])
        hard = best_rows(scores, count)
        wanted = min(self.model.config.ranker_negatives, count)
        chosen = torch.rand(hard.shape, device=hard.device).topk(wanted, dim=1).indices
        negatives = hard.gather(1, chosen)
        retrieval = torch.cat([positive, scores.gather(1, negatives)], dim=1)
        return shopper, torch.cat([target, negatives], dim=1), retrieval

    def loss(self, rows: Tensor) -> Tensor:
        """Compute the cross-entropy of the next item among itself and its hard negatives."""
        shopper, items, retrieval = self._candidates(rows)
        absent = retrieval.isinf()
        assert self._frozen is not None
        final = self.model.rank(shopper, self._frozen[0][items], retrieval.clamp(min=-1e30))
        logits = final.masked_fill(absent, -torch.inf)
        return F.cross_entropy(logits, logits.new_zeros(len(logits), dtype=torch.int64))


def varied_requests(model: TwoStage, rows: TrainingRows, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Turn training rows into requests of every tier: known or not, long, short or empty basket.

    Returns:
        user, int64 [batch], and basket, int64 [batch, max_basket].
    """
    config = model.config
    draw = torch.rand(3, len(chosen), device=chosen.device)
    basket = rows.contexts(chosen, config.max_basket)
    kept = torch.randint(1, config.max_basket + 1, (len(chosen), 1), device=chosen.device)
    age = torch.arange(config.max_basket, 0, -1, device=chosen.device)  # newest item: 1
    cut = (draw[0, :, None] < config.short_baskets) & (age > kept)
    empty = draw[1, :, None] < config.basket_dropout
    user = rows.user[chosen].masked_fill(draw[2] < config.user_dropout, 0)
    return user, basket.masked_fill(cut | empty, 0)

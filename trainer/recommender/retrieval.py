"""Training retrieval: the softmax of the item that came next against the catalogue."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from runtime.errors import UnusableInput
from trainer.device import product_precision
from trainer.recommender.requests import ShopperRequests
from trainer.recommender.sampling import PopularitySampler, TrainingRows
from trainer.recommender.softmax import CatalogueSoftmax
from trainer.recommender.two_stage import TwoStage


class RetrievalStage:
    """Softmax over the catalogue: the item that came next against all others.

    ``softmax`` lets the whole catalogue compete. ``sampled-softmax`` draws competitors that the
    batch shares, and corrects the logits by the log of the probability of being drawn (Bengio and
    Senécal, 2008).

    Args:
        model: whose retrieval is trained.
        rows: purchases.
        requests: what the model is told of the shoppers.
        mixed_precision: whether products may run in bfloat16, where the device has it.
    """

    name = "retrieval"

    def __init__(
        self,
        model: TwoStage,
        rows: TrainingRows,
        requests: ShopperRequests,
        *,
        mixed_precision: bool,
    ) -> None:
        self.model, self.rows, self.requests = model, rows, requests
        self.precision = product_precision(rows.item.device, mixed_precision=mixed_precision)
        self.sampler = PopularitySampler(rows.counts())
        self.full = model.config.full_softmax(rows.n_items)
        if not self.full and model.config.label_smoothing:
            raise UnusableInput(
                f"config field 'label_smoothing' is {model.config.label_smoothing}; a sampled "
                "softmax has none: set it to 0, or two_stage.loss to 'softmax'"
            )
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
        user, basket = self.requests.draw(rows)
        target = self.rows.item[rows]
        if self.full:
            return self._full(user, basket, target)
        return self._sampled(user, basket, target)

    def _full(self, user: Tensor, basket: Tensor, target: Tensor) -> Tensor:
        vectors = self.model.item_vectors()
        query = self._dropped(self.model.shopper_vector(user, basket, vectors))
        loss: Tensor = CatalogueSoftmax.apply(
            query / self.model.config.temperature,
            vectors,
            self.model.bias + self.unsold,
            target,
            None if self.model.config.basket_competes else basket,
            self.model.config.label_smoothing,
            self.precision,
        )
        return loss

    def _sampled(self, user: Tensor, basket: Tensor, target: Tensor) -> Tensor:
        drawn = self.sampler.draw(self.model.config.sampled_negatives)
        needed, place = torch.unique(
            torch.cat([basket.flatten(), target, drawn]), return_inverse=True
        )
        in_basket, at_target, at_drawn = place.split([basket.numel(), len(target), len(drawn)])
        vectors = self.model.item_vectors(needed)
        shopper = self.model.shopper_vector(user, basket, vectors, in_basket.view_as(basket))
        query = self._dropped(shopper) / self.model.config.temperature
        right = (query * vectors[at_target]).sum(dim=1) + self.model.bias[target]
        others = query @ vectors[at_drawn].T + self.model.bias[drawn]  # [batch, drawn]
        log_probability = self.sampler.log_probability
        logits = torch.cat(
            [(right - log_probability[target])[:, None], others - log_probability[drawn]], dim=1
        )
        same = F.pad(drawn == target[:, None], (1, 0))
        logits = logits.masked_fill(same, -torch.inf)
        return F.cross_entropy(logits.float(), target.new_zeros(len(target)))

    def _dropped(self, shopper: Tensor) -> Tensor:
        return F.dropout(shopper, self.model.config.dropout)

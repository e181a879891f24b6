"""The item-item stage: closed-form weights whose settings validation chooses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from trainer.cases import Cases
from trainer.metrics import ranking_metrics
from trainer.recommender.evaluate import K, rank_cases
from trainer.recommender.item_item import ItemItemChoice, co_purchases, fading, item_item_weights
from trainer.recommender.ranking import best_rows
from trainer.recommender.sampling import TrainingRows
from trainer.recommender.two_stage import TwoStage

DECAYS = (1.0, 0.9, 0.8, 0.7, 0.5, 0.3)
SCALES = (2.0, 5.0, 12.0, 30.0, 80.0, 200.0)
OFF = ItemItemChoice(l2=1.0, decay=1.0, scale=0.0)


class ItemItemStage:
    """Adds to retrieval what a basket's items say for an item, solved for instead of trained.

    Retrieval's vectors are few numbers an item; the weights remember single pairs.

    Args:
        model: with trained retrieval.
        rows: purchases.
        ordered: whether older basket items may count for less; where order says nothing, a decay
            that ranks a few cases better is an accident.
    """

    name = "item-item"

    def __init__(self, model: TwoStage, rows: TrainingRows, *, ordered: bool) -> None:
        self.model, self.rows = model, rows
        self.decays = DECAYS if ordered else DECAYS[:1]

    def choose(self, cases: Cases, *, hide_context: bool) -> tuple[ItemItemChoice, float]:
        """Find the penalty, decay and scale that rank ``cases`` best, or that nothing helps.

        The decay is sought at the middle penalty, and the other penalties at the best decay.

        Returns:
            the choice, and its NDCG@10 on ``cases``.
        """
        together = co_purchases(self.rows)
        penalties = self.model.config.item_item_l2
        middle = penalties[len(penalties) // 2]
        found = self._try(cases, together, [(middle, decay) for decay in self.decays], hide_context)
        decay = max(found, key=lambda choice: found[choice]).decay
        others = [(l2, decay) for l2 in penalties if l2 != middle]
        for l2 in others:
            found |= self._try(cases, together, [l2], hide_context)
        best = max(found, key=lambda choice: found[choice])
        return best, found[best]

    def apply(self, choice: ItemItemChoice) -> None:
        """Solve for the weights of ``choice`` and put them into the model."""
        if choice.scale:
            weights = self._weights(co_purchases(self.rows), choice.l2)
            self.model.keep_neighbours(weights, choice.decay, choice.scale)

    def _weights(self, together: Tensor, l2: float) -> Tensor:
        return item_item_weights(together, l2, self.model.config.item_item_dropout)

    @torch.inference_mode()
    def _try(
        self,
        cases: Cases,
        together: Tensor,
        settings: Sequence[tuple[float, float]],
        hide_context: bool,
    ) -> dict[ItemItemChoice, float]:
        """Rank ``cases`` under all scales of the settings (one l2, decays), and without."""
        model, device = self.model.eval(), together.device
        vectors, bias = model.item_vectors(), model.serving_bias()
        weights = self._weights(together, settings[0][0])
        choices = [
            OFF,
            *(ItemItemChoice(l2, decay, scale) for l2, decay in settings for scale in SCALES),
        ]
        decays = [fading(decay, model.config.max_basket).to(device) for _, decay in settings]

        def recommend(user: np.ndarray, basket: np.ndarray, allowed: np.ndarray) -> np.ndarray:
            held = torch.from_numpy(basket).to(device)
            users = torch.from_numpy(user).to(device)[:, 0]
            barred = ~torch.from_numpy(allowed).to(device)
            _, base = model.retrieve(users, held, vectors, bias)
            base = base.masked_fill(barred, -torch.inf)
            count = min(K, base.shape[1] - 1)
            ranked = [best_rows(base, count)]
            for faded in decays:
                counted = faded * (held > 0)  # [batch, max_basket]
                query = base.new_zeros(base.shape).scatter_add_(1, held, counted)
                speaks = query @ weights
                ranked += [best_rows(base + scale * speaks, count) for scale in SCALES]
            shown: np.ndarray = torch.stack(ranked, dim=1).cpu().numpy()
            return shown  # [batch, choices, k]

        shown = rank_cases(
            recommend,
            cases,
            n_rows=len(bias),
            max_basket=model.config.max_basket,
            hide_context=hide_context,
        )
        return {
            choice: float(ranking_metrics(shown[:, place], cases, len(bias))["ndcg"].mean())
            for place, choice in enumerate(choices)
        }

"""What a stage of training offers the loop, and the seed's: row indices to a scalar loss."""

from __future__ import annotations

from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from trainer.recommender.mlp import Mlp
from trainer.recommender.sampling import NegativeSampler, TrainingRows


class Stage(Protocol):
    """One stage of training: which weights move, over how many examples, towards what.

    The weights that a stage does not move stay as they are.
    """

    name: str

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

    def __init__(self, model: Mlp, rows: TrainingRows, *, labelled: bool) -> None:
        self.model, self.rows, self.labelled = model, rows, labelled
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

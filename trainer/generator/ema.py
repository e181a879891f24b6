"""The generator that is shown: a moving average over the one that trains.

Yazıcı, Foo, Winkler, Yap, Piliouras and Chandrasekhar, "The Unusual Effectiveness of Averaging in
GAN Training" (ICLR 2019).
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from trainer.generator.model import Generator


class MovingAverage:
    """An exponential moving average of a generator's weights.

    Attributes:
        generator: holds the averaged weights; its batch norms' statistics are right only after
            ``refresh_statistics``, since those of the trained weights are not those of the average.
        updates: steps averaged so far.
    """

    def __init__(self, generator: Generator, decay: float) -> None:
        self.generator = copy.deepcopy(generator).requires_grad_(False)
        self.updates = 0
        self._decay = decay

    @torch.no_grad()
    def update(self, generator: Generator) -> None:
        """Move towards ``generator`` by 1 - decay, or more in the first steps.

        Step t keeps at most (1 + t) / (10 + t), so that the initial weights are soon forgotten.
        """
        keep = min(self._decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        mine: list[Tensor] = list(self.generator.parameters())
        torch._foreach_lerp_(mine, list(generator.parameters()), 1 - keep)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint holds of the average."""
        return {"generator": self.generator.state_dict(), "updates": self.updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what ``state_dict`` returned."""
        self.generator.load_state_dict(state["generator"])
        self.updates = state["updates"]


@torch.no_grad()
def refresh_statistics(generator: Generator, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
    """Measure the batch norms' running statistics anew with the weights as they are.

    Args:
        generator: changed in place, in its buffers only; left in the mode it was in.
        batches: z, float32 [batch, z_dim], and category, int64 [batch]; every batch counts alike.
    """
    training = generator.training
    norms = [norm for norm in generator.norms if isinstance(norm, nn.BatchNorm2d)]
    momentum = norms[0].momentum
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over the batches
    generator.train()
    for z, category in batches:
        generator(z, category)
    for norm in norms:
        norm.momentum = momentum
    generator.train(training)

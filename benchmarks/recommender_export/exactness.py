"""Whether two graphs list the same best items, ties apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainer.recommender.mlp import Mlp

TIE = 1e-5  # logits closer than this may change places between programs


@dataclass(frozen=True)
class Agreement:
    """How many answers are the same, the same up to ties, and not the same."""

    equal: int
    tied: int
    wrong: int

    def __str__(self) -> str:
        """Say it in words."""
        return f"{self.equal} equal, {self.tied} up to ties, {self.wrong} wrong"


def exact_logits(model: Mlp, user: int, items: np.ndarray) -> np.ndarray:
    """Score item rows, int64 [n], for a user row by the seed's formula in float64: [n]."""
    weights = [weight.detach().double().numpy() for weight in model.layers.parameters()]
    vectors = model.item.weight.detach()[items].double().numpy()
    shopper = model.user.weight.detach()[user].double().numpy()
    value = np.concatenate([np.tile(shopper, (len(items), 1)), vectors], axis=1)
    for level, (weight, bias) in enumerate(zip(weights[::2], weights[1::2], strict=True)):
        value = (np.maximum(value, 0) if level else value) @ weight.T + bias
    return np.asarray(value[:, 0])


def agreement(
    model: Mlp, users: Sequence[int], ours: Sequence[np.ndarray], naive: Sequence[np.ndarray]
) -> Agreement:
    """Compare answers, item rows [k] of each user, place by place.

    Where a place holds another item, its float64 logit must be within 1e-5 of that of the item
    that belongs there.
    """
    equal = tied = wrong = 0
    for user, found, expected in zip(users, ours, naive, strict=True):
        if np.array_equal(found, expected):
            equal += 1
            continue
        is_answer = len(found) == len(expected) and len(set(found.tolist()) - {0}) == len(found)
        if is_answer and _apart(model, user, found, expected) <= TIE:
            tied += 1
        else:
            wrong += 1
    return Agreement(equal, tied, wrong)


def _apart(model: Mlp, user: int, found: np.ndarray, expected: np.ndarray) -> float:
    difference = exact_logits(model, user, found) - exact_logits(model, user, expected)
    return float(np.abs(difference).max())

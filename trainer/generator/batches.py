"""Which pictures a step sees: shuffled rows of one epoch, from (seed, epoch) alone."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
T = TypeVar("T", bound=np.generic)


def epoch_rows(train: Rows, category: Rows, seed: int, epoch: int, *, balance: bool) -> Rows:
    """Lay an epoch's pictures out in the order in which its batches take them.

    Args:
        train: rows that train, [n].
        category: of every picture of the set, of those held out too.
        seed: of the run.
        epoch: epochs done before.
        balance: whether all categories come equally often, up to one, in any stretch of rows. A
            small category's pictures then repeat within the epoch, and a large one's take turns
            over the epochs.

    Returns:
        int64 [n], rows; a permutation of ``train`` unless balanced.
    """
    rng = np.random.Generator(np.random.PCG64([seed, epoch]))
    if not balance:
        return rng.permutation(train)
    result = np.empty_like(train)
    there = np.unique(category[train])
    slots = _repeated(there, len(train), rng)
    for one in there:
        mine = np.flatnonzero(slots == one)
        result[mine] = _repeated(train[category[train] == one], len(mine), rng)
    return result


def _repeated(values: NDArray[T], length: int, rng: np.random.Generator) -> NDArray[T]:
    """Join fresh shuffles of ``values`` until there are ``length``."""
    rounds = -(-length // len(values))
    return np.concatenate([rng.permutation(values) for _ in range(rounds)])[:length]

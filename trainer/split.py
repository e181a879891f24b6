"""Splits: which purchases train, which validate and which test, the same for the same seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainer.config import SplitConfig
from trainer.interactions import Interactions


@dataclass(frozen=True)
class Cases:
    """Questions with known answers: this shopper, with these items so far, took those next.

    Attributes:
        user: int64 [n], user row, 0 = anonymous.
        context_offsets: int64 [n + 1] into ``context_items``.
        context_items: int64, item rows known before, oldest first.
        target_offsets: int64 [n + 1] into ``target_items``.
        target_items: int64, item rows taken next; one for each case under leave-last-out.
    """

    user: np.ndarray
    context_offsets: np.ndarray
    context_items: np.ndarray
    target_offsets: np.ndarray
    target_items: np.ndarray

    def __len__(self) -> int:
        return len(self.user)

    def context(self, case: int) -> np.ndarray:
        """Return the item rows known before in one case, oldest first."""
        return self.context_items[self.context_offsets[case] : self.context_offsets[case + 1]]

    def targets(self, case: int) -> np.ndarray:
        """Return the item rows taken next in one case."""
        return self.target_items[self.target_offsets[case] : self.target_offsets[case + 1]]

    def baskets(self, max_basket: int) -> np.ndarray:
        """Return int64 [n, max_basket]: the newest context items, right-aligned, 0 = padding."""
        place = self.context_offsets[1:, None] + np.arange(-max_basket, 0)  # [n, max_basket]
        inside = place >= self.context_offsets[:-1, None]
        if len(self.context_items) == 0:
            return np.zeros_like(place)
        return np.where(inside, self.context_items[np.maximum(place, 0)], 0)

    def sample(self, count: int, seed: int) -> Cases:
        """Return at most ``count`` cases, drawn without replacement, in their order."""
        if count >= len(self):
            return self
        rng = np.random.Generator(np.random.PCG64(seed))
        return self.take(np.sort(rng.choice(len(self), count, replace=False)))

    def take(self, chosen: np.ndarray) -> Cases:
        """Return the cases with the given indices, int64 [m]."""
        context_offsets, context = _take_lists(self.context_offsets, self.context_items, chosen)
        target_offsets, targets = _take_lists(self.target_offsets, self.target_items, chosen)
        return Cases(self.user[chosen], context_offsets, context, target_offsets, targets)


@dataclass(frozen=True)
class Split:
    """A split of interactions.

    Attributes:
        train: bool [n interactions].
        validation: cases whose answers are validation purchases; they pick epochs and settings.
        test: cases whose answers are test purchases; reported once.
    """

    train: np.ndarray
    validation: Cases
    test: Cases


def split_interactions(log: Interactions, config: SplitConfig) -> Split:
    """Split by the configured method.

    - ``leave-last-out``: of every known shopper with three purchases or more, the last is tested
      and the one before validates; of a seeded share of the anonymous baskets, which then train
      nothing, the last item is the answer.
    - ``time``: the newest ``test_fraction`` of the log is tested, the newest
      ``validation_fraction`` of the rest validates.
    - ``random``: the same shares, drawn at random within each shopper's purchases.

    Only positive purchases are answers, and an item is one answer of a shopper's, however often
    it was taken.
    """
    rng = np.random.Generator(np.random.PCG64(config.seed))
    if config.method == "leave-last-out":
        part = _leave_last_out(log, config, rng)
    else:
        part = _by_fraction(log, config, rng)
    return Split(
        train=part == 0,
        validation=_cases(log, part, answer=1),
        test=_cases(log, part, answer=2),
    )


def _leave_last_out(log: Interactions, config: SplitConfig, rng: np.random.Generator) -> np.ndarray:
    part = np.zeros(len(log), np.int64)
    starts = log.starts()
    size = np.diff(starts)
    known = np.arange(log.n_sequences) < log.n_users
    held = known & (size >= 3)
    part[starts[1:][held] - 1] = 2
    part[starts[1:][held] - 2] = 1
    anonymous = np.flatnonzero(~known & (size >= 2))
    chosen = rng.permutation(anonymous)[: int(len(anonymous) * config.anonymous_fraction)]
    for number, sequences in enumerate((chosen[::2], chosen[1::2]), start=1):
        part[np.isin(log.sequence, sequences)] = number
    return part


def _by_fraction(log: Interactions, config: SplitConfig, rng: np.random.Generator) -> np.ndarray:
    n = len(log)
    if config.method == "time":
        place = np.empty(n)  # 0 = oldest purchase of the log, towards 1 = newest
        place[np.argsort(log.time, kind="stable")] = np.arange(n) / n
    else:
        order = np.lexsort((rng.random(n), log.sequence))
        starts = log.starts()
        place = np.empty(n)  # random rank within the sequence, 0 towards 1
        place[order] = (np.arange(n) - starts[log.sequence]) / np.diff(starts)[log.sequence]
    test_from = 1 - config.test_fraction
    validation_from = test_from * (1 - config.validation_fraction)
    return np.where(place >= test_from, 2, np.where(place >= validation_from, 1, 0))


def _cases(log: Interactions, part: np.ndarray, answer: int) -> Cases:
    """Build the cases of one part: context is what came earlier or belongs to an earlier part."""
    positive = log.positive()
    target = (part == answer) & positive
    context = (part < answer) & positive
    # An anonymous basket lies whole in one part: its last item is the answer, the rest its context.
    last = np.zeros(len(log), bool)
    last[log.starts()[1:] - 1] = True
    whole = (log.user == 0) & target & ~np.isin(log.sequence, np.unique(log.sequence[context]))
    target &= ~whole | last
    context |= whole & ~last
    wanted = np.flatnonzero(target)
    _, first_of_each = np.unique(
        log.sequence[wanted] * (log.n_items + 1) + log.item[wanted], return_index=True
    )
    target = np.zeros(len(log), bool)
    target[wanted[first_of_each]] = True
    sequences = np.unique(log.sequence[target])
    first = np.searchsorted(log.sequence, sequences)
    return Cases(
        user=log.user[first],
        context_offsets=_offsets(log.sequence[context], sequences),
        context_items=log.item[context & np.isin(log.sequence, sequences)],
        target_offsets=_offsets(log.sequence[target], sequences),
        target_items=log.item[target],
    )


def _offsets(present: np.ndarray, sequences: np.ndarray) -> np.ndarray:
    counts = np.searchsorted(present, sequences, "right") - np.searchsorted(present, sequences)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _take_lists(
    offsets: np.ndarray, items: np.ndarray, chosen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    sizes = np.diff(offsets)[chosen]
    taken = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    place = np.repeat(offsets[chosen] - taken[:-1], sizes) + np.arange(taken[-1])
    return taken, items[place]

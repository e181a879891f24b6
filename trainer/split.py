"""Splits: which purchases train, which validate and which test, the same for the same seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runtime.errors import UnusableInput
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
        before_test: bool [n interactions], all that is known when the test purchases are made: a
            model whose epochs validation has chosen may be trained on it again.
        validation: cases whose answers are validation purchases; they pick epochs and settings.
        test: cases whose answers are test purchases; reported once.
    """

    train: np.ndarray
    before_test: np.ndarray
    validation: Cases
    test: Cases


def split_interactions(log: Interactions, config: SplitConfig) -> Split:
    """Split by the configured method.

    - ``leave-last-out``: of every known shopper with three purchases or more, the last is tested
      and the one before validates; of a seeded share of the anonymous baskets, which then train
      nothing, the last item is the answer.
    - ``time``: the newest ``test_fraction`` of the log is tested, the newest
      ``validation_fraction`` of the rest validates; purchases of one moment stay together.
    - ``random``: the same shares, drawn at random within each known shopper's rows, of which at
      least one trains, and among the anonymous baskets of two items or more, which stay whole.

    Only positive purchases are answers, and an item is one answer of a shopper's, however often
    it was taken.

    Raises:
        UnusableInput: no purchase is left to train on.
    """
    rng = np.random.Generator(np.random.PCG64(config.seed))
    if config.method == "leave-last-out":
        part = _leave_last_out(log, config, rng)
    elif config.method == "time":
        part = _parts(_place_in_time(log), config)
    else:
        part = _parts(_random_place(log, rng), config)
    if not np.any((part == 0) & log.positive()):
        raise UnusableInput(
            f"split method {config.method!r} leaves no purchase to train on; choose another method "
            "or lower test_fraction"
        )
    return Split(
        train=part == 0,
        before_test=part < 2,
        validation=_cases(log, part, answer=1),
        test=_cases(log, part, answer=2),
    )


def _leave_last_out(log: Interactions, config: SplitConfig, rng: np.random.Generator) -> np.ndarray:
    part = np.zeros(len(log), np.int64)
    bought = np.flatnonzero(log.positive())
    sequences, last = np.unique(log.sequence[bought][::-1], return_index=True)
    last = len(bought) - 1 - last  # place in ``bought`` of each sequence's last purchase
    size = np.diff(last, prepend=-1)
    known = sequences < log.n_users
    held = last[known & (size >= 3)]
    # Whatever a shopper did from the held-out purchase on is unknown to training, refusals too.
    ends = log.starts()[1:][log.sequence[bought[held]]]
    for number, begins, end in (
        (1, bought[held - 1], bought[held]),
        (2, bought[held], ends),
    ):
        part[_ranges(begins, end)] = number
    anonymous = sequences[~known & (size >= 2)]
    chosen = rng.permutation(anonymous)[: int(len(anonymous) * config.anonymous_fraction)]
    for number, baskets in enumerate((chosen[::2], chosen[1::2]), start=1):
        part[np.isin(log.sequence, baskets)] = number
    return part


def _ranges(begins: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return the integers of all half-open ranges, one range after the other."""
    sizes = ends - begins
    before = np.concatenate([[0], np.cumsum(sizes)])
    return np.repeat(begins - before[:-1], sizes) + np.arange(before[-1])


def _place_in_time(log: Interactions) -> np.ndarray:
    """Return float64 [n], between 0 and 1: the middle of a purchase's moment in the sorted log."""
    times = np.sort(log.time)
    first, after = (np.searchsorted(times, log.time, side) for side in ("left", "right"))
    return (first + after) / (2 * len(log))


def _random_place(log: Interactions, rng: np.random.Generator) -> np.ndarray:
    """Return float64 [n], from 0 below 1: a random place within the shopper, or of the basket."""
    starts = log.starts()
    size = np.diff(starts)
    order = np.lexsort((rng.random(len(log)), log.sequence))
    rank = np.empty(len(log))
    rank[order] = np.arange(len(log)) - starts[log.sequence]
    # The random start makes the expected share exact for shoppers with few purchases too.
    start = rng.random(log.n_sequences)[log.sequence]
    place = np.where(rank == 0, 0.0, (rank + start) / size[log.sequence])
    anonymous = np.arange(log.n_sequences) >= log.n_users
    whole = np.zeros(log.n_sequences)
    drawn = rng.permutation(np.flatnonzero(anonymous & (size >= 2)))
    whole[drawn] = np.arange(len(drawn)) / max(len(drawn), 1)
    return np.where(anonymous[log.sequence], whole[log.sequence], place)


def _parts(place: np.ndarray, config: SplitConfig) -> np.ndarray:
    test_from = 1 - config.test_fraction
    validation_from = test_from * (1 - config.validation_fraction)
    return np.where(place >= test_from, 2, np.where(place >= validation_from, 1, 0))


def _cases(log: Interactions, part: np.ndarray, answer: int) -> Cases:
    """Build the cases of one part: context is what came earlier or belongs to an earlier part."""
    positive = log.positive()
    target = (part == answer) & positive
    context = (part < answer) & positive
    # Of an anonymous basket that lies whole in one part the last item is the answer, the rest its
    # context.
    bought = np.flatnonzero(positive)
    last = np.zeros(len(log), bool)
    last[bought[np.flatnonzero(np.diff(log.sequence[bought], append=-1))]] = True
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

"""Splits: which purchases train, which validate and which test, the same for the same seed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from runtime.errors import UnusableInput
from trainer.cases import Cases
from trainer.config import SplitConfig
from trainer.interactions import Interactions


@dataclass(frozen=True)
class Split:
    """A split of interactions.

    Attributes:
        train: bool [n interactions].
        before_test: bool [n interactions], all that is known when the test purchases are made: a
            model whose epochs validation has chosen may be trained on it again.
        validation: cases whose answers are validation purchases; they pick epochs and settings.
        test: cases whose answers are test purchases; reported once.
        cold: cases whose answers are test purchases of hidden items.
        hidden: bool [n_items + 1], items of which nothing is known but their catalogue entry: they
            are in neither ``train`` nor ``before_test``, and in no context.
    """

    train: np.ndarray
    before_test: np.ndarray
    validation: Cases
    test: Cases
    cold: Cases
    hidden: np.ndarray


def split_interactions(log: Interactions, config: SplitConfig) -> Split:
    """Split by the configured method.

    - ``leave-last-out``: of every known shopper with three purchases or more, the last is tested
      and the one before validates; of a seeded share of the anonymous baskets, which then train
      nothing, one item is the answer.
    - ``time``: the newest ``test_fraction`` of the log is tested, the newest
      ``validation_fraction`` of the rest validates; purchases of one moment stay together.
    - ``random``: the same shares, drawn at random within each known shopper's rows, of which at
      least one trains, and among the anonymous baskets of two items or more, which stay whole.

    Only positive purchases are answers, and an item is one answer of a shopper's, however often
    it was taken. Of an anonymous basket that is held out whole the last item is the answer, or any
    one, drawn by the seed, when all were taken at one time and their order means nothing.

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
    hidden = _hidden_items(log, config)
    cold = hidden[log.item]
    train = (part == 0) & ~cold
    if not np.any(train & log.positive()):
        raise UnusableInput(
            f"split method {config.method!r} leaves no purchase to train on; choose another method "
            "or lower test_fraction or cold_items"
        )
    asked = _asked_of_baskets(log, config)
    return Split(
        train=train,
        before_test=(part < 2) & ~cold,
        validation=_cases(log, part, 1, asked, known=~cold, answers=~cold),
        test=_cases(log, part, 2, asked, known=~cold, answers=~cold),
        cold=_cases(log, part, 2, asked, known=~cold, answers=cold),
        hidden=hidden,
    )


def _hidden_items(log: Interactions, config: SplitConfig) -> np.ndarray:
    """Draw bool [n_items + 1]: the share of the sold items that nobody may know."""
    hidden = np.zeros(log.n_items + 1, bool)
    sold = np.unique(log.item[log.positive()])
    rng = np.random.Generator(np.random.PCG64([config.seed, 1]))  # leaves the other draws alone
    hidden[rng.permutation(sold)[: math.ceil(config.cold_items * len(sold))]] = True
    return hidden


def _asked_of_baskets(log: Interactions, config: SplitConfig) -> np.ndarray:
    """Mark bool [n]: of each sequence the last purchase, or any one if all are of one moment.

    Tills sort a receipt by aisle or by number: to ask for its last row is to ask for an aisle.
    """
    rng = np.random.Generator(np.random.PCG64([config.seed, 2]))
    bought = np.flatnonzero(log.positive())
    first = np.flatnonzero(np.diff(log.sequence[bought], prepend=-1))
    size = np.diff(first, append=len(bought))
    last = first + size - 1
    one_moment = log.time[bought[first]] == log.time[bought[last]]
    drawn = first + (rng.random(len(first)) * size).astype(np.int64)
    asked = np.zeros(len(log), bool)
    asked[bought[np.where(one_moment, drawn, last)]] = True
    return asked


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


def _cases(
    log: Interactions,
    part: np.ndarray,
    answer: int,
    asked: np.ndarray,
    *,
    known: np.ndarray,
    answers: np.ndarray,
) -> Cases:
    """Build the cases of one part: context is what came earlier or belongs to an earlier part.

    Args:
        log: all purchases.
        part: int64 [n], 0 trains, 1 validates, 2 tests.
        answer: the part that is asked for.
        asked: bool [n], the answer of a basket that lies whole in one part.
        known: bool [n], rows that may be context.
        answers: bool [n], rows that may be answers.
    """
    positive = log.positive()
    target = (part == answer) & positive
    context = (part < answer) & positive
    whole = (log.user == 0) & target & ~np.isin(log.sequence, np.unique(log.sequence[context]))
    context = (context | whole & ~asked) & known
    target &= (~whole | asked) & answers
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

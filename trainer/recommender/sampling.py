"""Training examples drawn on the device: contexts of purchases, and negatives by popularity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trainer.interactions import Interactions


@dataclass(frozen=True)
class TrainingRows:
    """The training part of the log on the training device, sorted by sequence and time.

    Attributes:
        user: int64 [n], user rows, 0 in anonymous baskets.
        sequence: int64 [n].
        item: int64 [n], item rows.
        start: int64 [n], index of the first row of the same sequence.
        end: int64 [n], index after its last row.
        label: float32 [n] of 0 and 1; all 1 when the log has no labels.
        n_items: items, sold or not.
    """

    user: Tensor
    sequence: Tensor
    item: Tensor
    start: Tensor
    end: Tensor
    label: Tensor
    n_items: int

    @classmethod
    def of(cls, log: Interactions, train: np.ndarray, device: torch.device) -> TrainingRows:
        """Take the rows of ``log`` that ``train``, bool [n], marks."""
        sequence = log.sequence[train]
        label = np.ones(len(log), np.float32) if log.label is None else log.label
        return cls(
            user=torch.from_numpy(log.user[train]).to(device),
            sequence=torch.from_numpy(sequence).to(device),
            item=torch.from_numpy(log.item[train]).to(device),
            start=torch.from_numpy(np.searchsorted(sequence, sequence)).to(device),
            end=torch.from_numpy(np.searchsorted(sequence, sequence, "right")).to(device),
            label=torch.from_numpy(label[train]).to(device),
            n_items=log.n_items,
        )

    def positives(self) -> TrainingRows:
        """Return the rows with label 1 only."""
        kept = self.label > 0.5
        if bool(kept.all()):
            return self  # a long log fits into memory once, and hardly twice
        sequence = self.sequence[kept]
        return TrainingRows(
            self.user[kept],
            sequence,
            self.item[kept],
            torch.searchsorted(sequence, sequence),
            torch.searchsorted(sequence, sequence, right=True),
            self.label[kept],
            self.n_items,
        )

    def contexts(self, rows: Tensor, max_basket: int) -> Tensor:
        """Return int64 [batch, max_basket]: what came before each row, right-aligned, 0 = padding.

        Args:
            rows: int64 [batch], indices of rows.
            max_basket: newest items to take.
        """
        steps = torch.arange(-max_basket, 0, device=rows.device)
        place = rows[:, None] + steps  # [batch, max_basket]
        return torch.where(place >= self.start[rows, None], self.item[place.clamp(min=0)], 0)

    def companions(self, rows: Tensor, max_basket: int) -> Tensor:
        """Return int64 [batch, max_basket]: what else the sequence holds, where order says nothing.

        Of a sequence longer than ``max_basket`` a random stretch around the row is taken.

        Args:
            rows: int64 [batch], indices of rows.
            max_basket: items to take at most.
        """
        start, end = self.start[rows], self.end[rows]
        width = (end - start).clamp(max=max_basket + 1)  # the row itself counted
        before = (torch.rand(len(rows), device=rows.device) * width).long()
        begin = torch.minimum(torch.maximum(rows - before, start), end - width)
        taken = torch.arange(max_basket, device=rows.device) - (max_basket + 1 - width[:, None])
        place = begin[:, None] + taken.clamp(min=0)  # [batch, max_basket]
        place += place >= rows[:, None]
        return torch.where(taken >= 0, self.item[place.clamp(max=len(self.item) - 1)], 0)

    def counts(self) -> Tensor:
        """Return int64 [n_items + 1]: purchases of each item."""
        return torch.bincount(self.item, minlength=self.n_items + 1)


class NegativeSampler:
    """Draws items that a shopper did not take, uniformly, for the seed's cross-entropy.

    A draw is a rank among the shopper's free items, and one binary search turns it into an item:
    nothing is drawn in vain, and memory follows the log, not shoppers times items. A shopper who
    took everything gets the last item, for want of a free one.

    Args:
        rows: training rows; an item taken in any of them is no negative for its sequence.
    """

    def __init__(self, rows: TrainingRows) -> None:
        self.n_items = rows.n_items
        taken = torch.unique(rows.sequence * (rows.n_items + 1) + rows.item)  # sorted
        sequence, item = taken // (rows.n_items + 1), taken % (rows.n_items + 1)
        count = torch.bincount(sequence)  # [n_sequences]
        self._free = self.n_items - count
        self._start = count.cumsum(0) - count  # where a sequence's taken items begin
        place = torch.arange(len(taken), device=taken.device) - self._start[sequence]
        free_below = item - 1 - place  # of the same sequence; ascending within it
        self._key = sequence * (rows.n_items + 1) + free_below

    def draw(self, sequence: Tensor, count: int) -> Tensor:
        """Draw int64 [batch, count] item rows for int64 [batch] sequences."""
        free = self._free[sequence, None].clamp(min=1)  # [batch, 1]
        uniform = torch.randint(2**31, (len(sequence), count), device=sequence.device)
        rank = uniform * free >> 31
        key = sequence[:, None] * (self.n_items + 1) + rank
        passed = torch.searchsorted(self._key, key, right=True) - self._start[sequence, None]
        return (rank + passed + 1).clamp(max=self.n_items)


class PopularitySampler:
    """Draws items in proportion to popularity^0.75 and knows the probability of each.

    Mikolov et al. (2013) introduced the exponent; Bengio and Senécal (2008) the correction of a
    sampled softmax by the log of the probability.

    Args:
        counts: int64 [n_rows], purchases of each item.
    """

    def __init__(self, counts: Tensor) -> None:
        weight = counts.double() ** 0.75
        self._cumulative = torch.cumsum(weight / weight.sum(), dim=0)
        self.log_probability = torch.log(weight / weight.sum()).float()  # [n_rows], -inf unsold

    def draw(self, count: int) -> Tensor:
        """Draw int64 [count] item rows, with replacement."""
        uniform = torch.rand(count, dtype=torch.float64, device=self._cumulative.device)
        place = torch.searchsorted(self._cumulative, uniform, right=True)
        return place.clamp(max=len(self._cumulative) - 1)

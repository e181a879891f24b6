"""Peers that are one matrix of item-item weights: item-kNN, EASE, PureSVD, and popularity."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from benchmarks.quality.question import Question

SEQUENCES = 4096  # sequences made dense at once

Scorer = Callable[..., np.ndarray]
"""cases (a slice of the question), query settings -> scores, float32 [batch, n_rows]."""


def co_purchases(question: Question) -> Tensor:
    """Count the sequences that hold both of two items, float32 [n_rows, n_rows]."""
    sequence = torch.from_numpy(question.train_sequences())
    item = torch.from_numpy(question.train_items)
    together = torch.zeros(question.n_rows, question.n_rows)
    for start in range(0, len(question.train_user), SEQUENCES):
        part = slice(*np.searchsorted(sequence.numpy(), (start, start + SEQUENCES)))
        place = torch.stack([sequence[part] - start, item[part]])
        shape = (SEQUENCES, question.n_rows)
        ones = torch.ones(place.shape[1])
        bought = torch.sparse_coo_tensor(place, ones, shape, check_invariants=False).coalesce()
        bought.values().clamp_(max=1)  # a repeat says nothing new
        together += torch.sparse.mm(bought.t(), bought.to_dense())
    return together


def fit_item_knn(question: Question, seed: int, neighbours: int = 0) -> Scorer:
    """Cosine of items' shoppers (Sarwar et al., WWW 2001), summed over the context.

    Args:
        question: what to learn from.
        seed: unused, nothing is drawn.
        neighbours: nearest items that each item keeps, 0 = all.
    """
    together = co_purchases(question)
    length = together.diagonal().sqrt().clamp(min=1)
    cosine = together / length[:, None] / length[None, :]
    cosine.fill_diagonal_(0)
    if 0 < neighbours < question.n_rows:
        edge = cosine.topk(neighbours, dim=1).values[:, -1:]
        cosine = torch.where(cosine >= edge, cosine, 0)
    return weighted_contexts(question, cosine)


def fit_ease(question: Question, seed: int, l2: float) -> Scorer:
    """EASE (Steck, WWW 2019): the ridge regression of each item on all others, in closed form.

    Args:
        question: what to learn from.
        seed: unused, nothing is drawn.
        l2: the ridge penalty, lambda in the paper.
    """
    together = co_purchases(question)
    together.diagonal().add_(l2)
    inverse = torch.linalg.inv(together)
    weights = inverse / -inverse.diagonal()[None, :]
    weights.fill_diagonal_(0)
    return weighted_contexts(question, weights)


def fit_pure_svd(question: Question, seed: int, rank: int) -> Scorer:
    """PureSVD (Cremonesi et al., RecSys 2010): project a shopper on the leading item vectors.

    Args:
        question: what to learn from.
        seed: unused, nothing is drawn.
        rank: leading right singular vectors of the purchase matrix that are kept.
    """
    _, vectors = torch.linalg.eigh(co_purchases(question))  # eigenvalues ascend
    leading = vectors[:, -rank:]
    return weighted_contexts(question, leading @ leading.T)


def fit_popularity(question: Question, seed: int) -> Scorer:
    """Most training purchases first, for everybody."""
    counts = question.counts().astype(np.float32)
    return lambda cases: np.tile(counts, (cases.stop - cases.start, 1))


def weighted_contexts(question: Question, weights: Tensor) -> Scorer:
    """Score by the sum of the context items' rows of ``weights``, float32 [n_rows, n_rows].

    The scorer's ``decay`` is what one step back in the context leaves of an item's weight; 1 counts
    all alike.
    """

    def score(cases: slice, decay: float = 1.0) -> np.ndarray:
        offsets = question.context_offsets[cases.start : cases.stop + 1]
        sizes = np.diff(offsets)
        case = np.repeat(np.arange(len(sizes)), sizes)
        place = np.arange(offsets[0], offsets[-1])
        age = offsets[1:][case] - 1 - place
        asked = torch.sparse_coo_tensor(
            torch.from_numpy(np.stack([case, question.context_items[place]])),
            torch.from_numpy((decay**age).astype(np.float32)),
            (len(sizes), question.n_rows),
            check_invariants=False,
        )
        scores: np.ndarray = torch.sparse.mm(asked, weights).numpy()  # [batch, n_rows]
        return scores

    return score

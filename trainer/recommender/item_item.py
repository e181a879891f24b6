"""Item-item weights in closed form: which items speak for which, from what shoppers took."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from trainer.recommender.sampling import TrainingRows

SEQUENCES_AT_ONCE = 16_384


@dataclass(frozen=True)
class ItemItemChoice:
    """What validation chooses.

    Attributes:
        l2: penalty on the weights.
        decay: what a basket item counts for each item that came after it.
        scale: logits for a weight of 1; 0 leaves item-item weights out.
    """

    l2: float
    decay: float
    scale: float


def co_purchases(rows: TrainingRows) -> Tensor:
    """Count, float32 [n_rows, n_rows], the sequences that took both items.

    A sequence with n items counts 1 / sqrt(n) of the mean, so that those who buy everything do not
    speak for all.
    """
    size = rows.n_items + 1
    taken = torch.unique(rows.sequence * size + rows.item)
    sequence, item = taken // size, taken % size
    length = torch.bincount(sequence)[sequence].float()  # [n]
    weight = length**-0.25  # on both sides of the product: a square root in all
    _, sequence = torch.unique_consecutive(sequence, return_inverse=True)
    product = weight.new_zeros(size, size)
    # A block of sequences at a time: as dense rows, those of a long log would fill the memory.
    blocks = torch.bincount(sequence // SEQUENCES_AT_ONCE).tolist()
    for owner, held, share in zip(
        sequence.split(blocks), item.split(blocks), weight.split(blocks), strict=True
    ):
        matrix = torch.sparse_coo_tensor(
            torch.stack([owner - owner[0], held]),
            share,
            (int(owner[-1] - owner[0]) + 1, size),
            check_invariants=False,
        )
        product += torch.sparse.mm(matrix.t(), matrix.to_dense())
    norm: Tensor = product / weight.square().mean()
    return norm


def item_item_weights(together: Tensor, l2: float, dropout: float) -> Tensor:
    """Solve for the weights, float32 [n_rows, n_rows], row = item held, column = item scored.

    EASE (Steck, 2019) predicts each item from the others by ridge regression; here with the
    penalty of an infinite average over dropped-out baskets (Steck, 2020, "Autoencoders that don't
    overfit towards the identity"), which weighs on popular items more. The diagonal is zero.

    Args:
        together: what :func:`co_purchases` counted.
        l2: ridge penalty, above 0.
        dropout: share of a basket that is dropped.
    """
    gram = together.clone()
    gram.diagonal().mul_(1 + dropout / (1 - dropout)).add_(l2)
    inverse = torch.linalg.inv(gram)
    weights = -inverse / inverse.diagonal()[None, :]
    weights.diagonal().zero_()
    weights[0], weights[:, 0] = 0, 0
    found: Tensor = weights
    return found


def fading(decay: float, max_basket: int) -> Tensor:
    """Return float32 [max_basket]: what each place of a basket counts; the newest, last, 1."""
    return decay ** torch.arange(max_basket - 1, -1, -1, dtype=torch.float32)


def strongest(weights: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Keep the ``count`` largest weights by size of each row: rows int64, weights, [n_rows, count].

    Items are in ascending order, so that equal weights give equal files.
    """
    place = weights.abs().topk(count, dim=1).indices.sort(dim=1).values
    return place, weights.gather(1, place)

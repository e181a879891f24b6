"""The softmax over a whole catalogue: cross-entropy and its slopes in one pass over the logits."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

ROWS_AT_ONCE = 256  # so that a block of logits stays in the processor's cache


class CatalogueSoftmax(torch.autograd.Function):
    """Mean cross-entropy of one answer a row among all items, for training.

    The matrix of logits, [batch, n_rows], is by far the largest tensor of a step. Autograd would
    keep it and write a dozen like it; here a block of rows at a time is turned into its own slope.
    Products run in the precision asked for, sums in float32.
    """

    @staticmethod
    def forward(
        ctx: Any,
        query: Tensor,
        vectors: Tensor,
        bias: Tensor,
        answer: Tensor,
        hidden: Tensor | None,
        smoothing: float,
        precision: torch.dtype,
    ) -> Tensor:
        """Compute the loss.

        Args:
            ctx: autograd's.
            query: float32 [batch, dim], shopper vectors over the temperature.
            vectors: float32 [n_rows, dim].
            bias: float32 [n_rows], -inf where an item may not compete.
            answer: int64 [batch], item rows.
            hidden: int64 [batch, n] of item rows that do not compete in their row, or None.
            smoothing: share of the answer's weight that all competitors get evenly (Szegedy et al.,
                2016).
            precision: of the matrix products.

        Returns:
            float32 scalar.
        """
        few_query, few_vectors = query.to(precision), vectors.to(precision)
        loss = bias.new_zeros(())
        query_slope = torch.empty_like(few_query, dtype=torch.float32)
        vectors_slope = torch.zeros_like(few_vectors, dtype=torch.float32)
        bias_slope = torch.zeros_like(bias)
        for start in range(0, len(answer), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            logits = (few_query[part] @ few_vectors.T).float().add_(bias)  # [rows, n_rows]
            right = answer[part, None]
            if hidden is not None:
                kept = logits.gather(1, right)
                logits.scatter_(1, hidden[part], -torch.inf).scatter_(1, right, kept)
            lost, slope = _cross_entropy(logits, right, smoothing)
            loss += lost
            slope /= len(answer)
            few_slope = slope.to(precision)
            query_slope[part] = few_slope @ few_vectors
            vectors_slope += few_slope.T @ few_query[part]
            bias_slope += slope.sum(dim=0)
        ctx.save_for_backward(query_slope, vectors_slope, bias_slope)
        return loss / len(answer)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> Any:
        """Scale the slopes that the forward pass left: of query, vectors and bias."""
        (slope,) = slopes
        query, vectors, bias = ctx.saved_tensors
        return query * slope, vectors * slope, bias * slope, None, None, None, None


def _cross_entropy(logits: Tensor, right: Tensor, smoothing: float) -> tuple[Tensor, Tensor]:
    """Return the summed loss, and its slope by the logits, float32 [rows, n_rows].

    Args:
        logits: float32 [rows, n_rows], -inf for what does not compete.
        right: int64 [rows, 1], the answers.
        smoothing: as in :meth:`CatalogueSoftmax.forward`.
    """
    log_share = torch.log_softmax(logits, dim=1)
    loss = -(1 - smoothing) * log_share.gather(1, right).sum()
    if not smoothing:
        slope = log_share.exp_()
    else:
        competes = ~logits.isinf()
        even = smoothing / competes.sum(dim=1, keepdim=True)  # [rows, 1]
        loss -= (log_share.masked_fill(~competes, 0) * even).sum()
        slope = log_share.exp_().sub_(competes * even)
    return loss, slope.scatter_add_(
        1, right, torch.full_like(right, smoothing - 1, dtype=slope.dtype)
    )

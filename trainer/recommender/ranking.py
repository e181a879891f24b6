"""Small networks, and top-k with ties to the lower row."""

from __future__ import annotations

from torch import Tensor, nn


def scoring_mlp(inputs: int, hidden: tuple[int, ...]) -> nn.Sequential:
    """Build Linear and ReLU layers of the given widths, then one output without activation."""
    layers: list[nn.Module] = []
    for width in hidden:
        layers += [nn.Linear(inputs, width), nn.ReLU()]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, 1))


def basket_encoder(dim: int, hidden: int, dropout: float) -> nn.Sequential | None:
    """Build the network that turns [pooled basket, newest item], 2 * dim, into a correction, dim.

    Its last layer starts at zero, so that training starts from the pooled basket alone. None
    without hidden units.
    """
    if hidden == 0:
        return None
    first, last = nn.Linear(2 * dim, hidden), nn.Linear(hidden, dim)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Dropout(dropout), first, nn.GELU(), nn.Dropout(dropout), last)


def best_rows(scores: Tensor, count: int) -> Tensor:
    """Return the columns of the ``count`` highest scores, best first, ties to the lower column.

    ``torch.topk`` promises nothing about ties, so it only finds the lowest score that still
    counts; of the columns that have just this score the first ones are taken.

    Args:
        scores: float32 [batch, n].
        count: at most n.

    Returns:
        int64 [batch, count].
    """
    lowest = scores.topk(count, dim=1).values[:, -1:]
    above = scores > lowest
    level = scores == lowest
    wanted = count - above.sum(dim=1, keepdim=True)
    chosen = above | (level & (level.cumsum(dim=1) <= wanted))
    columns = chosen.nonzero()[:, 1].view(len(scores), count)  # ascending
    order = scores.gather(1, columns).sort(dim=1, descending=True, stable=True).indices
    return columns.gather(1, order)

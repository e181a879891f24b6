"""The catalogue softmax against torch's own cross-entropy, forward and backward."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from trainer.recommender import softmax
from trainer.recommender.softmax import CatalogueSoftmax

BATCH, N_ROWS, DIM = 11, 23, 6


def values() -> tuple[torch.Tensor, ...]:
    torch.manual_seed(0)
    query, vectors = torch.randn(BATCH, DIM), torch.randn(N_ROWS, DIM)
    bias = torch.randn(N_ROWS)
    return query, vectors, bias, torch.randint(1, N_ROWS - 1, (BATCH,))


def basket(answer: torch.Tensor) -> torch.Tensor:
    """Some items and padding; the answer is among them in row 0, where it must compete still."""
    held = torch.randint(0, N_ROWS - 1, (BATCH, 4))
    held[0, 1] = answer[0]
    held[1] = 0
    return held


@pytest.mark.parametrize("rows_at_once", [4, 256])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("hides", [False, True])
def test_loss_and_slopes_are_those_of_cross_entropy(
    monkeypatch: pytest.MonkeyPatch, rows_at_once: int, smoothing: float, hides: bool
) -> None:
    monkeypatch.setattr(softmax, "ROWS_AT_ONCE", rows_at_once)
    *weights, answer = values()
    hidden = basket(answer) if hides else None
    unsold = torch.zeros(N_ROWS)
    unsold[-1] = -torch.inf
    ours = [weight.clone().requires_grad_() for weight in weights]
    loss = CatalogueSoftmax.apply(
        ours[0], ours[1], ours[2] + unsold, answer, hidden, smoothing, torch.float32
    )
    (loss * 3).backward()

    theirs = [weight.clone().double().requires_grad_() for weight in weights]
    logits = theirs[0] @ theirs[1].T + theirs[2]
    terms = []
    for row in range(BATCH):
        competes = torch.ones(N_ROWS, dtype=torch.bool)
        competes[-1] = False
        if hidden is not None:
            competes[hidden[row]] = False
        competes[answer[row]] = True
        place = int(competes[: answer[row]].sum())
        terms.append(
            F.cross_entropy(logits[row][competes], torch.tensor(place), label_smoothing=smoothing)
        )
    expected = torch.stack(terms).mean()
    (expected * 3).backward()

    torch.testing.assert_close(loss.double(), expected, rtol=1e-5, atol=1e-6)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.grad is not None
        assert other.grad is not None
        torch.testing.assert_close(mine.grad.double(), other.grad, rtol=1e-4, atol=1e-6)


def test_half_precision_products_stay_near() -> None:
    *weights, answer = values()
    losses = [
        CatalogueSoftmax.apply(*weights, answer, None, 0.0, precision)
        for precision in (torch.float32, torch.bfloat16)
    ]
    torch.testing.assert_close(*losses, rtol=0.01, atol=0.01)

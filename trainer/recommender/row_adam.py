"""Adam whose cost on an embedding table follows the rows of the batch, not those of the table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

# Up to here dense Adam over the whole table costs no more than gathering and scattering the rows of
# a batch of some thousand lookups (benchmarks/embedding_update.py), and it is the seed's own Adam.
LAZY_ROWS = 20_000


def is_lazy(n_rows: int) -> bool:
    """Say whether a table of ``n_rows`` should give sparse gradients: ``nn.Embedding(sparse=)``."""
    return n_rows > LAZY_ROWS


class RowAdam(torch.optim.Adam):
    """Adam (Kingma and Ba, 2015), and lazy Adam on tables whose gradients are sparse.

    A dense gradient is torch's own fused Adam. A sparse one, float32 COO [n_rows, dim] over rows
    and coalesced or not, moves just the rows that it names: their moments decay, and their bias is
    corrected, by the number of steps that named the row. So a row moves exactly as under an Adam
    that sees only those steps, and all others stay as they are, weight decay included. torch's
    SparseAdam corrects by the step of the whole run instead, which makes the first move of a row
    that is first met late some three times too long.

    A table's gradients must keep one layout for as long as its state lives. The state is torch's
    Adam's, but for ``step``: float32 [n_rows] on a lazy table.

    Args:
        params: weights, or groups of them with rates ``lr`` of their own.
        lr: step size of groups without one.
        betas: decay of the first and the second moment.
        eps: added to the root of the second moment.
        weight_decay: L2 penalty, added to the gradient.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, fused=True)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move the weights by their gradients.

        Raises:
            TypeError: the gradient of a table was dense before and is sparse now, or the reverse.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        lazy = []
        for group in self.param_groups:
            for table in group["params"]:
                if table.grad is None:
                    continue
                state = self.state[table]
                if state and (state["step"].dim() == 1) != table.grad.is_sparse:
                    raise TypeError(
                        f"the gradient of a table of {len(table)} rows changed between dense and "
                        "sparse; look it up through one kind of embedding"
                    )
                if table.grad.is_sparse:
                    self._move_rows(table, state, group)
                    lazy.append((table, table.grad))
                    table.grad = None  # out of sight of the dense Adam
        super().step()
        for table, gradient in lazy:
            table.grad = gradient
        return loss

    def _move_rows(self, table: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Move the rows of ``table``, [n_rows, dim], that its gradient names."""
        if not state:
            state["step"] = torch.zeros(len(table), device=table.device)
            state["exp_avg"] = torch.zeros_like(table)
            state["exp_avg_sq"] = torch.zeros_like(table)
        assert table.grad is not None
        gradient = table.grad.coalesce()
        rows, slope = gradient.indices()[0], gradient.values()  # [touched], [touched, dim]
        if group["weight_decay"]:
            slope = slope.add(table[rows], alpha=group["weight_decay"])
        beta1, beta2 = group["betas"]
        step = state["step"][rows] + 1
        mean = state["exp_avg"][rows].lerp_(slope, 1 - beta1)
        square = state["exp_avg_sq"][rows].mul_(beta2).addcmul_(slope, slope, value=1 - beta2)
        state["step"][rows] = step
        state["exp_avg"][rows] = mean
        state["exp_avg_sq"][rows] = square
        # In double: 1 - beta2 ** 1 is 0.001 with an error of 2e-5 in single precision.
        first = 1 - beta1 ** step.double()[:, None]  # [touched, 1]
        second = 1 - beta2 ** step.double()[:, None]
        root = square.div_(second.float()).sqrt_().add_(group["eps"])
        table.index_add_(0, rows, mean.div_(root).mul_((group["lr"] / first).float()), alpha=-1)

"""Row-wise Adam against torch's own Adam, one row at a time."""

from __future__ import annotations

import copy
import io

import pytest
import torch
from torch import Tensor, nn

from trainer.recommender.row_adam import LAZY_ROWS, RowAdam, is_lazy

RATE, N_ROWS, DIM = 0.05, 6, 3
# Rows looked up in each step; twice in one step means a gradient in two parts.
STEPS = [[1, 4], [4, 4, 2], [1], [2, 5, 2, 5], [4]]


def table() -> nn.Parameter:
    torch.manual_seed(0)
    return nn.Parameter(torch.randn(N_ROWS, DIM))


def sparse_gradient(rows: list[int], step: int) -> Tensor:
    """Return an uncoalesced gradient, float32 COO [N_ROWS, DIM]."""
    torch.manual_seed(100 + step)
    return torch.sparse_coo_tensor(
        torch.tensor([rows]), torch.randn(len(rows), DIM), (N_ROWS, DIM), check_invariants=True
    )


def take(optimiser: torch.optim.Optimizer, weight: nn.Parameter, steps: range) -> None:
    for step in steps:
        weight.grad = sparse_gradient(STEPS[step], step)
        optimiser.step()


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_a_row_moves_as_under_an_adam_that_sees_only_its_steps(weight_decay: float) -> None:
    weight = table()
    take(RowAdam([weight], RATE, weight_decay=weight_decay), weight, range(len(STEPS)))
    for row in range(N_ROWS):
        alone = nn.Parameter(table()[row].detach().clone())
        reference = torch.optim.Adam([alone], RATE, weight_decay=weight_decay)
        for step, rows in enumerate(STEPS):
            if row in rows:
                alone.grad = sparse_gradient(rows, step).to_dense()[row]
                reference.step()
        torch.testing.assert_close(weight[row], alone)


def test_the_first_step_moves_touched_rows_as_dense_adam_and_no_others() -> None:
    weight, dense = table(), table()
    lazy, reference = RowAdam([weight], RATE, weight_decay=0.1), torch.optim.Adam([dense], RATE)
    weight.grad = sparse_gradient([3, 5], 0)
    # L2 is part of the gradient, and only of the rows that the batch names.
    dense.grad = weight.grad.to_dense()
    dense.grad[[3, 5]] += 0.1 * dense.detach()[[3, 5]]
    lazy.step()
    reference.step()
    torch.testing.assert_close(weight, dense)
    untouched = [0, 1, 2, 4]
    assert torch.equal(weight[untouched], table()[untouched])
    state = lazy.state[weight]
    assert state["step"].tolist() == [0, 0, 0, 1, 0, 1]
    assert not state["exp_avg"][untouched].any()
    assert not state["exp_avg_sq"][untouched].any()


def test_a_row_met_late_is_not_thrown_by_its_first_step() -> None:
    """Adam's first step is the rate's length in every coordinate, whenever it comes."""
    weight = table()
    optimiser = RowAdam([weight], RATE)
    take(optimiser, weight, range(len(STEPS)))
    before = weight[3].detach().clone()
    weight.grad = sparse_gradient([3], 9)
    optimiser.step()
    torch.testing.assert_close((weight[3] - before).abs(), torch.full((DIM,), RATE))


def test_dense_weights_and_group_rates_are_torch_adams() -> None:
    torch.manual_seed(1)
    layer = nn.Linear(4, 2)
    twin = copy.deepcopy(layer)
    weight = table()

    def groups(of: nn.Linear) -> list[dict[str, object]]:
        return [{"params": [of.weight], "lr": 0.01}, {"params": [of.bias], "lr": 0.2}]

    optimiser = RowAdam([*groups(layer), {"params": [weight], "lr": 0.3}], weight_decay=0.1)
    reference = torch.optim.Adam(groups(twin), weight_decay=0.1)
    for step in range(4):
        for model in (layer, twin):
            model.zero_grad()
            model(torch.full((3, 4), 0.5 + step)).square().sum().backward()
        weight.grad = sparse_gradient([2], step)
        optimiser.step()
        reference.step()
        assert weight.grad is not None  # handed back
    for found, expected in zip(layer.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(found, expected)
    alone = nn.Parameter(table()[2].detach().clone())
    reference = torch.optim.Adam([alone], 0.3, weight_decay=0.1)
    for step in range(4):
        alone.grad = sparse_gradient([2], step).to_dense()[2]
        reference.step()
    torch.testing.assert_close(weight[2], alone)


def test_a_weight_without_gradient_stays() -> None:
    weight, idle = table(), nn.Parameter(torch.ones(2))
    optimiser = RowAdam([weight, idle], RATE, weight_decay=0.1)
    take(optimiser, weight, range(2))
    assert idle.tolist() == [1, 1]
    assert idle not in optimiser.state


def test_a_saved_state_goes_on_to_the_same_bits() -> None:
    whole = table()
    take(RowAdam([whole], RATE, weight_decay=0.1), whole, range(len(STEPS)))
    weight = table()
    first = RowAdam([weight], RATE, weight_decay=0.1)
    take(first, weight, range(2))
    saved = io.BytesIO()
    torch.save({"weight": weight.detach(), "optimiser": first.state_dict()}, saved)
    saved.seek(0)
    state = torch.load(saved, weights_only=True)
    resumed = nn.Parameter(state["weight"])
    second = RowAdam([resumed], RATE, weight_decay=0.1)
    second.load_state_dict(state["optimiser"])
    take(second, resumed, range(2, len(STEPS)))
    assert torch.equal(resumed, whole)


def test_an_embedding_looked_up_twice_gives_one_gradient() -> None:
    """Two sparse lookups of one table add up to an uncoalesced gradient, as the models make."""
    embedding = nn.Embedding(N_ROWS, DIM, sparse=True)
    start = embedding.weight.detach().clone()
    optimiser = RowAdam(embedding.parameters(), RATE)
    factor = torch.tensor([[1.0], [2.0]])
    (embedding(torch.tensor([1, 2])) * factor).sum().add(
        embedding(torch.tensor([2])).sum()
    ).backward()
    gradient = embedding.weight.grad
    assert gradient is not None
    assert gradient.is_sparse
    optimiser.step()
    assert optimiser.state[embedding.weight]["exp_avg"][2].tolist() == pytest.approx([0.3] * DIM)
    moved = (embedding.weight - start).abs().sum(dim=1) > 0
    assert moved.tolist() == [False, True, True, False, False, False]


@pytest.mark.parametrize("sparse_first", [True, False])
def test_a_gradient_that_changes_its_layout_is_refused(sparse_first: bool) -> None:
    weight = table()
    optimiser = RowAdam([weight], RATE)
    for sparse in (sparse_first, not sparse_first):
        gradient = sparse_gradient([1], 0)
        weight.grad = gradient if sparse else gradient.to_dense()
        if sparse == sparse_first:
            optimiser.step()
    with pytest.raises(TypeError, match="table of 6 rows changed between dense and sparse"):
        optimiser.step()


def test_nothing_of_a_step_has_the_size_of_the_table() -> None:
    """With the state in place, the widest tensor that a step makes has the batch's rows."""
    weight = nn.Parameter(torch.zeros(50_000, DIM))
    optimiser = RowAdam([weight], RATE)
    rows = torch.arange(0, 40)[None]

    def gradient() -> Tensor:
        return torch.sparse_coo_tensor(
            rows, torch.ones(40, DIM), weight.shape, check_invariants=True
        )

    weight.grad = gradient()
    optimiser.step()
    weight.grad = gradient()
    with torch.profiler.profile(profile_memory=True) as profile:
        optimiser.step()
    made = [event.self_cpu_memory_usage for event in profile.events()]
    assert made
    assert 0 < max(made) < 50_000  # bytes; a float of every row would be four times as much


def test_only_large_tables_are_lazy() -> None:
    assert not is_lazy(LAZY_ROWS)
    assert is_lazy(LAZY_ROWS + 1)

"""One training step on an embedding table: its cost follows the batch, not the table.

python -m benchmarks.embedding_update [--rounds 15]
"""

from __future__ import annotations

import statistics
import time

import click
import torch
from torch import nn

from trainer.recommender.row_adam import LAZY_ROWS, RowAdam

TABLES = (10_000, LAZY_ROWS, 100_000, 1_000_000)  # rows
DENSE_TABLES = TABLES[:-1]  # dense Adam of the last takes ten times as long as of the one before
DIM = 128
LOOKUPS = 2048  # rows looked up in a step


class Step:
    """Lookup, backward and update of ``LOOKUPS`` random rows of one table."""

    def __init__(self, n_rows: int, *, lazy: bool) -> None:
        self.table = nn.Embedding(n_rows, DIM, sparse=lazy)
        self.optimiser = RowAdam(self.table.parameters())
        self._run(torch.arange(LOOKUPS))
        for state in self.optimiser.state[self.table.weight].values():
            state.fill_(1e-3)  # every page of it is in memory from here on

    def __call__(self) -> float:
        """Take one step and return the time in ms that one core worked on it."""
        rows = torch.randint(len(self.table.weight), (LOOKUPS,))
        started = time.process_time()
        self._run(rows)
        return (time.process_time() - started) * 1000

    def _run(self, rows: torch.Tensor) -> None:
        self.optimiser.zero_grad()
        self.table(rows).square().sum().backward()
        self.optimiser.step()


@click.command()
@click.option("--rounds", default=15, show_default=True, help="Interleaved steps on each table.")
def main(rounds: int) -> None:
    """Print the median time of a step on each table, lazy and dense, on one core."""
    torch.set_num_threads(1)
    steps = {(n, True): Step(n, lazy=True) for n in TABLES}
    steps |= {(n, False): Step(n, lazy=False) for n in DENSE_TABLES}
    times: dict[tuple[int, bool], list[float]] = {case: [] for case in steps}
    for _ in range(rounds):
        for case, step in steps.items():
            times[case].append(step())
    median = {case: statistics.median(found) for case, found in times.items()}
    for n_rows in TABLES:
        lazy = median[n_rows, True]
        line = f"{n_rows:9,} rows x {DIM}, {LOOKUPS:,} lookups: lazy {lazy:6.2f} ms"
        line += f", {lazy / median[TABLES[0], True]:.2f} of the first table's"
        if n_rows in DENSE_TABLES:
            line += f"; dense {median[n_rows, False]:.2f} ms"
        print(line)


if __name__ == "__main__":
    main()

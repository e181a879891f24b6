"""Training rate of the seed's MLP beside RecBole's NeuMF: MovieLens-100K, one core, one thread.

python -m venv build/recbole && build/recbole/bin/pip install -r benchmarks/peers-recbole.txt
python -m benchmarks.training_rate [--rounds 5]

Both train on four fifths of the ratings, taken as clicks, with four negatives each, and take turns
epoch by epoch. A sample is a pair of user and item with a label, as RecBole counts.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any
from unittest.mock import patch

import click
import torch
from torch import Tensor

from trainer.dataset import load_dataset
from trainer.options import from_mapping
from trainer.recommender import phases
from trainer.recommender.config import RecommenderConfig
from trainer.recommender.losses import MlpStage
from trainer.recommender.train import train_recommender

WORKER = Path(__file__).with_name("recbole_rate.py")
NEGATIVES = 4
# RecBole's batch of 2,048 counts pairs, which makes 409 purchases; 2,048 purchases are five times
# as many pairs in as many fewer steps.
PURCHASES = (409, 2048)
PEERS = {"default": "RecBole NeuMF, its own sizes", "seed": "RecBole NeuMF, the seed's sizes"}
SETTINGS: dict[str, Any] = {
    "arch": "mlp",
    "data": {"delimiter": "\\t"},
    "split": {"method": "random", "test_fraction": 0.1, "validation_fraction": 0.111},
    "mlp": {"negatives": NEGATIVES},
}


@dataclass(frozen=True)
class Epoch:
    """What one epoch took.

    Attributes:
        samples: pairs trained on.
        steps: optimiser steps.
        wall_s: seconds by the clock.
        cpu_s: seconds that the core worked for this process, which others' work does not lengthen.
    """

    samples: int
    steps: int
    wall_s: float
    cpu_s: float


class Peer:
    """RecBole in a process of its own, which trains an epoch when asked."""

    def __init__(self, python: Path, log: Path, sizes: str) -> None:
        self._command = [str(python), str(WORKER), str(log), sizes]
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.facts: dict[str, Any] = self._answer()

    def epoch(self) -> Epoch:
        """Train one epoch."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return Epoch(**self._answer())

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise click.ClickException(
                f"the peer stopped; run it by hand to see why: {' '.join(self._command)}"
            )
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> Peer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()


def timed_stage(found: list[Epoch], after_epoch: Callable[[], None]) -> type[MlpStage]:
    """Return the MLP's stage with a clock that runs from an epoch's first loss to its end.

    ``train_recommender`` itself does the training, with all that it does in a step: seeding,
    negatives, loss, optimiser, progress and the look at Ctrl-C.
    """

    class TimedStage(MlpStage):
        started: tuple[float, float] | None = None
        samples = steps = 0

        def loss(self, rows: Tensor) -> Tensor:
            if self.started is None:
                self.started = time.perf_counter(), time.process_time()
                self.samples = self.steps = 0
            self.samples += len(rows) * (1 + NEGATIVES)
            self.steps += 1
            return super().loss(rows)

        def after_epoch(self) -> None:
            if self.started is not None:
                wall_s, cpu_s = self.started
                now = time.perf_counter() - wall_s, time.process_time() - cpu_s
                found.append(Epoch(self.samples, self.steps, *now))
                self.started = None
            after_epoch()
            super().after_epoch()

    return TimedStage


def contest(
    log: Path, folder: Path, purchases: int, rounds: int, peers: dict[str, Peer]
) -> dict[str, list[Epoch]]:
    """Train in turns, and return the epochs of each side; the first round is not counted."""
    ours = f"endcap mlp, {purchases:,} purchases a step"
    found: dict[str, list[Epoch]] = {name: [] for name in (ours, *peers)}

    def peers_turn() -> None:
        for name, peer in peers.items():
            found[name].append(peer.epoch())

    loop = {
        "epochs": rounds + 1,
        "patience": rounds + 1,
        "batch_size": purchases,
        "learning_rate": 0.001,
        "validation_cases": 1,
        "refit": False,
        "device": "cpu",
    }
    config = from_mapping(RecommenderConfig, {**SETTINGS, "training": loop})
    dataset = load_dataset(log, config.data)
    # The clock's owner calls after_epoch once before the first epoch, which warms the peers up.
    with patch.object(phases, "MlpStage", timed_stage(found[ours], peers_turn)):
        train_recommender(dataset, config, folder / f"run-{purchases}")
    return {name: epochs[-rounds:] for name, epochs in found.items()}


def write_logs(source: Path, folder: Path) -> tuple[Path, Path]:
    """Write ``u.data`` as a log for endcap and as one for RecBole; only the headers differ."""
    rows = source.read_text(encoding="ascii")
    ours, theirs = folder / "ratings.tsv", folder / "ratings" / "ratings.inter"
    theirs.parent.mkdir()
    ours.write_text("user_id\titem_id\trating\ttimestamp\n" + rows)
    theirs.write_text("user_id:token\titem_id:token\trating:float\ttimestamp:float\n" + rows)
    return ours, theirs


def show(found: dict[str, list[Epoch]]) -> None:
    """Print the median rates of a contest, and the ratios of the first side to the others."""
    rate = {
        name: statistics.median(epoch.samples / epoch.cpu_s for epoch in epochs)
        for name, epochs in found.items()
    }
    ours = next(iter(found))
    for name, epochs in found.items():
        by_clock = statistics.median(epoch.samples / epoch.wall_s for epoch in epochs)
        ratio = "" if name == ours else f"; endcap does {rate[ours] / rate[name]:.1f} times as many"
        print(
            f"{name:35} {rate[name]:9,.0f} samples/s of core time ({by_clock:9,.0f} by the clock), "
            f"{epochs[0].samples:,} samples in {epochs[0].steps} steps{ratio}"
        )


@click.command()
@click.option("--rounds", default=5, show_default=True, help="Epochs of each side that count.")
@click.option(
    "--log",
    type=click.Path(exists=True, path_type=Path),
    default="../shared/data/ml-100k/u.data",
    show_default=True,
    help="MovieLens-100K's u.data.",
)
@click.option(
    "--peer-python",
    type=click.Path(exists=True, path_type=Path),
    default="build/recbole/bin/python",
    show_default=True,
    help="Python of the environment that has benchmarks/peers-recbole.txt installed.",
)
def main(rounds: int, log: Path, peer_python: Path) -> None:
    """Print samples per second of both sides, and their ratio, at two sizes of our batch."""
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})  # the peers inherit it
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    peer_python = peer_python.absolute()  # not resolved: a venv's python is a link
    with tempfile.TemporaryDirectory() as name:
        ours, theirs = write_logs(log, Path(name))
        with Peer(peer_python, theirs, "default") as own, Peer(peer_python, theirs, "seed") as same:
            peers = {PEERS["default"]: own, PEERS["seed"]: same}
            sizes = f"{own.facts['weights']:,} weights, and {same.facts['weights']:,}"
            print(f"{own.facts['versions']} ({sizes}); one thread on core {core}", flush=True)
            for purchases in PURCHASES:
                show(contest(ours, Path(name), purchases, rounds, peers))
                sys.stdout.flush()


if __name__ == "__main__":
    main()

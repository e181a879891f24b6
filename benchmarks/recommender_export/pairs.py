"""The MLP's question: the exact top 10 of every shopper, beside the naive export."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.goal import hold
from benchmarks.recommender_export.drawn import (
    USERS,
    Feeds,
    K,
    asked_in_turn,
    drawn_mlp,
    drawn_requests,
)
from benchmarks.recommender_export.exactness import Agreement, agreement
from benchmarks.recommender_export.naive import Naive, graph_answer, naive_export
from benchmarks.turns import take_turns
from export.recommender import recommender_graph
from runtime.session import open_session

GOALS = {4_000: (4.0, 5.0), 20_000: (6.0, 8.0), 100_000: (9.0, 12.0)}
"""Items -> how many times as fast as the naive export to be, and how many at best."""
NAIVE, FP32, INT8 = "naive export", "endcap fp32", "endcap int8"


@dataclass(frozen=True)
class Found:
    """Milliseconds of each side's median answer, and how endcap's agree with the naive export's."""

    n_items: int
    ms: Mapping[str, float]
    agreements: Mapping[str, Agreement]


def measure(n_items: int, rounds: int) -> Found:
    """Ask all sides for ``rounds`` answers in turns, and compare the answers that were timed.

    Raises:
        ImportError: torch's exporter lacks a package.
    """
    model = drawn_mlp(n_items)
    with tempfile.TemporaryDirectory() as folder:
        naive = Naive(naive_export(model, Path(folder)), n_items)
    naive.hold_against(model)
    answerers: dict[str, Callable[[Feeds], np.ndarray]] = {NAIVE: naive.answer}
    for name, variant in ((FP32, "fp32"), (INT8, "int8")):
        session = open_session(recommender_graph(model, K, {}, variant), "cpu", 1)
        answerers[name] = partial(graph_answer, session)
    requests = drawn_requests(n_items, model.config.max_basket, baskets=False)
    answers: dict[str, dict[int, np.ndarray]] = {name: {} for name in answerers}

    def asked(name: str, number: int) -> None:
        answers[name][number % USERS] = answerers[name](asked_in_turn(requests, number))

    seconds = take_turns({name: partial(asked, name) for name in answerers}, rounds)
    users = sorted(answers[NAIVE])
    in_order = {name: [of_name[user] for user in users] for name, of_name in answers.items()}
    rows = [int(requests[user]["user"][0, 0]) for user in users]
    agreements = {
        name: agreement(model, rows, in_order[name], in_order[NAIVE]) for name in (FP32, INT8)
    }
    return Found(n_items, {name: 1000 * taken for name, taken in seconds.items()}, agreements)


def table(found: Found) -> list[str]:
    """Lay out a size's sides, each with its ratio to the naive export and its agreement."""
    base = found.ms[NAIVE]
    lines = [f"mlp, {found.n_items:,} items"]
    for name, ms in found.ms.items():
        said = f"  {found.agreements[name]}" if name in found.agreements else ""
        lines.append(f"  {name:14}{ms:9.3f} ms {base / ms:7.2f}x{said}")
    return lines


def goals(found: Found) -> list[str]:
    """Hold a size's figures against what was aimed at."""
    goal, stretch = GOALS[found.n_items]
    ratio = found.ms[NAIVE] / found.ms[INT8]
    what = f"mlp, {found.n_items:,} items, int8 beside the naive export"
    lines = [hold(what, ratio, goal), hold(f"{what}, stretch", ratio, stretch)]
    for name, agreed in found.agreements.items():
        said = f"mlp, {found.n_items:,} items, wrong answers of {name}"
        lines.append(hold(said, agreed.wrong, 0, at_most=True))
    return lines

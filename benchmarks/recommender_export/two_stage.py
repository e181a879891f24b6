"""The two-stage model's question: the top 10 in stock, beside implicit and a bare dot product."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.goal import hold
from benchmarks.recommender_export.bandwidth import read_bytes_per_s
from benchmarks.recommender_export.bare import bare_graph
from benchmarks.recommender_export.drawn import (
    DIM,
    Feeds,
    K,
    asked_in_turn,
    drawn_requests,
    drawn_two_stage,
)
from benchmarks.recommender_export.implicit_peer import Implicit
from benchmarks.turns import take_turns
from export.recommender import recommender_graph
from runtime.session import open_session

SIZES = (100_000, 1_000_000)
IMPLICIT, IN_STOCK, BARE = "implicit", "implicit, stock filter", "dot product + TopK"
STAGES = {"two stages": True, "retrieval alone": False}
VARIANTS = ("fp32", "int8")
TIMES_BARE, TIMES_READING = 1.5, 2.0


def side(variant: str, stages: str) -> str:
    """Name one of endcap's sides."""
    return f"endcap {variant}, {stages}"


@dataclass(frozen=True)
class Found:
    """What was measured of one size.

    Attributes:
        n_items: the catalogue's size.
        ms: milliseconds of each side's median answer.
        reading_ms: milliseconds to read the float32 item vectors once; None where not measured.
    """

    n_items: int
    ms: Mapping[str, float]
    reading_ms: float | None = None


def measure(n_items: int, rounds: int, *, reading: bool) -> Found:
    """Ask all sides for ``rounds`` answers in turns.

    Raises:
        ImportError: implicit is not installed.
    """
    sides: dict[str, Callable[[Feeds], object]] = {}
    for stages, ranks in STAGES.items():
        model = drawn_two_stage(n_items, ranks=ranks)
        for variant in VARIANTS:
            session = open_session(recommender_graph(model, K, {}, variant), "cpu", 1)
            sides[side(variant, stages)] = partial(session.run, outputs=["item"])
    vectors = model.item_vectors().detach().numpy()[1:]
    requests = drawn_requests(n_items, model.config.max_basket, baskets=True)
    implicit = Implicit(n_items, vectors)
    sides[IMPLICIT] = implicit.answer
    barred = {
        id(one["allowed"]): np.flatnonzero(~one["allowed"][0, 1:]).astype(np.int32)
        for one in requests
    }
    sides[IN_STOCK] = lambda one: implicit.answer_in_stock(one, barred[id(one["allowed"])])
    bare = open_session(bare_graph(vectors), "cpu", 1)
    query = {"query": vectors[:1].copy()}
    sides[BARE] = lambda _: bare.run(query, ["item"])

    def asked(answer: Callable[[Feeds], object], number: int) -> object:
        return answer(asked_in_turn(requests, number))

    seconds = take_turns({name: partial(asked, one) for name, one in sides.items()}, rounds)
    ms = {name: 1000 * taken for name, taken in seconds.items()}
    if not reading:
        return Found(n_items, ms)
    return Found(n_items, ms, 1000 * n_items * DIM * 4 / read_bytes_per_s())


def table(found: Found) -> list[str]:
    """Lay out a size's sides, each with its ratio to implicit and to the bare dot product."""
    lines = [f"two-stage, {found.n_items:,} items, {DIM} numbers a vector"]
    for name, ms in found.ms.items():
        ratio, times = found.ms[IMPLICIT] / ms, ms / found.ms[BARE]
        lines.append(f"  {name:30}{ms:9.3f} ms {ratio:7.2f}x {times:7.2f} of the bare graph's")
    if found.reading_ms is not None:
        gigabytes = found.n_items * DIM * 4 / 1e9
        rate = 1000 * gigabytes / found.reading_ms
        lines.append(
            f"  {'reading the vectors once':30}{found.reading_ms:9.3f} ms "
            f"({gigabytes:.2f} GB at {rate:.1f} GB/s)"
        )
    return lines


def goals(found: Found) -> list[str]:
    """Hold a size's figures against what was aimed at, for every variant and both stages."""
    lines = []
    for stages in STAGES:
        for variant in VARIANTS:
            ms = found.ms[side(variant, stages)]
            what = f"two-stage, {found.n_items:,} items, {variant}, {stages}"
            lines.append(hold(f"{what}, beside implicit", found.ms[IMPLICIT] / ms, 1.0))
            if found.reading_ms is None:
                times = ms / found.ms[BARE]
                lines.append(hold(f"{what}, times the bare graph", times, TIMES_BARE, at_most=True))
            else:
                times = ms / found.reading_ms
                what = f"{what}, times reading the vectors"
                lines.append(hold(what, times, TIMES_READING, at_most=True))
    return lines

"""What it costs to open a graph of a million items and default sizes, in a fresh process each."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.goal import hold
from benchmarks.recommender_export.drawn import K, drawn_mlp, drawn_two_stage
from export.recommender import recommender_graph
from runtime.session_cost import session_cost
from trainer.recommender.config import TwoStageConfig
from trainer.recommender.mlp import Mlp
from trainer.recommender.two_stage import TwoStage

N_ITEMS = 1_000_000
PROCESSES = 3
MOST_MS, MOST_TIMES = 1000.0, 2.0
MODELS: dict[str, Callable[[int], Mlp | TwoStage]] = {
    "two-stage": lambda n_items: drawn_two_stage(n_items, ranks=True, dim=TwoStageConfig().dim),
    "mlp": drawn_mlp,
}
VARIANTS = ("fp32", "fp16", "int8")
HELD_TO_GOALS = ("fp32", "int8")  # fp16 is widened when it is opened on a CPU; it is for CUDA
MOST_OF_FP32 = 0.30  # an int8 file's share


@dataclass(frozen=True)
class Loaded:
    """One graph: its file, the median time to open it, and the memory it then holds."""

    arch: str
    variant: str
    file_bytes: int
    load_ms: float
    resident_bytes: int | None

    @property
    def name(self) -> str:
        """Arch and variant."""
        return f"{self.arch} {self.variant}"


def measure(arch: str, variant: str, n_items: int = N_ITEMS) -> Loaded:
    """Open a graph in three fresh processes, one thread each."""
    graph = recommender_graph(MODELS[arch](n_items), K, {}, variant)
    costs = [session_cost("recommender", variant, graph, "cpu", 1) for _ in range(PROCESSES)]
    held = [cost.resident_bytes for cost in costs if cost.resident_bytes is not None]
    return Loaded(
        arch,
        variant,
        len(graph),
        statistics.median(cost.load_ms for cost in costs),
        round(statistics.median(held)) if held else None,
    )


def line(found: Loaded) -> str:
    """Lay a graph out in a line."""
    held = "unknown"
    if found.resident_bytes is not None:
        times = found.resident_bytes / found.file_bytes
        held = f"{found.resident_bytes / 1e6:7.1f} MB, {times:.2f} of the file"
    return f"  {found.name:16}{found.file_bytes / 1e6:8.1f} MB {found.load_ms:8.0f} ms  {held}"


def goals(found: Sequence[Loaded]) -> list[str]:
    """Hold the graphs of one arch against what was aimed at."""
    lines = []
    by_variant = {one.variant: one for one in found}
    for one in (by_variant[variant] for variant in HELD_TO_GOALS):
        what = f"{one.name}, 1,000,000 items"
        lines.append(hold(f"{what}, ms to open", one.load_ms, MOST_MS, at_most=True))
        if one.resident_bytes is not None:
            times = one.resident_bytes / one.file_bytes
            lines.append(hold(f"{what}, memory beside the file", times, MOST_TIMES, at_most=True))
    share = by_variant["int8"].file_bytes / by_variant["fp32"].file_bytes
    what = f"{found[0].arch} int8, 1,000,000 items, file beside fp32's"
    return [*lines, hold(what, share, MOST_OF_FP32, at_most=True)]

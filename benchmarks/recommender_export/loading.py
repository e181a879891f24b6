"""What it costs to open a graph of a million items, in a fresh process each."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.goal import hold
from benchmarks.recommender_export.drawn import K, drawn_mlp, drawn_two_stage
from export.recommender import recommender_graph
from runtime.session_cost import session_cost
from trainer.recommender.mlp import Mlp
from trainer.recommender.two_stage import TwoStage

N_ITEMS = 1_000_000
PROCESSES = 3
LEAST_MS, LEAST_TIMES = 1000.0, 2.0
MODELS: dict[str, Callable[[int], Mlp | TwoStage]] = {
    "two-stage": lambda n_items: drawn_two_stage(n_items, ranks=True),
    "mlp": drawn_mlp,
}
VARIANTS = ("fp32", "fp16", "int8")


@dataclass(frozen=True)
class Loaded:
    """One graph: its file, the median time to open it, and the memory it then holds."""

    name: str
    file_bytes: int
    load_ms: float
    resident_bytes: int | None


def measure(arch: str, variant: str, n_items: int = N_ITEMS) -> Loaded:
    """Open a graph in three fresh processes, one thread each."""
    graph = recommender_graph(MODELS[arch](n_items), K, {}, variant)
    costs = [session_cost("recommender", variant, graph, "cpu", 1) for _ in range(PROCESSES)]
    held = [cost.resident_bytes for cost in costs if cost.resident_bytes is not None]
    return Loaded(
        f"{arch} {variant}",
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


def goals(found: Loaded) -> list[str]:
    """Hold a graph's costs against what was aimed at."""
    what = f"{found.name}, 1,000,000 items"
    lines = [hold(f"{what}, ms to open", found.load_ms, LEAST_MS, at_most=True)]
    if found.resident_bytes is not None:
        times = found.resident_bytes / found.file_bytes
        lines.append(hold(f"{what}, memory beside the file", times, LEAST_TIMES, at_most=True))
    return lines

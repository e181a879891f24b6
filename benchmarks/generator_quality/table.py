"""The table of a duel, and its goals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.generator_quality.duel import FLOOR, OURS, SEED
from benchmarks.quality.goals import Goal, Results, goals_table
from benchmarks.quality.result import Result, markdown

COLUMNS = {
    "frechet": "Fréchet",
    "kernel": "kernel",
    "precision": "precision",
    "recall": "recall",
    "density": "density",
    "coverage": "coverage",
    "nearest_training": "nearest",
    "asked_category": "asked category",
    "trained_on": "trained on it",
    "epochs": "epochs",
    "minutes": "minutes",
}


def results(found: Sequence[Mapping[str, Any]]) -> list[Result]:
    """Gather the rows of duels under several seeds."""
    labels = [label for label in found[0] if label != "facts"]
    return [Result(label, tuple(one[label] for one in found), ()) for label in labels]


def duel_table(found: Sequence[Mapping[str, Any]]) -> str:
    """Spell what was compared, and a row for the floor, the seed preset and ours."""
    facts = found[0]["facts"]
    accuracy = facts["classifier_accuracy"]
    lines = [
        f"{facts['samples']:,} pictures each against {facts['held_out_pictures']:,} held-out ones "
        f"({facts['held_out']}); {facts['training_pictures']:,} were trained on; "
        f"seeds: {len(found)}",
        "",
        f"Features: {facts['features']}; it is right about {accuracy['training']:.1%} of training "
        f"and {accuracy['held_out']:.1%} of held-out pictures.",
        "",
    ]
    rows = [[row.label, *(_cell(row, name) for name in COLUMNS)] for row in results(found)]
    return "\n".join(lines) + "\n" + markdown(["", *COLUMNS.values()], rows)


def _cell(row: Result, name: str) -> str:
    if row.scores[0].get(name) is None:
        return ""
    if name in ("epochs", "minutes"):
        return f"{row.mean(name):.1f}".removesuffix(".0")
    return row.spelled(name)


def share_of(label: str, most: float, name: str) -> Goal:
    """Want our Fréchet distance to be at most a share of another row's, averaged over the seeds."""

    def measure(rows: Results) -> tuple[str, bool]:
        share = rows[OURS].mean("frechet") / rows[label].mean("frechet")
        return f"{share:.3f} times", share <= most

    return Goal(f"{name} <= {most:g} times that of {label}", measure)


def at_least(metric: str, least: float) -> Goal:
    """Want one of our figures to reach a level; the floor's stands beside it."""

    def measure(rows: Results) -> tuple[str, bool]:
        reached, floor = rows[OURS].mean(metric), rows[FLOOR].mean(metric)
        return f"{reached:.4f} ({FLOOR} {floor:.4f})", reached >= least

    return Goal(f"{COLUMNS[metric]} >= {least:g}", measure)


LEVELS = (
    at_least("trained_on", 0.80),
    at_least("asked_category", 0.95),
    at_least("coverage", 0.75),
)

GOALS: dict[str, tuple[Goal, ...]] = {
    "fashion-mnist": (
        share_of(SEED, 0.40, "Fréchet distance"),
        share_of(FLOOR, 4.0, "Fréchet distance"),
        *LEVELS,
    ),
    "product-images": (
        share_of(SEED, 0.50, "Fréchet distance"),
        share_of(FLOOR, 10.0, "Fréchet distance"),
        *LEVELS,
    ),
}


def goals_of(name: str, found: Sequence[Mapping[str, Any]]) -> str:
    """Hold a collection's goals against what was found."""
    return goals_table(GOALS[name], results(found))

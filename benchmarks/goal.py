"""A figure beside what it was to be, in one line."""

from __future__ import annotations


def hold(what: str, value: float, goal: float, *, at_most: bool = False) -> str:
    """Say whether ``value`` is at least (or at most) ``goal``."""
    met = value <= goal if at_most else value >= goal
    sign = "<=" if at_most else ">="
    return f"{what}: {value:.2f}, goal {sign} {goal:g}: {'met' if met else 'NOT met'}"

"""Turns and goals, which every export benchmark shares."""

from __future__ import annotations

import pytest

from benchmarks import turns
from benchmarks.goal import hold
from benchmarks.turns import take_turns


def test_medians_are_of_counted_runs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(turns.time, "process_time", lambda: now[0])
    asked: list[tuple[str, int]] = []

    def side(name: str, seconds: list[float]) -> object:
        def answer(number: int) -> None:
            asked.append((name, number))
            now[0] += seconds[number]

        return answer

    sides = {"a": side("a", [90, 1, 5, 2]), "b": side("b", [90, 7, 7, 7])}
    assert take_turns(sides, rounds=3) == {"a": 2, "b": 7}  # type: ignore[arg-type]
    assert [name for name, _ in asked] == list("abbaabba")
    assert [number for _, number in asked] == [0, 0, 1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize(
    ("value", "at_most", "verdict"),
    [
        (3.0, False, "n: 3.00, goal >= 3: met"),
        (2.99, False, "n: 2.99, goal >= 3: NOT met"),
        (3.0, True, "n: 3.00, goal <= 3: met"),
        (3.01, True, "n: 3.01, goal <= 3: NOT met"),
        (float("nan"), False, "n: nan, goal >= 3: NOT met"),
    ],
)
def test_a_goal_is_met_at_the_goal(value: float, at_most: bool, verdict: str) -> None:
    assert hold("n", value, 3, at_most=at_most) == verdict

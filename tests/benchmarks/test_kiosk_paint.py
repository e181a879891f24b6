"""What the benchmark of the kiosk page says of what it measured."""

from __future__ import annotations

from benchmarks.serving.kiosk_paint import Paint, told


def test_medians_and_the_goal_beside_them() -> None:
    line = told("warm", [Paint(100.0, 900.0), Paint(499.0, 1000.0), Paint(700.0, 5000.0)])
    assert "499 ms (100 to 700), goal < 500 ms: met" in line
    assert line.endswith("all pictures in view   1000 ms")


def test_a_goal_that_is_missed() -> None:
    assert "goal < 500 ms: missed" in told("cold", [Paint(500.0, 900.0)])

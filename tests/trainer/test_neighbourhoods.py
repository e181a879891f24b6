"""Precision, recall, density and coverage against points on a line and naive loops."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.generator import neighbourhoods
from trainer.generator.neighbourhoods import Neighbourhoods, compare_neighbourhoods, nearest


def line(*places: float) -> np.ndarray:
    return np.array(places, np.float64)[:, None]


def test_points_on_a_line_by_hand() -> None:
    real = line(0, 1, 3, 10)  # reach to the nearest other: 1, 1, 2, 7
    generated = line(0.5, 4, 40)  # 3.5, 3.5, 36
    # 0.5 lies in the balls of 0 and 1, not of 3; 4 in those of 3 and 10; 40 in none.
    # 0, 1, 3 and 10 lie within 3.5 of 0.5, 0.5, 0.5 (or 4) and 36 of 40.
    found = compare_neighbourhoods(real, generated, k=1)
    assert found == Neighbourhoods(precision=2 / 3, recall=1.0, density=4 / 3, coverage=1.0)


def test_a_second_neighbour_by_hand() -> None:
    real = line(0, 1, 3, 10)  # reach to the second other: 3, 2, 3, 9
    generated = line(-4, -3, 100)  # 104, 103, 104
    # -3 lies in the ball of 0 alone; everything real lies within 104 of -4.
    found = compare_neighbourhoods(real, generated, k=2)
    assert found == Neighbourhoods(precision=1 / 3, recall=1.0, density=1 / 6, coverage=1 / 4)


def naive(real: np.ndarray, generated: np.ndarray, k: int) -> Neighbourhoods:
    def reach(points: np.ndarray, i: int) -> float:
        others = [np.linalg.norm(points[i] - p) for j, p in enumerate(points) if j != i]
        return float(sorted(others)[k - 1])

    def inside(balls: np.ndarray, i: int, point: np.ndarray) -> bool:
        return bool(np.linalg.norm(balls[i] - point) <= reach(balls, i))

    n, m = len(real), len(generated)
    of_real = [[inside(real, i, generated[j]) for j in range(m)] for i in range(n)]
    of_generated = [[inside(generated, j, real[i]) for j in range(m)] for i in range(n)]
    return Neighbourhoods(
        precision=sum(any(of_real[i][j] for i in range(n)) for j in range(m)) / m,
        recall=sum(any(row) for row in of_generated) / n,
        density=sum(map(sum, of_real)) / (k * m),
        coverage=sum(any(row) for row in of_real) / n,
    )


@pytest.mark.parametrize("block", [1, 2, 1024])
@pytest.mark.parametrize("k", [1, 5])
def test_blocks_give_what_naive_loops_give(
    block: int, k: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbourhoods, "BLOCK", block)
    rng = np.random.default_rng(k)
    real, generated = rng.standard_normal((23, 3)), 1.5 * rng.standard_normal((17, 3)) + 0.3
    found, wanted = compare_neighbourhoods(real, generated, k), naive(real, generated, k)
    for name in ("precision", "recall", "density", "coverage"):
        assert getattr(found, name) == pytest.approx(getattr(wanted, name)), name
        assert getattr(found, name) > 0


def test_one_distribution_is_covered_as_expected() -> None:
    """For equal sample sizes n, coverage tends to 1 - 2^-k and density to 1 (Naeem et al., 3.3)."""
    rng = np.random.default_rng(5)
    real, generated = rng.standard_normal((2, 3000, 4))
    found = compare_neighbourhoods(real, generated, k=5)
    assert found.coverage == pytest.approx(1 - 2**-5, abs=0.015)
    assert found.density == pytest.approx(1, abs=0.05)


def test_a_collapsed_generator_is_precise_and_covers_next_to_nothing() -> None:
    rng = np.random.default_rng(6)
    real = rng.standard_normal((500, 8))
    collapsed = np.repeat(real[:1] * 0.1, 500, axis=0)
    found = compare_neighbourhoods(real, collapsed, k=5)
    assert found.precision == 1
    assert found.recall == 0
    assert found.coverage < 0.1
    # The same figures upside down: far away, nothing is precise.
    far = compare_neighbourhoods(real, real + 100, k=5)
    assert (far.precision, far.recall, far.density, far.coverage) == (0, 0, 0, 0)


def test_nearest_is_in_order_and_ties_go_to_the_lower_row() -> None:
    rows, distances = nearest(line(2, 9), line(3, 8, 1, 2.5), k=3)
    assert rows.tolist() == [[3, 0, 2], [1, 0, 3]]
    assert distances.tolist() == [[0.5, 1, 1], [1, 6, 6.5]]

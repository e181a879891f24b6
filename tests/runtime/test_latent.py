"""Latents against numpy drawn value by value, and paths against the closed form in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from runtime.errors import UnusableInput
from runtime.latent import Latents, draw_latents, spherical_path


def redrawn_one_by_one(seed: int, n: int, z_dim: int, truncation: float) -> np.ndarray:
    """Draw again as the definition says it: one value after the other, until it is within."""
    bits = np.random.PCG64(seed)
    again = np.random.Generator(bits.jumped())
    first = np.random.Generator(bits)
    z = np.empty((n, z_dim), np.float32)
    for place in np.ndindex(n, z_dim):
        value = first.standard_normal(dtype=np.float32)
        while abs(float(value)) > truncation:
            value = again.standard_normal(dtype=np.float32)
        z[place] = value
    return z


def test_latents_of_a_seed_are_fixed() -> None:
    """Figures of numpy's PCG64, stated here so that no version may change them silently."""
    z = draw_latents(7, 2, 3)
    assert z.dtype == np.float32
    expected = [[1.5219693, -1.1441058, 1.1501616], [-1.7846532, -0.77149874, 1.0191615]]
    np.testing.assert_array_equal(z, np.array(expected, np.float32))
    np.testing.assert_array_equal(draw_latents(7, 5, 3)[:2], z)
    np.testing.assert_array_equal(Latents(n=2, seed=7).draw(3), z)


def test_truncated_latents_of_a_seed_are_fixed() -> None:
    """What is within 1.1 stays, the rest is the jumped PCG64's; figures of redrawn_one_by_one."""
    figures = [[-0.3120319, -0.9672646, -0.8968791], [-0.23912571, -0.77149874, 1.0191615]]
    expected = np.array(figures, np.float32)
    np.testing.assert_array_equal(draw_latents(7, 2, 3, 1.1), expected)
    np.testing.assert_array_equal(redrawn_one_by_one(7, 2, 3, 1.1), expected)


@pytest.mark.parametrize(
    ("n", "z_dim", "truncation"),
    # 0.01 keeps 1 in 125: more than one block of redrawn values is needed
    [(3, 5, 2.0), (7, 100, 1), (16, 100, 0.5), (7, 100, 0.01), (1, 1, 0.001)],
)
def test_values_beyond_are_drawn_again(n: int, z_dim: int, truncation: float) -> None:
    z = draw_latents(11, n, z_dim, truncation)
    assert (z.dtype, z.shape) == (np.float32, (n, z_dim))
    np.testing.assert_array_equal(z, redrawn_one_by_one(11, n, z_dim, truncation))


@pytest.mark.parametrize("truncation", [0.5, 1.0, 2.0])
def test_what_is_within_keeps_its_place(truncation: float) -> None:
    plain, truncated = draw_latents(3, 40, 25), draw_latents(3, 40, 25, truncation)
    within = np.abs(plain) <= truncation
    assert 0.3 < within.mean() < 0.97
    np.testing.assert_array_equal(truncated[within], plain[within])
    assert np.abs(truncated).max() <= truncation
    np.testing.assert_array_equal(draw_latents(3, 9, 25, truncation), truncated[:9])


@pytest.mark.parametrize("truncation", [10, 1e6, 1e300])
def test_a_limit_that_nothing_reaches_changes_nothing(truncation: float) -> None:
    np.testing.assert_array_equal(draw_latents(5, 30, 20, truncation), draw_latents(5, 30, 20))


@pytest.mark.parametrize("truncation", [0.25, 1.0, 2.0])
def test_truncated_values_have_the_deviation_of_a_truncated_normal(truncation: float) -> None:
    z = draw_latents(1, 400, 100, truncation).astype(np.float64)
    mass = math.erf(truncation / math.sqrt(2))
    density = math.exp(-(truncation**2) / 2) / math.sqrt(2 * math.pi)
    variance = 1 - 2 * truncation * density / mass  # of a standard normal cut at both sides
    assert z.var() == pytest.approx(variance, rel=0.02)
    assert abs(z.mean()) < 4 * math.sqrt(variance / z.size)


def closed_form(start: np.ndarray, end: np.ndarray, n: int) -> np.ndarray:
    """Slerp as White, 2016, writes it: the angle is that between the normalised ends."""
    low, high = start.astype(np.float64), end.astype(np.float64)
    omega = math.acos(np.dot(low / math.sqrt(low @ low), high / math.sqrt(high @ high)))
    return np.array(
        [
            math.sin((1 - t) * omega) / math.sin(omega) * low
            + math.sin(t * omega) / math.sin(omega) * high
            for t in (step / (n - 1) for step in range(n))
        ]
    )


@pytest.mark.parametrize("z_dim", [2, 8, 100])
@pytest.mark.parametrize("n", [2, 3, 10])
def test_path_is_the_closed_form(n: int, z_dim: int) -> None:
    start, end = draw_latents(7, 1, z_dim)[0], draw_latents(8, 1, z_dim)[0]
    path = spherical_path(start, end, n)
    assert (path.dtype, path.shape) == (np.float32, (n, z_dim))
    np.testing.assert_allclose(path, closed_form(start, end, n), rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(path[0], start)
    np.testing.assert_array_equal(path[-1], end)
    np.testing.assert_array_equal(Latents(n, 7, interpolate=8).draw(z_dim), path)


def test_path_between_axes_is_the_quarter_circle() -> None:
    path = spherical_path(np.float32([2, 0]), np.float32([0, 2]), 4)
    turns = np.radians([0, 30, 60, 90])
    expected = 2 * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    np.testing.assert_allclose(path, expected, atol=1e-6)


@pytest.mark.parametrize("angle", [1e-7, 1e-5, 1e-3, math.pi - 1e-3, math.pi - 1e-5])
def test_path_is_precise_where_the_arc_cosine_is_not(angle: float) -> None:
    end = np.float32([math.cos(angle), math.sin(angle)])
    path = spherical_path(np.float32([1, 0]), end, 5)
    turns = np.linspace(0, math.atan2(end[1], end[0]), 5)
    np.testing.assert_allclose(path, np.stack([np.cos(turns), np.sin(turns)], axis=1), atol=1e-4)


@pytest.mark.parametrize(
    ("start", "end", "middle"),
    [
        ([1.5, -2], [1.5, -2], [1.5, -2]),  # equal
        ([1, 2], [3, 6], [2, 4]),  # the same way
        ([1, 2], [-1, -2], [0, 0]),  # opposite ways
        ([1, 2], [-3, -6], [-1, -2]),
        ([0, 0], [2, 4], [1, 2]),
        ([1, 2], [0, 0], [0.5, 1]),
        ([0, 0], [0, 0], [0, 0]),
        ([3], [-1], [1]),  # in one dimension there are no other ways
    ],
)
def test_path_without_an_arc_is_straight(
    start: list[float], end: list[float], middle: list[float]
) -> None:
    path = spherical_path(np.float32(start), np.float32(end), 3)
    np.testing.assert_array_equal(path, np.float32([start, middle, end]))


def test_path_of_one_is_its_start() -> None:
    z = draw_latents(7, 1, 6)
    np.testing.assert_array_equal(Latents(1, 7, interpolate=8).draw(6), z)


def test_path_from_a_seed_to_itself_stays() -> None:
    z = draw_latents(7, 1, 100)
    np.testing.assert_array_equal(Latents(9, 7, interpolate=7).draw(100), np.repeat(z, 9, axis=0))


def test_ends_of_a_path_are_truncated() -> None:
    path = Latents(5, 7, truncation=0.8, interpolate=8).draw(50)
    np.testing.assert_array_equal(path[0], redrawn_one_by_one(7, 1, 50, 0.8)[0])
    np.testing.assert_array_equal(path[-1], redrawn_one_by_one(8, 1, 50, 0.8)[0])
    np.testing.assert_allclose(path, closed_form(path[0], path[-1], 5), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n": 0}, "n is 0; it must be a whole number from 1 to 4096"),
        ({"n": 4097}, "n is 4097"),
        ({"n": True}, "n is True"),
        ({"seed": -1}, "seed is -1; it must be a whole number from 0"),
        ({"seed": 2**128}, f"seed is {2**128}"),
        ({"seed": False}, "seed is False"),
        ({"seed": 1.0}, "seed is 1.0"),
        ({"interpolate": -1}, "interpolate is -1"),
        ({"interpolate": "8"}, "interpolate is '8'"),
        ({"truncation": 0}, "truncation is 0; it must be a number of at least 0.001, such as 0.8"),
        ({"truncation": -1.0}, "truncation is -1.0"),
        ({"truncation": 1e-9}, "truncation is 1e-09"),
        ({"truncation": math.nan}, "truncation is nan"),
        ({"truncation": math.inf}, "truncation is inf"),
        ({"truncation": True}, "truncation is True"),
        ({"truncation": "1"}, "truncation is '1'"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UnusableInput) as caught:
        Latents(**options)
    assert str(caught.value).startswith(said)


def test_the_largest_options_work() -> None:
    assert Latents(4096, 2**128 - 1, 0.5).draw(1).shape == (4096, 1)

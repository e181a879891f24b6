"""Fréchet and kernel distance against closed forms, another root and naive loops."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.generator import distances
from trainer.generator.distances import frechet_distance, gaussian_distance, kernel_distance


def covariance(rng: np.random.Generator, d: int) -> np.ndarray:
    a = rng.standard_normal((d, 2 * d))
    return a @ a.T / (2 * d)


def test_gaussians_with_diagonal_covariances_have_a_closed_form() -> None:
    mean_a, mean_b = np.array([1.0, 2.0, 0.0]), np.array([1.0, 0.0, -1.0])
    variance_a, variance_b = np.array([4.0, 9.0, 0.0]), np.array([1.0, 9.0, 16.0])
    # |(0, 2, 1)|^2 + (2 - 1)^2 + (3 - 3)^2 + (0 - 4)^2
    found = gaussian_distance(mean_a, np.diag(variance_a), mean_b, np.diag(variance_b))
    assert found == pytest.approx(5 + 1 + 0 + 16)


def test_covariances_that_commute_compare_by_their_eigenvalues() -> None:
    rng = np.random.default_rng(0)
    basis, _ = np.linalg.qr(rng.standard_normal((5, 5)))
    one, two = np.arange(1.0, 6.0), np.array([3.0, 0.5, 2.0, 8.0, 1.0])
    a, b = ((basis * values) @ basis.T for values in (one, two))
    wanted = ((np.sqrt(one) - np.sqrt(two)) ** 2).sum()
    assert gaussian_distance(np.zeros(5), a, np.zeros(5), b) == pytest.approx(wanted)


def test_covariances_that_do_not_commute_compare_by_the_root_of_their_product() -> None:
    rng = np.random.default_rng(1)
    a, b = covariance(rng, 6), covariance(rng, 6)
    assert not np.allclose(a @ b, b @ a)
    root, inverse = a @ b, np.eye(6)
    for _ in range(20):  # Denman and Beavers' iteration for the root of the unsymmetric product
        root, inverse = (root + np.linalg.inv(inverse)) / 2, (inverse + np.linalg.inv(root)) / 2
    np.testing.assert_allclose(root @ root, a @ b, atol=1e-9)
    wanted = np.trace(a) + np.trace(b) - 2 * np.trace(root)
    assert gaussian_distance(np.zeros(6), a, np.zeros(6), b) == pytest.approx(wanted)
    assert wanted > 0.1


def test_two_by_two_covariances_have_a_closed_form() -> None:
    a, b = np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([[1.0, -0.5], [-0.5, 0.5]])
    # tr(root(M))^2 = tr M + 2 root(det M) for 2 x 2 M = A B
    product = a @ b
    root = np.sqrt(np.trace(product) + 2 * np.sqrt(np.linalg.det(product)))
    wanted = 5 + 1.5 - 2 * root
    assert gaussian_distance(np.zeros(2), a, np.zeros(2), b) == pytest.approx(wanted)


def test_frechet_distance_takes_means_and_unbiased_covariances() -> None:
    a = np.array([[0.0, 0.0], [2.0, 0.0]])  # variances 2 and 0
    b = np.array([[5.0, 1.0], [5.0, 3.0], [5.0, 5.0]])  # variances 0 and 4
    assert frechet_distance(a, b) == pytest.approx(16 + 9 + 2 + 4)


def test_a_sample_is_no_distance_from_itself_even_with_fewer_pictures_than_numbers() -> None:
    a = np.random.default_rng(2).standard_normal((5, 40))
    assert frechet_distance(a, a[::-1]) == pytest.approx(0, abs=1e-9)


def naive_kernel_distance(a: np.ndarray, b: np.ndarray) -> float:
    def kernel(x: np.ndarray, y: np.ndarray) -> float:
        return float((x @ y / len(x) + 1) ** 3)

    def within(s: np.ndarray) -> float:
        pairs = [kernel(x, y) for i, x in enumerate(s) for j, y in enumerate(s) if i != j]
        return sum(pairs) / len(pairs)

    between = [kernel(x, y) for x in a for y in b]
    return within(a) + within(b) - 2 * sum(between) / len(between)


@pytest.mark.parametrize("block", [1, 4, 100])
def test_kernel_distance_is_the_naive_double_loop(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distances, "BLOCK", block)
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((9, 4)), rng.standard_normal((13, 4)) + 0.5
    assert kernel_distance(a, b) == pytest.approx(naive_kernel_distance(a, b))


def test_kernel_distance_by_hand() -> None:
    a, b = np.array([[0.0], [1.0]]), np.array([[1.0], [2.0]])
    # within a: (0 + 1)^3 = 1; within b: (2 + 1)^3 = 27; between: 1, 1, 8 and 27
    assert kernel_distance(a, b) == pytest.approx(1 + 27 - 2 * 37 / 4)


def test_kernel_distance_of_one_distribution_is_0_on_average() -> None:
    rng = np.random.default_rng(4)
    same = [
        kernel_distance(rng.standard_normal((40, 3)), rng.standard_normal((60, 3)))
        for _ in range(200)
    ]
    error = np.std(same) / np.sqrt(len(same))
    assert abs(np.mean(same)) < 4 * error
    assert min(same) < 0 < max(same)
    other = kernel_distance(rng.standard_normal((40, 3)), rng.standard_normal((60, 3)) + 1)
    assert other > max(same)

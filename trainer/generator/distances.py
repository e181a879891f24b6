"""How far apart two sets of pictures are as a whole: Fréchet and kernel distance of features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float64]

BLOCK = 1024  # rows compared at a time: 10,000 x 10,000 numbers are never held together


def frechet_distance(a: Features, b: Features) -> float:
    """Compare two samples by the Gaussians fitted to them.

    |mean difference|^2 + tr(A + B - 2 (A B)^(1/2)), the squared Wasserstein-2 distance of the two
    Gaussians: "FID" of Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a
    Local Nash Equilibrium" (NeurIPS 2017). Small samples make it larger, so only figures of equal
    sample sizes compare.

    Args:
        a: float64 [n, d], n of at least 2.
        b: float64 [m, d], m of at least 2.
    """
    return gaussian_distance(a.mean(0), _covariance(a), b.mean(0), _covariance(b))


def gaussian_distance(
    mean_a: Features, covariance_a: Features, mean_b: Features, covariance_b: Features
) -> float:
    """Give the squared Wasserstein-2 distance of two Gaussians; means [d], covariances [d, d].

    The trace of (A B)^(1/2) is the sum of the singular values of A^(1/2) B^(1/2). Both roots are
    symmetric, so no complex arithmetic is needed; and where a covariance is singular, rounding
    errors of 1e-16 stay as small, which a root of the product's eigenvalues would make 1e-8.
    """
    overlap = np.linalg.svd(_root(covariance_a) @ _root(covariance_b), compute_uv=False).sum()
    trace = np.trace(covariance_a) + np.trace(covariance_b)
    return float(((mean_a - mean_b) ** 2).sum() + trace - 2 * overlap)


def kernel_distance(a: Features, b: Features) -> float:
    """Give the unbiased squared maximum mean discrepancy under the kernel (x.y / d + 1)^3.

    "KID" of Bińkowski et al., "Demystifying MMD GANs" (ICLR 2018), over all pairs rather than an
    average over subsets. 0 in expectation for one distribution, so it can be slightly negative.

    Args:
        a: float64 [n, d], n of at least 2.
        b: float64 [m, d], m of at least 2.
    """
    n, m = len(a), len(b)
    return (
        _kernel_sum(a, a, own=True) / (n * (n - 1))
        + _kernel_sum(b, b, own=True) / (m * (m - 1))
        - 2 * _kernel_sum(a, b, own=False) / (n * m)
    )


def _kernel_sum(a: Features, b: Features, *, own: bool) -> float:
    """Sum the kernel over all pairs; without each row's pair with itself when they are one set."""
    d, total = a.shape[1], 0.0
    for first in range(0, len(a), BLOCK):
        total += float(((a[first : first + BLOCK] @ b.T / d + 1) ** 3).sum())
    if own:
        total -= float((((a**2).sum(1) / d + 1) ** 3).sum())
    return total


def _covariance(a: Features) -> Features:
    centred = a - a.mean(0)
    return centred.T @ centred / (len(a) - 1)


def _root(covariance: Features) -> Features:
    values, vectors = np.linalg.eigh(covariance)
    root: Features = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root

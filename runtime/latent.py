"""Latents: what a seed turns into, truncated where asked, and the path between two seeds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from runtime.errors import UnusableInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_IMAGES = 4096
MIN_TRUNCATION = 0.001  # keeps 1 value in 1,250; below it, redrawing costs more than the picture
_SEED_BITS = (
    128  # what numpy's SeedSequence mixes; it also keeps a seed short enough for file names
)
_REDRAWN_VALUES = 1 << 16  # drawn at a time; it bounds memory and does not change the result
_MIN_SINE = 1e-6  # nearer than this to parallel or opposite, a path on the sphere is not defined


@dataclass(frozen=True)
class Latents:
    """Which latents to draw.

    Attributes:
        n: how many, 1 to 4096.
        seed: a whole number from 0 to 2**128 - 1.
        truncation: values beyond plus or minus this are drawn again, at least 0.001; None for none.
        interpolate: seed of the far end of a path that starts at ``seed``; None for no path.

    Raises:
        UnusableInput: one of them is out of range or no number.
    """

    n: int = 16
    seed: int = 7
    truncation: float | None = None
    interpolate: int | None = None

    def __post_init__(self) -> None:
        if not _is_whole(self.n) or not 1 <= self.n <= MAX_IMAGES:
            raise UnusableInput(
                f"n is {self.n!r}; it must be a whole number from 1 to {MAX_IMAGES}"
            )
        _check_seed("seed", self.seed)
        if self.truncation is not None:
            _check_truncation(self.truncation)
        if self.interpolate is not None:
            _check_seed("interpolate", self.interpolate)

    def draw(self, z_dim: int) -> NDArray[np.float32]:
        """Return them: float32 [n, z_dim], the same on every device.

        With ``interpolate`` they lie on the path from the first latent of ``seed`` to the first
        latent of ``interpolate``.
        """
        if self.interpolate is None:
            return draw_latents(self.seed, self.n, z_dim, self.truncation)
        start, end = (
            draw_latents(seed, 1, z_dim, self.truncation)[0]
            for seed in (self.seed, self.interpolate)
        )
        return spherical_path(start, end, self.n)


def draw_latents(
    seed: int, n: int, z_dim: int, truncation: float | None = None
) -> NDArray[np.float32]:
    """Return the latents of ``seed``: float32 [n, z_dim], standard normal, PCG64.

    With ``truncation``, values beyond plus or minus it are drawn again until they are within (Brock
    et al., 2019, "Large Scale GAN Training for High Fidelity Natural Image Synthesis"). They come,
    in order, from ``PCG64(seed).jumped()``: what is within stays as it is without truncation, so
    that a picture keeps its likeness, and the first latents of a seed do not depend on ``n``.
    """
    bits = np.random.PCG64(seed)
    again = np.random.Generator(bits.jumped())
    z = np.random.Generator(bits).standard_normal((n, z_dim), dtype=np.float32)
    if truncation is not None:
        beyond = ~_within(z, truncation)  # [n, z_dim]
        z[beyond] = _redraw(again, int(beyond.sum()), truncation)
    return z


def spherical_path(
    start: NDArray[np.float32], end: NDArray[np.float32], n: int
) -> NDArray[np.float32]:
    """Return ``n`` points from ``start`` to ``end``, float32 [z_dim] each, as float32 [n, z_dim].

    Spherical interpolation (Shoemake, 1985, "Animating Rotation with Quaternion Curves"; for
    latents White, 2016, "Sampling Generative Networks"): an arc around the origin, as long from it
    as latents are, where a straight line would come near it. The ends are ``start`` and ``end``
    exactly; n = 1 is ``start``. Where both point the same way or opposite ways, or one is zero, no
    arc is defined and the path is the straight line.
    """
    a, b = start.astype(np.float64), end.astype(np.float64)
    a_scaled, b_scaled = a * np.linalg.norm(b), b * np.linalg.norm(a)  # of equal length
    # Kahan's angle: precise near 0 and pi too, where the arc cosine is not
    angle = 2 * np.arctan2(np.linalg.norm(a_scaled - b_scaled), np.linalg.norm(a_scaled + b_scaled))
    share = np.linspace(0, 1, n)[:, None]  # [n, 1]
    sine = np.sin(angle)
    if sine < _MIN_SINE:
        path = (1 - share) * a + share * b
    else:
        path = (np.sin((1 - share) * angle) * a + np.sin(share * angle) * b) / sine
    result: NDArray[np.float32] = path.astype(np.float32)  # [n, z_dim]
    result[-1] = end
    result[0] = start
    return result


def _redraw(generator: np.random.Generator, count: int, truncation: float) -> NDArray[np.float32]:
    """Return the next ``count`` values of ``generator`` that are within: float32 [count]."""
    kept, missing = [np.empty(0, np.float32)], count
    while missing > 0:
        drawn = generator.standard_normal(_REDRAWN_VALUES, dtype=np.float32)
        kept.append(drawn[_within(drawn, truncation)][:missing])
        missing -= len(kept[-1])
    return np.concatenate(kept)


def _within(z: NDArray[np.float32], truncation: float) -> NDArray[np.bool_]:
    """Compare in float64: the limit is not rounded, whatever numpy's version promotes to."""
    within: NDArray[np.bool_] = np.abs(z.astype(np.float64)) <= truncation
    return within


def _check_seed(name: str, seed: int) -> None:
    if not _is_whole(seed) or not 0 <= seed < 1 << _SEED_BITS:
        raise UnusableInput(
            f"{name} is {seed!r}; it must be a whole number from 0 to 2**{_SEED_BITS} - 1"
        )


def _check_truncation(truncation: float) -> None:
    wrong = isinstance(truncation, bool) or not isinstance(truncation, int | float)
    if wrong or not math.isfinite(truncation) or truncation < MIN_TRUNCATION:
        raise UnusableInput(
            f"truncation is {truncation!r}; it must be a number of at least {MIN_TRUNCATION}, such "
            "as 0.8, and without it no value is drawn again"
        )


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)

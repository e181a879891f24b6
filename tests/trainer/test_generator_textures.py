"""The numbers that say how rough pictures are: by hand, and what they tell apart."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from trainer.generator.textures import Textures
from trainer.picture import Pixels

CPU = torch.device("cpu")
FLAT = np.full((3, 28, 28, 1), 128, np.uint8)
SCALE = 0.02  # of pictures that are all alike


def stripes(period: int, *, along: int) -> torch.Tensor:
    """A picture of 28 px, -1 and 1 in turn; ``along`` 3 changes from column to column."""
    wave = torch.where(torch.arange(28) % period < period // 2, 1.0, -1.0)
    shape = [1, 1, 1, 1]
    shape[along] = 28
    return wave.view(shape).expand(1, 1, 28, 28)


def of(image: torch.Tensor) -> np.ndarray:
    found: np.ndarray = (Textures(FLAT, CPU)(image) * SCALE).numpy()
    return found


def test_stripes_of_one_pixel_by_hand() -> None:
    numbers = of(stripes(2, along=3))
    # 16 block means; then by scale, first and second differences along rows and along columns.
    means, *scales = np.split(numbers[0], [16, 16 + 64, 16 + 128])
    np.testing.assert_allclose(means, np.repeat([[1 / 7, -1 / 7]], 8, axis=0).ravel(), atol=1e-6)
    none = np.full(16, 0.01)  # the root of 1e-4
    once, twice = np.sqrt(4 + 1e-4), np.sqrt(16 + 1e-4)
    fine = np.concatenate([np.full(16, once), np.full(16, twice), none, none])
    np.testing.assert_allclose(scales[0], fine, rtol=1e-5)
    # Halved, the stripes are grey.
    np.testing.assert_allclose(scales[1], np.full(64, 0.01), rtol=1e-5)
    np.testing.assert_allclose(scales[2], np.full(16, 0.01), rtol=1e-5)


def test_direction_and_width_tell_stripes_apart() -> None:
    across, along = of(stripes(2, along=2)), of(stripes(2, along=3))
    np.testing.assert_allclose(across[:, 48:80], along[:, 16:48], rtol=1e-5)
    wide = of(stripes(4, along=3))
    assert wide[0, 16:32].mean() < 0.6 * along[0, 16:32].mean()
    assert (
        wide[0, 80:96].mean() > 100 * along[0, 80:96].mean()
    )  # halved, those of 2 pixels are left


@pytest.mark.parametrize(
    ("side", "channels", "numbers"),
    [(28, 1, 16 + 4 * 36), (28, 3, 3 * 160), (64, 3, 3 * (16 + 4 * 52)), (128, 1, 16 + 4 * 68)],
)
def test_every_size_has_numbers_of_its_blocks(side: int, channels: int, numbers: int) -> None:
    pixels: Pixels = np.random.default_rng(1).integers(0, 256, (5, side, side, channels), np.uint8)
    found = Textures(pixels, CPU)(torch.zeros(2, channels, side, side))
    assert found.shape == (2, numbers)


def test_numbers_are_in_standard_deviations_of_training_pictures() -> None:
    pixels: Pixels = np.zeros((100, 28, 28, 1), np.uint8)
    pixels[1::2] = 255
    textures = Textures(pixels, CPU)
    black, white = (textures(torch.full((1, 1, 28, 28), tone)) for tone in (-1.0, 1.0))
    np.testing.assert_allclose((white - black)[0, :16], 2 / 1.02, rtol=1e-5)


def test_flat_pictures_have_a_slope() -> None:
    image = torch.zeros(2, 1, 28, 28, requires_grad=True)
    Textures(FLAT, CPU)(image).square().sum().backward()
    assert image.grad is not None
    assert bool(torch.isfinite(image.grad).all())

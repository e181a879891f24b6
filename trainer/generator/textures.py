"""How rough pictures are: how much neighbouring pixels differ, by direction, scale and place."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from trainer.generator.model import to_image
from trainer.picture import Pixels

SMALLEST_SIDE = 7  # pixels; halved pictures that are smaller have no texture left
BLOCKS, BLOCK = 4, 3  # blocks along a side at most, and their pixels at least
_ROUND = 1e-4  # the root of a square and this has a slope everywhere; 1 grey level is .008
_LEAST = 0.02  # of the scale: what all pictures have alike is not blown up


class Textures:
    """Describes pictures by their roughness, without a network.

    Of a picture, of it halved, and so on: the mean absolute first and second differences of
    neighbouring pixels along rows and along columns, in each block; and the picture's block means.
    That is Laws' texture energy ("Rapid texture identification", 1980) with the two simplest
    filters.

    Args:
        pixels: real pictures, uint8 [n, side, side, channels]; each number is divided by its
            standard deviation over them. A few thousand will do.
        device: where pictures come to lie.
    """

    def __init__(self, pixels: Pixels, device: torch.device) -> None:
        found = _measured(to_image(pixels, device))
        self._scale = found.std(0, correction=0) + _LEAST

    def __call__(self, image: Tensor) -> Tensor:
        """Describe pictures.

        Args:
            image: float32 [batch, channels, side, side], -1 to 1.

        Returns:
            float32 [batch, numbers].
        """
        return _measured(image) / self._scale


def _measured(image: Tensor) -> Tensor:
    return torch.cat([block.flatten(1) for block in _block_means(image)], dim=1)


def _block_means(image: Tensor) -> Iterator[Tensor]:
    yield F.adaptive_avg_pool2d(image, BLOCKS)
    while (side := image.shape[2]) >= SMALLEST_SIDE:
        for axis in (3, 2):
            once = image.diff(dim=axis)
            for difference in (once, once.diff(dim=axis)):
                size = (difference.square() + _ROUND).sqrt()
                yield F.adaptive_avg_pool2d(size, min(BLOCKS, side // BLOCK))
        image = F.avg_pool2d(image, 2)

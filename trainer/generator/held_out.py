"""Which pictures of a generator's set train it and which are held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.images import ImageSet, pixel_digests

HELD_OUT_FRACTION = 10  # one picture in ten
HELD_OUT_FROM = 20  # categories with fewer pictures keep all of them for training


@dataclass(frozen=True)
class HeldOut:
    """Which pictures train and which validate.

    Attributes:
        train: int64 [n_train], rows of the image set, ascending.
        held_out: int64 [n_held_out], the others.
    """

    train: NDArray[np.int64]
    held_out: NDArray[np.int64]


def hold_out(images: ImageSet, seed: int) -> HeldOut:
    """Set a tenth of each category apart, at random but the same for a seed.

    A picture with an identical twin is never held out, since its twin might be trained on.
    Categories with fewer than 20 pictures hold nothing out.
    """
    order = np.random.Generator(np.random.PCG64(seed)).permutation(len(images))
    digests = np.array(pixel_digests(images.pixels))
    _, inverse, counts = np.unique(digests, return_inverse=True, return_counts=True)
    lone = counts[inverse] == 1
    held = np.zeros(len(images), dtype=bool)
    for row in range(len(images.categories)):
        mine = order[images.category[order] == row]
        if len(mine) >= HELD_OUT_FROM:
            held[mine[lone[mine]][: len(mine) // HELD_OUT_FRACTION]] = True
    return HeldOut(np.flatnonzero(~held), np.flatnonzero(held))

"""Generated pictures beside the training pictures nearest to them, so that copying is visible."""

from __future__ import annotations

import numpy as np

from trainer.generator.neighbourhoods import K, nearest
from trainer.generator.quality import Drawn, Examiner
from trainer.picture import Pixels

SHOWN = 2  # pictures of each category: the first ones, whatever they look like
GAP_PX = 4
WHITE = 255


def lookalikes(examiner: Examiner, drawn: Drawn) -> Pixels:
    """Lay out each category's first pictures, each followed by its nearest training pictures.

    Returns:
        uint8 [n_shown * size, (1 + k) * size + gap, channels], nearest first, k of 5 or as many as
        there are; the nearest by the features in use.
    """
    rows = np.concatenate(
        [
            np.flatnonzero(drawn.category == category)[:SHOWN]
            for category in np.unique(drawn.category)
        ]
    )
    train = examiner.real.train
    found, _ = nearest(drawn.embedded[rows], examiner.train_features, min(K, len(train)))
    height, channels = train.shape[1], train.shape[3]
    gap = np.full((height, GAP_PX, channels), WHITE, np.uint8)
    lines = [
        np.concatenate([drawn.pixels[row], gap, *train[neighbours]], axis=1)
        for row, neighbours in zip(rows, found, strict=True)
    ]
    return np.concatenate(lines, axis=0)


def side_by_side(grids: list[Pixels]) -> Pixels:
    """Put grids of equal height beside each other, two gaps between them."""
    gap = np.full((grids[0].shape[0], 2 * GAP_PX, grids[0].shape[2]), WHITE, np.uint8)
    parts = [part for grid in grids for part in (gap, grid)]
    return np.concatenate(parts[1:], axis=1)

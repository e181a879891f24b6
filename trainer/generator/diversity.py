"""The collapse watch: how much the pictures of a category differ, beside how much real ones do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from runtime.errors import CheckFailed
from runtime.latent import draw_latents
from trainer.generator.batches import Rows
from trainer.generator.config import DcganConfig
from trainer.generator.model import Generator
from trainer.generator.samples import sample_images
from trainer.images import ImageSet
from trainer.picture import Pixels

PICTURES = 64  # of a category, real and generated; the standard error is about 2 %


class TrainingCollapsed(CheckFailed):
    """A category's pictures became all alike; the best epoch is saved and can be exported."""


def spread(pixels: Pixels) -> float:
    """Give the mean over all pairs of pictures of their root mean square difference.

    Args:
        pixels: uint8 [n, size, size, channels].

    Returns:
        Grey levels, 0 to 255; 0 for a single picture.
    """
    n = len(pixels)
    flat = pixels.reshape(n, -1).astype(np.float64)
    squared = np.square(flat).mean(1)  # [n]
    products = flat @ flat.T / flat.shape[1]  # [n, n]
    distances = np.sqrt(np.maximum(squared[:, None] + squared[None] - 2 * products, 0))
    return float(distances[np.triu_indices(n, 1)].mean()) if n > 1 else 0.0


def real_spreads(images: ImageSet, rows: Rows) -> dict[int, float]:
    """Measure the spread of real pictures, up to 64 a category, in the order of ``rows``.

    Returns:
        Category row -> grey levels; without categories whose pictures are all alike.
    """
    category = images.category[rows]
    found = {
        row: spread(images.pixels[rows[category == row][:PICTURES]])
        for row in range(len(images.categories))
        if row in category
    }
    return {row: levels for row, levels in found.items() if levels > 0}


def diversity(generator: Generator, real: dict[int, float], seed: int) -> dict[int, float]:
    """Measure each category's spread beside that of real pictures.

    Args:
        generator: left as it was.
        real: from ``real_spreads``.
        seed: of the 64 z that every category is drawn from.

    Returns:
        Category row -> ratio; about 1 when all is well, 0 when every z gives the same picture.
    """
    z = draw_latents(seed, PICTURES, generator.z_dim)
    return {
        row: spread(sample_images(generator, z, np.full(PICTURES, row))) / levels
        for row, levels in real.items()
    }


def collapse(rows: Sequence[dict[str, Any]], dcgan: DcganConfig, kept_epoch: int) -> str:
    """Say in a sentence that a category has collapsed; empty while none has.

    One has when its diversity was below ``collapse_below`` in each of the newest
    ``collapse_epochs`` epochs; those up to ``collapse_after`` do not count, since every generator
    begins with one blur.

    Args:
        rows: metrics.jsonl's, each with epoch and diversity by category.
        dcgan: the three limits.
        kept_epoch: the one whose weights are.
    """
    newest = list(rows[-dcgan.collapse_epochs :])
    counted = [row for row in newest if row["epoch"] > dcgan.collapse_after]
    if len(counted) < dcgan.collapse_epochs:
        return ""
    for name, ratio in counted[-1]["diversity"].items():
        if all(row["diversity"][name] < dcgan.collapse_below for row in counted):
            return (
                f"category {name!r} has collapsed: in epochs {counted[0]['epoch']} to "
                f"{counted[-1]['epoch']} its pictures differ by less than "
                f"{dcgan.collapse_below:g} of what real ones do (dcgan.collapse_below), now by "
                f"{ratio:.3f}; epoch {kept_epoch}, the best, is kept and can be exported. Train "
                "again with dcgan.preset 'default', a higher dcgan.diversity or more pictures, or "
                "go on with --resume --set dcgan.collapse_below=0"
            )
    return ""

"""Pictures that a generator draws, and grids of drawn and of real ones to look at."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from runtime.durable import write_file
from runtime.latent import draw_latents
from trainer.generator.model import Generator
from trainer.images import ImageSet
from trainer.picture import Pixels

BATCH = 256
GRID_COLUMNS = 8


def sample_images(
    generator: Generator, z: NDArray[np.float32], category: NDArray[np.int64]
) -> Pixels:
    """Generate as the bundle will: batch norm with its running statistics.

    Args:
        generator: left in the mode (training or not) it was in.
        z: float32 [n, z_dim].
        category: int64 [n].

    Returns:
        uint8 [n, image_size, image_size, channels].
    """
    device = generator.embedding.weight.device
    training = generator.training
    generator.eval()
    parts = []
    with torch.inference_mode():
        for first in range(0, len(z), BATCH):
            rows = slice(first, first + BATCH)
            image = generator(
                torch.from_numpy(z[rows]).to(device), torch.from_numpy(category[rows]).to(device)
            )
            parts.append(Generator.to_uint8(image).cpu().numpy())
    generator.train(training)
    return np.concatenate(parts)


def sample_grid(generator: Generator, seed: int, columns: int = GRID_COLUMNS) -> Pixels:
    """Lay generated pictures out: a row for each category, a column for each z of the seed.

    Returns:
        uint8 [n_categories * image_size, columns * image_size, channels].
    """
    z = draw_latents(seed, columns, generator.z_dim)
    rows = [
        np.concatenate(list(sample_images(generator, z, np.full(columns, row))), axis=1)
        for row in range(generator.n_categories)
    ]
    return np.concatenate(rows, axis=0)


def real_grid(images: ImageSet, rows: NDArray[np.int64], columns: int = GRID_COLUMNS) -> Pixels:
    """Lay real pictures out as ``sample_grid`` does drawn ones.

    Args:
        images: the whole set.
        rows: which of its pictures to show, the first of each category; what is missing is white.
        columns: pictures of each category.

    Returns:
        uint8 [n_categories * image_size, columns * image_size, channels].
    """
    _, size, _, channels = images.pixels.shape
    grid = np.full((len(images.categories), columns, size, size, channels), 255, np.uint8)
    for row, cells in enumerate(grid):
        mine = rows[images.category[rows] == row][:columns]
        cells[: len(mine)] = images.pixels[mine]
    return grid.swapaxes(1, 2).reshape(-1, columns * size, channels)


def write_grid(path: Path, grid: Pixels) -> None:
    """Write uint8 [h, w, 1 | 3] as a PNG, whole or not at all."""
    buffer = io.BytesIO()
    Image.fromarray(grid[:, :, 0] if grid.shape[2] == 1 else grid).save(buffer, format="PNG")
    write_file(path, buffer.getvalue())

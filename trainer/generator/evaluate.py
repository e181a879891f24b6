"""How far generated pictures are from real ones they were not trained on, and grids to look at.

The validation number is cheap and needs no network: each picture becomes the mean and the standard
deviation of its grey levels in 8x8 blocks (7x7 at 28 px), per channel, and the energy distance
(Székely and Rizzo, "Energy statistics", 2013) between generated and real pictures is taken for each
category. It sees colour, layout, coarse texture and variety, a collapsed generator among them; it
does not see fine detail.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from runtime.durable import write_file
from runtime.latent import draw_latents
from trainer.generator.model import Generator
from trainer.images import ImageSet, pixel_digests
from trainer.picture import Pixels

HELD_OUT_FRACTION = 10  # one picture in ten
HELD_OUT_FROM = 20  # categories with fewer pictures keep all of them for training
FEWEST_GENERATED, MOST_GENERATED, MOST_REAL = 32, 256, 512  # pictures per category
GRID_COLUMNS = 8

Features = NDArray[np.float64]


@dataclass(frozen=True)
class HeldOut:
    """Which pictures train and which validate, and what the latter look like.

    Attributes:
        train: int64 [n_train], rows of the image set, ascending.
        held_out: int64 [n_held_out], the others.
        against: "held-out pictures", or "training pictures" when there are too few to hold out.
        features: category row -> [n, d] features of the real pictures compared with.
        floor: the same number for real training pictures in place of generated ones, the least that
            can be hoped for; None when nothing is held out.
        n_generated: pictures generated per category.
    """

    train: NDArray[np.int64]
    held_out: NDArray[np.int64]
    against: str
    features: dict[int, Features]
    floor: float | None
    n_generated: int


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
    train, held_out = np.flatnonzero(~held), np.flatnonzero(held)
    real = order[held[order]] if held.any() else order
    features = _features_by_category(images, real, MOST_REAL)
    features = {row: found for row, found in features.items() if len(found) > 1} or features
    most = max(len(found) for found in features.values())
    n_generated = min(max(2 * most, FEWEST_GENERATED), MOST_GENERATED)
    floor = None
    if held.any():
        yardstick = _features_by_category(images, order[~held[order]], n_generated)
        floor = _mean({row: energy_distance(yardstick[row], features[row]) for row in features})
    against = "held-out pictures" if held.any() else "training pictures"
    return HeldOut(train, held_out, against, features, floor, n_generated)


def evaluate_generator(
    generator: Generator, held_out: HeldOut, categories: tuple[str, ...], seed: int
) -> dict[str, Any]:
    """Compare pictures generated from a fixed z with the real ones, per category.

    Returns:
        JSON-able metrics with protocol and counts; ``value`` is the mean over categories in grey
        levels, lower is better.
    """
    z = draw_latents(seed, held_out.n_generated, generator.z_dim)
    per_category = {}
    for row, real in held_out.features.items():
        drawn = sample_images(generator, z, np.full(len(z), row, dtype=np.int64))
        per_category[row] = energy_distance(pixel_features(drawn), real)
    return {
        "metric": "pixel energy distance",
        "unit": "grey levels, lower is better",
        "value": _mean(per_category),
        "real_against_real": held_out.floor,
        "per_category": {categories[row]: value for row, value in per_category.items()},
        "protocol": "energy distance between block means and deviations of generated and real "
        f"pictures, mean over categories, against {held_out.against}; the epoch was chosen by it",
        "training_pictures": len(held_out.train),
        "held_out_pictures": len(held_out.held_out),
        "generated_pictures": held_out.n_generated * len(per_category),
    }


def pixel_features(pixels: Pixels) -> Features:
    """Describe pictures by their blocks' means and standard deviations.

    Args:
        pixels: uint8 [n, size, size, channels].

    Returns:
        float64 [n, d], scaled by 1 / sqrt(d) so that distances are in grey levels at any size.
    """
    n, size, _, channels = pixels.shape
    blocks = 7 if size == 28 else 8
    side = size // blocks
    tiles = pixels.reshape(n, blocks, side, blocks, side, channels).astype(np.float32)
    parts = [tiles.mean((2, 4)).reshape(n, -1), tiles.std((2, 4)).reshape(n, -1)]
    features = np.concatenate(parts, axis=1).astype(np.float64)
    scaled: Features = features / np.sqrt(features.shape[1])
    return scaled


def energy_distance(a: Features, b: Features) -> float:
    """Compare two samples [n, d] and [m, d]: 2 E|a - b| - E|a - a'| - E|b - b'|, unbiased.

    0 in expectation when both come from one distribution, so it can be slightly negative.
    """
    return 2 * float(_distances(a, b).mean()) - _spread(a) - _spread(b)


def _spread(a: Features) -> float:
    pairs = len(a) * (len(a) - 1)
    return float(_distances(a, a).sum() / pairs) if pairs else 0.0


def _distances(a: Features, b: Features) -> Features:
    squared = (a**2).sum(1)[:, None] + (b**2).sum(1)[None, :] - 2 * a @ b.T  # [n, m]
    distances: Features = np.sqrt(np.maximum(squared, 0))
    if a is b:
        np.fill_diagonal(distances, 0)
    return distances


def _mean(values: dict[int, float]) -> float:
    return float(np.mean(list(values.values())))


def _features_by_category(
    images: ImageSet, rows: NDArray[np.int64], most: int
) -> dict[int, Features]:
    result = {}
    for row in range(len(images.categories)):
        mine = rows[images.category[rows] == row][:most]
        if len(mine):
            result[row] = pixel_features(images.pixels[mine])
    return result


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
        for first in range(0, len(z), MOST_GENERATED):
            rows = slice(first, first + MOST_GENERATED)
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

"""Picture grids on a report's page: drawn beside real, epoch beside epoch, one z by epoch."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

EPOCHS_SHOWN, EPOCHS_OF_ONE_Z = 4, 12
# On the page: a picture beside real ones, one of an epoch's, a whole epoch's width.
CELL_PX, STRIP_CELL_PX, STRIP_PX = 64, 64, 200


@dataclass(frozen=True)
class ShownGrid:
    """A grid on the page, a row for each category.

    Attributes:
        epoch: after which it was drawn; 0 for real pictures and for several epochs.
        source: data URI of the PNG.
        width_px: width on the page, a whole multiple of the picture's own.
        height_px: height on the page.
    """

    epoch: int
    source: str
    width_px: int
    height_px: int


def grid_epochs(samples: Path, best: int, most: int = EPOCHS_SHOWN) -> list[int]:
    """Choose up to ``most`` epochs that have a grid, the first, the best and the last with them."""
    there = sorted(int(path.stem.removeprefix("epoch-")) for path in samples.glob("epoch-*.png"))
    if len(there) <= most:
        return there
    places = np.linspace(0, len(there) - 1, most).round().astype(int).tolist()
    chosen = [there[place] for place in places]
    if best in there and best not in chosen:
        nearest = min(chosen[1:-1], key=lambda epoch: abs(epoch - best))
        chosen[chosen.index(nearest)] = best
    return sorted(chosen)


def shown_grid(samples: Path, epoch: int, image_size: int, *, strip: bool) -> ShownGrid:
    """Read one epoch's grid; for the strip of epochs only its first columns."""
    grid = _read(samples / f"epoch-{epoch:03d}.png")
    scale = _scale(STRIP_CELL_PX if strip else CELL_PX, image_size)
    if strip:
        columns = max(1, STRIP_PX // (scale * image_size))
        grid = grid.crop((0, 0, min(grid.width, columns * image_size), grid.height))
    return _shown(grid, epoch, scale)


def real_grid(samples: Path, image_size: int) -> ShownGrid:
    """Read the grid of real pictures that training wrote."""
    return _shown(_read(samples / "real.png"), 0, _scale(CELL_PX, image_size))


def one_z(samples: Path, epochs: Sequence[int], image_size: int) -> ShownGrid:
    """Lay the first z's pictures out: a row for each category, a column for each epoch."""
    first = [
        np.asarray(_read(samples / f"epoch-{epoch:03d}.png"))[:, :image_size] for epoch in epochs
    ]
    together = Image.fromarray(np.concatenate(first, axis=1))
    return _shown(together, 0, _scale(STRIP_CELL_PX, image_size))


def _scale(cell_px: int, image_size: int) -> int:
    return max(1, cell_px // image_size)


def _read(path: Path) -> Image.Image:
    with Image.open(path) as stored:
        return stored.copy()


def _shown(grid: Image.Image, epoch: int, scale: int) -> ShownGrid:
    buffer = io.BytesIO()
    grid.save(buffer, format="PNG", optimize=True)
    encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
    uri = f"data:image/png;base64,{encoded}"
    return ShownGrid(epoch, uri, grid.width * scale, grid.height * scale)

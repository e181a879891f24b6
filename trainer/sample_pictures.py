"""Product pictures for the sample store: drawn, in colour, and no two alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from runtime.durable import new_folder
from runtime.errors import UnusableInput, nearest
from trainer.sample_canvas import Canvas, hsv
from trainer.sample_departments import CATEGORIES
from trainer.sample_fruit import draw_fruit
from trainer.sample_groceries import draw_bottle, draw_bread, draw_cheese, draw_jam
from trainer.sample_homeware import (
    draw_candle,
    draw_mug,
    draw_notebook,
    draw_plant,
    draw_umbrella,
)
from trainer.sample_ornament import Generator, Ground

PICTURES_PER_CATEGORY = 250
SMALLEST_PX, LARGEST_PX = 8, 512  # sides of a picture
TILT_RADIANS = 0.05  # standard deviation of the rotation
LIGHT_FROM_RIGHT_CHANCE = 0.3
SCALES = (0.84, 1.04)  # smallest and largest size of a drawing

DRAWINGS: dict[str, Callable[[Canvas, Generator], Ground]] = {
    "Bottle": draw_bottle,
    "Bread": draw_bread,
    "Candle": draw_candle,
    "Cheese": draw_cheese,
    "Fruit": draw_fruit,
    "Jam": draw_jam,
    "Mug": draw_mug,
    "Notebook": draw_notebook,
    "Plant": draw_plant,
    "Umbrella": draw_umbrella,
}
"""How to draw each category of the sample store."""


def draw_picture(category: str, seed: int, number: int, *, size_px: int = 64) -> Image.Image:
    """Draw one picture; the same arguments give the same picture.

    Args:
        category: one of :data:`DRAWINGS`.
        seed: of the whole set.
        number: of the picture within its category; another number, another picture.
        size_px: side of the picture, in pixels.

    Returns:
        RGB image, size_px by size_px.

    Raises:
        UnusableInput: no such category; the message gives the nearest names.
    """
    if category not in DRAWINGS:
        raise UnusableInput(f"unknown category {category!r}; {nearest(category, DRAWINGS)}")
    place = CATEGORIES.index(category)
    rng = np.random.Generator(np.random.PCG64([seed, place, number]))
    canvas = Canvas(
        size_px,
        light_from_right=bool(rng.random() < LIGHT_FROM_RIGHT_CHANCE),
        tilt=float(rng.normal(0, TILT_RADIANS)),
        scale=float(rng.uniform(*SCALES)),
    )
    ground = DRAWINGS[category](canvas, rng)
    backdrop = hsv(rng.random(), rng.uniform(0.0, 0.06), rng.uniform(0.92, 0.98))
    return canvas.finish(backdrop, ground)


def write_pictures(
    folder: Path,
    seed: int = 7,
    per_category: int = PICTURES_PER_CATEGORY,
    size_px: int = 64,
    progress: Callable[[int, int], object] | None = None,
) -> int:
    """Draw every category into ``folder/images/<Category>/<n>.png``; all of it, or nothing.

    Args:
        folder: where the folder ``images`` is made; it may exist or not.
        seed: picture n of a category depends on the seed and n only, not on ``per_category``.
        per_category: pictures in each category.
        size_px: side of each picture, in pixels.
        progress: called with the pictures drawn so far and the pictures in all.

    Returns:
        how many pictures were written.

    Raises:
        UnusableInput: an argument is out of range, ``folder/images`` exists, or writing failed.
    """
    for name, value, low, high in (
        ("seed", seed, 0, None),
        ("per_category", per_category, 1, None),
        ("size_px", size_px, SMALLEST_PX, LARGEST_PX),
    ):
        if value < low or (high is not None and value > high):
            upto = "or more" if high is None else f"to {high}"
            raise UnusableInput(f"{name} is {value!r}; it must be {low} {upto}")
    total = per_category * len(CATEGORIES)
    digits = len(str(per_category - 1))
    with new_folder(folder / "images") as images:
        for place, category in enumerate(CATEGORIES):
            (images / category).mkdir()
            for number in range(per_category):
                picture = draw_picture(category, seed, number, size_px=size_px)
                picture.save(images / category / f"{number:0{digits}}.png")
                if progress is not None:
                    progress(place * per_category + number + 1, total)
    return total

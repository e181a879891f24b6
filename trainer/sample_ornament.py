"""What the sample pictures share: paint, patterns and leaves."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from trainer.sample_canvas import Canvas, Colour, Points, box, ellipse, hsv, mix

Generator: TypeAlias = np.random.Generator
Ground: TypeAlias = tuple[float, float, float]  # a shadow's middle x, y and half width

CIRCLE = np.linspace(0, 2 * np.pi, 72, endpoint=False)  # radians, once around
FLOOR = 0.83  # where things stand, in units of the picture's side from the top
BLACK: Colour = (0, 0, 0)
WHITE: Colour = (250, 248, 244)
INK: Colour = (58, 52, 56)
WOOD: Colour = (150, 98, 56)
GREEN: Colour = (72, 128, 62)


def paint_colour(rng: Generator) -> Colour:
    """Draw a colour that pottery, cloth or card might have."""
    if rng.random() < 0.15:
        return hsv(rng.uniform(0.05, 0.17), rng.uniform(0.05, 0.2), rng.uniform(0.85, 0.97))
    return hsv(rng.random(), rng.uniform(0.4, 0.85), rng.uniform(0.55, 0.92))


def contrasting(rng: Generator, colour: Colour) -> Colour:
    """Draw a colour that stands out from ``colour``."""
    if sum(colour) > 560 or rng.random() < 0.3:
        return hsv(rng.random(), rng.uniform(0.6, 0.9), rng.uniform(0.3, 0.6))
    return mix(WHITE, paint_colour(rng), rng.uniform(0.0, 0.25))


def line(x: float, y: float, to_x: float, to_y: float) -> Points:
    """Go straight from (x, y) to (to_x, to_y)."""
    return np.array([[x, y], [to_x, to_y]])


def clipped(outline: Points, top: float, bottom: float) -> Points:
    """Keep of an outline what lies between two heights."""
    return np.clip(outline, (-1.0, top), (2.0, bottom))


def heart(x: float, y: float, reach: float) -> Points:
    """Outline a heart around (x, y) of half width ``reach``."""
    turn = np.linspace(0, 2 * np.pi, 40)
    across = 16 * np.sin(turn) ** 3
    waves = -13 * np.cos(turn) + 5 * np.cos(2 * turn) + 2 * np.cos(3 * turn) + np.cos(4 * turn)
    return np.array([x, y]) + np.stack([across, waves], axis=1) * (reach / 16)


def _marks(rng: Generator, left: float, top: float, right: float, bottom: float) -> list[Points]:
    wide, high = right - left, bottom - top
    which = rng.choice(["plain", "bands", "dots", "stripes", "heart"])
    if which == "bands":
        n = int(rng.integers(1, 4))
        rows = top + high * (np.arange(n) + 1) / (n + 1)
        return [box(left, y - 0.14 * high / n, right, y + 0.14 * high / n) for y in rows]
    if which == "dots":
        step = wide / rng.integers(3, 5)
        return [
            ellipse(x, y, 0.22 * step, 0.22 * step)
            for row, y in enumerate(np.arange(top + step / 2, bottom, step))
            for x in np.arange(left + step / 2 * (1 + row % 2), right, step)
        ]
    if which == "stripes":
        n = int(rng.integers(3, 6))
        columns = left + wide * (np.arange(n) + 0.5) / n
        return [box(x - 0.22 * wide / n, top, x + 0.22 * wide / n, bottom) for x in columns]
    if which == "heart":
        return [heart(left + wide / 2, top + high / 2, 0.25 * min(wide, high))]
    return []


def decorate(canvas: Canvas, rng: Generator, outline: Points, colour: Colour, shade: str) -> None:
    """Paint bands, dots, upright stripes, a heart or nothing within an outline."""
    (left, top), (right, bottom) = outline.min(0), outline.max(0)
    for mark in _marks(rng, left, top, right, bottom):
        canvas.fill(mark, colour, shade, inside=outline, over=outline)


def draw_leaf(
    canvas: Canvas,
    x: float,
    y: float,
    length: float,
    angle: float,
    colour: Colour,
    width: float = 0.3,
) -> None:
    """Draw a pointed leaf growing from (x, y).

    Args:
        canvas: where to draw.
        x: where the leaf starts.
        y: where the leaf starts.
        length: from its start to its tip.
        angle: in radians; 0 points right and -pi / 2 points up.
        colour: of the leaf; its vein is darker.
        width: half width, as a share of the length.
    """
    along = np.linspace(0, 1, 14)
    bulge = width * np.sin(np.pi * along**0.8)
    upper = np.stack([along, -bulge], axis=1)
    lower = np.stack([along, bulge * 0.9], axis=1)[::-1]
    cos, sin = np.cos(angle), np.sin(angle)
    turn = length * np.array([[cos, sin], [-sin, cos]])
    place = np.array([x, y])
    canvas.fill(np.concatenate([upper, lower]) @ turn + place, colour)
    canvas.stroke(line(0.05, 0, 0.85, 0) @ turn + place, 0.008, mix(colour, BLACK, 0.3))

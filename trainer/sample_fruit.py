"""Drawings of fruit: apples, pears, oranges and lemons."""

from __future__ import annotations

import numpy as np

from trainer.sample_canvas import Canvas, ellipse, hsv, mix, smooth, turned
from trainer.sample_ornament import CIRCLE, FLOOR, GREEN, Generator, Ground, draw_leaf


def draw_fruit(canvas: Canvas, rng: Generator) -> Ground:
    """An apple, a pear, an orange or a lemon."""
    draw = (_apple, _apple, _pear, _orange, _lemon)[rng.integers(5)]
    size = rng.uniform(0.24, 0.3)
    draw(canvas, rng, size)
    return 0.5, FLOOR, size * 0.95


def _stem(canvas: Canvas, rng: Generator, top: float) -> None:
    lean = rng.uniform(-0.03, 0.03)
    path = [(0.5 + lean, top + 0.02), (0.5 + 1.5 * lean, top - 0.05), (0.52 + 2 * lean, top - 0.1)]
    canvas.stroke(np.array(path), 0.024, (92, 62, 36))
    if rng.random() < 0.75:
        length, angle = rng.uniform(0.14, 0.22), rng.uniform(-0.7, 0.0)
        draw_leaf(canvas, 0.5 + 1.3 * lean, top - 0.03, length, angle, GREEN)


def _apple(canvas: Canvas, rng: Generator, size: float) -> None:
    hue = (rng.uniform(0.96, 1.02), rng.uniform(0.2, 0.28), 0.12)[rng.integers(3)]
    colour = hsv(hue, rng.uniform(0.7, 0.88), rng.uniform(0.72, 0.9))
    cos, sin = np.cos(CIRCLE), np.sin(CIRCLE)
    dent = 1 - 0.26 * np.exp(-(((CIRCLE - 1.5 * np.pi) / 0.42) ** 2))  # where the stem grows
    dent -= 0.1 * np.exp(-(((CIRCLE - 0.5 * np.pi) / 0.4) ** 2))
    y = FLOOR - size * 0.92
    across = size * cos * (1.04 - 0.12 * sin)
    outline = np.stack([0.5 + across, y + size * 0.97 * sin * dent], axis=1)
    canvas.fill(outline, colour, "ball")
    if rng.random() < 0.3:  # a second colour on one cheek
        blush = hsv(rng.uniform(0.97, 1.0), 0.8, 0.75)
        for reach in (1.0, 0.8, 0.6, 0.4):
            cheek = ellipse(0.5 + 0.5 * size, y, size * 0.7 * reach, size * 0.9 * reach)
            canvas.fill(cheek, blush, "ball", inside=outline, over=outline, opacity=0.2)
    top = y - size * 0.72
    hollow = ellipse(0.5, top, size * 0.25, 0.022)
    canvas.fill(hollow, mix(colour, (30, 20, 0), 0.5), inside=outline)
    _stem(canvas, rng, top)


def _pear(canvas: Canvas, rng: Generator, size: float) -> None:
    colour = hsv(rng.uniform(0.13, 0.24), rng.uniform(0.6, 0.8), rng.uniform(0.7, 0.88))
    top, wide = rng.uniform(0.22, 0.3), size * 0.95
    profile = [(0.03, top), (wide * 0.42, top + 0.03), (wide * 0.5, top + 0.15)]
    profile += [(wide * 0.98, FLOOR - 0.26), (wide * 1.03, FLOOR - 0.1), (wide * 0.5, FLOOR)]
    outline = smooth(turned(0.5, profile), 3)
    outline[:, 0] += rng.uniform(-0.06, 0.06) * np.clip((0.6 - outline[:, 1]) / 0.3, 0, 1)
    canvas.fill(outline, colour, "ball")
    if rng.random() < 0.5:  # a blush on one side
        for reach in (1.0, 0.8, 0.6, 0.4):
            cheek = ellipse(0.6, 0.64, 0.15 * reach, 0.2 * reach)
            canvas.fill(cheek, (206, 88, 48), "ball", inside=outline, over=outline, opacity=0.14)
    _stem(canvas, rng, top + 0.02)


def _orange(canvas: Canvas, rng: Generator, size: float) -> None:
    colour = hsv(rng.uniform(0.06, 0.1), rng.uniform(0.85, 0.95), rng.uniform(0.92, 1.0))
    y, lean = FLOOR - size * 0.92, rng.uniform(-0.03, 0.03)
    canvas.fill(ellipse(0.5, y, size, size * rng.uniform(0.9, 1.0)), colour, "ball")
    for x_share, y_share in rng.uniform(-0.62, 0.62, (30, 2)):
        pore = ellipse(0.5 + x_share * size, y + y_share * size, 0.006, 0.006)
        canvas.fill(pore, mix(colour, (120, 50, 0), 0.3))
    top = y - size * 0.72
    canvas.fill(ellipse(0.5 + lean, top, 0.026, 0.018), (96, 112, 46))
    if rng.random() < 0.7:
        length, angle = rng.uniform(0.15, 0.22), rng.uniform(-0.9, 0.1)
        draw_leaf(canvas, 0.5 + lean, top, length, angle, GREEN)


def _lemon(canvas: Canvas, rng: Generator, size: float) -> None:
    colour = hsv(rng.uniform(0.13, 0.155), rng.uniform(0.75, 0.9), rng.uniform(0.92, 1.0))
    cos, sin = np.cos(CIRCLE), np.sin(CIRCLE)
    tips = 0.3 * np.abs(cos) ** 9 * np.sign(cos)
    y = FLOOR - size * 0.75
    outline = np.stack([0.5 + size * (cos + tips), y + size * 0.75 * sin], axis=1)
    canvas.fill(outline, colour, "ball")
    if rng.random() < 0.6:
        draw_leaf(canvas, 0.5 + size * 1.2, y, 0.16, rng.uniform(-2.2, -1.4), GREEN)

"""Drawings of what one keeps: candle, mug, notebook, plant and umbrella.

Every function draws one thing, different each time, and returns where its shadow lies.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from trainer.sample_canvas import (
    Canvas,
    Colour,
    Points,
    arc,
    box,
    ellipse,
    hsv,
    mix,
    smooth,
    turned,
)
from trainer.sample_ornament import (
    BLACK,
    FLOOR,
    INK,
    WHITE,
    WOOD,
    Generator,
    Ground,
    clipped,
    contrasting,
    decorate,
    draw_leaf,
    line,
    paint_colour,
)

METALS: tuple[Colour, ...] = ((196, 156, 72), (140, 144, 152), (96, 66, 46))
DRINKS: tuple[Colour, ...] = ((72, 42, 26), (120, 70, 34), (172, 116, 72))
FLAME: tuple[tuple[float, Colour], ...] = (
    (1.0, (255, 150, 40)),
    (0.72, (255, 206, 84)),
    (0.42, (255, 248, 214)),
)
"""From the outside in: size of the tongue, as a share, and its colour."""


def draw_candle(canvas: Canvas, rng: Generator) -> Ground:
    """A burning candle: a pillar on a dish, one in a glass, or a dinner candle in a holder."""
    wax = mix(paint_colour(rng), (250, 240, 214), rng.uniform(0.2, 0.75))
    kind = rng.choice(["pillar", "glass", "dinner"])
    if kind == "pillar":
        wide, top, base = rng.uniform(0.12, 0.17), rng.uniform(0.36, 0.5), FLOOR - 0.02
        dish = mix(paint_colour(rng), WHITE, 0.2)
        under = ellipse(0.5, FLOOR - 0.02, wide * 1.75, wide * 0.4)
        canvas.fill(under, mix(dish, BLACK, 0.25))
        canvas.fill(ellipse(0.5, FLOOR - 0.035, wide * 1.75, wide * 0.36), dish)
    elif kind == "glass":
        wide, top, base = rng.uniform(0.16, 0.2), rng.uniform(0.46, 0.54), FLOOR - 0.03
    else:
        wide, top, base = rng.uniform(0.045, 0.06), rng.uniform(0.28, 0.36), FLOOR - 0.12
        metal = METALS[rng.integers(len(METALS))]
        stand = [(0.05, FLOOR - 0.1), (0.05, FLOOR - 0.05), (0.15, FLOOR - 0.02)]
        canvas.fill(turned(0.5, stand, 0.03), metal, "round")
        socket = [(wide * 1.6, base - 0.05), (wide * 1.2, base + 0.05)]
        canvas.fill(turned(0.5, socket, 0.015), metal, "round")
    sag = wide * 0.24
    body = turned(0.5, [(wide, top), (wide, base - sag)], sag)
    canvas.fill(body, wax, "round")
    if kind != "glass" and rng.random() < 0.5 and base - top > 0.26:
        inner = clipped(body, top + 0.1, base - 0.06)
        decorate(canvas, rng, inner, contrasting(rng, wax), "round")
    canvas.fill(ellipse(0.5, top, wide, sag), mix(wax, WHITE, 0.45))
    molten = ellipse(0.5, top + 0.004, wide * 0.75, sag * 0.65)
    canvas.fill(molten, mix(wax, (255, 214, 120), 0.5))
    if kind == "glass":
        glass = box(0.5 - wide * 1.1, top - 0.12, 0.5 + wide * 1.1, base + 0.025, 0.03)
        canvas.fill(glass, (206, 222, 228), "round", opacity=0.35)
        label = box(0.5 - wide * 0.75, top + 0.08, 0.5 + wide * 0.75, base - 0.09)
        paper = mix(WHITE, paint_colour(rng), rng.choice([0.0, 0.7]))
        canvas.fill(label, paper, "round", over=body)
    else:
        for x in 0.5 + rng.uniform(-0.9, 0.9, int(rng.integers(0, 4))) * wide:
            run = line(x, top + sag * 0.5, x, top + rng.uniform(0.05, 0.15))
            canvas.stroke(run, wide * 0.22, mix(wax, WHITE, 0.3))
    _flame(canvas, rng, top)
    return 0.5, FLOOR, {"pillar": wide * 1.75, "glass": wide * 1.1, "dinner": 0.15}[str(kind)]


def _flame(canvas: Canvas, rng: Generator, top: float) -> None:
    canvas.stroke(line(0.5, top, 0.504, top - 0.05), 0.014, INK)
    tall, sway, foot = rng.uniform(0.13, 0.19), rng.uniform(-0.02, 0.02), top - 0.025
    for share, colour in FLAME:
        belly = foot - 0.32 * tall * share
        half = [(0.045 * share, belly), (0.03 * share, foot)]
        right, left = [(0.5 + r, y) for r, y in half], [(0.5 - r, y) for r, y in half[::-1]]
        tongue = np.array([(0.5 + sway, foot - tall * share), *right, *left])
        canvas.fill(smooth(tongue, 3), colour, "ball" if share == 1 else "flat")
    canvas.glow(0.5, foot - tall * 0.4, rng.uniform(0.16, 0.24), (255, 206, 96), 0.75)


def draw_mug(canvas: Canvas, rng: Generator) -> Ground:
    """A mug with its handle at one side, filled with tea or coffee."""
    paint = paint_colour(rng)
    top, mouth, sag = rng.uniform(0.26, 0.4), rng.uniform(0.2, 0.27), rng.uniform(0.04, 0.065)
    foot = mouth * rng.uniform(0.72, 1.0)
    side = 1 if rng.random() < 0.75 else -1
    x, high = 0.5 - 0.07 * side, FLOOR - top
    middle = top + high * rng.uniform(0.44, 0.52)
    reach, tall = rng.uniform(0.11, 0.16), high * rng.uniform(0.24, 0.33)
    handle = ellipse(x + side * mouth * 0.93, middle, reach, tall)
    thickness = rng.uniform(0.04, 0.058)
    canvas.stroke(handle, thickness, mix(paint, BLACK, 0.32))
    canvas.stroke(handle - 0.004, thickness * 0.6, mix(paint, WHITE, 0.1))
    belly = rng.uniform(0.0, 0.035)
    profile = [(mouth, top), (mouth + belly, top + 0.4 * high), (foot + belly, top + 0.8 * high)]
    body = turned(x, [*profile, (foot, FLOOR - sag)], sag)
    canvas.fill(body, paint, "round")
    accent = contrasting(rng, paint)
    if rng.random() < 0.2:  # dipped in a second glaze
        dip = box(0, top + rng.uniform(0.4, 0.65) * high, 1, 1)
        canvas.fill(dip, accent, "round", inside=body, over=body)
    else:
        inner = clipped(body, top + 0.16 * high, top + 0.82 * high)
        decorate(canvas, rng, inner, accent, "round")
    canvas.fill(ellipse(x, top, mouth, sag * 1.15), mix(paint, WHITE, 0.55))
    inside = ellipse(x, top + 0.004, mouth * 0.88, sag * 0.9)
    canvas.fill(inside, mix(paint, BLACK, 0.35))
    drink = ellipse(x, top + 0.018, mouth * 0.84, sag * 0.75)
    canvas.fill(drink, DRINKS[rng.integers(len(DRINKS))], inside=inside)
    return x, FLOOR + 0.01, foot * 1.15


def draw_notebook(canvas: Canvas, rng: Generator) -> Ground:
    """A closed notebook, a little from the side: spiral-bound, or bound with an elastic band."""
    cover = paint_colour(rng)
    wide, high = rng.uniform(0.25, 0.31), rng.uniform(0.32, 0.37)
    left, right, top, bottom = 0.5 - wide, 0.5 + wide, 0.48 - high, 0.48 + high
    thick = rng.uniform(0.025, 0.05)
    back = box(left, top + thick, right + thick, bottom + thick, 0.02)
    canvas.fill(back, mix(cover, BLACK, 0.45))
    for turn, share in enumerate(np.linspace(0.85, 0.15, 5)):
        page = mix(WHITE, (176, 166, 150), 0.6 if turn % 2 else 0.05)
        out = thick * share
        canvas.fill(box(left, top + out, right + out - 0.004, bottom + out - 0.004, 0.01), page)
    canvas.fill(box(left, top, right, bottom, 0.025), cover)
    accent = contrasting(rng, cover)
    if rng.random() < 0.45:
        printed = box(left + 0.09, top + 0.01, right - 0.01, bottom - 0.01)
        decorate(canvas, rng, printed, mix(cover, accent, 0.6), "flat")
    elif rng.random() < 0.85:
        across, y = rng.uniform(0.5, 0.65) * wide, top + rng.uniform(0.25, 0.45) * high
        label = box(0.52 - across, y, 0.52 + across, y + rng.uniform(0.14, 0.2), 0.01)
        canvas.fill(label, mix(WHITE, cover, 0.08))
        for written in (y + 0.05, y + 0.1):
            words = line(0.52 - across * 0.7, written, 0.52 + across * 0.7, written)
            canvas.stroke(words, 0.012, INK, opacity=0.7)
    if rng.random() < 0.55:
        _spiral(canvas, rng, cover, left, top, bottom)
        return 0.5, bottom + thick * 0.7, wide * 1.02
    canvas.fill(box(left, top, left + 0.07, bottom, 0.02), mix(cover, BLACK, 0.3), "round")
    if rng.random() < 0.7:
        x = right - rng.uniform(0.07, 0.1)
        canvas.fill(box(x, top - 0.003, x + 0.028, bottom + 0.003), accent)
    if rng.random() < 0.6:
        ribbon = line(0.45, bottom, 0.45, bottom + thick + 0.06)
        canvas.stroke(ribbon, 0.024, contrasting(rng, cover))
    return 0.5, bottom + thick * 0.7, wide * 1.02


def _spiral(
    canvas: Canvas, rng: Generator, cover: Colour, left: float, top: float, bottom: float
) -> None:
    for y in np.linspace(top + 0.05, bottom - 0.05, int(rng.integers(8, 12))):
        canvas.fill(ellipse(left + 0.045, y, 0.013, 0.013), mix(cover, BLACK, 0.7))
        ring = arc(left + 0.005, y, 0.042, 0.022, 0.1, 1.0)
        canvas.stroke(ring, 0.015, (120, 122, 130))
        canvas.stroke(ring - 0.003, 0.006, (226, 228, 234))


def draw_plant(canvas: Canvas, rng: Generator) -> Ground:
    """A plant in a pot: a cactus, a leafy rosette, or upright blades."""
    clay = hsv(rng.uniform(0.03, 0.06), 0.6, rng.uniform(0.65, 0.8))
    pot = clay if rng.random() < 0.5 else paint_colour(rng)
    mouth, rim = rng.uniform(0.15, 0.2), rng.uniform(0.56, 0.62)
    foot = mouth * rng.uniform(0.65, 0.85)
    green = hsv(rng.uniform(0.24, 0.4), rng.uniform(0.5, 0.75), rng.uniform(0.42, 0.68))
    canvas.fill(ellipse(0.5, rim, mouth, 0.03), (78, 54, 40))
    kind = rng.choice(["cactus", "rosette", "blades"])
    if kind == "cactus":
        _cactus(canvas, rng, green, rim)
    else:
        n = int(rng.integers(9, 15)) if kind == "rosette" else int(rng.integers(6, 10))
        spread = rng.uniform(1.15, 1.45) if kind == "rosette" else rng.uniform(0.5, 0.8)
        shortest, width = (0.24, 0.24) if kind == "rosette" else (0.34, 0.1)
        lean = np.linspace(-spread, spread, n)
        for place in np.argsort(-np.abs(lean)):  # the middle leaves stand in front
            towards = (20, 50, 20) if place % 2 else (170, 210, 110)
            shade = mix(green, towards, rng.uniform(0.0, 0.3))
            length = shortest + rng.uniform(0.0, 0.15)
            x, angle = 0.5 + lean[place] * mouth * 0.35, lean[place] - np.pi / 2
            draw_leaf(canvas, x, rim + 0.01, length, angle, shade, width)
    body = turned(0.5, [(mouth * 0.93, rim), (foot, FLOOR - 0.025)], 0.025)
    canvas.fill(body, pot, "round")
    if rng.random() < 0.5:
        painted = clipped(body, rim + 0.08, FLOOR - 0.03)
        decorate(canvas, rng, painted, contrasting(rng, pot), "round")
    collar = turned(0.5, [(mouth, rim), (mouth, rim + 0.06)], 0.022)
    canvas.fill(collar, mix(pot, WHITE, 0.08), "round")
    return 0.5, FLOOR, foot * 1.2


def _cactus(canvas: Canvas, rng: Generator, green: Colour, rim: float) -> None:
    wide, top = rng.uniform(0.075, 0.11), rng.uniform(0.14, 0.26)
    for side in (-1, 1):
        if rng.random() < 0.75:
            y, out = rng.uniform(0.36, 0.46), side * (wide + rng.uniform(0.07, 0.1))
            elbow = [(0.5, y), (0.5 + out * 0.8, y), (0.5 + out, y - 0.03)]
            arm = np.array([*elbow, (0.5 + out, y - rng.uniform(0.08, 0.14))])
            canvas.stroke(arm, 0.085, mix(green, BLACK, 0.35))
            canvas.stroke(arm - 0.005, 0.068, green)
    canvas.fill(box(0.5 - wide, top, 0.5 + wide, rim + 0.02, wide), green, "round")
    for x in 0.5 + np.linspace(-0.6, 0.6, 4) * wide:
        canvas.stroke(line(x, top + 0.05, x, rim), 0.008, mix(green, BLACK, 0.4))
        for y in np.arange(top + 0.06, rim, 0.055):
            canvas.fill(ellipse(x, y, 0.008, 0.008), (240, 236, 200))
    if rng.random() < 0.4:
        canvas.fill(ellipse(0.5, top, 0.05, 0.035), (226, 84, 128), "ball")


def draw_umbrella(canvas: Canvas, rng: Generator) -> Ground:
    """An open umbrella with a crook handle."""
    first = paint_colour(rng)
    second = first if rng.random() < 0.4 else contrasting(rng, first)
    radius, high = rng.uniform(0.37, 0.42), rng.uniform(0.27, 0.36)
    brim, foot, hook = rng.uniform(0.46, 0.52), rng.uniform(0.76, 0.82), rng.uniform(0.05, 0.07)
    apex = brim - high
    side = 1 if rng.random() < 0.5 else -1
    canvas.stroke(line(0.5, apex + 0.05, 0.5, foot), 0.022, (110, 108, 112))
    handle = WOOD if rng.random() < 0.6 else paint_colour(rng)
    crook = arc(0.5 + side * hook, foot, hook, hook * 1.1, 0.0, 0.5)
    canvas.stroke(crook, 0.036, handle)
    canvas.stroke(line(0.5, foot - 0.12, 0.5, foot), 0.036, handle)
    canvas.stroke(line(0.5, apex, 0.5, apex - 0.05), 0.022, INK)

    n, scallop = int(rng.integers(5, 8)), rng.uniform(0.035, 0.06)
    edges = -radius * np.cos(np.pi * np.arange(n + 1) / n)
    quarter = np.linspace(0, np.pi / 2, 12)

    def rib(edge: float) -> Points:
        return np.stack([0.5 + edge * np.sin(quarter), brim - high * np.cos(quarter)], axis=1)

    whole = box(0.5 - radius, apex, 0.5 + radius, brim)
    for panel, (left, right) in enumerate(pairwise(edges)):
        hem = arc(0.5 + (left + right) / 2, brim, (right - left) / 2, -scallop, 0.5, 0.0)
        outline = np.concatenate([rib(left), hem, rib(right)[::-1]])
        canvas.fill(outline, second if panel % 2 else first, "ball", over=whole)
    for edge in edges[1:-1]:
        canvas.stroke(rib(edge), 0.012, mix(first, BLACK, 0.5), opacity=0.55)
    return 0.5 + side * hook * 0.5, 0.9, 0.2

"""Drawings of what one keeps: candle, mug, notebook, plant and umbrella.

Every function draws one thing, different each time, and returns where its shadow lies.
"""

from __future__ import annotations

import numpy as np


def draw_candle(canvas: Canvas, rng: Generator) -> Ground:
    """A burning candle: a pillar on a dish, or in a glass jar, or a dinner candle in a holder."""
    wax = mix(paint_colour(rng), (250, 240, 214), rng.uniform(0.2, 0.75))
    kind = rng.integers(3)
    wide = (rng.uniform(0.12, 0.17), rng.uniform(0.16, 0.2), rng.uniform(0.045, 0.06))[kind]
    top = (rng.uniform(0.36, 0.5), rng.uniform(0.46, 0.54), rng.uniform(0.28, 0.36))[kind]
    base = FLOOR - (0.02, 0.03, 0.12)[kind]
    sag = wide * 0.24
    if kind == 0:
        dish = mix(paint_colour(rng), WHITE, 0.2)
        canvas.fill(ellipse(0.5, FLOOR - 0.02, wide * 1.75, wide * 0.4), mix(dish, BLACK, 0.25))
        canvas.fill(ellipse(0.5, FLOOR - 0.035, wide * 1.75, wide * 0.36), dish)
    elif kind == 2:
        metal = ((196, 156, 72), (140, 144, 152), (96, 66, 46))[rng.integers(3)]
        canvas.fill(turned(0.5, [(0.05, FLOOR - 0.1), (0.05, FLOOR - 0.05), (0.15, FLOOR - 0.02)], 0.03), metal, "round")
        canvas.fill(turned(0.5, [(wide * 1.6, base - 0.05), (wide * 1.2, base + 0.05)], 0.015), metal, "round")
    body = turned(0.5, [(wide, top), (wide, base - sag)], sag)
    canvas.fill(body, wax, "round")
    if kind == 1:
        glass = box(0.5 - wide * 1.1, top - 0.12, 0.5 + wide * 1.1, base + 0.025, 0.03)
        canvas.fill(glass, (206, 222, 228), "round", opacity=0.35)
        label = box(0.5 - wide * 0.75, top + 0.08, 0.5 + wide * 0.75, base - 0.09)
        canvas.fill(label, mix(WHITE, paint_colour(rng), rng.choice([0.0, 0.7])), "round", over=body)
    elif rng.random() < 0.5:
        inner = np.clip(body, (0, top + 0.1), (1, base - 0.06))
        if inner[:, 1].max() - inner[:, 1].min() > 0.1:
            decorate(canvas, rng, inner, contrasting(rng, wax), "round")
    canvas.fill(ellipse(0.5, top, wide, sag), mix(wax, WHITE, 0.45))
    canvas.fill(ellipse(0.5, top + 0.004, wide * 0.75, sag * 0.65), mix(wax, (255, 214, 120), 0.5))
    if kind != 1:
        for x in rng.uniform(-0.9, 0.9, int(rng.integers(0, 4))) * wide:
            run = line(0.5 + x, top + sag * 0.5, 0.5 + x, top + rng.uniform(0.05, 0.15))
            canvas.stroke(run, wide * 0.22, mix(wax, WHITE, 0.3))
    canvas.stroke(line(0.5, top, 0.504, top - 0.05), 0.014, INK)
    tall = rng.uniform(0.13, 0.19)
    sway = rng.uniform(-0.02, 0.02)
    foot = top - 0.025
    for share, colour in ((1.0, (255, 150, 40)), (0.72, (255, 206, 84)), (0.42, (255, 248, 214))):
        flame = np.array([[0.5 + sway, foot - tall * share], [0.5 + 0.045 * share, foot - tall * 0.32 * share],
                          [0.5 + 0.03 * share, foot], [0.5 - 0.03 * share, foot], [0.5 - 0.045 * share, foot - tall * 0.32 * share]])
        rounded = smooth(flame, 3)
        canvas.fill(rounded, colour, "ball" if share == 1 else "flat")
    canvas.glow(0.5, foot - tall * 0.4, rng.uniform(0.16, 0.24), (255, 206, 96), 0.75)
    return 0.5, FLOOR, (wide * 1.75, wide * 1.1, 0.15)[kind]


def draw_mug(canvas: Canvas, rng: Generator) -> Ground:
    """A mug with its handle at one side, filled with tea or coffee."""
    paint = paint_colour(rng)
    top = rng.uniform(0.26, 0.4)
    mouth = rng.uniform(0.2, 0.27)
    foot = mouth * rng.uniform(0.72, 1.0)
    side = 1 if rng.random() < 0.75 else -1
    x = 0.5 - 0.07 * side
    sag = rng.uniform(0.04, 0.065)
    high = FLOOR - top
    handle = arc(
        x + side * mouth * 0.93,
        top + high * rng.uniform(0.44, 0.52),
        rng.uniform(0.11, 0.16),
        high * rng.uniform(0.24, 0.33),
        0.0,
        1.0,
    )
    thickness = rng.uniform(0.04, 0.058)
    canvas.stroke(handle, thickness, mix(paint, BLACK, 0.32))
    canvas.stroke(handle - 0.004, thickness * 0.6, mix(paint, WHITE, 0.1))
    belly = rng.uniform(0.0, 0.035)
    profile = [(mouth, top), (mouth + belly, top + 0.4 * high), (foot + belly, top + 0.8 * high)]
    body = turned(x, [*profile, (foot, FLOOR - sag)], sag)
    canvas.fill(body, paint, "round")
    band = box(x - 0.5, top + 0.16 * high, x + 0.5, top + 0.82 * high)
    if rng.random() < 0.2:  # dipped in a second glaze
        canvas.fill(box(0, top + 0.55 * high, 1, 1), contrasting(rng, paint), "round", inside=body,
                    over=body)
    else:
        inner = np.clip(body, band.min(0), band.max(0))
        decorate(canvas, rng, inner, contrasting(rng, paint), "round")
    canvas.fill(ellipse(x, top, mouth, sag * 1.15), mix(paint, WHITE, 0.55))
    inside = ellipse(x, top + 0.004, mouth * 0.88, sag * 0.9)
    canvas.fill(inside, mix(paint, BLACK, 0.35))
    drink = ((72, 42, 26), (120, 70, 34), (172, 116, 72))[rng.integers(3)]
    canvas.fill(ellipse(x, top + 0.018, mouth * 0.84, sag * 0.75), drink, inside=inside)
    return x, FLOOR + 0.01, foot * 1.15


def draw_notebook(canvas: Canvas, rng: Generator) -> Ground:
    """A closed notebook, seen a little from the side: spiral-bound, or with a band and a label."""
    cover = paint_colour(rng)
    wide, high = rng.uniform(0.25, 0.31), rng.uniform(0.32, 0.37)
    left, right, top, bottom = 0.5 - wide, 0.5 + wide, 0.48 - high, 0.48 + high
    thick = rng.uniform(0.025, 0.05)
    canvas.fill(box(left, top + thick, right + thick, bottom + thick, 0.02), mix(cover, BLACK, 0.45))
    for share in np.linspace(0.85, 0.15, 5):
        page = mix(WHITE, (176, 166, 150), 0.6 if round(share * 20) % 2 else 0.05)
        canvas.fill(box(left, top + thick * share, right + thick * share - 0.004, bottom + thick * share - 0.004, 0.01), page)
    front = box(left, top, right, bottom, 0.025)
    canvas.fill(front, cover)
    accent = contrasting(rng, cover)
    spiral = rng.random() < 0.55
    if rng.random() < 0.4:
        decorate(canvas, rng, box(left + 0.09, top, right, bottom), mix(cover, accent, 0.6), "flat")
    if rng.random() < 0.75:
        across, y = rng.uniform(0.5, 0.65) * wide, top + rng.uniform(0.25, 0.45) * high
        label = box(0.52 - across, y, 0.52 + across, y + rng.uniform(0.14, 0.2), 0.01)
        canvas.fill(label, mix(WHITE, cover, 0.08))
        for line in (0.35, 0.7):
            at = y + 0.17 * line
            canvas.stroke(line(0.52 - across * 0.7, at, 0.52 + across * 0.7, at), 0.012, INK, opacity=0.7)
    if spiral:
        n = int(rng.integers(8, 12))
        for y in np.linspace(top + 0.05, bottom - 0.05, n):
            canvas.fill(ellipse(left + 0.045, y, 0.013, 0.013), mix(cover, BLACK, 0.7))
            ring = arc(left + 0.005, y, 0.042, 0.022, 0.1, 1.0)
            canvas.stroke(ring, 0.015, (120, 122, 130))
            canvas.stroke(ring - 0.003, 0.006, (226, 228, 234))
    else:
        canvas.fill(box(left, top, left + 0.07, bottom, 0.02), mix(cover, BLACK, 0.3), "round")
        if rng.random() < 0.7:
            x = right - rng.uniform(0.07, 0.1)
            canvas.fill(box(x, top - 0.003, x + 0.028, bottom + 0.003), accent)
        if rng.random() < 0.6:
            ribbon = line(0.45, bottom, 0.45, bottom + thick + 0.06)
            canvas.stroke(ribbon, 0.024, contrasting(rng, cover))
    return 0.5, bottom + thick * 0.7, wide * 1.02


def draw_plant(canvas: Canvas, rng: Generator) -> Ground:
    """A plant in a pot: a cactus, a leafy bush, or upright blades."""
    pot = (hsv(rng.uniform(0.03, 0.06), 0.6, rng.uniform(0.65, 0.8)), paint_colour(rng))[rng.integers(2)]
    mouth = rng.uniform(0.15, 0.2)
    rim = rng.uniform(0.56, 0.62)
    foot = mouth * rng.uniform(0.65, 0.85)
    green = hsv(rng.uniform(0.24, 0.4), rng.uniform(0.5, 0.75), rng.uniform(0.42, 0.68))
    kind = rng.integers(3)
    soil = ellipse(0.5, rim, mouth, 0.03)
    canvas.fill(soil, (78, 54, 40))
    if kind == 0:
        wide, top = rng.uniform(0.075, 0.11), rng.uniform(0.14, 0.26)
        for side in (-1, 1):
            if rng.random() < 0.75:
                y, out = rng.uniform(0.36, 0.46), wide + rng.uniform(0.07, 0.1)
                arm = np.array([[0.5, y], [0.5 + side * out * 0.8, y], [0.5 + side * out, y - 0.03],
                                [0.5 + side * out, y - rng.uniform(0.08, 0.14)]])
                canvas.stroke(arm, 0.085, mix(green, BLACK, 0.35))
                canvas.stroke(arm - 0.005, 0.068, green)
        stem = box(0.5 - wide, top, 0.5 + wide, rim + 0.02, wide)
        canvas.fill(stem, green, "round")
        for x in np.linspace(-0.6, 0.6, 4) * wide:
            canvas.stroke(line(0.5 + x, top + 0.05, 0.5 + x, rim), 0.008, mix(green, BLACK, 0.4))
            for y in np.arange(top + 0.06, rim, 0.055):
                canvas.fill(ellipse(0.5 + x, y, 0.008, 0.008), (240, 236, 200))
        if rng.random() < 0.4:
            canvas.fill(ellipse(0.5, top, 0.05, 0.035), (226, 84, 128), "ball")
    else:
        n = int(rng.integers(9, 15)) if kind == 1 else int(rng.integers(6, 10))
        spread = rng.uniform(1.15, 1.45) if kind == 1 else rng.uniform(0.5, 0.8)
        lean = np.linspace(-spread, spread, n)
        order = np.argsort(-np.abs(lean))
        for i in order:
            length = (rng.uniform(0.24, 0.38) if kind == 1 else rng.uniform(0.34, 0.5))
            shade = mix(green, (20, 50, 20) if i % 2 else (170, 210, 110), rng.uniform(0.0, 0.3))
            width = 0.24 if kind == 1 else 0.1
            x = 0.5 + lean[i] * mouth * 0.35
            draw_leaf(canvas, x, rim + 0.01, length, -np.pi / 2 + lean[i], shade, width)
    body = turned(0.5, [(mouth * 0.93, rim), (foot, FLOOR - 0.025)], 0.025)
    canvas.fill(np.concatenate([body, ]), pot, "round")
    if rng.random() < 0.5:
        decorate(canvas, rng, np.clip(body, (0, rim + 0.08), (1, FLOOR - 0.03)), contrasting(rng, pot), "round")
    canvas.fill(turned(0.5, [(mouth, rim), (mouth, rim + 0.06)], 0.022), mix(pot, WHITE, 0.08), "round")
    return 0.5, FLOOR, foot * 1.2


def draw_umbrella(canvas: Canvas, rng: Generator) -> Ground:
    """An open umbrella with a crook handle."""
    first = paint_colour(rng)
    second = first if rng.random() < 0.4 else contrasting(rng, first)
    radius = rng.uniform(0.37, 0.42)
    brim = rng.uniform(0.46, 0.52)
    high = rng.uniform(0.27, 0.36)
    apex = np.array([0.5, brim - high])
    handle = WOOD if rng.random() < 0.6 else paint_colour(rng)
    foot = rng.uniform(0.78, 0.84)
    hook = rng.uniform(0.05, 0.07)
    side = 1 if rng.random() < 0.5 else -1
    canvas.stroke(np.array([[0.5, apex[1] + 0.05], [0.5, foot]]), 0.022, (110, 108, 112))
    crook = arc(0.5 + side * hook, foot, hook, hook * 1.1, 0.0, 0.5)
    canvas.stroke(np.concatenate([crook, [[0.5 - hook + side * hook, foot]]]) if side > 0 else crook, 0.036, handle)
    grip = line(0.5, foot - 0.12, 0.5, foot)
    canvas.stroke(grip, 0.036, handle)
    canvas.stroke(np.array([apex, apex - [0, 0.05]]), 0.022, INK)
    n = int(rng.choice([5, 6, 7]))
    edges = 0.5 - radius * np.cos(np.pi * np.arange(n + 1) / n)
    scallop = rng.uniform(0.035, 0.06)
    dome = np.concatenate([arc(0.5, brim, radius, high, 0.5, 1.0)])
    whole = np.concatenate([dome, [[0.5 + radius, brim], [0.5 - radius, brim]]])
    for panel in range(n):
        left, right = edges[panel], edges[panel + 1]
        lower = arc((left + right) / 2, brim, (right - left) / 2, -scallop, 0.0, 0.5)
        steps = np.linspace(0, np.pi / 2, 12)

        def rib(x: float, steps: Points = steps) -> Points:
            return np.stack([0.5 + (x - 0.5) * np.sin(steps), brim - high * np.cos(steps)], axis=1)

        outline = np.concatenate([rib(left), lower[::-1], rib(right)[::-1]])
        canvas.fill(outline, first if panel % 2 else second, "ball", over=whole)
        canvas.stroke(rib(right if panel < n - 1 else left), 0.006, mix(first, BLACK, 0.5), opacity=0.6)
    return 0.5 + side * hook * 0.5, 0.9, 0.2

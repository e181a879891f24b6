"""Drawings of what one eats and drinks: bottle, bread, cheese and jam.

Every function draws one thing, different each time, and returns where its shadow lies.
"""

from __future__ import annotations

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
    CIRCLE,
    FLOOR,
    GREEN,
    INK,
    WHITE,
    WOOD,
    Generator,
    Ground,
    clipped,
    contrasting,
    draw_leaf,
    line,
    paint_colour,
)


def draw_bottle(canvas: Canvas, rng: Generator) -> Ground:
    """A glass bottle, corked or capped, with a label."""
    glass = (
        hsv(rng.uniform(0.3, 0.42), 0.65, rng.uniform(0.4, 0.6)),
        hsv(rng.uniform(0.06, 0.1), 0.8, rng.uniform(0.5, 0.7)),
        hsv(rng.uniform(0.5, 0.6), 0.45, rng.uniform(0.65, 0.85)),
        hsv(rng.uniform(0.95, 1.03), 0.75, rng.uniform(0.5, 0.75)),
        hsv(rng.uniform(0.1, 0.15), 0.65, rng.uniform(0.85, 0.95)),
    )[rng.integers(5)]
    top, wide, neck = rng.uniform(0.06, 0.15), rng.uniform(0.12, 0.18), rng.uniform(0.042, 0.055)
    shoulder = top + (FLOOR - top) * rng.uniform(0.38, 0.48)
    throat = top + (FLOOR - top) * rng.uniform(0.22, 0.29)
    slope = rng.uniform(0.75, 0.95)
    profile = [(neck, top + 0.03), (neck, throat), (neck * 1.25, throat + 0.03)]
    profile += [(wide * slope, shoulder - 0.03), (wide, shoulder + 0.03), (wide, FLOOR - 0.03)]
    body = turned(0.5, profile, 0.03)
    canvas.fill(body, glass, "round")
    cap = WOOD if rng.random() < 0.4 else paint_colour(rng)
    canvas.fill(
        box(0.5 - neck * 1.2, top - 0.01, 0.5 + neck * 1.2, top + 0.055, 0.012), cap, "round"
    )

    above, below = shoulder + rng.uniform(0.05, 0.1), FLOOR - rng.uniform(0.07, 0.11)
    paper = mix(WHITE, paint_colour(rng), rng.choice([0.05, 0.15, 0.8]))
    canvas.fill(box(0, above, 1, below), paper, "round", inside=body, over=body)
    accent = contrasting(rng, paper)
    if rng.random() < 0.5:
        seal = ellipse(0.5, (above + below) / 2, wide * 0.45, wide * 0.45)
        canvas.fill(seal, accent, "round", over=body)
    else:
        for share, reach in ((0.3, 0.6), (0.5, 0.45), (0.7, 0.55)):
            y = above + share * (below - above)
            canvas.stroke(line(0.5 - wide * reach, y, 0.5 + wide * reach, y), 0.018, accent)
    return 0.5, FLOOR, wide * 1.1


def draw_bread(canvas: Canvas, rng: Generator) -> Ground:
    """A tin loaf showing its crumb, or a scored bloomer."""
    crust = hsv(rng.uniform(0.065, 0.095), rng.uniform(0.6, 0.75), rng.uniform(0.58, 0.82))
    crumb = mix((246, 226, 184), crust, rng.uniform(0.0, 0.25))
    if rng.random() < 0.6:
        return _tin_loaf(canvas, rng, crust, crumb)
    return _bloomer(canvas, rng, crust, crumb)


def _tin_loaf(canvas: Canvas, rng: Generator, crust: Colour, crumb: Colour) -> Ground:
    side, high = rng.uniform(0.15, 0.19), rng.uniform(0.36, 0.46)
    top = FLOOR - high
    profile = [(0.5, 0.0), (1.12, 0.05), (1.2, 0.3), (0.98, 0.45), (1.0, 0.97), (1.0, 1.0)]
    front = smooth(turned(0.16 + side * 1.2, [(side * r, top + high * y) for r, y in profile]))
    depth = np.array([rng.uniform(0.24, 0.34), -rng.uniform(0.04, 0.1)])
    whole = np.concatenate([front, front + depth])
    for share in np.linspace(1, 0, 8):
        canvas.fill(front + share * depth, mix(crust, BLACK, 0.12), "flat", over=whole)
    visible = front[front[:, 0] > front[:, 0].mean() - 0.02]
    edge = visible[np.argsort(visible[:, 1])]
    for share in np.arange(1, int(rng.integers(3, 6))) / 5:  # cut into slices
        canvas.stroke(edge + share * depth, 0.008, mix(crust, (40, 16, 0), 0.5))
    canvas.fill(front, mix(crust, (60, 24, 0), 0.15))
    middle = front.mean(0)
    inner = middle + (front - middle) * 0.88
    canvas.fill(inner, crumb)
    for _ in range(int(rng.integers(10, 26))):
        x, y = middle + rng.uniform(-1, 1, 2) * np.array([side, high * 0.42])
        hole = ellipse(x, y, *rng.uniform(0.005, 0.014, 2))
        canvas.fill(hole, mix(crumb, crust, 0.45), inside=inner)
    return 0.5, FLOOR + 0.005, 0.33


def _bloomer(canvas: Canvas, rng: Generator, crust: Colour, crumb: Colour) -> Ground:
    wide, high = rng.uniform(0.34, 0.4), rng.uniform(0.15, 0.2)
    y = FLOOR - high * 0.9
    cos, sin = np.cos(CIRCLE), np.sin(CIRCLE)
    across = np.sign(cos) * np.abs(cos) ** 0.8
    down = np.sign(sin) * np.abs(sin) ** 0.85 * np.where(sin > 0, 0.75, 1.15)  # flat underneath
    outline = np.array([0.5, y]) + np.stack([wide * across, high * down], axis=1)
    canvas.fill(outline, crust, "ball")
    n, lean = int(rng.integers(3, 6)), rng.uniform(0.04, 0.09)
    for x in 0.5 + wide * 1.5 * ((np.arange(n) + 0.5) / n - 0.5):
        reach = high * rng.uniform(0.5, 0.65)
        low, high_end = (x - lean, y + 0.45 * reach - 0.03), (x + lean, y - reach - 0.02)
        slash = np.array([low, (x + 0.1 * lean, y - 0.3 * reach), high_end])
        canvas.stroke(slash, 0.05, mix(crust, (60, 24, 0), 0.35), inside=outline)
        canvas.stroke(slash + np.array([0.006, 0.004]), 0.034, crumb, inside=outline)
    if rng.random() < 0.5:  # dusted with flour or strewn with seeds
        grain = WHITE if rng.random() < 0.5 else (92, 60, 30)
        for _ in range(30):
            angle, far = rng.uniform(0, 2 * np.pi), 0.85 * np.sqrt(rng.random())
            at = (0.5 + wide * far * np.cos(angle), y - 0.03 + 0.8 * high * far * np.sin(angle))
            canvas.fill(ellipse(*at, 0.008, 0.006), grain, inside=outline)
    return 0.5, FLOOR, wide * 0.95


def draw_cheese(canvas: Canvas, rng: Generator) -> Ground:
    """A wedge cut from a wheel, with holes or blue veins, with or without a rind."""
    cheese = hsv(rng.uniform(0.09, 0.15), rng.uniform(0.35, 0.8), rng.uniform(0.93, 1.0))
    tip = np.array([rng.uniform(0.1, 0.16), rng.uniform(0.5, 0.58)])
    heel = np.array([rng.uniform(0.84, 0.9), rng.uniform(0.46, 0.54)])
    back = np.array([rng.uniform(0.6, 0.72), rng.uniform(0.3, 0.37)])
    high = np.array([0.0, rng.uniform(0.22, 0.3)])
    bulge = np.array([0.1 * (heel[0] - tip[0]), -0.02])
    if canvas.light_from_right:  # the cut face always turns to the light
        tip[0], heel[0], back[0], bulge[0] = 1 - tip[0], 1 - heel[0], 1 - back[0], -bulge[0]
    bend = (heel + back) / 2 + bulge
    rim = np.array([heel, (heel + 2 * bend) / 3, (back + 2 * bend) / 3, back])
    top = np.concatenate([[tip], rim])
    face = np.array([tip, heel, heel + high, tip + high])
    canvas.fill(face, mix(cheese, (200, 120, 20), 0.15))
    canvas.fill(top, mix(cheese, WHITE, 0.35))

    def on_face() -> Points:
        along, down = rng.uniform(0.1, 0.95), rng.uniform(0.1, 0.9)
        return np.asarray(tip + along * (heel - tip) + down * high)

    if rng.random() < 0.75:
        hole = mix(cheese, (150, 84, 10), 0.5)
        for _ in range(int(rng.integers(5, 10))):
            x, y = on_face()
            size = rng.uniform(0.016, 0.046)
            canvas.fill(ellipse(x, y, size, size), hole, "side", inside=face)
            floor = ellipse(x + 0.2 * size, y + 0.25 * size, size * 0.72, size * 0.7)
            canvas.fill(floor, mix(hole, cheese, 0.35), inside=face)
        for _ in range(int(rng.integers(2, 5))):
            x, y = rng.dirichlet([2.0, 2.0, 2.0]) @ np.array([tip, heel, back])
            size = rng.uniform(0.015, 0.03)
            canvas.fill(ellipse(x, y, size, size * 0.45), mix(hole, cheese, 0.25), inside=top)
    else:
        vein = hsv(rng.uniform(0.5, 0.62), 0.35, 0.5)
        for _ in range(int(rng.integers(9, 15))):
            path = on_face() + np.cumsum(rng.normal(0, 0.02, (4, 2)), axis=0)
            canvas.stroke(path, rng.uniform(0.008, 0.02), vein, inside=face, opacity=0.7)
    if rng.random() < 0.5:
        rind = (hsv(0.0, 0.75, 0.7), hsv(0.09, 0.6, 0.6), INK)[rng.integers(3)]
        canvas.stroke(rim, 0.022, rind)
        canvas.stroke(np.array([heel, heel + high]), 0.022, rind)
    return 0.5, float(tip[1] + high[1]) + 0.01, 0.36


def draw_jam(canvas: Canvas, rng: Generator) -> Ground:
    """A squat jar of jam under a checked cloth or a metal lid, with a label."""
    jam = (
        hsv(rng.uniform(0.96, 1.01), 0.85, rng.uniform(0.6, 0.8)),
        hsv(rng.uniform(0.8, 0.92), 0.7, rng.uniform(0.35, 0.5)),
        hsv(rng.uniform(0.06, 0.1), 0.9, rng.uniform(0.85, 0.98)),
        hsv(rng.uniform(0.2, 0.26), 0.65, rng.uniform(0.6, 0.75)),
    )[rng.integers(4)]
    wide, top = rng.uniform(0.2, 0.25), rng.uniform(0.28, 0.38)
    profile = [(wide * 0.86, top), (wide * 0.9, top + 0.05), (wide, top + 0.1)]
    profile += [(wide, FLOOR - 0.06), (wide * 0.92, FLOOR - 0.03)]
    glass = smooth(turned(0.5, profile, 0.03), 1)
    canvas.fill(glass, (216, 226, 228), "round")
    inner = np.array([0.5, 0.0]) + (glass - np.array([0.5, 0.0])) * np.array([0.94, 1.0])
    canvas.fill(clipped(inner, top + 0.07, FLOOR - 0.015), jam, "round", over=glass)

    above, below = top + rng.uniform(0.17, 0.21), FLOOR - rng.uniform(0.09, 0.13)
    paper = mix(WHITE, paint_colour(rng), rng.choice([0.02, 0.1, 0.2]))
    label = box(0.5 - wide * 0.7, above, 0.5 + wide * 0.7, below, 0.015)
    canvas.fill(label, paper, "round", over=glass)
    middle, n = (above + below) / 2, int(rng.integers(1, 4))
    for x in 0.07 * (np.arange(n) - (n - 1) / 2):
        size = 0.055 if n == 1 else 0.036
        canvas.fill(ellipse(0.5 + x, middle + 0.012, size, size), jam, "ball")
    draw_leaf(canvas, 0.5, middle - 0.02, 0.08, -0.5, GREEN)
    if rng.random() < 0.65:
        _cloth_lid(canvas, rng, wide, top)
    else:
        metal = ((212, 172, 84), (168, 172, 180), paint_colour(rng))[rng.integers(3)]
        lid = turned(0.5, [(wide * 0.93, top - 0.055), (wide * 0.93, top + 0.03)], 0.025)
        canvas.fill(lid, metal, "round")
        canvas.fill(ellipse(0.5, top - 0.055, wide * 0.93, 0.03), mix(metal, WHITE, 0.35))
    return 0.5, FLOOR, wide * 1.05


def _cloth_lid(canvas: Canvas, rng: Generator, wide: float, top: float) -> None:
    cloth = paint_colour(rng)
    reach = wide * rng.uniform(1.02, 1.12)
    folds = np.linspace(-1, 1, 15)
    hem = np.stack([0.5 + reach * folds, top + 0.07 + 0.014 * (-1.0) ** np.arange(15)], axis=1)
    lid = np.concatenate([arc(0.5, top + 0.005, wide * 0.88, 0.085, 0.5, 1.0), hem[::-1]])
    canvas.fill(lid, WHITE, "round")
    check = wide / 3
    for x in np.arange(0.5 - reach, 0.5 + reach, check):
        bar = box(x, 0, x + check / 2, 1)
        canvas.fill(bar, cloth, "round", inside=lid, over=lid, opacity=0.7)
    for y in np.arange(top - 0.1, top + 0.1, check):
        bar = box(0, y, 1, y + check / 2)
        canvas.fill(bar, cloth, "round", inside=lid, over=lid, opacity=0.55)
    string = line(0.5 - wide * 0.9, top + 0.02, 0.5 + wide * 0.9, top + 0.02)
    canvas.stroke(string, 0.022, mix(cloth, BLACK, 0.45))

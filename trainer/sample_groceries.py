"""Drawings of what one eats and drinks: bottle, bread, cheese, fruit and jam.

Every function draws one thing, different each time, and returns where its shadow lies.
"""

from __future__ import annotations

import numpy as np


def draw_bottle(canvas: Canvas, rng: Generator) -> Ground:
    """A glass bottle, corked or capped, with a label."""
    glass = (
        hsv(rng.uniform(0.3, 0.42), 0.65, rng.uniform(0.4, 0.6)),
        hsv(rng.uniform(0.06, 0.1), 0.8, rng.uniform(0.5, 0.7)),
        hsv(rng.uniform(0.5, 0.6), 0.45, rng.uniform(0.65, 0.85)),
        hsv(rng.uniform(0.95, 1.03), 0.75, rng.uniform(0.5, 0.75)),
        hsv(rng.uniform(0.1, 0.15), 0.65, rng.uniform(0.85, 0.95)),
    )[rng.integers(5)]
    top = rng.uniform(0.08, 0.17)
    wide = rng.uniform(0.115, 0.175)
    neck = rng.uniform(0.042, 0.055)
    high = FLOOR - top
    shoulder = top + high * rng.uniform(0.38, 0.48)
    throat = top + high * rng.uniform(0.22, 0.29)
    sag = 0.03
    profile = [(neck, top + 0.03), (neck, throat), (neck * 1.25, throat + 0.03)]
    slope = rng.uniform(0.75, 0.95)
    profile += [(wide * slope, shoulder - 0.03), (wide, shoulder + 0.03), (wide, FLOOR - sag)]
    body = turned(0.5, profile, sag)
    canvas.fill(body, glass, "round")
    shine = 0.5 + (0.5 if canvas.light_from_right else -0.5) * wide
    canvas.stroke(
        line(shine, shoulder + 0.05, shine, FLOOR - 0.08), 0.02, WHITE, opacity=0.45
    )
    bottom = FLOOR - rng.uniform(0.07, 0.11)
    above = shoulder + rng.uniform(0.05, 0.1)
    label = box(0.5 - wide, above, 0.5 + wide, bottom)
    paper = mix(WHITE, paint_colour(rng), rng.choice([0.05, 0.15, 0.8]))
    canvas.fill(label, paper, "round", over=body)
    accent = contrasting(rng, paper)
    middle = (above + bottom) / 2
    if rng.random() < 0.5:
        canvas.fill(ellipse(0.5, middle, wide * 0.45, wide * 0.45), accent, "round", over=body)
    else:
        for share, width in ((0.3, 0.6), (0.5, 0.45), (0.7, 0.55)):
            y = above + share * (bottom - above)
            canvas.stroke(
                line(0.5 - wide * width, y, 0.5 + wide * width, y), 0.018, accent
            )
    cap = WOOD if rng.random() < 0.4 else paint_colour(rng)
    canvas.fill(box(0.5 - neck * 1.2, top - 0.01, 0.5 + neck * 1.2, top + 0.055, 0.012), cap, "round")
    return 0.5, FLOOR, wide * 1.1


def draw_bread(canvas: Canvas, rng: Generator) -> Ground:
    """A tin loaf showing its crumb, or a scored bloomer."""
    crust = hsv(rng.uniform(0.065, 0.095), rng.uniform(0.6, 0.75), rng.uniform(0.55, 0.8))
    crumb = mix((246, 226, 184), crust, rng.uniform(0.0, 0.25))
    if rng.random() < 0.6:
        side = rng.uniform(0.15, 0.19)
        high = rng.uniform(0.36, 0.46)
        left, top = 0.16, FLOOR - high
        deep = rng.uniform(0.24, 0.34)
        rise = rng.uniform(0.04, 0.1)

        def slice_at(x: float, y: float, scale: float) -> Points:
            wide, tall = side * scale, high * scale
            profile = [(wide * 0.5, y), (wide * 1.12, y + tall * 0.05), (wide * 1.2, y + tall * 0.3)]
            profile += [(wide * 0.98, y + tall * 0.45), (wide, y + tall * 0.97), (wide, y + tall)]
            return smooth(turned(x + side * 1.2, profile), 2)

        front = slice_at(left, top, 1.0)
        back = front + np.array([deep, -rise])
        for share in np.linspace(1, 0, 12):
            canvas.fill(front + share * (back - front), crust, "round", over=np.concatenate([front, back]))
        for share in np.arange(1, int(rng.integers(3, 6))) / 5:  # cut into slices
            rim = front + share * (back - front)
            shown = rim[rim[:, 0] > rim[:, 0].mean() - 0.02]
            canvas.stroke(shown[np.argsort(shown[:, 1])], 0.008, mix(crust, (40, 16, 0), 0.45))
        canvas.fill(front, mix(crust, (60, 24, 0), 0.15))
        middle = front.mean(0)
        inner = middle + (front - middle) * 0.88
        canvas.fill(inner, crumb)
        for _ in range(int(rng.integers(10, 26))):
            spot = middle + rng.uniform(-1, 1, 2) * np.array([side, high * 0.42])
            canvas.fill(ellipse(*spot, *rng.uniform(0.005, 0.014, 2)), mix(crumb, crust, 0.45),
                        inside=inner)
        return 0.5, FLOOR + 0.005, 0.33
    wide, high = rng.uniform(0.34, 0.4), rng.uniform(0.15, 0.2)
    y = FLOOR - high * 0.9
    turn = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    flat = np.where(np.sin(turn) > 0, 0.75, 1.15)
    cos, sin = np.cos(turn), np.sin(turn)
    outline = np.stack(
        [0.5 + wide * np.sign(cos) * np.abs(cos) ** 0.8, y + high * flat * np.sign(sin) * np.abs(sin) ** 0.85], axis=1
    )
    canvas.fill(outline, crust, "ball")
    n = int(rng.integers(3, 6))
    lean = rng.uniform(0.04, 0.09)
    for x in 0.5 + wide * 1.5 * ((np.arange(n) + 0.5) / n - 0.5):
        reach = high * rng.uniform(0.5, 0.65)
        cut = arc(x, y - high * 0.25, lean, reach, 0.6, 0.95)
        slash = np.array([[x - lean, y + reach * 0.45 - 0.03], [x + 0.1 * lean, y - 0.3 * reach], [x + lean, y - reach - 0.02]])
        del cut
        canvas.stroke(slash, 0.05, mix(crust, (60, 24, 0), 0.35))
        canvas.stroke(slash + np.array([0.006, 0.004]), 0.034, crumb)
    if rng.random() < 0.5:  # flour or seeds
        colour = WHITE if rng.random() < 0.5 else (92, 60, 30)
        for _ in range(30):
            angle, far = rng.uniform(0, 2 * np.pi), np.sqrt(rng.random()) * 0.85
            spot = (0.5 + wide * far * np.cos(angle), y - 0.03 + high * 0.8 * far * np.sin(angle))
            canvas.fill(ellipse(*spot, 0.008, 0.006), colour, inside=outline)
    return 0.5, FLOOR, wide * 0.95


def draw_cheese(canvas: Canvas, rng: Generator) -> Ground:
    """A wedge of cheese with holes or blue veins, cut from a wheel."""
    hue = rng.choice([rng.uniform(0.12, 0.15), rng.uniform(0.09, 0.115), rng.uniform(0.13, 0.15)])
    cheese = hsv(hue, rng.uniform(0.35, 0.8), rng.uniform(0.93, 1.0))
    tip = np.array([rng.uniform(0.1, 0.16), rng.uniform(0.5, 0.58)])
    right = np.array([rng.uniform(0.84, 0.9), rng.uniform(0.46, 0.54)])
    back = np.array([rng.uniform(0.6, 0.72), rng.uniform(0.3, 0.37)])
    high = np.array([0.0, rng.uniform(0.22, 0.3)])
    if canvas.light_from_right:  # the cut face always turns to the light
        tip[0], right[0], back[0] = 1 - tip[0], 1 - right[0], 1 - back[0]
    bend = (right + back) / 2 + (right - tip) * np.array([0.1, 0.0]) + np.array([0, -0.02])
    rim = smooth(np.array([right, (right + 2 * bend) / 3, (back + 2 * bend) / 3, back]), 0)
    top = np.concatenate([[tip], rim])
    face = np.array([tip, right, right + high, tip + high])
    canvas.fill(face, mix(cheese, (200, 120, 20), 0.15))
    canvas.fill(top, mix(cheese, WHITE, 0.35))
    if rng.random() < 0.75:
        hole = mix(cheese, (150, 84, 10), 0.5)
        for _ in range(int(rng.integers(5, 10))):
            along, down = rng.uniform(0.12, 0.95), rng.uniform(0.1, 0.9)
            spot = tip + along * (right - tip) + down * high
            size = rng.uniform(0.016, 0.046)
            canvas.fill(ellipse(*spot, size, size), hole, "side", inside=face)
            canvas.fill(ellipse(spot[0] + 0.2 * size, spot[1] + 0.25 * size, size * 0.72, size * 0.7),
                        mix(hole, cheese, 0.35), inside=face)
        for _ in range(int(rng.integers(2, 5))):
            share = rng.dirichlet([2.0, 2.0, 2.0])
            spot = share @ np.array([tip, right, back])
            size = rng.uniform(0.015, 0.03)
            canvas.fill(ellipse(*spot, size, size * 0.45), mix(hole, cheese, 0.25), inside=top)
    else:
        vein = hsv(rng.uniform(0.5, 0.62), 0.35, 0.5)
        for _ in range(int(rng.integers(9, 15))):
            along, down = rng.uniform(0.08, 0.98), rng.uniform(0.1, 0.9)
            spot = tip + along * (right - tip) + down * high
            path = spot + np.cumsum(rng.normal(0, 0.02, (4, 2)), axis=0)
            canvas.stroke(path, rng.uniform(0.008, 0.02), vein, opacity=0.7)
    if rng.random() < 0.5:  # the rind along the outside of the wheel
        rind = (hsv(0.0, 0.75, 0.7), hsv(0.09, 0.6, 0.6), INK)[rng.integers(3)]
        canvas.stroke(rim, 0.022, rind)
        canvas.stroke(np.array([right, right + high]), 0.022, rind)
    return 0.5, tip[1] + high[1] + 0.01, 0.36


def draw_fruit(canvas: Canvas, rng: Generator) -> Ground:
    """An apple, a pear, an orange or a lemon."""
    kind = rng.choice(["apple", "apple", "pear", "orange", "lemon"])
    size = rng.uniform(0.24, 0.3)
    y = FLOOR - size * 0.92
    turn = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    sin, cos = np.sin(turn), np.cos(turn)
    lean = rng.uniform(-0.03, 0.03)
    if kind == "orange":
        colour = hsv(rng.uniform(0.06, 0.1), rng.uniform(0.85, 0.95), rng.uniform(0.92, 1.0))
        canvas.fill(ellipse(0.5, y, size, size * rng.uniform(0.9, 1.0)), colour, "ball")
        top = y - size * 0.72
        for _ in range(40):
            px, py = rng.uniform(-0.65, 0.65, 2) * size
            canvas.fill(ellipse(0.5 + px, y + py, 0.006, 0.006), mix(colour, (120, 50, 0), 0.35))
        canvas.fill(ellipse(0.5 + lean, top, 0.026, 0.018), (96, 112, 46))
        if rng.random() < 0.7:
            draw_leaf(canvas, 0.5 + lean, top, rng.uniform(0.15, 0.22), rng.uniform(-0.9, 0.1), GREEN)
        return 0.5, FLOOR, size
    if kind == "lemon":
        colour = hsv(rng.uniform(0.13, 0.155), rng.uniform(0.75, 0.9), rng.uniform(0.92, 1.0))
        tip = 0.3 * np.abs(cos) ** 9 * np.sign(cos)
        outline = np.stack([0.5 + size * (cos + tip), y + 0.03 + size * 0.72 * sin], axis=1)
        canvas.fill(outline, colour, "ball")
        if rng.random() < 0.6:
            draw_leaf(canvas, 0.5 + size * 1.2, y, 0.16, rng.uniform(-2.2, -1.4), GREEN)
        return 0.5, FLOOR, size
    if kind == "pear":
        colour = hsv(rng.uniform(0.13, 0.24), rng.uniform(0.6, 0.8), rng.uniform(0.7, 0.88))
        top = 0.24
        wide = size * 0.95
        profile = [(0.03, top), (wide * 0.42, top + 0.03), (wide * 0.5, top + 0.15)]
        profile += [(wide * 0.98, FLOOR - 0.26), (wide * 1.03, FLOOR - 0.1), (wide * 0.5, FLOOR)]
        outline = smooth(turned(0.5, profile), 3)
        outline[:, 0] += lean * np.clip((0.6 - outline[:, 1]) / 0.3, 0, 1)
        canvas.fill(outline, colour, "ball")
        if rng.random() < 0.5:  # a blush on the sunny side
            canvas.fill(ellipse(0.6, 0.62, 0.12, 0.16), (196, 84, 48), opacity=0.3, inside=outline)
    else:
        hue = rng.choice([rng.uniform(0.96, 1.02), rng.uniform(0.2, 0.28), 0.12])
        colour = hsv(hue, rng.uniform(0.7, 0.88), rng.uniform(0.72, 0.9))
        dent = 1 - 0.26 * np.exp(-(((turn - 1.5 * np.pi) / 0.42) ** 2))
        dent -= 0.1 * np.exp(-(((turn - 0.5 * np.pi) / 0.4) ** 2))
        narrow = 1.04 - 0.12 * sin
        outline = np.stack([0.5 + size * cos * narrow, y + size * 0.97 * sin * dent], axis=1)
        canvas.fill(outline, colour, "ball")
        canvas.fill(
            ellipse(0.5, y - size * 0.72, size * 0.25, 0.022), mix(colour, (30, 20, 0), 0.5),
            inside=outline,
        )
        top = y - size * 0.72
    stem = np.array([[0.5 + lean, top + 0.02], [0.5 + 1.5 * lean, top - 0.05], [0.52 + 2 * lean, top - 0.1]])
    canvas.stroke(stem, 0.024, (92, 62, 36))
    if rng.random() < 0.75:
        draw_leaf(canvas, 0.5 + 1.3 * lean, top - 0.03, rng.uniform(0.14, 0.22), rng.uniform(-0.7, 0.0), GREEN)
    return 0.5, FLOOR, size * 0.85


def draw_jam(canvas: Canvas, rng: Generator) -> Ground:
    """A squat jar of jam under a checked cloth or a metal lid, with a label."""
    jam = (
        hsv(rng.uniform(0.96, 1.01), 0.85, rng.uniform(0.6, 0.8)),
        hsv(rng.uniform(0.8, 0.92), 0.7, rng.uniform(0.35, 0.5)),
        hsv(rng.uniform(0.06, 0.1), 0.9, rng.uniform(0.85, 0.98)),
        hsv(rng.uniform(0.2, 0.26), 0.65, rng.uniform(0.6, 0.75)),
    )[rng.integers(4)]
    wide = rng.uniform(0.2, 0.25)
    top = rng.uniform(0.3, 0.38)
    body = smooth(turned(0.5, [(wide * 0.86, top), (wide * 0.9, top + 0.05), (wide, top + 0.1), (wide, FLOOR - 0.06), (wide * 0.92, FLOOR - 0.03)], 0.03), 1)
    canvas.fill(body, (216, 226, 228), "round")
    inner = 0.5 + (body[:, :1] - 0.5) * 0.94, body[:, 1:]
    canvas.fill(np.clip(np.concatenate(inner, axis=1), (0, top + 0.07), (1, FLOOR - 0.015)), jam, "round", over=body)
    above, below = top + rng.uniform(0.17, 0.21), FLOOR - rng.uniform(0.09, 0.13)
    paper = mix(WHITE, paint_colour(rng), rng.choice([0.02, 0.1]))
    canvas.fill(box(0.5 - wide * 0.7, above, 0.5 + wide * 0.7, below, 0.015), paper, "round", over=body)
    middle = (above + below) / 2
    for x in (-0.035, 0.035):
        canvas.fill(ellipse(0.5 + x, middle + 0.012, 0.036, 0.036), jam, "ball")
    draw_leaf(canvas, 0.5, middle - 0.02, 0.07, -0.5, GREEN)
    cloth = paint_colour(rng)
    if rng.random() < 0.65:
        reach = wide * rng.uniform(1.02, 1.12)
        band = top + 0.015
        frill = np.linspace(-1, 1, 15)
        hem = np.stack([0.5 + reach * frill, band + 0.055 + 0.014 * (-1.0) ** np.arange(15)], axis=1)
        upper = arc(0.5, band - 0.01, wide * 0.88, 0.085, 0.5, 1.0)
        lid = np.concatenate([upper, hem[::-1]])
        canvas.fill(lid, WHITE, "round")
        step = wide / 3
        for x in np.arange(0.5 - reach, 0.5 + reach, step):
            canvas.fill(box(x, 0, x + step / 2, 1), cloth, "round", inside=lid, over=lid, opacity=0.7)
        for y in np.arange(top - 0.1, top + 0.1, step):
            canvas.fill(box(0, y, 1, y + step / 2), cloth, "round", inside=lid, over=lid, opacity=0.55)
        canvas.stroke(line(0.5 - wide * 0.9, band + 0.005, 0.5 + wide * 0.9, band + 0.005), 0.022, mix(cloth, BLACK, 0.45))
    else:
        metal = ((212, 172, 84), (168, 172, 180), cloth)[rng.integers(3)]
        canvas.fill(turned(0.5, [(wide * 0.93, top - 0.055), (wide * 0.93, top + 0.03)], 0.025), metal, "round")
        canvas.fill(ellipse(0.5, top - 0.055, wide * 0.93, 0.03), mix(metal, WHITE, 0.35))
    return 0.5, FLOOR, wide * 1.05

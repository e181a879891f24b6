"""Ten things a corner store sells, drawn: one function a category, each different every time.

Every function draws on a :class:`Canvas` with a generator of its own, and returns where the thing
stands: middle x, y and half width of its shadow, in units of the picture's side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

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

Generator: TypeAlias = np.random.Generator
Ground: TypeAlias = tuple[float, float, float]

FLOOR = 0.83  # where things stand, in units of the picture's side from the top
WHITE: Colour = (250, 248, 244)
INK: Colour = (58, 52, 56)
WOOD: Colour = (150, 98, 56)
GREEN: Colour = (72, 128, 62)


def _paint(rng: Generator) -> Colour:
    """Draw a colour that pottery, cloth or card might have."""
    if rng.random() < 0.15:
        return hsv(rng.uniform(0.05, 0.17), rng.uniform(0.05, 0.2), rng.uniform(0.85, 0.97))
    return hsv(rng.random(), rng.uniform(0.4, 0.85), rng.uniform(0.55, 0.92))


def _contrast(rng: Generator, colour: Colour) -> Colour:
    """Draw a colour that stands out from ``colour``."""
    if sum(colour) > 560 or rng.random() < 0.3:
        return hsv(rng.random(), rng.uniform(0.6, 0.9), rng.uniform(0.3, 0.6))
    return mix(WHITE, _paint(rng), rng.uniform(0.0, 0.25))


def _pattern(canvas: Canvas, rng: Generator, outline: Points, colour: Colour, shade: str) -> None:
    """Paint bands, dots, upright stripes, a heart or nothing within an outline."""
    (left, top), (right, bottom) = outline.min(0), outline.max(0)
    wide, high = right - left, bottom - top
    which = rng.integers(5)
    marks: list[Points] = []
    if which == 0:
        n = int(rng.integers(1, 4))
        for y in top + high * (np.arange(n) + 1) / (n + 1):
            marks.append(box(left, y - 0.14 * high / n, right, y + 0.14 * high / n))
    elif which == 1:
        step = wide / rng.integers(3, 5)
        for row, y in enumerate(np.arange(top + step / 2, bottom, step)):
            for x in np.arange(left + step / 2 * (1 + row % 2), right, step):
                marks.append(ellipse(x, y, 0.22 * step, 0.22 * step))
    elif which == 2:
        n = int(rng.integers(3, 6))
        for x in left + wide * (np.arange(n) + 0.5) / n:
            marks.append(box(x - 0.22 * wide / n, top, x + 0.22 * wide / n, bottom))
    elif which == 3:
        turn = np.linspace(0, 2 * np.pi, 40)
        heart = np.stack(
            [
                16 * np.sin(turn) ** 3,
                -13 * np.cos(turn)
                + 5 * np.cos(2 * turn)
                + 2 * np.cos(3 * turn)
                + np.cos(4 * turn),
            ],
            axis=1,
        )
        middle = np.array([left + wide / 2, top + high * 0.5])
        marks.append(middle + heart / 16 * 0.25 * min(wide, high))
    for mark in marks:
        canvas.fill(mark, colour, shade, inside=outline, over=outline)


def draw_mug(canvas: Canvas, rng: Generator) -> Ground:
    """A mug with its handle at one side, filled with tea or coffee."""
    paint = _paint(rng)
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
    canvas.stroke(handle, thickness, mix(paint, (0, 0, 0), 0.32))
    canvas.stroke(handle - 0.004, thickness * 0.6, mix(paint, WHITE, 0.1))
    belly = rng.uniform(0.0, 0.035)
    profile = [(mouth, top), (mouth + belly, top + 0.4 * high), (foot + belly, top + 0.8 * high)]
    body = turned(x, [*profile, (foot, FLOOR - sag)], sag)
    canvas.fill(body, paint, "round")
    band = box(x - 0.5, top + 0.16 * high, x + 0.5, top + 0.82 * high)
    if rng.random() < 0.2:  # dipped in a second glaze
        canvas.fill(box(0, top + 0.55 * high, 1, 1), _contrast(rng, paint), "round", inside=body,
                    over=body)
    else:
        inner = np.clip(body, band.min(0), band.max(0))
        _pattern(canvas, rng, inner, _contrast(rng, paint), "round")
    canvas.fill(ellipse(x, top, mouth, sag * 1.15), mix(paint, WHITE, 0.55))
    inside = ellipse(x, top + 0.004, mouth * 0.88, sag * 0.9)
    canvas.fill(inside, mix(paint, (0, 0, 0), 0.35))
    drink = ((72, 42, 26), (120, 70, 34), (172, 116, 72))[rng.integers(3)]
    canvas.fill(ellipse(x, top + 0.018, mouth * 0.84, sag * 0.75), drink, inside=inside)
    return x, FLOOR + 0.01, foot * 1.15


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
        np.array([[shine, shoulder + 0.05], [shine, FLOOR - 0.08]]), 0.02, WHITE, opacity=0.45
    )
    bottom = FLOOR - rng.uniform(0.07, 0.11)
    above = shoulder + rng.uniform(0.05, 0.1)
    label = box(0.5 - wide, above, 0.5 + wide, bottom)
    paper = mix(WHITE, _paint(rng), rng.choice([0.05, 0.15, 0.8]))
    canvas.fill(label, paper, "round", over=body)
    accent = _contrast(rng, paper)
    middle = (above + bottom) / 2
    if rng.random() < 0.5:
        canvas.fill(ellipse(0.5, middle, wide * 0.45, wide * 0.45), accent, "round", over=body)
    else:
        for share, width in ((0.3, 0.6), (0.5, 0.45), (0.7, 0.55)):
            y = above + share * (bottom - above)
            canvas.stroke(
                np.array([[0.5 - wide * width, y], [0.5 + wide * width, y]]), 0.018, accent
            )
    cap = WOOD if rng.random() < 0.4 else _paint(rng)
    canvas.fill(box(0.5 - neck * 1.2, top - 0.01, 0.5 + neck * 1.2, top + 0.055, 0.012), cap, "round")
    return 0.5, FLOOR, wide * 1.1


def _leaf(canvas: Canvas, x: float, y: float, length: float, angle: float, colour: Colour,
          width: float = 0.3) -> None:
    """Draw a pointed leaf from (x, y); ``angle`` in radians, 0 to the right, up is negative."""
    along = np.linspace(0, 1, 14)
    bulge = width * np.sin(np.pi * along**0.8) * length
    upper = np.stack([along * length, -bulge], axis=1)
    lower = np.stack([along * length, bulge * 0.9], axis=1)[::-1]
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, sin], [-sin, cos]])
    place = np.array([x, y])
    canvas.fill(np.concatenate([upper, lower]) @ turn + place, colour)
    vein = np.array([[0.05 * length, 0], [0.85 * length, 0]]) @ turn + place
    canvas.stroke(vein, 0.008, mix(colour, (0, 0, 0), 0.3))


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
            _leaf(canvas, 0.5 + lean, top, rng.uniform(0.15, 0.22), rng.uniform(-0.9, 0.1), GREEN)
        return 0.5, FLOOR, size
    if kind == "lemon":
        colour = hsv(rng.uniform(0.13, 0.155), rng.uniform(0.75, 0.9), rng.uniform(0.92, 1.0))
        tip = 0.3 * np.abs(cos) ** 9 * np.sign(cos)
        outline = np.stack([0.5 + size * (cos + tip), y + 0.03 + size * 0.72 * sin], axis=1)
        canvas.fill(outline, colour, "ball")
        if rng.random() < 0.6:
            _leaf(canvas, 0.5 + size * 1.2, y, 0.16, rng.uniform(-2.2, -1.4), GREEN)
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
        _leaf(canvas, 0.5 + 1.3 * lean, top - 0.03, rng.uniform(0.14, 0.22), rng.uniform(-0.7, 0.0), GREEN)
    return 0.5, FLOOR, size * 0.85


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


def draw_candle(canvas: Canvas, rng: Generator) -> Ground:
    """A burning candle: a pillar on a dish, or in a glass jar, or a dinner candle in a holder."""
    wax = mix(_paint(rng), (250, 240, 214), rng.uniform(0.2, 0.75))
    kind = rng.integers(3)
    wide = (rng.uniform(0.12, 0.17), rng.uniform(0.16, 0.2), rng.uniform(0.045, 0.06))[kind]
    top = (rng.uniform(0.36, 0.5), rng.uniform(0.46, 0.54), rng.uniform(0.28, 0.36))[kind]
    base = FLOOR - (0.02, 0.03, 0.12)[kind]
    sag = wide * 0.24
    if kind == 0:
        dish = mix(_paint(rng), WHITE, 0.2)
        canvas.fill(ellipse(0.5, FLOOR - 0.02, wide * 1.75, wide * 0.4), mix(dish, (0, 0, 0), 0.25))
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
        canvas.fill(label, mix(WHITE, _paint(rng), rng.choice([0.0, 0.7])), "round", over=body)
    elif rng.random() < 0.5:
        inner = np.clip(body, (0, top + 0.1), (1, base - 0.06))
        if inner[:, 1].max() - inner[:, 1].min() > 0.1:
            _pattern(canvas, rng, inner, _contrast(rng, wax), "round")
    canvas.fill(ellipse(0.5, top, wide, sag), mix(wax, WHITE, 0.45))
    canvas.fill(ellipse(0.5, top + 0.004, wide * 0.75, sag * 0.65), mix(wax, (255, 214, 120), 0.5))
    if kind != 1:
        for x in rng.uniform(-0.9, 0.9, int(rng.integers(0, 4))) * wide:
            run = np.array([[0.5 + x, top + sag * 0.5], [0.5 + x, top + rng.uniform(0.05, 0.15)]])
            canvas.stroke(run, wide * 0.22, mix(wax, WHITE, 0.3))
    canvas.stroke(np.array([[0.5, top], [0.504, top - 0.05]]), 0.014, INK)
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


def draw_notebook(canvas: Canvas, rng: Generator) -> Ground:
    """A closed notebook, seen a little from the side: spiral-bound, or with a band and a label."""
    cover = _paint(rng)
    wide, high = rng.uniform(0.25, 0.31), rng.uniform(0.32, 0.37)
    left, right, top, bottom = 0.5 - wide, 0.5 + wide, 0.48 - high, 0.48 + high
    thick = rng.uniform(0.025, 0.05)
    canvas.fill(box(left, top + thick, right + thick, bottom + thick, 0.02), mix(cover, (0, 0, 0), 0.45))
    for share in np.linspace(0.85, 0.15, 5):
        page = mix(WHITE, (176, 166, 150), 0.6 if round(share * 20) % 2 else 0.05)
        canvas.fill(box(left, top + thick * share, right + thick * share - 0.004, bottom + thick * share - 0.004, 0.01), page)
    front = box(left, top, right, bottom, 0.025)
    canvas.fill(front, cover)
    accent = _contrast(rng, cover)
    spiral = rng.random() < 0.55
    if rng.random() < 0.4:
        _pattern(canvas, rng, box(left + 0.09, top, right, bottom), mix(cover, accent, 0.6), "flat")
    if rng.random() < 0.75:
        across, y = rng.uniform(0.5, 0.65) * wide, top + rng.uniform(0.25, 0.45) * high
        label = box(0.52 - across, y, 0.52 + across, y + rng.uniform(0.14, 0.2), 0.01)
        canvas.fill(label, mix(WHITE, cover, 0.08))
        for line in (0.35, 0.7):
            at = y + 0.17 * line
            canvas.stroke(np.array([[0.52 - across * 0.7, at], [0.52 + across * 0.7, at]]), 0.012, INK, opacity=0.7)
    if spiral:
        n = int(rng.integers(8, 12))
        for y in np.linspace(top + 0.05, bottom - 0.05, n):
            canvas.fill(ellipse(left + 0.045, y, 0.013, 0.013), mix(cover, (0, 0, 0), 0.7))
            ring = arc(left + 0.005, y, 0.042, 0.022, 0.1, 1.0)
            canvas.stroke(ring, 0.015, (120, 122, 130))
            canvas.stroke(ring - 0.003, 0.006, (226, 228, 234))
    else:
        canvas.fill(box(left, top, left + 0.07, bottom, 0.02), mix(cover, (0, 0, 0), 0.3), "round")
        if rng.random() < 0.7:
            x = right - rng.uniform(0.07, 0.1)
            canvas.fill(box(x, top - 0.003, x + 0.028, bottom + 0.003), accent)
        if rng.random() < 0.6:
            ribbon = np.array([[0.45, bottom], [0.45, bottom + thick + 0.06]])
            canvas.stroke(ribbon, 0.024, _contrast(rng, cover))
    return 0.5, bottom + thick * 0.7, wide * 1.02


def draw_umbrella(canvas: Canvas, rng: Generator) -> Ground:
    """An open umbrella with a crook handle."""
    first = _paint(rng)
    second = first if rng.random() < 0.4 else _contrast(rng, first)
    radius = rng.uniform(0.37, 0.42)
    brim = rng.uniform(0.46, 0.52)
    high = rng.uniform(0.27, 0.36)
    apex = np.array([0.5, brim - high])
    handle = WOOD if rng.random() < 0.6 else _paint(rng)
    foot = rng.uniform(0.78, 0.84)
    hook = rng.uniform(0.05, 0.07)
    side = 1 if rng.random() < 0.5 else -1
    canvas.stroke(np.array([[0.5, apex[1] + 0.05], [0.5, foot]]), 0.022, (110, 108, 112))
    crook = arc(0.5 + side * hook, foot, hook, hook * 1.1, 0.0, 0.5)
    canvas.stroke(np.concatenate([crook, [[0.5 - hook + side * hook, foot]]]) if side > 0 else crook, 0.036, handle)
    grip = np.array([[0.5, foot - 0.12], [0.5, foot]])
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
        canvas.stroke(rib(right if panel < n - 1 else left), 0.006, mix(first, (0, 0, 0), 0.5), opacity=0.6)
    return 0.5 + side * hook * 0.5, 0.9, 0.2


def draw_plant(canvas: Canvas, rng: Generator) -> Ground:
    """A plant in a pot: a cactus, a leafy bush, or upright blades."""
    pot = (hsv(rng.uniform(0.03, 0.06), 0.6, rng.uniform(0.65, 0.8)), _paint(rng))[rng.integers(2)]
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
                canvas.stroke(arm, 0.085, mix(green, (0, 0, 0), 0.35))
                canvas.stroke(arm - 0.005, 0.068, green)
        stem = box(0.5 - wide, top, 0.5 + wide, rim + 0.02, wide)
        canvas.fill(stem, green, "round")
        for x in np.linspace(-0.6, 0.6, 4) * wide:
            canvas.stroke(np.array([[0.5 + x, top + 0.05], [0.5 + x, rim]]), 0.008, mix(green, (0, 0, 0), 0.4))
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
            _leaf(canvas, x, rim + 0.01, length, -np.pi / 2 + lean[i], shade, width)
    body = turned(0.5, [(mouth * 0.93, rim), (foot, FLOOR - 0.025)], 0.025)
    canvas.fill(np.concatenate([body, ]), pot, "round")
    if rng.random() < 0.5:
        _pattern(canvas, rng, np.clip(body, (0, rim + 0.08), (1, FLOOR - 0.03)), _contrast(rng, pot), "round")
    canvas.fill(turned(0.5, [(mouth, rim), (mouth, rim + 0.06)], 0.022), mix(pot, WHITE, 0.08), "round")
    return 0.5, FLOOR, foot * 1.2


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
    paper = mix(WHITE, _paint(rng), rng.choice([0.02, 0.1]))
    canvas.fill(box(0.5 - wide * 0.7, above, 0.5 + wide * 0.7, below, 0.015), paper, "round", over=body)
    middle = (above + below) / 2
    for x in (-0.035, 0.035):
        canvas.fill(ellipse(0.5 + x, middle + 0.012, 0.036, 0.036), jam, "ball")
    _leaf(canvas, 0.5, middle - 0.02, 0.07, -0.5, GREEN)
    cloth = _paint(rng)
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
        canvas.stroke(np.array([[0.5 - wide * 0.9, band + 0.005], [0.5 + wide * 0.9, band + 0.005]]), 0.022, mix(cloth, (0, 0, 0), 0.45))
    else:
        metal = ((212, 172, 84), (168, 172, 180), cloth)[rng.integers(3)]
        canvas.fill(turned(0.5, [(wide * 0.93, top - 0.055), (wide * 0.93, top + 0.03)], 0.025), metal, "round")
        canvas.fill(ellipse(0.5, top - 0.055, wide * 0.93, 0.03), mix(metal, WHITE, 0.35))
    return 0.5, FLOOR, wide * 1.05


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

"""A small canvas for drawing shaded things: outlines as points, filled with light and shadow.

Points are float64 [n, 2] in units of the picture's side: (0, 0) is the top left, (1, 1) the bottom
right. Everything is drawn several times too large and scaled down once, which smooths the edges.
"""

from __future__ import annotations

from functools import cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageDraw, ImageFilter

Points: TypeAlias = npt.NDArray[np.float64]
Colour: TypeAlias = tuple[int, int, int]  # red, green, blue, each 0 to 255
Window: TypeAlias = tuple[int, int, int, int]  # left, top, right, bottom, in pixels

SUPERSAMPLE = 4  # the drawing has this many times the sides of the finished picture
RAMP_PX = 64  # side of the light ramps before they are stretched over an outline
ARC_STEPS = 48  # points on a full ellipse
SHADOW = (0.38, 0.36, 0.42)  # of red, green and blue this much is left in the deepest shadow
HIGHLIGHT = 0.8  # of the way to white that the brightest light goes
SHADOW_DRIFT = 0.17  # how far the shadow falls away from the light, as a share of its half width
SHADOW_COLOUR = (40, 36, 48)  # of the shadow on the ground


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Blend two colours; ``share`` 0 gives the first, 1 the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """Turn hue (in turns, any number), saturation and value (0 to 1) into a colour."""
    steps = (np.array([5.0, 3.0, 1.0]) + hue * 6) % 6
    chroma = np.clip(np.minimum(steps, 4 - steps), 0, 1)
    red, green, blue = (round(255 * value * (1 - saturation * float(c))) for c in chroma)
    return red, green, blue


def ellipse(x: float, y: float, rx: float, ry: float) -> Points:
    """Outline an ellipse around (x, y)."""
    return arc(x, y, rx, ry, 0.0, 1.0)


def arc(x: float, y: float, rx: float, ry: float, start: float, stop: float) -> Points:
    """Follow an ellipse from ``start`` to ``stop``, in turns clockwise from its right-hand end."""
    steps = max(3, round(ARC_STEPS * abs(stop - start)))
    angle = 2 * np.pi * np.linspace(start, stop, steps)
    return np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], axis=1)


def box(left: float, top: float, right: float, bottom: float, radius: float = 0.0) -> Points:
    """Outline a rectangle, its corners rounded by ``radius``."""
    if radius <= 0:
        return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    corners = (
        (left + radius, top + radius, 0.5),
        (right - radius, top + radius, 0.75),
        (right - radius, bottom - radius, 0.0),
        (left + radius, bottom - radius, 0.25),
    )
    return np.concatenate([arc(x, y, radius, radius, s, s + 0.25) for x, y, s in corners])


def turned(x: float, profile: list[tuple[float, float]], sag: float = 0.0) -> Points:
    """Outline something made on a potter's wheel: mirror a profile of (radius, y), top first.

    ``sag`` is how far the middle of the base lies below its ends, as one sees it from above.
    """
    radius, y = np.array(profile).T
    right = np.stack([x + radius, y], axis=1)
    left = np.stack([x - radius, y], axis=1)[::-1]
    base = arc(x, float(y[-1]), float(radius[-1]), sag, 0.0, 0.5)
    return np.concatenate([right, base, left])


def smooth(points: Points, rounds: int = 2) -> Points:
    """Round a closed outline's corners by cutting them (Chaikin, 1974), ``rounds`` times."""
    for _ in range(rounds):
        following = np.roll(points, -1, axis=0)
        cut = np.stack([0.75 * points + 0.25 * following, 0.25 * points + 0.75 * following], axis=1)
        points = cut.reshape(-1, 2)
    return points


@cache
def _ramp(shade: str, mirrored: bool) -> Image.Image:
    """Say how light falls on a form: L image, 0 in shadow, 128 the plain colour, 255 in light."""
    across, down = np.meshgrid(np.linspace(0, 1, RAMP_PX), np.linspace(0, 1, RAMP_PX))
    if mirrored:
        across = 1 - across
    if shade == "round":  # a cylinder standing up
        level = 0.62 - 1.1 * (across - 0.3) ** 2 + 0.3 * np.exp(-(((across - 0.25) / 0.1) ** 2))
        level -= 0.5 * np.clip(across - 0.75, 0, 1)
    elif shade == "ball":
        away = np.hypot(across - 0.36, down - 0.32)
        level = 0.68 - 0.75 * away**1.6 + 0.3 * np.exp(-((away / 0.13) ** 2))
    elif shade == "flat":
        level = 0.6 - 0.12 * across - 0.14 * down
    else:  # "side": a face turned away from the light
        level = 0.3 - 0.1 * down + 0.0 * across
    return Image.fromarray(np.rint(255 * np.clip(level, 0, 1)).astype(np.uint8))


def _lit(colour: Colour) -> npt.NDArray[np.uint8]:
    """Give the colour at every level of light: uint8 [256, 3]; level 128 is the colour itself."""
    plain = np.array(colour, dtype=np.float64)
    dark = plain * SHADOW
    light = plain + HIGHLIGHT * (255 - plain)
    level = np.arange(256)[:, None] / 127.5  # [256, 1]
    lit = dark + (plain - dark) * np.minimum(level, 1) + (light - plain) * np.maximum(level - 1, 0)
    return np.rint(lit).astype(np.uint8)


class Canvas:
    """A transparent sheet to draw one thing on, and the light it stands in.

    Args:
        size_px: side of the finished picture, in pixels.
        light_from_right: whether the light comes from the right instead of the left.
        tilt: rotation of everything drawn, clockwise around the middle, in radians.
        scale: how large to draw, as a factor.
    """

    def __init__(
        self,
        size_px: int,
        *,
        light_from_right: bool = False,
        tilt: float = 0.0,
        scale: float = 1.0,
    ) -> None:
        self.size_px = size_px
        self.light_from_right = light_from_right
        side = size_px * SUPERSAMPLE
        self._layer = Image.new("RGBA", (side, side), (0, 0, 0, 0))
        self._glow = Image.new("RGBA", (size_px, size_px), (0, 0, 0, 0))
        cos, sin = np.cos(tilt), np.sin(tilt)
        self._turn = scale * np.array([[cos, sin], [-sin, cos]])  # [2, 2], for row vectors

    def _pixels(self, points: Points) -> Points:
        """Turn points into pixels of the large drawing."""
        return ((points - 0.5) @ self._turn + 0.5) * self._layer.width

    def _window(self, points: Points, margin_px: float = 0.0) -> Window:
        """Give left, top, right and bottom of the pixels around the points, within the sheet."""
        pixels = self._pixels(points)
        side = self._layer.width
        left, top = np.clip(np.floor(pixels.min(0) - margin_px), 0, side)
        right, bottom = np.clip(np.ceil(pixels.max(0) + margin_px) + 1, 0, side)
        return int(left), int(top), int(right), int(bottom)

    def _mask(self, points: Points, window: Window) -> Image.Image:
        """Mark what lies within an outline: L image of the window's size, 0 or 255."""
        left, top, right, bottom = window
        mask = Image.new("L", (right - left, bottom - top), 0)
        shifted = self._pixels(points) - (left, top)
        ImageDraw.Draw(mask).polygon(shifted.ravel().tolist(), fill=255)
        return mask

    def _lay(
        self, colour: Image.Image | Colour, mask: Image.Image, window: Window, opacity: float
    ) -> None:
        """Put colour on the sheet where the mask is set."""
        if opacity >= 1:
            self._layer.paste(colour, window, mask)
            return
        # Pasting half-transparent colour would blend it with the black of the empty sheet.
        sheet = Image.new("RGB", mask.size, colour) if isinstance(colour, tuple) else colour
        sheet = sheet.convert("RGBA")
        sheet.putalpha(mask.point([round(level * opacity) for level in range(256)]))
        self._layer.alpha_composite(sheet, window[:2])

    def fill(
        self,
        outline: Points,
        colour: Colour,
        shade: str = "flat",
        *,
        inside: Points | None = None,
        over: Points | None = None,
        opacity: float = 1.0,
    ) -> None:
        """Fill an outline with a colour under the light.

        Args:
            outline: the points around what is filled.
            colour: its plain colour; light and shadow are mixed from it.
            shade: how the form takes the light: "round", "ball", "flat" or "side".
            inside: fill only what also lies within this outline.
            over: stretch the light over this outline instead, so that a pattern takes the light
                of the form it is painted on.
            opacity: 0 to 1.
        """
        window = left, top, right, bottom = self._window(outline)
        if right <= left or bottom <= top:
            return
        mask = self._mask(outline, window)
        if inside is not None:
            mask = ImageChops.darker(mask, self._mask(inside, window))
        ramp = _ramp(shade, self.light_from_right)
        around = window if over is None else self._window(over)
        ramp = ramp.resize((around[2] - around[0], around[3] - around[1]))
        x, y = around[:2]
        ramp = ramp.crop((left - x, top - y, right - x, bottom - y))
        self._lay(Image.fromarray(_lit(colour)[np.asarray(ramp)]), mask, window, opacity)

    def stroke(
        self,
        path: Points,
        width: float,
        colour: Colour,
        *,
        inside: Points | None = None,
        opacity: float = 1.0,
    ) -> None:
        """Draw an open path with round ends.

        Args:
            path: the points to go through.
            width: of the pen, in units of the picture's side.
            colour: of the line, without light or shadow.
            inside: draw only what also lies within this outline.
            opacity: 0 to 1.
        """
        width_px = max(1, round(width * self._layer.width))
        window = left, top, right, bottom = self._window(path, width_px / 2 + 1)
        if right <= left or bottom <= top:
            return
        mask = Image.new("L", (right - left, bottom - top), 0)
        pen = ImageDraw.Draw(mask)
        pixels = self._pixels(path) - (left, top)
        pen.line(pixels.ravel().tolist(), fill=255, width=width_px, joint="curve")
        reach = width_px / 2
        for x, y in pixels[[0, -1]].tolist():
            pen.ellipse((x - reach, y - reach, x + reach, y + reach), fill=255)
        if inside is not None:
            mask = ImageChops.darker(mask, self._mask(inside, window))
        self._lay(colour, mask, window, opacity)

    def glow(self, x: float, y: float, radius: float, colour: Colour, opacity: float) -> None:
        """Lay a soft light behind the drawing, around (x, y)."""
        side = self.size_px
        x, y = self._pixels(np.array([x, y])) / self._layer.width
        down, across = np.mgrid[0:side, 0:side] / side
        fall = np.exp(-((across - x) ** 2 + (down - y) ** 2) / radius**2)
        light = Image.new("RGBA", (side, side), colour)
        light.putalpha(Image.fromarray(np.rint(255 * opacity * fall).astype(np.uint8)))
        self._glow = Image.alpha_composite(self._glow, light)

    def finish(self, backdrop: Colour, ground: tuple[float, float, float]) -> Image.Image:
        """Scale down and set before a plain backdrop, with a soft shadow on the ground.

        Args:
            backdrop: colour of the backdrop's middle; it darkens slightly downwards.
            ground: middle x, y and half width of the shadow.

        Returns:
            RGB image, size_px by size_px.
        """
        side = self.size_px
        level = np.linspace(1.03, 0.95, side)[:, None, None] * np.array(backdrop)
        sheet = np.broadcast_to(np.clip(np.rint(level), 0, 255), (side, side, 3))
        picture = Image.fromarray(sheet.astype(np.uint8)).convert("RGBA")
        x, y = self._pixels(np.array(ground[:2])) / SUPERSAMPLE
        reach = ground[2] * side
        x += reach * (-SHADOW_DRIFT if self.light_from_right else SHADOW_DRIFT)
        shadow = Image.new("L", (side, side), 0)
        pen = ImageDraw.Draw(shadow)
        for wide, darkness in ((1.15 * reach, 70), (0.95 * reach, 120)):
            high = 0.17 * wide
            pen.ellipse((x - wide, y - high, x + wide, y + high), fill=darkness)
        shadow = shadow.filter(ImageFilter.GaussianBlur(side / 36))
        picture.paste(SHADOW_COLOUR, (0, 0), shadow)
        picture.alpha_composite(self._glow)
        picture.alpha_composite(self._layer.reduce(SUPERSAMPLE))
        return picture.convert("RGB")

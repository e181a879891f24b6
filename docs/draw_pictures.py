"""Writes docs/generated.png: eight generated pictures of every category of the shipped bundles.

python docs/draw_pictures.py
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

from runtime import load

ROOT = Path(__file__).parent.parent
BUNDLES = ("online-retail", "corner-store")
PICTURES, SEED, SIDE_PX, GAP_PX, LABEL_PX = 8, 7, 64, 4, 84


def panel(name: str) -> Image.Image:
    """Draw one bundle's categories, a row each, with their names on the left."""
    store = load(ROOT / "models" / name)
    categories = store.generator.categories
    step = SIDE_PX + GAP_PX
    drawn = Image.new("RGB", (LABEL_PX + PICTURES * step, len(categories) * step), "white")
    for row, category in enumerate(categories):
        top = row * step
        ImageDraw.Draw(drawn).text((4, top + SIDE_PX // 2 - 6), category, fill="black")
        for column, pixels in enumerate(store.generate(category, n=PICTURES, seed=SEED).images):
            picture = Image.fromarray(pixels.squeeze()).resize((SIDE_PX, SIDE_PX))
            drawn.paste(picture.convert("RGB"), (LABEL_PX + column * step, top))
    return drawn


def main() -> None:
    """Put the panels side by side."""
    panels = [panel(name) for name in BUNDLES]
    size = (sum(one.width for one in panels) + 16, max(one.height for one in panels))
    whole = Image.new("RGB", size, "white")
    left = 0
    for one in panels:
        whole.paste(one, (left, 0))
        left += one.width + 16
    whole.save(ROOT / "docs" / "generated.png", optimize=True)


if __name__ == "__main__":
    main()

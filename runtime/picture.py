"""Pictures as PNG files: one sheet of all, or a folder with one file each."""

from __future__ import annotations

import io
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from runtime.durable import new_folder, refuse_existing, write_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runtime.generator import GeneratedImages

_GAP = 2  # pixels between the pictures of a sheet
_WHITE = 255


def write_pictures(generated: GeneratedImages, out: Path) -> tuple[str, ...]:
    """Write a sheet to ``out`` when it ends in .png, else one file a picture into folder ``out``.

    Returns:
        The paths written.

    Raises:
        UnusableInput: ``out`` exists, or cannot be written; nothing is left behind then.
    """
    refuse_existing(out)
    if out.suffix.lower() == ".png":
        write_file(out, encode_png(sheet(generated.images)))
        return (str(out),)
    names = [
        f"{_safe(generated.category)}-{generated.seed}-{index:03d}.png"
        for index in range(len(generated.images))
    ]
    with new_folder(out) as folder:
        for name, image in zip(names, generated.images, strict=True):
            (folder / name).write_bytes(encode_png(image))
    return tuple(str(out / name) for name in names)


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """Return ``image``, uint8 [height, width, 1 or 3], as the bytes of a PNG file."""
    import png

    height, width, channels = image.shape
    stream = io.BytesIO()
    writer = png.Writer(width, height, greyscale=channels == 1, bitdepth=8)
    writer.write(stream, image.reshape(height, width * channels))
    return stream.getvalue()


def sheet(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay pictures, uint8 [n, height, width, channels], out in a grid about as wide as high."""
    n, height, width, channels = images.shape
    columns = math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    shape = (rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP, channels)
    result = np.full(shape, _WHITE, np.uint8)
    for index, image in enumerate(images):
        top = index // columns * (height + _GAP)
        left = index % columns * (width + _GAP)
        result[top : top + height, left : left + width] = image
    return result


def _safe(category: str) -> str:
    """Return ``category`` as part of a file name that every system takes."""
    return re.sub(r"[^\w.]+", "-", category).strip("-.")[:40] or "category"

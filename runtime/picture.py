"""Pictures as PNG files: one sheet of all, or a folder with one file each."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from runtime.durable import new_folder, refuse_existing, write_file
from runtime.errors import UnusableInput
from runtime.picture_text import picture_text, text_chunk

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runtime.generator import GeneratedImages

_GAP = 2  # pixels between the pictures of a sheet
_WHITE = 255
_PNG = ".png"
_OTHER_FORMATS = (".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".svg", ".tif", ".tiff", ".webp")


def goes_into_sheet(out: Path, asked: bool, categories: int) -> bool:
    """Look, before anything is drawn, what ``out`` takes: one sheet (True), or single pictures.

    A .png file is always a sheet, a folder takes one where ``asked``.

    Raises:
        UnusableInput: ``out`` exists or is named as another kind of picture, or there are several
            ``categories`` and no sheet.
    """
    refuse_existing(out)
    if out.suffix.lower() in _OTHER_FORMATS:
        renamed = str(out.with_suffix(_PNG))
        raise UnusableInput(f"{str(out)!r} is no PNG, the only format written; name it {renamed!r}")
    if categories > 1 and not (asked or _is_png(out)):
        raise UnusableInput(
            f"{categories} categories need a sheet, not the folder {str(out)!r} of single "
            "pictures; add --sheet for a row each"
        )
    return asked or _is_png(out)


def write_pictures(generated: GeneratedImages, out: Path) -> tuple[str, ...]:
    """Write one PNG a picture into the new folder ``out``.

    Returns:
        The paths written.

    Raises:
        UnusableInput: ``out`` exists, or cannot be written; nothing is left behind then.
    """
    names = [
        f"{_safe(generated.category)}-{generated.seed}-{index:03d}{_PNG}"
        for index in range(len(generated.images))
    ]
    with new_folder(out) as folder:
        for index, (name, image) in enumerate(zip(names, generated.images, strict=True)):
            (folder / name).write_bytes(encode_png(image, picture_text([generated], index)))
    return tuple(str(out / name) for name in names)


def write_sheet(drawn: Sequence[GeneratedImages], out: Path) -> tuple[str, ...]:
    """Write one PNG of all pictures to ``out``, or into it where it does not end in .png.

    One category is laid out about as wide as high, several have a row each.

    Args:
        drawn: the categories, with the same options and so the same number of pictures each.
        out: new file, or new folder for ``sheet.png``.

    Returns:
        The path written.

    Raises:
        UnusableInput: ``out`` exists, or cannot be written; nothing is left behind then.
    """
    refuse_existing(out)
    images = np.concatenate([generated.images for generated in drawn])
    columns = math.ceil(math.sqrt(len(images))) if len(drawn) == 1 else len(drawn[0].images)
    file = out if _is_png(out) else out / f"sheet{_PNG}"
    write_file(file, encode_png(sheet(images, columns), picture_text(drawn, None)))
    return (str(file),)


def encode_png(image: NDArray[np.uint8], text: Mapping[str, str]) -> bytes:
    """Return ``image``, uint8 [height, width, 1 or 3], as the bytes of a PNG file.

    ``text`` comes by keyword, 1 to 79 characters of Latin-1, and before the pixels.
    """
    import png

    height, width, channels = image.shape
    stream = io.BytesIO()
    writer = png.Writer(width, height, greyscale=channels == 1, bitdepth=8)
    writer.write(stream, image.reshape(height, width * channels))
    header, *rest = png.Reader(bytes=stream.getvalue()).chunks()
    texts = [text_chunk(keyword, value) for keyword, value in text.items()]
    result = io.BytesIO()
    png.write_chunks(result, [header, *texts, *rest])  # pypng's own writer has no text
    return result.getvalue()


def sheet(images: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """Lay pictures out in rows of ``columns``, white between them and where there are none.

    Args:
        images: uint8 [n, height, width, channels].
        columns: how many stand beside each other.

    Returns:
        uint8 [sheet height, sheet width, channels], both in pixels.
    """
    n, height, width, channels = images.shape
    rows = math.ceil(n / columns)
    shape = (rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP, channels)
    result = np.full(shape, _WHITE, np.uint8)
    for index, image in enumerate(images):
        top = index // columns * (height + _GAP)
        left = index % columns * (width + _GAP)
        result[top : top + height, left : left + width] = image
    return result


def _is_png(out: Path) -> bool:
    return out.suffix.lower() == _PNG


def _safe(category: str) -> str:
    """Return ``category`` as part of a file name that every system takes."""
    return re.sub(r"[^\w.]+", "-", category).strip("-.")[:40] or "category"

"""One picture: encoded bytes in, a square array of the wanted size out."""

from __future__ import annotations

import io
import struct
import warnings
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from trainer.generator.config import ImagesConfig

Pixels = NDArray[np.uint8]

# What Pillow's decoders raise on broken or hostile files, beside their own OSError family.
_DECODE_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    EOFError,
    MemoryError,
    NotImplementedError,
    RuntimeError,
    struct.error,
    zlib.error,
)
_TRANSPARENT_MODES = ("RGBA", "LA", "PA", "La", "RGBa")


class BrokenPicture(ValueError):
    """This one file is no picture that can be read; the message says why in a few words."""


def decode_picture(content: bytes, config: ImagesConfig) -> Pixels:
    """Decode a picture file and fit it to the config.

    Rotates by the EXIF orientation, lays transparent pictures on ``config.background``, turns
    palettes, CMYK and 16-bit grey into 8-bit colour or grey. Of an animation, the first frame.

    Returns:
        uint8 [image_size, image_size, channels].

    Raises:
        BrokenPicture: cut short, not a picture, or so large that decoding it is an attack.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image: Image.Image = Image.open(io.BytesIO(content))
            # A JPEG decoder can halve the picture up to three times for next to nothing; twice the
            # wanted size is left for the antialiased resize below.
            image.draft(image.mode, (2 * config.image_size, 2 * config.image_size))
            image = ImageOps.exif_transpose(image)
            return fit_picture(_flatten(image, config), config)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        limit = Image.MAX_IMAGE_PIXELS or 0
        raise BrokenPicture(f"larger than {limit // 10**6} million pixels") from error
    except UnidentifiedImageError as error:
        raise BrokenPicture("not a picture that Pillow knows") from error
    except _DECODE_ERRORS as error:
        raise BrokenPicture("broken or cut short") from error


def fit_array(pixels: Pixels, config: ImagesConfig) -> Pixels:
    """Fit one raw picture, uint8 [h, w] or [h, w, 1 | 3 | 4], like a decoded file.

    Returns:
        uint8 [image_size, image_size, channels].
    """
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    return fit_picture(_flatten(Image.fromarray(pixels), config), config)


def fit_picture(image: Image.Image, config: ImagesConfig) -> Pixels:
    """Bring an opaque picture of mode L or RGB to a square, with antialiasing.

    Returns:
        uint8 [image_size, image_size, channels].
    """
    size = config.image_size
    wide, high = image.size
    if config.fit == "crop":
        side = min(wide, high)
        left, top = (wide - side) // 2, (high - side) // 2
        image = image.crop((left, top, left + side, top + side))
        wide = high = side
    if config.fit == "letterbox":
        scale = size / max(wide, high)
        target = (max(1, round(wide * scale)), max(1, round(high * scale)))
    else:
        target = (size, size)
    if image.size != target:
        image = image.resize(target, Image.Resampling.BICUBIC)
    if target != (size, size):
        square = Image.new("L", (size, size), config.background).convert(image.mode)
        square.paste(image, ((size - target[0]) // 2, (size - target[1]) // 2))
        image = square
    return np.asarray(image, dtype=np.uint8).reshape(size, size, config.channels)


def _flatten(image: Image.Image, config: ImagesConfig) -> Image.Image:
    """Turn any mode into opaque L (1 channel) or RGB (3 channels)."""
    mode = "L" if config.channels == 1 else "RGB"
    if image.mode.startswith("I") or image.mode == "F":
        image = _eight_bit(image)
    if image.mode in _TRANSPARENT_MODES or "transparency" in image.info:
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", layer.size, (config.background,) * 3 + (255,))
        image = Image.alpha_composite(ground, layer)
    return image if image.mode == mode else image.convert(mode)


def _eight_bit(image: Image.Image) -> Image.Image:
    """Scale 16-bit or float grey to 8 bits; Pillow's own conversion clips at 255."""
    values = np.asarray(image, dtype=np.float64)
    if values.max(initial=0) > 255:
        values = values / 257  # 65535 -> 255
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))

"""What a picture says of itself: that it was generated, and what draws it again."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING

from runtime.version import __version__

if TYPE_CHECKING:
    from runtime.generator import GeneratedImages


def picture_text(drawn: Sequence[GeneratedImages], index: int | None) -> dict[str, str]:
    """Return the text of one PNG file by keyword, as docs/pictures.md lists it.

    Args:
        drawn: what the file shows, a category each, drawn with the same options.
        index: which picture of the only category it is; None for a sheet of all.
    """
    first = drawn[0]
    categories = [generated.category for generated in drawn]
    text = {
        "Description": f"generated picture of {', '.join(categories)}; not a photograph",
        "Software": f"endcap {__version__}",
        "bundle": first.bundle.name,
        "version": str(first.bundle.version),
        "category": "\n".join(categories),
        "seed": str(first.seed),
        "n": str(len(first.images)),
        "variant": first.variant,
        "provider": first.provider,
    }
    if index is not None:
        text["index"] = str(index)
    return text | {name: str(value) for name, value in first.latent_options().items()}


def text_chunk(keyword: str, text: str) -> tuple[bytes, bytes]:
    """Return type and content of a PNG chunk that holds ``text``.

    An iTXt chunk (PNG, third edition, 11.3.3.4), not compressed: UTF-8, since categories are
    named in any language, where tEXt has Latin-1 only.
    """
    flag, method, language, translated = 0, 0, b"", b""
    head = keyword.encode("latin-1") + b"\0" + struct.pack("BB", flag, method)
    return b"iTXt", head + language + b"\0" + translated + b"\0" + text.encode("utf-8")

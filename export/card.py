"""The model card: README.md of a bundle, written from what the manifest states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jinja2


def model_card(manifest: Mapping[str, Any], commands: Sequence[str]) -> str:
    """Write the card.

    Args:
        manifest: the manifest without ``files``.
        commands: the command lines that made the bundle, in order.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("export", "."),
        autoescape=False,  # the card is Markdown, read as text
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    template = environment.get_template("card.md.j2")
    return template.render(m=manifest, commands=commands)

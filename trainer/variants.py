"""Which of a bundle's variants are evaluated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from runtime.errors import UnusableInput
from runtime.manifest import Variant


def wanted_variants(
    path: Path, variants: Mapping[str, Variant], wanted: Sequence[str]
) -> Mapping[str, Variant]:
    """Keep those that are asked for, or all where none is.

    Args:
        path: of the bundle, to be named.
        variants: what the bundle holds of the model.
        wanted: names.

    Raises:
        UnusableInput: the bundle does not hold one of them.
    """
    for name in wanted:
        if name not in variants:
            raise UnusableInput(
                f"bundle {str(path)!r} holds no variant {name!r} of the model; --variant may be "
                f"{', '.join(variants)}"
            )
    return {name: variants[name] for name in wanted} if wanted else variants

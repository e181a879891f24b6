"""What stands on the device: load a bundle, recommend, generate; numpy and onnxruntime only."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from runtime.version import __version__

if TYPE_CHECKING:
    from runtime.answer import Answer, Recommendation
    from runtime.errors import EndcapError
    from runtime.generator import GeneratedImages
    from runtime.store import Store, load

__all__ = [
    "Answer",
    "EndcapError",
    "GeneratedImages",
    "Recommendation",
    "Store",
    "__version__",
    "load",
]

_HOMES = {
    "Answer": "runtime.answer",
    "EndcapError": "runtime.errors",
    "GeneratedImages": "runtime.generator",
    "Recommendation": "runtime.answer",
    "Store": "runtime.store",
    "load": "runtime.store",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: ``endcap --help`` needs none of them."""
    if name not in _HOMES:
        raise AttributeError(f"module 'runtime' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)

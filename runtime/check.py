"""One thing that was looked at on a device, and whether it is well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Check:
    """What was found.

    Attributes:
        name: what was looked at, as people are told.
        passed: whether it is well.
        said: what was found; where it is not well, with the way out.
        missing: whether it is not well because this machine lacks something.
    """

    name: str
    passed: bool
    said: str
    missing: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the check's entry in ``endcap doctor --json``."""
        return {
            "name": self.name,
            "passed": self.passed,
            "missing": self.missing,
            "said": self.said,
        }

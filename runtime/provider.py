"""Where graphs run: what was asked for, what was obtained, and why they differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

NO_CUDA_OFFERED = "the installed onnxruntime offers no CUDA"


@dataclass(frozen=True)
class Provider:
    """Where graphs run.

    Attributes:
        requested: "cpu", "cuda" or "auto".
        actual: "cpu" or "cuda".
        why: why "auto" did not get CUDA, as a phrase; None where what was asked for is there.
        failed: whether CUDA is offered here and did not work.
    """

    requested: str
    actual: str
    why: str | None = None
    failed: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return requested, actual and why."""
        return {"requested": self.requested, "actual": self.actual, "fallback": self.why}

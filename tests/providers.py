"""Providers that onnxruntime is made to offer, and to obtain or not, whatever this machine has."""

from __future__ import annotations

from typing import Any

import onnxruntime
import pytest

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


def pretend(
    monkeypatch: pytest.MonkeyPatch, *offered: str, obtained: tuple[str, ...] = (CPU,)
) -> None:
    """Let onnxruntime offer ``offered``, and sessions say that they run on ``obtained``."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: list(offered))
    real = onnxruntime.InferenceSession

    class Pretended:
        def __init__(self, model: bytes, options: Any, providers: list[str]) -> None:
            self.asked = providers
            self._real = real(model, options, providers=[CPU])

        def get_providers(self) -> list[str]:
            return list(obtained)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._real, name)

    monkeypatch.setattr(onnxruntime, "InferenceSession", Pretended)

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _timed_shortly(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test asserts on the clock: whatever an export times, it times shortly."""
    monkeypatch.setattr("export.measure.SECONDS", 0.01)

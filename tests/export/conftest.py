from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _timed_shortly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time and calibrate shortly: no test asserts on the clock, nor on the last decibel."""
    monkeypatch.setattr("export.measure.SECONDS", 0.01)
    monkeypatch.setattr("export.generator_calibration.PICTURES", 32)

"""The export benchmark: turns, table, goals, and what is left out where a peer is not installed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from benchmarks.generator_export import contenders as entry
from benchmarks.generator_export.contenders import INT8, OPENVINO, OURS, TORCH, contenders
from benchmarks.generator_export.drawn import drawn_generator
from benchmarks.generator_export.side import Feeds, Side
from benchmarks.generator_export.table import goals, table
from benchmarks.generator_export.turns import Figures, measure, timed
from export.requests import fresh_pictures


class Recorder:
    """Remembers in a shared list that it was asked."""

    def __init__(self, name: str, asked: list[tuple[str, int]]) -> None:
        self.name, self.asked = name, asked

    def run(self, feeds: Feeds, outputs: Sequence[str]) -> Sequence[np.ndarray]:
        self.asked.append((self.name, int(feeds["z"][0])))
        return [np.zeros(1)]


def test_sides_take_turns_on_the_same_batches_and_another_begins_each_round() -> None:
    asked: list[tuple[str, int]] = []
    sides = {name: Side(Recorder(name, asked), 1) for name in "ab"}
    batches = [{"z": np.array([n])} for n in range(3)]
    found = timed(sides, batches, rounds=2, runs=2)
    assert [name for name, _ in asked] == list("aabb") + list("bbaa") + list("aabb")
    assert [batch for _, batch in asked] == [0, 1, 0, 1, 2, 0, 2, 0, 1, 2, 1, 2]
    assert set(found) == {"a", "b"}


def figures(batch_1: float, batch_16: float, psnr_db: float = 60.0, size: int = 100) -> Figures:
    return Figures({1: batch_1, 16: batch_16}, psnr_db, size)


def test_goals_are_met_or_not() -> None:
    found = {
        OURS: figures(1.6, 1.0, 92.0),
        INT8: figures(0.5, 0.25, 41.9, 30),
        TORCH: figures(1.5, 1.0, 92.0),
        OPENVINO: figures(0.6, 0.2, 38.0),
    }
    assert goals(found) == [
        "int8 beside fp32, batch 1: 3.20, goal >= 3.2: met",
        "int8 beside fp32, batch 1, stretch: 3.20, goal >= 3.8: NOT met",
        "int8 beside OpenVINO's, batch 1: 1.20, goal >= 1: met",
        "fp32 beside torch's exporter, batch 1: 0.94, goal >= 0.95: NOT met",
        "int8 beside fp32, batch 16: 4.00, goal >= 3.5: met",
        "int8 beside fp32, batch 16, stretch: 4.00, goal >= 4: met",
        "int8 beside OpenVINO's, batch 16: 0.80, goal >= 1: NOT met",
        "fp32 beside torch's exporter, batch 16: 1.00, goal >= 0.95: met",
        "int8 PSNR in dB: 41.90, goal >= 42: NOT met",
        "int8 file beside fp32's: 0.30, goal <= 0.3: met",
    ]
    head, first, second, *_ = table(found)
    assert "batch  1" in head
    assert "1.00x" in first
    assert "3.20x" in second
    assert "30%" in second


def test_what_is_not_installed_is_left_out_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("openvino", "nncf", "onnxscript"):
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("by_dynamic_quantization", "by_static_quantization", "by_torchs_exporter"):

        def missing(*_: object) -> bytes:
            raise ModuleNotFoundError("No module named 'peer'")

        monkeypatch.setattr(entry, name, missing)
    monkeypatch.setattr("export.generator_calibration.PICTURES", 16)
    made = drawn_generator(32, 1, 4)
    sides = contenders(made, tmp_path)
    assert list(sides) == [OURS, "endcap fp16", INT8]
    said = capsys.readouterr().out
    assert "torch's exporter is left out: No module named 'peer'; make export-peers" in said
    assert "OpenVINO int8 is left out: import of nncf halted" in said
    found = measure(sides, fresh_pictures(made, 32, seed=1), rounds=3, runs=1)
    assert found[OURS].psnr_db >= 55
    assert found[INT8].psnr_db >= 30
    assert found["endcap fp16"].size_bytes < 0.7 * found[OURS].size_bytes
    assert all(seconds > 0 for one in found.values() for seconds in one.ms.values())


def test_drawn_pictures_have_contrast() -> None:
    image = fresh_pictures(drawn_generator(32, 1, 64), 16, seed=1).image
    assert image.std() > 40

"""The demo, from seed to answers, with less to train."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from export import demo
from runtime import load
from trainer.sample_pictures import DRAWINGS


def test_the_demo_runs_from_seed_to_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "PICTURES_PER_CATEGORY", 8)
    monkeypatch.setattr(demo, "GENERATOR_EPOCHS", 1)
    monkeypatch.setattr(demo, "RECOMMENDER_EPOCHS", 1)
    said: list[str] = []
    demo.run_demo(tmp_path / "demo", 7, said.append)
    printed = capsys.readouterr().out
    assert "was planted as bought together with" in printed
    assert "goes with" in printed
    with Image.open(tmp_path / "demo" / "pictures.png") as sheet:
        assert sheet.size == (8 * 34 - 2, len(DRAWINGS) * 34 - 2)  # a row a category, 32 px each
    for run in ("recommender", "generator"):
        assert (tmp_path / "demo" / "runs" / run / "report.html").exists()
    assert load(tmp_path / "demo" / "bundle").name.name == "corner-store-demo"
    assert any("against torch" in line for line in said)

"""The benchmark of long logs, run on a short one: every part is timed and memory is counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.log_scale import make_store, train


def test_one_epoch_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = tmp_path / "store"
    make_store(0.0001, store, parquet=True)
    made = capsys.readouterr().out
    assert (store / "interactions.parquet").exists()
    cost = train(store, tmp_path / "run")
    assert f"{cost.rows:,} purchases of 150 items" in made
    assert cost.rows > 1000
    parts = (cost.reading_s, cost.preparing_s, cost.epoch_s)
    assert all(part > 0 for part in parts)
    assert sum(parts) < cost.total_s
    assert cost.peak_bytes > 100e6  # no process that imports torch needs less
    assert f"{cost.rows:,} rows: read in " in str(cost)
    make_store(0.0001, store, parquet=True)
    assert "earlier run" in capsys.readouterr().out

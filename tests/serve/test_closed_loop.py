"""The loop closes: serve, buy, export, train, and what was bought together is recommended."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.command import run
from tests.conftest import fewer_requests
from tests.serve.served import TINY, serving

PAIR = ("CARD,9", "CHEESE")
OTHERS = ("BREAD-1", "BREAD-2", "BUTTER", "MILK", "COFFEE", "TEA", "COLA", "été-10")
TRAINING = [
    word
    for setting in (
        "training.epochs=8", "training.batch_size=64", "two_stage.dim=16", "two_stage.max_basket=8",
    )
    for word in ("--set", setting)
]  # fmt: skip


def succeed(*args: object) -> None:
    said = run(*args)
    assert said.code == 0, said.err


def purchases() -> list[dict[str, object]]:
    """Every other session buys the pair, one after the other, and then something else.

    What a session buys last is held out of training to measure it by.
    """
    rng = np.random.Generator(np.random.PCG64(0))
    events: list[dict[str, object]] = []
    for session in range(120):
        others = [str(item) for item in rng.permutation(OTHERS)]
        bought = [*PAIR, *others[:2]] if session % 2 else others[:4]
        events += [
            {
                "id": f"{session}-{place}",
                "kind": "bought",
                "session": f"s{session}",
                "user": f"u{session}" if session % 3 == 0 else None,
                "item_id": item_id,
                "time": f"2026-03-01T{8 + session // 20:02}:{session % 20:02}:{place:02}Z",
            }
            for place, item_id in enumerate(bought)
        ]
    return events


def test_what_was_bought_together_is_recommended_and_shoppers_are_known_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fewer_requests(monkeypatch)
    place = Path(shutil.copytree(TINY, tmp_path / "bundle"))
    database, log = tmp_path / "events.db", tmp_path / "purchases.csv"
    with serving(place, events=str(database)) as server:
        before = server.ids(basket=[PAIR[0]], k=3)
        events = purchases()
        said = server.client.post("/v1/events", json={"events": events})
        assert said.json()["accepted"] == len(events)
        succeed("events", "export", database, "--out", log)
        succeed("train", "recommender", "--interactions", log, *TRAINING, "--out", tmp_path / "run")
        succeed(
            "export", "--recommender", tmp_path / "run", "--out", tmp_path / "next",
            "--name", "tiny-store", "--version", 4,
        )  # fmt: skip
        place.rename(tmp_path / "old")
        (tmp_path / "next").rename(place)
        assert server.client.post("/v1/reload").json()["outcome"] == "loaded"
        after = server.recommend(basket=[PAIR[0]], k=3)
        known = server.recommend(user="u3", k=3)
        unknown = server.recommend(user="u1", k=3)
    assert PAIR[1] not in before
    assert after["bundle"] == {"name": "tiny-store", "version": 4}
    assert after["items"][0]["item_id"] == PAIR[1]
    assert (known["tier"], known["unknown"], known["degraded"]) == ("user", [], [])
    assert (unknown["tier"], unknown["unknown"]) == ("popular", ["u1"])

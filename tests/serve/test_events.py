"""Events: kept once, kept through a crash, bounded, nameless, and exported for training."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.cli import main
from runtime.errors import UnusableInput
from runtime.serve.event import Event
from runtime.serve.events import EventStore, moment, read_events
from tests.command import run
from tests.serve.served import TINY, Served, serving, started

SECRETS = ("anna@shop.example", "loyalty-4711")


def event(n: int, **fields: Any) -> Event:
    usual = {
        "id": f"e{n}", "kind": "bought", "session": "s1", "user": None, "item_id": "TEA",
        "quantity": 1, "bundle": "tiny-store", "version": 3, "time_s": 1_767_225_600.0 + n,
    }  # fmt: skip
    return Event(**{**usual, **fields})


def told(n: int, **fields: Any) -> dict[str, Any]:
    return {"id": f"t{n}", "kind": "bought", "session": "s", "item_id": "TEA", **fields}


def keep(served: Served, *events: dict[str, Any]) -> Any:
    said = served.client.post("/v1/events", json={"events": list(events)})
    assert said.status_code == 200, said.text
    return said.json()


# --- the file


def test_an_id_counts_once(tmp_path: Path) -> None:
    path = str(tmp_path / "events.db")
    store = EventStore(path, 1 << 20)
    assert store.add([event(1), event(2), event(1)], 5.0) == [True, True, False]
    assert store.add([event(2, item_id="COLA"), event(3)], 6.0) == [False, True]
    store.close()
    again = EventStore(path, 1 << 20)
    assert again.add([event(3), event(4)], 7.0) == [False, True]
    again.close()
    assert [(kept.id, kept.item_id, kept.received_s) for kept in read_events(path)] == [
        ("e1", "TEA", 5.0), ("e2", "TEA", 5.0), ("e3", "TEA", 6.0), ("e4", "TEA", 7.0),
    ]  # fmt: skip


def test_the_file_is_durable(tmp_path: Path) -> None:
    path = str(tmp_path / "events.db")
    store = EventStore(path, 1 << 20)
    assert store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    store.close()


def test_a_shopper_is_a_hash_that_the_file_alone_knows(tmp_path: Path) -> None:
    hashes = []
    for name in ("one.db", "two.db"):
        path = str(tmp_path / name)
        store = EventStore(path, 1 << 20)
        store.add([event(n, user=user) for n, user in enumerate((*SECRETS, SECRETS[0], None))], 1.0)
        store.close()
        first, second, again, nobody = [kept.user for kept in read_events(path)]
        assert first == again
        assert first != second
        assert nobody is None
        assert len(str(first)) == 32
        hashes.append(first)
        for file in tmp_path.glob(f"{name}*"):
            for secret in SECRETS:
                assert secret.encode() not in file.read_bytes()
    assert hashes[0] != hashes[1]


def test_the_oldest_go_first(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    store = EventStore(str(path), 1 << 18)
    gone = 0
    for batch in range(40):
        store.add([event(100 * batch + n, session="s" * 60) for n in range(100)], float(batch))
        gone += store.trim()
        assert store.size_bytes <= 1.2 * (1 << 18)
    store.close()
    kept = [int(one.id[1:]) for one in read_events(str(path))]
    assert gone > 0
    assert kept == list(range(4000 - len(kept), 4000))
    assert len(kept) + gone == 4000
    assert path.stat().st_size <= 1.2 * (1 << 18)


def test_all_of_a_request_or_none(tmp_path: Path) -> None:
    path = str(tmp_path / "events.db")
    store = EventStore(path, 1 << 20)
    store._db.execute(
        "CREATE TRIGGER full BEFORE INSERT ON events WHEN NEW.id = 'e2' BEGIN"
        " SELECT RAISE(ABORT, 'disk full'); END"
    )
    with pytest.raises(sqlite3.Error, match="disk full"):
        store.add([event(1), event(2)], 1.0)
    assert store.add([event(3)], 1.0) == [True]
    store.close()
    assert [kept.id for kept in read_events(path)] == ["e3"]


def test_files_that_are_none(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    other.write_bytes(b"no database, but long enough to look at")
    with pytest.raises(UnusableInput, match="cannot keep events in"):
        EventStore(str(other), 1 << 20)
    with pytest.raises(UnusableInput, match="is no file of events"):
        list(read_events(str(other)))
    with pytest.raises(UnusableInput, match="there is no events file"):
        list(read_events(str(tmp_path / "absent.db")))
    with pytest.raises(UnusableInput, match="cannot keep events in"):
        EventStore(str(tmp_path / "absent" / "events.db"), 1 << 20)
    with pytest.raises(UnusableInput, match="may have 5 bytes"):
        EventStore(str(tmp_path / "small.db"), 5)


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "events.db")
    store = EventStore(path, 1 << 20)
    store._db.execute("UPDATE meta SET value = '9' WHERE key = 'format'")
    store.close()
    with pytest.raises(UnusableInput, match="events format '9'"):
        EventStore(path, 1 << 20)
    with pytest.raises(UnusableInput, match="events format '9'"):
        list(read_events(path))


# --- over HTTP


def test_events_are_kept_once(served: Served) -> None:
    first = keep(
        served,
        told(1, kind="shown", user="anna@shop.example"),
        told(2, kind="tapped", time="2026-01-02T03:04:05+01:00", version=2),
        told(3, quantity=4),
    )
    assert first == {
        "accepted": 3, "duplicates": 0, "bundle": {"name": "tiny-store", "version": 3},
    }  # fmt: skip
    again = keep(served, told(3), told(4, item_id="not in the catalogue"))
    assert (again["accepted"], again["duplicates"]) == (1, 1)
    path = served.service.settings.events
    assert path is not None
    kept = {one.id: one for one in read_events(path, kinds=("shown", "tapped", "bought"))}
    assert [kept[f"t{n}"].version for n in (1, 2, 3, 4)] == [3, 2, 3, 3]
    assert moment(kept["t2"].time_s) == "2026-01-02T02:04:05Z"
    assert kept["t1"].time_s == pytest.approx(kept["t1"].received_s, abs=60)
    assert kept["t3"].quantity == 4
    assert served.metric('endcap_events_total{kind="bought",outcome="accepted"}') == 2
    assert served.metric('endcap_events_total{kind="bought",outcome="duplicate"}') == 1


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"kind": "sold"}, "events[0].kind: invalid enum value 'sold'"),
        ({"id": ""}, "events[0].id: expected 'str' of length >= 1"),
        ({"id": 7}, "events[0].id: expected 'str', got 'int'"),
        ({"session": None}, "events[0].session: expected 'str', got 'null'"),
        ({"quantity": 0}, "events[0].quantity: expected 'int' >= 1"),
        ({"quantity": 10**30}, "events[0].quantity: expected 'int' <= 1000000"),
        ({"time": "yesterday"}, "events[0].time: invalid RFC3339 encoded datetime"),
        ({"time": "2026-01-02T03:04:05"}, "events[0].time: expected 'datetime' with a timezone"),
        ({"time": "1969-12-31T23:59:59Z"}, "events[0].time: it is 1969-12-31T23:59:59+00:00; it"),
        ({"time": "0001-01-01T00:00:00+14:00"}, "events[0].time: it is 0001-01-01"),
        ({"time": "9999-12-31T23:59:59-23:59"}, "events[0].time: it is 9999-12-31"),
        ({"item_id": "TEA\0"}, "events[0].item_id: expected 'str' matching regex"),
        ({"session": "\0"}, "events[0].session: expected 'str' matching regex"),
        ({"version": 2**63}, "events[0].version: expected 'int' <="),
        ({"price": 3}, "events[0]: object contains unknown field 'price'"),
    ],
    ids=str,
)
def test_wrong_events(served: Served, fields: dict[str, Any], sentence: str) -> None:
    said = served.client.post("/v1/events", json={"events": [told(99) | fields]})
    assert said.status_code == 400
    assert said.json()["error"].startswith(sentence)


@pytest.mark.parametrize("events", [[], [told(n) for n in range(1001)]], ids=["none", "too many"])
def test_wrong_numbers_of_events(served: Served, events: list[Any]) -> None:
    said = served.client.post("/v1/events", json={"events": events})
    assert said.status_code == 400
    assert said.json()["error"].startswith("events: expected 'array' of length")


def test_a_server_that_keeps_none_says_so() -> None:
    with serving() as server:
        said = server.client.post("/v1/events", json={"events": [told(1)]})
        assert (said.status_code, "--events FILE" in said.json()["error"]) == (404, True)


def test_a_disk_that_takes_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> list[bool]:
        raise sqlite3.OperationalError("database or disk is full")

    with serving(events=str(tmp_path / "events.db")) as server:
        monkeypatch.setattr(EventStore, "add", full)
        said = server.client.post("/v1/events", json={"events": [told(1)]})
        assert (said.status_code, said.headers["retry-after"]) == (503, "1")
        problem = "events cannot be written: database or disk is full"
        assert said.json() == {"error": problem}
        assert server.client.get("/v2/health/ready").json()["problems"] == [problem]
        monkeypatch.undo()
        keep(server, told(1))
        assert server.client.get("/v2/health/ready").json()["problems"] == []
        assert server.ids(k=1) == ["COLA"]


def test_what_was_acknowledged_survives_a_crash(tmp_path: Path) -> None:
    import httpx

    path = tmp_path / "events.db"
    with started(TINY, "--events", path) as server:
        for n in range(5):
            said = httpx.post(f"{server.url}/v1/events", json={"events": [told(n)]}, timeout=60)
            assert said.json()["accepted"] == 1
        server.process.kill()
        server.process.wait()
    assert [kept.id for kept in read_events(str(path))] == [f"t{n}" for n in range(5)]


# --- exported


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    path = tmp_path / "events.db"
    store = EventStore(str(path), 1 << 20)
    shown = event(0, kind="shown", item_id="COLA")
    comma = event(2, user="anna", item_id="CARD,9", quantity=3, session="s2")
    store.add([shown, event(1), comma], 1_767_225_600.0)  # 2026-01-01
    store.add([event(3, user="anna", item_id="été-10")], 1_767_312_000.0)  # 2026-01-02
    store.close()
    return path


def exported(capfd: pytest.CaptureFixture[str], *args: object) -> list[dict[str, str]]:
    assert main(["events", "export", *map(str, args)]) == 0
    return list(csv.DictReader(io.StringIO(capfd.readouterr().out)))


def test_export(kept: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rows = exported(capfd, kept)
    assert list(rows[0]) == ["user_id", "item_id", "timestamp", "quantity", "session_id"]
    assert [row["item_id"] for row in rows] == ["TEA", "CARD,9", "été-10"]
    assert rows[0]["user_id"] == "session:s1"
    assert rows[1]["user_id"] == rows[2]["user_id"] != "anna"
    assert rows[1]["timestamp"] == "2026-01-01T00:00:02Z"
    assert (rows[1]["quantity"], rows[1]["session_id"]) == ("3", "s2")
    assert [row["item_id"] for row in exported(capfd, kept, "--since", "2026-01-02")] == ["été-10"]
    assert len(exported(capfd, kept, "--since", "2026-01-02T00:00:01Z")) == 0
    assert len(exported(capfd, kept, "--since", "2026-01-02T01:00:00+01:00")) == 1
    shown = exported(capfd, kept, "--kind", "shown", "--kind", "bought")
    assert [row["item_id"] for row in shown] == ["COLA", "TEA", "CARD,9", "été-10"]
    out = tmp_path / "out.csv"
    assert main(["events", "export", str(kept), "--out", str(out)]) == 0
    said = capfd.readouterr()
    assert said.out == ""
    assert f"3 events of {kept}" in said.err
    assert out.read_text("utf-8").splitlines()[2].split(",")[1] == '"CARD'


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["--since", "yesterday"], "--since is 'yesterday'; write a date or time such as"),
        (["--kind", "sold"], "'sold' is not one of"),
        (["--out", "."], "exists; choose another --out"),
    ],
)
def test_wrong_exports(
    kept: Path, capfd: pytest.CaptureFixture[str], args: list[str], sentence: str
) -> None:
    assert main(["events", "export", str(kept), *args]) == 2
    assert sentence in capfd.readouterr().err


def test_whatever_is_kept_can_be_trained_on(tmp_path: Path) -> None:
    """One odd event must not spoil an export for ever: it cannot be taken back."""
    path, out = tmp_path / "events.db", tmp_path / "purchases.csv"
    odd = ['a"b', "a,b", "a\r\nb", "=1+1", "a\u2028b", "\x1fa", "\x7f", "茶"]
    times = ["1970-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2026-02-28T23:59:60+00:00"]
    with serving(events=str(path)) as server:
        keep(server, *(told(n, item_id=text, session=text) for n, text in enumerate(odd)))
        for n, time in enumerate(times, len(odd)):
            server.client.post("/v1/events", json={"events": [told(n, time=time)]})
    kept = list(read_events(str(path)))
    assert run("events", "export", path, "--out", out).code == 0
    said = run("data", "check", out, "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out)["rows_kept"] == len(kept)
    assert len(kept) > len(odd)


def test_export_while_the_server_writes(tmp_path: Path, capfd: Callable[..., Any]) -> None:
    path = tmp_path / "events.db"
    with serving(events=str(path)) as server:
        keep(server, told(1))
        assert len(list(read_events(str(path)))) == 1
        keep(server, told(2))
        assert json.dumps([one.id for one in read_events(str(path))]) == '["t1", "t2"]'

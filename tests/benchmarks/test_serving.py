"""The serving benchmark: its load counts what comes back, and its tables say what was met."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from click.testing import CliRunner

from benchmarks.serving import mask, throughput
from benchmarks.serving.load import Load, Outcome, ask, request
from benchmarks.serving.shoppers import baskets, mixed, recommends, tensors
from benchmarks.serving.throughput import Contender, contenders, show
from runtime.store import load
from tests.serve.served import TINY

Answer = Callable[[int], bytes]


def answered(status: int, body: bytes = b"ok") -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


class Server(asyncio.Protocol):
    """Gives its n-th answer, in two pieces, to the n-th request."""

    def __init__(self, answer: Answer, asked: list[bytes]) -> None:
        self.answer, self.asked = answer, asked

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.asked.append(data)
        said = self.answer(len(self.asked))
        if not said:
            self.transport.abort()
            return
        self.transport.write(said[:9])
        asyncio.get_running_loop().call_soon(self.transport.write, said[9:])


async def against(answer: Answer, spec: Callable[[int], Load]) -> tuple[Outcome, int]:
    """Run a load against a server; return what the load found and how much the server saw."""
    asked: list[bytes] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Server(answer, asked), "127.0.0.1", 0)
    async with server:
        outcome = await ask(spec(server.sockets[0].getsockname()[1]))
        await asyncio.sleep(0.01)  # the server sees that the client left
    assert set(asked) == {REQUESTS[0]}
    return outcome, len(asked)


def run(test: Awaitable[tuple[Outcome, int]]) -> tuple[Outcome, int]:
    async def go() -> tuple[Outcome, int]:
        return await test

    return asyncio.run(go())


REQUESTS = [request("POST", "/v1/recommend", b"{}")]


def test_a_load_asks_so_many_and_counts_by_status() -> None:
    found, asked = run(
        against(
            lambda n: answered(503 if n % 4 == 0 else 200),
            lambda port: Load("127.0.0.1", port, REQUESTS, connections=3, count=40),
        )
    )
    assert asked == 40
    assert found.statuses == {"200": 30, "503": 10}
    assert (found.answered, found.failed, found.unsent) == (30, 10, 0)
    assert 0 < found.p50_ms <= found.p99_ms <= found.max_ms


def test_a_connection_that_ends_is_counted() -> None:
    found, _ = run(
        against(
            lambda n: b"" if n == 5 else answered(200),
            lambda port: Load("127.0.0.1", port, REQUESTS, connections=1, count=40),
        )
    )
    assert found.statuses == {"200": 4, "closed": 1}


def test_a_rate_that_finds_no_connection_free_is_said() -> None:
    found, asked = run(
        against(
            lambda n: answered(200),
            lambda port: Load("127.0.0.1", port, REQUESTS, connections=1, seconds=0.2, rate=1e6),
        )
    )
    assert found.unsent > 1000
    assert sum(found.statuses.values()) == asked > 0


def outcome(per_second: int, p99_ms: float = 20.0) -> tuple[Outcome, float]:
    return Outcome({"200": per_second}, 0, 1.0, p99_ms / 2, p99_ms, p99_ms), 0.5


def table(
    capsys: pytest.CaptureFixture[str], naive: int, ours: int, p99_ms: float = 20.0
) -> list[str]:
    def one(name: str, per_second: int) -> Contender:
        return Contender(name, [], "", [], [outcome(per_second, p99_ms)])

    show(
        [
            one("endcap, no reasons", 1000),
            one("endcap, one at a time", 500),
            one("FastAPI def, naive export", naive // 2),
            one("FastAPI async def, naive export", naive),
            one("FastAPI def, our graph", ours),
            one("MLServer, our graph", ours // 2),
        ]
    )
    return capsys.readouterr().out.splitlines()[7:]


def test_the_better_peer_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert table(capsys, naive=200, ours=700) == [
        "5.00 times FastAPI async def, naive export; goal 5.0 at p99 under 50 ms: met",
        "1.43 times FastAPI def, our graph; goal 1.5 at p99 under 50 ms: NOT met",
        "micro-batching: 2.00 times one at a time",
    ]
    late = table(capsys, naive=100, ours=100, p99_ms=50.0)
    assert [line.rpartition(": ")[2] for line in late[:2]] == ["NOT met", "NOT met"]


def test_mlserver_takes_part_where_it_is_and_its_absence_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = load(TINY, "cpu", threads=1)
    names = [one.name for one in contenders(str(TINY), store, "/opt/python")]
    assert names[-1] == "MLServer, our graph"
    assert [one.name for one in contenders(str(TINY), store, None)] == names[:-1]
    monkeypatch.setattr(throughput, "measure", lambda one, *_: one.found.append(outcome(100)))
    said = CliRunner().invoke(
        throughput.main, ["--bundle", str(TINY), "--rounds", "1", "--mlserver", "/no/python"]
    )
    assert said.exit_code == 0, said.output
    assert "MLServer is left out: it did not install, there is no /no/python" in said.output


def test_requests_are_the_same_for_the_same_seed_and_hold_real_items() -> None:
    store = load(TINY, "cpu", threads=1)
    asked = recommends(store, k=3)
    assert asked == recommends(store, k=3)
    head, _, body = asked[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/recommend HTTP/1.1\r\nHost: 127.0.0.1\r\n")
    assert json.loads(body) == {"basket": baskets(store)[0], "k": 3}
    assert set(baskets(store)[0]) <= {store.catalogue.item_id(row) for row in range(1, 11)}
    tensor = json.loads(tensors(store)[0].partition(b"\r\n\r\n")[2])["inputs"][0]
    assert tensor["data"] == baskets(store)[0]
    paths = [one.split(b" ")[1].decode("ascii") for one in mixed(store)]
    for kind in ("recommend", "similar/", "catalogue/", "catalogue?", "images/", "stock", "events"):
        assert any(path.startswith(f"/v1/{kind}") for path in paths), kind
    assert {"/metrics", "/v2/health/ready"} <= set(paths)


def test_masks_are_timed() -> None:
    said = CliRunner().invoke(mask.main, ["--items", "2000", "--rounds", "2"])
    assert said.exit_code == 0, said.output
    lines = said.output.splitlines()
    assert lines[0].startswith("2,000 items; 1,334 in stock")
    assert sum("goal under 1 ms" in line for line in lines) == 7

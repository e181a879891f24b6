"""Nothing piles up beside the lane: bodies, searches, photos, stocks; long ones leave the loop."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from runtime.serve import browse, inference, shop
from runtime.serve.bodies import Bodies
from runtime.serve.errors import Overloaded
from runtime.serve.limits import Limits
from runtime.serve.room import Room
from tests.serve.served import PATIENCE_S, Served, serving


def test_a_room() -> None:
    room = Room(2, "tests", 7)
    with room.place():
        with room.place():
            with (
                pytest.raises(Overloaded, match="too many tests at a time") as turned,
                room.place(),
            ):
                pass
            assert turned.value.headers == {"Retry-After": "7"}
        with pytest.raises(ZeroDivisionError), room.place():
            raise ZeroDivisionError
        with room.place():
            pass


def asking(body: bytes) -> Request:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request({"type": "http", "headers": [], "method": "POST"}, receive)


def test_a_body_counts_until_its_request_is_answered() -> None:
    async def test() -> None:
        bodies = Bodies(dataclasses.replace(Limits(), held_bytes=50))
        first, second, third = asking(b"a" * 40), asking(b"b" * 20), asking(b"c" * 20)
        assert await bodies.read(first, 100) == b"a" * 40
        with pytest.raises(Overloaded, match="too many long bodies"):
            await bodies.read(second, 100)
        bodies.release(second.scope)
        with pytest.raises(Overloaded):
            bodies.hold(first, 11)  # as a body does that grows when it is decompressed
        bodies.release(first.scope)
        assert await bodies.read(third, 100) == b"c" * 20
        bodies.release(third.scope)
        assert bodies.held_bytes == 0

    asyncio.run(test())


def test_answered_requests_hold_nothing(served: Served) -> None:
    for body in (b'{"k": 1}', b"{", b'{"k": 99}'):
        served.client.post("/v1/recommend", content=body)
    served.client.post("/v2/models/recommender/infer", content=b"{}")
    assert served.service.bodies.held_bytes == 0


def test_searches_beyond_the_room_are_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    entered, go = threading.Event(), threading.Event()
    real = browse._page

    def slow(*args: Any) -> Any:
        entered.set()
        assert go.wait(PATIENCE_S)
        return real(*args)

    monkeypatch.setattr(browse, "_page", slow)
    limits = dataclasses.replace(Limits(), searches=1)
    with serving(limits=limits) as server, ThreadPoolExecutor(1) as pool:
        first = pool.submit(httpx.get, f"{server.url}/v1/catalogue?q=tea", timeout=PATIENCE_S)
        assert entered.wait(PATIENCE_S)
        said = server.client.get("/v1/catalogue?q=tea")
        assert (said.status_code, said.headers["retry-after"]) == (503, "1")
        assert said.json() == {"error": "too many searches at a time"}
        go.set()
        assert first.result().status_code == 200
        assert server.client.get("/v1/catalogue?q=tea").status_code == 200


def test_stocks_beyond_the_room_are_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    entered, go = threading.Event(), threading.Event()
    real = shop.parse_stock

    def slow(text: str, path: str) -> Any:
        entered.set()
        assert go.wait(PATIENCE_S)
        return real(text, path)

    monkeypatch.setattr(shop, "parse_stock", slow)
    limits = dataclasses.replace(Limits(), restocks=1)
    long = "item_id,quantity\n" + "TEA,1\n" * 20_000
    with serving(limits=limits) as server, ThreadPoolExecutor(1) as pool:
        place = f"{server.url}/v1/stock"
        first = pool.submit(httpx.put, place, content=long, timeout=PATIENCE_S)
        assert entered.wait(PATIENCE_S)
        said = server.client.put("/v1/stock", json={"COLA": 1})  # the loop answers meanwhile
        assert (said.status_code, said.headers["retry-after"]) == (503, "1")
        go.set()
        assert first.result().json()["in_stock"] == 1


def on_a_loop() -> bool:
    """Say whether the thread that asks runs an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@pytest.mark.parametrize("lines", [1, 20_000])
def test_a_long_stock_is_read_off_the_event_loop(
    monkeypatch: pytest.MonkeyPatch, lines: int
) -> None:
    loops: list[bool] = []
    real = shop.parse_stock

    def noted(text: str, path: str) -> Any:
        loops.append(on_a_loop())
        return real(text, path)

    monkeypatch.setattr(shop, "parse_stock", noted)
    with serving() as server:
        content = "item_id,quantity\n" + "TEA,1\n" * lines
        said = server.client.put("/v1/stock", content=content, headers={"content-type": "text/csv"})
        assert said.json()["in_stock"] == 1
        assert server.ids(k=8) == ["TEA"]
    assert loops == [lines == 1]


@pytest.mark.parametrize("batch", [1, 256])
def test_long_tensors_are_read_off_the_event_loop(
    served: Served, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    loops: list[bool] = []
    real = inference._asked

    def noted(*args: Any) -> Any:
        loops.append(on_a_loop())
        return real(*args)

    monkeypatch.setattr(inference, "_asked", noted)
    inputs = [
        {
            "name": "z",
            "shape": [batch, 8],
            "datatype": "FP32",
            "data": [0.123456789012345] * 8 * batch,
        },
        {"name": "category", "shape": [batch, 1], "datatype": "INT64", "data": [1] * batch},
    ]
    padding = {"parameters": {"comment": "x" * (1 << 16)}} if batch > 1 else {}
    said = served.client.post("/v2/models/generator/infer", json={"inputs": inputs, **padding})
    (image,) = said.json()["outputs"]
    assert len(image["data"]) == batch * 8 * 8 * 3
    assert loops == [batch == 1]

"""The lane: shoppers who wait together go through the graph together, and none waits for ever."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime.errors import UnusableInput
from runtime.questions import Question, Tensors, answer_together, rows_of_a_run
from runtime.request import Request
from runtime.rules import Rules
from runtime.serve.errors import Overloaded
from runtime.serve.lane import Lane
from runtime.serve.limits import Limits
from runtime.shelf import Shelf
from runtime.store import Store
from tests.serve.served import Served, serving, until

REQUESTS = (
    Request(k=8),
    Request(basket=("BREAD-1",), k=3),
    Request(user="anna", basket=("BREAD-1", "nope"), k=5, reasons=False),
    Request(user="anna", k=2, category="Drinks"),
    Request(k=1, only=()),
    Request(basket=("TEA", "COFFEE", "MILK", "COLA", "BUTTER"), k=4),
)


# --- several requests in one run


def test_together_is_as_alone(store: Store) -> None:
    """Masks, baskets and numbers of questions differ; each gets its own answer."""
    shelf = Shelf(store.catalogue, Rules(promotions=("CHEESE",), max_per_category=1))
    alone = [store.recommender.recommend(request, shelf) for request in REQUESTS]
    steps = [store.recommender.steps(request, shelf) for request in REQUESTS]
    together = store.recommender.together(steps)
    for one, other in zip(alone, together, strict=True):
        assert dataclasses.replace(one, items=()) == dataclasses.replace(other, items=())
        assert [i.item_id for i in one.items] == [i.item_id for i in other.items]
        assert [i.reason for i in one.items] == [i.reason for i in other.items]
        np.testing.assert_allclose(
            [i.score for i in one.items], [i.score for i in other.items], rtol=1e-5
        )


def test_one_error_is_one_requests_own(store: Store) -> None:
    asked = [REQUESTS[0], Request(k=99), Request(k=1, category="Dary"), REQUESTS[1]]
    steps = [store.recommender.steps(request, store.shelf) for request in asked]
    first, second, third, fourth = store.recommender.together(steps)
    assert first == store.recommender.recommend(REQUESTS[0], store.shelf)
    assert isinstance(second, UnusableInput)
    assert isinstance(third, UnusableInput)
    assert fourth == store.recommender.recommend(REQUESTS[1], store.shelf)


def test_runs_are_bounded() -> None:
    """Ten questions of 3 contexts each in runs of at most 7 rows: two questions a run."""
    seen: list[Tensors] = []

    def run(tensors: Tensors) -> tuple[np.ndarray, np.ndarray]:
        seen.append(tensors)
        item = tensors.user * 10 + tensors.basket[:, -1:]
        return item, item.astype(np.float32)

    def ask(n: int) -> Any:
        allowed = np.arange(4) == n % 4
        item, _ = yield Question([(n, [1, 2, 3]), (n, []), (n, [9] * 5)], allowed)
        return item[:, 0].tolist()

    answers = answer_together(run, [ask(n) for n in range(10)], max_basket=2, max_rows=7)
    assert answers == [[10 * n + 3, 10 * n, 10 * n + 9] for n in range(10)]
    assert [len(tensors) for tensors in seen] == [6] * 5
    np.testing.assert_array_equal(seen[0].basket, [[2, 3], [0, 0], [9, 9]] * 2)
    np.testing.assert_array_equal(np.flatnonzero(seen[0].allowed[0]), [0])
    np.testing.assert_array_equal(np.flatnonzero(seen[0].allowed[3]), [1])


def test_rows_of_a_run() -> None:
    assert rows_of_a_run(11) == 64
    assert rows_of_a_run(1_000_001) == 33
    assert rows_of_a_run(1 << 40) == 1


# --- the thread


class Graph:
    """A recommender whose graph waits until it may go on, and remembers its batches."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.entered = threading.Event()
        self.batches: list[int] = []

    def together(self, steps: list[Any]) -> list[Any]:
        self.batches.append(len(steps))
        self.entered.set()
        assert self.go.wait(60)
        return [f"answer to {step}" for step in steps]


def in_lane(test: Callable[[Lane, Graph], Awaitable[None]], **limits: Any) -> Graph:
    graph = Graph()

    async def run() -> None:
        lane = Lane(dataclasses.replace(Limits(wait_s=60), **limits), lambda n: None)
        lane.start()
        try:
            await test(lane, graph)
        finally:
            graph.go.set()
            await lane.stop()

    asyncio.run(run())
    return graph


async def blocked(lane: Lane, graph: Graph) -> asyncio.Task[Any]:
    """Send a request that keeps the lane busy."""
    first = asyncio.create_task(lane.ask(graph, "first"))  # type: ignore[arg-type]
    await asyncio.to_thread(graph.entered.wait, 60)
    return first


def test_who_waits_together_is_answered_together() -> None:
    async def test(lane: Lane, graph: Graph) -> None:
        first = await blocked(lane, graph)
        others = [asyncio.create_task(lane.ask(graph, n)) for n in range(5)]  # type: ignore[arg-type]
        await asyncio.sleep(0)
        assert lane.waiting == (5, 0)
        graph.go.set()
        assert await first == "answer to first"
        assert await asyncio.gather(*others) == [f"answer to {n}" for n in range(5)]

    assert in_lane(test).batches == [1, 5]


def test_a_full_queue_turns_away() -> None:
    async def test(lane: Lane, graph: Graph) -> None:
        first = await blocked(lane, graph)
        others = [asyncio.create_task(lane.ask(graph, n)) for n in range(2)]  # type: ignore[arg-type]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded, match="too many requests wait") as turned:
            await lane.ask(graph, 3)  # type: ignore[arg-type]
        assert turned.value.headers == {"Retry-After": "1"}
        graph.go.set()
        await asyncio.gather(first, *others)

    in_lane(test, queue=2)


def test_after_a_pause_all_are_served() -> None:
    async def test(lane: Lane, graph: Graph) -> None:
        first = await blocked(lane, graph)
        late = [asyncio.create_task(lane.ask(graph, n)) for n in range(3)]  # type: ignore[arg-type]
        await asyncio.sleep(0.2)
        graph.go.set()
        assert await asyncio.gather(first, *late) == [f"answer to {n}" for n in ("first", 0, 1, 2)]

    assert in_lane(test, wait_s=0.1).batches == [1, 3]


def test_who_waited_too_long_is_turned_away_while_more_wait() -> None:
    async def test(lane: Lane, graph: Graph) -> None:
        first = await blocked(lane, graph)
        late = [asyncio.create_task(lane.ask(graph, n)) for n in range(90)]  # type: ignore[arg-type]
        await asyncio.sleep(0.5)
        graph.go.set()
        assert await first == "answer to first"
        said = await asyncio.gather(*late, return_exceptions=True)
        turned = [n for n, one in enumerate(said) if isinstance(one, Overloaded)]
        assert turned == list(range(len(turned)))  # the oldest
        assert 0 < len(turned) < 90
        assert str(said[0]) == "the request waited too long"

    in_lane(test, wait_s=0.4, queue=90)


def test_who_would_wait_too_long_is_turned_away_at_once() -> None:
    """Requests that cost 20 ms: of 100, no more are let wait than 0.2 s serve."""

    class Slow(Graph):
        def together(self, steps: list[Any]) -> list[Any]:
            time.sleep(0.02 * len(steps))
            return super().together(steps)

    async def test(lane: Lane, graph: Graph) -> None:
        slow = Slow()
        slow.go.set()
        for n in range(40):  # learn what one costs
            await lane.ask(slow, n)  # type: ignore[arg-type]
        said = await asyncio.gather(
            *(lane.ask(slow, n) for n in range(100)),  # type: ignore[arg-type]
            return_exceptions=True,
        )
        served = [one for one in said if not isinstance(one, Overloaded)]
        assert 1 <= len(served) <= 15
        assert max(slow.batches) <= 3  # none waits for many others in one run

    in_lane(test, wait_s=0.2)


def test_a_few_are_served_however_long_it_takes() -> None:
    """On a machine that other work holds up, 8 tills are slow and none is turned away."""

    class Slow(Graph):
        def together(self, steps: list[Any]) -> list[Any]:
            time.sleep(0.01 * len(steps))
            return super().together(steps)

    async def test(lane: Lane, graph: Graph) -> None:
        slow = Slow()
        slow.go.set()

        async def till(n: int) -> list[str]:
            return [await lane.ask(slow, n) for _ in range(10)]  # type: ignore[arg-type]

        said = await asyncio.gather(*map(till, range(8)))
        assert said == [[f"answer to {n}"] * 10 for n in range(8)]

    in_lane(test, wait_s=0.001)


def test_who_left_is_not_computed() -> None:
    async def test(lane: Lane, graph: Graph) -> None:
        first = await blocked(lane, graph)
        gone = asyncio.create_task(lane.ask(graph, "gone"))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        graph.go.set()
        await first

    assert in_lane(test).batches == [1]


def test_a_bug_reaches_who_waits_and_does_not_end_the_lane() -> None:
    class Broken(Graph):
        def together(self, steps: list[Any]) -> list[Any]:
            raise ZeroDivisionError(str(steps))

    def broken() -> Iterator[None]:
        yield None
        raise ZeroDivisionError

    async def test(lane: Lane, graph: Graph) -> None:
        graph.go.set()
        with pytest.raises(ZeroDivisionError):
            await lane.ask(Broken(), "x")  # type: ignore[arg-type]
        with pytest.raises(ZeroDivisionError):
            await lane.draw(broken())
        assert await lane.ask(graph, "y") == "answer to y"  # type: ignore[arg-type]

    in_lane(test)


def test_pictures_take_turns() -> None:
    order: list[str] = []

    def draw(name: str, steps: int) -> Iterator[str | None]:
        for step in range(steps):
            order.append(f"{name}{step}")
            yield None
        yield name

    async def test(lane: Lane, graph: Graph) -> None:
        first = await blocked(lane, graph)
        drawn = [asyncio.create_task(lane.draw(draw(name, 3))) for name in "ab"]
        await asyncio.sleep(0)
        assert lane.waiting == (0, 2)
        graph.go.set()
        await first
        assert await asyncio.gather(*drawn) == ["a", "b"]

    in_lane(test)
    assert order == ["a0", "b0", "a1", "b1", "a2", "b2"]


def test_what_was_begun_is_finished_at_the_end() -> None:
    async def test(lane: Lane, graph: Graph) -> None:
        first = await blocked(lane, graph)
        second = asyncio.create_task(lane.ask(graph, "second"))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        stopping = asyncio.create_task(lane.stop())
        await asyncio.sleep(0)
        graph.go.set()
        await stopping
        assert [await first, await second] == ["answer to first", "answer to second"]
        with pytest.raises(Overloaded):
            await lane.ask(graph, "third")  # type: ignore[arg-type]

    in_lane(test)


# --- over HTTP


def test_overload_answers_200_or_503(tiny: Path) -> None:
    limits = dataclasses.replace(Limits(), queue=3)
    with serving(tiny, limits=limits) as server, ThreadPoolExecutor(16) as pool:
        said = list(
            pool.map(lambda _: server.client.post("/v1/recommend", json={"k": 1}), range(200))
        )
        assert {one.status_code for one in said} <= {200, 503}
        assert any(one.status_code == 200 for one in said)
        for one in said:
            if one.status_code == 503:
                assert one.headers["retry-after"] == "1"
                assert one.json() == {"error": "too many requests wait"}
        until(lambda: server.client.post("/v1/recommend", json={"k": 1}).status_code == 200)


def test_waiting_shoppers_share_a_run(served: Served) -> None:
    """As many as came while a run was on; the sum of all batches is every request."""
    before = served.metric("endcap_batch_requests_sum")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: served.ids(k=1 + n % 8), range(64)))
    assert [len(answer) for answer in answers] == [1 + n % 8 for n in range(64)]
    assert served.metric("endcap_batch_requests_sum") - before == 64

"""The lane: the one thread that runs graphs, several waiting shoppers in one run.

The event loop never computes. Requests to the recommender that wait at the same time go through
the graph together; nobody waits for others to come, so that a lone shopper is served at once.
Pictures take turns with them, a few at a time. One thread is also the thread budget: no two graphs
run beside each other, so that a run's threads are all that compute.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from runtime.errors import EndcapError
from runtime.questions import MAX_ROWS, Steps
from runtime.recommender import Recommender
from runtime.serve.errors import Overloaded
from runtime.serve.limits import Limits

T = TypeVar("T")

_FEW = 8  # requests that may wait whatever they cost: they are served sooner than they come again
_RUN_S = 0.025  # a run is not made longer than this by taking more requests into it
_GUESS_S = 0.001  # what a request costs, until one was measured
_WEIGHT = 0.1  # of a new measurement in what a request is taken to cost
_SURPRISE = 4.0  # times as much at most: a pause of the whole machine is no new cost


@dataclass(frozen=True)
class _Job:
    future: asyncio.Future[Any]
    since_s: float
    steps: Any
    recommender: Recommender | None = None


class Lane:
    """Computes requests in a thread of its own, in the order in which they came.

    Args:
        limits: how many may wait, and for how long.
        on_batch: told how many requests went through the graph together.
    """

    def __init__(self, limits: Limits, on_batch: Callable[[int], None]) -> None:
        self._limits = limits
        self._on_batch = on_batch
        self._request_s = _GUESS_S
        self._ready = threading.Condition()
        self._fast: deque[_Job] = deque()
        self._slow: deque[_Job] = deque()
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="endcap-lane", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def waiting(self) -> tuple[int, int]:
        """How many requests, and how many pictures, wait."""
        return len(self._fast), len(self._slow)

    @property
    def crowded(self) -> bool:
        """Whether one more request to the recommender would be turned away."""
        waiting = len(self._fast)
        too_long = waiting >= _FEW and waiting * self._request_s > self._limits.wait_s
        return waiting >= self._limits.queue or too_long or self._stopping

    def start(self) -> None:
        """Begin to compute; called on the event loop that asks."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def stop(self) -> None:
        """Compute what waits and end the thread."""
        with self._ready:
            self._stopping = True
            self._ready.notify()
        await asyncio.to_thread(self._thread.join)

    async def ask(self, recommender: Recommender, steps: Steps[T]) -> T:
        """Take ``steps`` through ``recommender``'s graph.

        Raises:
            Overloaded: more wait than can be served in time.
            EndcapError: what the steps raise.
        """
        if self.crowded:
            raise crowd(self._limits)
        answer: T = await self._put(self._fast, steps, recommender)
        return answer

    async def draw(self, steps: Iterator[T | None]) -> T:
        """Take ``steps``, which yield None until the last, in turns with other requests.

        Raises:
            Overloaded: too many wait, or this one waited too long to begin.
            EndcapError: what the steps raise.
        """
        if len(self._slow) >= self._limits.picture_queue or self._stopping:
            raise crowd(self._limits)
        last: T = await self._put(self._slow, steps)
        return last

    async def _put(
        self, queue: deque[_Job], steps: Any, recommender: Recommender | None = None
    ) -> Any:
        assert self._loop is not None
        future = self._loop.create_future()
        job = _Job(future, time.monotonic(), steps, recommender)
        with self._ready:
            queue.append(job)
            self._ready.notify()
        return await future

    def _work(self) -> None:
        while True:
            with self._ready:
                while not (self._fast or self._slow or self._stopping):
                    self._ready.wait()
                if not (self._fast or self._slow):
                    return
                batch = self._batch()
                slow = self._slow.popleft() if self._slow else None
            if batch:
                self._answer(batch)
            if slow is not None:
                self._turn(slow)

    def _batch(self) -> list[_Job]:
        """Take the requests that come next and ask the same recommender."""
        batch: list[_Job] = []
        most = max(1, min(MAX_ROWS, int(_RUN_S / self._request_s)))
        while self._fast and len(batch) < most:
            if batch and self._fast[0].recommender is not batch[0].recommender:
                break
            batch.append(self._fast.popleft())
        return batch

    def _answer(self, batch: list[_Job]) -> None:
        """Run a batch. Who waited too long is turned away, if more wait than can be served now.

        After a pause in which nothing was computed, all have waited; then all are served.
        """
        many = len(self._fast) >= _FEW
        late_s = time.monotonic() - self._limits.wait_s if many else -math.inf
        asked = [job for job in batch if job.since_s >= late_s and not job.future.cancelled()]
        done: list[tuple[_Job, Any]] = [
            (job, self._late()) for job in batch if job.since_s < late_s
        ]
        if asked:
            recommender = asked[0].recommender
            assert recommender is not None
            self._on_batch(len(asked))
            begun_s = time.monotonic()
            try:
                answers = recommender.together([job.steps for job in asked])
            except Exception as error:  # a bug: it must reach who waits, and not end the lane
                done += [(job, error) for job in asked]
            else:
                done += zip(asked, answers, strict=True)
            self._learn((time.monotonic() - begun_s) / len(asked))
        self._tell(done)

    def _learn(self, request_s: float) -> None:
        told_s = min(request_s, _SURPRISE * self._request_s)
        self._request_s += _WEIGHT * (told_s - self._request_s)

    def _turn(self, job: _Job) -> None:
        """Take one step of a job; put it at the end of the queue if there are more."""
        if job.future.cancelled():
            return
        if job.since_s < time.monotonic() - self._limits.picture_wait_s:
            self._tell([(job, self._late())])
            return
        try:
            result = next(job.steps)
        except EndcapError as error:
            result = error
        except Exception as error:  # as in _answer
            result = error
        if result is not None:
            self._tell([(job, result)])
            return
        with self._ready:
            self._slow.append(replace(job, since_s=math.inf))  # what is begun is finished

    def _late(self) -> Overloaded:
        return Overloaded("the request waited too long", self._limits.retry_after_s)

    def _tell(self, done: list[tuple[_Job, Any]]) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(_settle, done)


def crowd(limits: Limits) -> Overloaded:
    """Return what is said to a request for which there is no room."""
    return Overloaded("too many requests wait", limits.retry_after_s)


def _settle(done: list[tuple[_Job, Any]]) -> None:
    for job, result in done:
        if job.future.done():  # the client left
            continue
        if isinstance(result, Exception):
            job.future.set_exception(result)
        else:
            job.future.set_result(result)

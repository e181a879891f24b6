"""Load: a client that asks as fast as it is answered, or at a rate, and remembers every answer.

``python -m benchmarks.serving.load`` reads a spec (JSON) from standard input and writes what it
found to standard output; :func:`run_load` starts it on a core of its own.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

_CLOSED = "closed"


@dataclass(frozen=True)
class Load:
    """What to ask.

    Attributes:
        host: where.
        port: where.
        requests: whole HTTP requests, asked in turn.
        connections: how many ask side by side.
        seconds: for how long; None for until ``count`` are answered.
        count: how many to ask; None for as many as ``seconds`` allow.
        rate: how many a second are begun; None for as fast as they are answered.
    """

    host: str
    port: int
    requests: Sequence[bytes]
    connections: int
    seconds: float | None = None
    count: int | None = None
    rate: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What came back.

    Attributes:
        statuses: answers by status; "closed" for connections that ended without one.
        unsent: requests that were due while every connection still waited for an answer.
        duration_s: from the first request to the last answer.
        p50_ms: median time to an answer of status 200.
        p99_ms: 99th percentile of the same.
        max_ms: the longest.
    """

    statuses: dict[str, int]
    unsent: int
    duration_s: float
    p50_ms: float
    p99_ms: float
    max_ms: float

    @property
    def answered(self) -> int:
        """How many were answered 200."""
        return self.statuses.get("200", 0)

    @property
    def per_second(self) -> float:
        """Answers of status 200 a second."""
        return self.answered / self.duration_s

    @property
    def failed(self) -> int:
        """How many were not answered 200."""
        return sum(self.statuses.values()) - self.answered


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """Return a whole HTTP request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def run_load(load: Load, core: int | None) -> Outcome:
    """Run ``load`` in a process of its own, on ``core``."""
    spec = asdict(load) | {"requests": [base64.b64encode(one).decode() for one in load.requests]}
    command = [sys.executable, "-m", "benchmarks.serving.load"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        if core is not None:
            os.sched_setaffinity(process.pid, {core})
        out, _ = process.communicate(json.dumps(spec).encode())
    if process.returncode != 0:
        raise RuntimeError(f"the load ended with code {process.returncode}")
    return Outcome(**json.loads(out))


class _Connection(asyncio.Protocol):
    """Asks one request at a time; tells ``done`` of each answer."""

    def __init__(self, done: Any) -> None:
        self._done = done
        self._buffer = b""
        self._length: int | None = None
        self._status = ""
        self.begun_s = 0.0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def ask(self, content: bytes) -> None:
        assert self.transport is not None
        self.begun_s = time.perf_counter()
        self.transport.write(content)

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if self._length is None:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._buffer[:end].lower()
            self._status = self._buffer[9:12].decode()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            self._length = end + 4 + length
        if len(self._buffer) < self._length:
            return
        self._buffer, self._length = b"", None
        self._done(self, self._status)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._done(self, _CLOSED)


class _Run:
    """One load on its way."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._requests: Iterator[bytes] = itertools.cycle(load.requests)
        self.statuses: Counter[str] = Counter()
        self.latencies_s: list[float] = []
        self.unsent = 0
        self._left = load.count if load.count is not None else sys.maxsize
        self._idle: list[_Connection] = []
        self._open: set[_Connection] = set()
        self._stopping = False
        self._over = asyncio.Event()

    async def connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: _Connection(self._answered), self._load.host, self._load.port
        )
        self._open.add(connection)
        return connection

    async def closed_loop(self) -> None:
        connections = [await self.connect() for _ in range(self._load.connections)]
        for connection in connections:
            self._next(connection)
        if self._load.seconds is not None:
            await asyncio.sleep(self._load.seconds)
            self._stopping = True
        await self._over.wait()

    async def open_loop(self) -> None:
        assert self._load.rate is not None
        assert self._load.seconds is not None
        self._idle = [await self.connect() for _ in range(self._load.connections)]
        begun_s, sent = time.perf_counter(), 0
        while (passed_s := time.perf_counter() - begun_s) < self._load.seconds:
            due = int(passed_s * self._load.rate) - sent
            sent += due
            for _ in range(min(due, len(self._idle))):
                due -= 1
                self._idle.pop().ask(next(self._requests))
            self.unsent += due
            await asyncio.sleep(0)
        self._stopping = True
        while len(self._idle) < len(self._open):
            await asyncio.sleep(0.001)
        for connection in self._open:
            assert connection.transport is not None
            connection.transport.abort()
        self._open.clear()

    def _next(self, connection: _Connection) -> None:
        if self._stopping or self._left <= 0:
            self._open.discard(connection)
            assert connection.transport is not None
            connection.transport.abort()
            if not self._open:
                self._over.set()
            return
        self._left -= 1
        connection.ask(next(self._requests))

    def _answered(self, connection: _Connection, status: str) -> None:
        if connection not in self._open:
            return
        self.statuses[status] += 1
        if status == "200":
            self.latencies_s.append(time.perf_counter() - connection.begun_s)
        if status == _CLOSED:
            self._open.discard(connection)
            if not self._open:
                self._over.set()
        elif self._load.rate is None:
            self._next(connection)
        else:
            self._idle.append(connection)


async def ask(load: Load) -> Outcome:
    """Run ``load`` on this event loop."""
    run = _Run(load)
    begun_s = time.perf_counter()
    await (run.closed_loop() if load.rate is None else run.open_loop())
    duration_s = time.perf_counter() - begun_s
    ms = np.array(run.latencies_s or [np.nan]) * 1000
    p50, p99 = np.percentile(ms, [50, 99])
    return Outcome(
        dict(run.statuses), run.unsent, duration_s, float(p50), float(p99), float(ms.max())
    )


def main() -> None:
    """Run the load that standard input describes."""
    import uvloop

    spec = json.load(sys.stdin)
    spec["requests"] = [base64.b64decode(one) for one in spec["requests"]]
    outcome = uvloop.run(ask(Load(**spec)))
    json.dump(asdict(outcome), sys.stdout)


if __name__ == "__main__":
    main()

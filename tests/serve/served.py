"""Servers for tests: one in a thread of the test's process, one started as a user would."""

from __future__ import annotations

import os
import queue
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from runtime.serve.server import bind, make_server, make_service
from runtime.serve.service import Service
from runtime.serve.settings import Settings
from tests.command import ENDCAP

TINY = Path(__file__).parents[1] / "golden" / "tiny-store"
PATIENCE_S = 60.0  # a busy machine must not fail a test


@dataclass(frozen=True)
class Served:
    """A server that answers at ``url``; ``service`` is what it serves."""

    url: str
    service: Service
    client: httpx.Client

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        url = httpx.URL(self.url)
        assert url.port is not None
        return url.host, url.port

    def recommend(self, **fields: Any) -> Any:
        """Ask for a recommendation that must succeed."""
        said = self.client.post("/v1/recommend", json=fields)
        assert said.status_code == 200, said.text
        return said.json()

    def ids(self, **fields: Any) -> list[str]:
        """Ask for a recommendation and return the ids of the items."""
        return [item["item_id"] for item in self.recommend(**fields)["items"]]

    def raw(self, *parts: bytes, wait_s: float = 0.0) -> bytes:
        """Send bytes as they are, with a pause after each, and return all that comes back."""
        with socket.create_connection(self.address, timeout=PATIENCE_S) as connection:
            for part in parts:
                connection.sendall(part)
                time.sleep(wait_s)
            connection.shutdown(socket.SHUT_WR)
            found = b""
            while part := connection.recv(1 << 16):
                found += part
            return found

    def metric(self, line: str) -> float:
        """Return the value of one line of /metrics, 0 where it is absent."""
        text = self.client.get("/metrics").text
        found = re.search(rf"^{re.escape(line)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0


@contextmanager
def serving(bundle: Path = TINY, **settings: Any) -> Iterator[Served]:
    """Serve ``bundle`` in a thread of this process, on a port that is free."""
    told = {"provider": "cpu", "threads": 1, "poll_s": 0, **settings}
    service = make_service(Settings(bundle, port=0, **told))
    bound = bind(service.settings.host, 0)
    server = make_server(service, bound)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    host, port = bound.getsockname()[:2]
    try:
        until(lambda: server.started or not thread.is_alive())
        url = f"http://{host}:{port}"
        with httpx.Client(base_url=url, timeout=PATIENCE_S) as client:
            yield Served(url, service, client)
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


@dataclass(frozen=True)
class Started:
    """``endcap serve`` in a process of its own."""

    process: subprocess.Popen[str]
    url: str
    said: queue.Queue[str]

    @property
    def address(self) -> str:
        """Host and port with a colon, as tritonclient wants it."""
        return self.url.removeprefix("http://")

    def hear(self, words: str) -> str:
        """Wait for a line on standard error that holds ``words``."""
        while True:
            line = self.said.get(timeout=PATIENCE_S)
            if words in line:
                return line

    def stop(self) -> int:
        """Ask it to stop, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


@contextmanager
def started(*args: object, port: int = 0, through: Sequence[object] = ()) -> Iterator[Started]:
    """Start ``endcap serve ARGS``, on a free port if 0, and wait until it says that it serves.

    The command line ``through`` is what starts it, where there is one.
    """
    process = subprocess.Popen(
        [
            *map(str, through),
            ENDCAP,
            "serve",
            *map(str, args),
            "--port",
            str(port),
            "--threads",
            "1",
        ],
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    said: queue.Queue[str] = queue.Queue()

    def listen() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            said.put(line)
        said.put("it ended")

    listener = threading.Thread(target=listen)
    listener.start()
    try:
        found = None
        heard = []
        while found is None:
            heard.append(said.get(timeout=PATIENCE_S))
            assert heard[-1] != "it ended", "".join(heard)
            found = re.search(r"serving .* on (http://\S+)", heard[-1])
        yield Started(process, found[1], said)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(PATIENCE_S)
        listener.join(PATIENCE_S)
        assert process.stderr is not None
        process.stderr.close()


def until(holds: Any, patience_s: float = PATIENCE_S) -> None:
    """Wait until ``holds()`` is true."""
    end_s = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < end_s, "it did not come about"
        time.sleep(0.01)

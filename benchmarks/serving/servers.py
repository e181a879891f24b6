"""Servers under test: started as a user would, on a core of their own, and what they cost."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.command import ENDCAP

_PATIENCE_S = 120.0
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A server that answers.

    Attributes:
        process: its process.
        host: where.
        port: where.
        ready_s: from its start until it was ready.
    """

    process: subprocess.Popen[str]
    host: str
    port: int
    ready_s: float

    @property
    def cpu_s(self) -> float:
        """Processor time that it used so far, in user code and in the kernel."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * _TICK_S

    @property
    def memory_mb(self) -> float:
        """Memory that it holds."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) / 1000


def endcap(bundle: str, *options: str) -> list[str]:
    """Return the command that serves ``bundle`` on the CPU, but for its port."""
    return [ENDCAP, "serve", bundle, "--provider", "cpu", "--log-level", "warning", *options]


@contextmanager
def running(
    command: list[str],
    ready_path: str,
    port: int,
    core: int | None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Start ``command`` with ``--port`` and wait until ``ready_path`` answers 200."""

    def pin() -> None:
        if core is not None:
            os.sched_setaffinity(0, {core})

    begun_s = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--port", str(port)],
        text=True,
        preexec_fn=pin,
        env={**os.environ, **(environment or {})},
    )
    try:
        while not _answers(f"http://127.0.0.1:{port}{ready_path}"):
            if process.poll() is not None or time.perf_counter() - begun_s > _PATIENCE_S:
                raise RuntimeError(f"{command[0]} did not become ready")
            time.sleep(0.002)
        yield Server(process, "127.0.0.1", port, time.perf_counter() - begun_s)
    finally:
        process.terminate()
        process.wait(_PATIENCE_S)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False

"""What opening a graph costs: time and memory, measured in a fresh process for each.

Run as ``python -m runtime.session_cost PROVIDER THREADS BYTES`` it reads a graph from standard
input, opens it and prints what that took; memory that other graphs left cannot blur the figure.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from runtime.errors import EndcapError, MissingCapability, UnusableInput
from runtime.probe import last_line
from runtime.session import open_session, resolve_provider

_COMMAND = (sys.executable, "-m", "runtime.session_cost")
_LIMIT_S = 600


@dataclass(frozen=True)
class SessionCost:
    """What it costs to open one variant.

    Attributes:
        model: "recommender" or "generator".
        variant: "fp32", "fp16", "int8".
        file_bytes: size of the ONNX file.
        load_ms: from the file's bytes in memory to a session ready to run, in milliseconds.
        resident_bytes: how much more memory of its own the process holds afterwards than when it
            had only imported onnxruntime, whose code processes share and which does not count; None
            where the system does not tell.
    """

    model: str
    variant: str
    file_bytes: int
    load_ms: float
    resident_bytes: int | None

    def to_json(self) -> dict[str, Any]:
        """Return the entry of ``sessions`` in ``endcap bench --json``."""
        return asdict(self)


def session_cost(
    model: str, variant: str, content: bytes, provider: str, threads: int | None
) -> SessionCost:
    """Open the graph ``content`` in a fresh process and return what that cost.

    Raises:
        MissingCapability: the provider is not there.
        UnusableInput: the process fails; the message holds what it said last.
    """
    command = [*_COMMAND, provider, str(threads or 0), str(len(content))]
    try:
        done = subprocess.run(
            command, input=content, capture_output=True, timeout=_LIMIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _failed(model, variant, str(error)) from error
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace")
        why = last_line(said, f"it ended with {done.returncode}")
        if done.returncode == MissingCapability.exit_code:
            raise MissingCapability(why)
        raise _failed(model, variant, why)
    found = json.loads(done.stdout.splitlines()[-1])
    return SessionCost(model, variant, len(content), found["load_ms"], found["resident_bytes"])


def _failed(model: str, variant: str, why: str) -> UnusableInput:
    return UnusableInput(
        f"the {model}'s {variant} cannot be opened in a process of its own: {why}; "
        "endcap doctor says what this machine lacks"
    )


def _resident_bytes() -> int | None:
    try:
        told = Path("/proc/self/statm").read_text(encoding="ascii").split()
    except OSError:
        return None
    pages = int(told[1]) - int(told[2])  # without those of files, such as a library's code
    return pages * os.sysconf("SC_PAGE_SIZE")


def _measure(provider: str, threads: int | None, size_bytes: int) -> dict[str, Any]:
    resolve_provider(provider)  # imports onnxruntime, which is not what is measured
    before_bytes = _resident_bytes()
    content = sys.stdin.buffer.read(size_bytes)
    started_ns = time.perf_counter_ns()
    session = open_session(content, provider, threads)
    load_ms = (time.perf_counter_ns() - started_ns) / 1e6
    del content
    after_bytes = _resident_bytes()
    del session
    grown = None
    if before_bytes is not None and after_bytes is not None:
        grown = max(0, after_bytes - before_bytes)
    return {"load_ms": load_ms, "resident_bytes": grown}


def main(arguments: Sequence[str]) -> None:
    """Measure the graph on standard input and print the result as JSON."""
    provider, threads, size_bytes = arguments
    try:
        found = _measure(provider, int(threads) or None, int(size_bytes))
    except EndcapError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])

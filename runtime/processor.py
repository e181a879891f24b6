"""The processor of this machine: its name, the flags that decide how a variant runs, its cores."""

from __future__ import annotations

import os
import platform
from pathlib import Path

_TELLING_FLAGS = (
    "avx", "avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "amx_bf16", "avx512_bf16",
    "asimd", "asimddp", "asimdhp", "i8mm", "sve", "bf16",
)  # fmt: skip


def processor() -> tuple[str, tuple[str, ...]]:
    """Return the processor's name and its telling flags, as far as the system tells."""
    name, flags = platform.processor() or platform.machine(), set[str]()
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return name, ()
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            name = value.strip()
        elif key.strip() in ("flags", "Features"):
            flags.update(value.split())
    return name, tuple(flag for flag in _TELLING_FLAGS if flag in flags)


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

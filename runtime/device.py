"""This device in facts: its processor, what runs on it, and in which versions."""

from __future__ import annotations

import os
import platform
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TELLING_FLAGS = (
    "avx", "avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "amx_bf16", "avx512_bf16",
    "asimd", "asimddp", "asimdhp", "i8mm", "sve", "bf16",
)  # fmt: skip
_INT8_DOT_PRODUCTS = {
    "x86-64": frozenset({"avx512_vnni", "avx_vnni", "amx_int8"}),
    "ARM": frozenset({"asimddp", "i8mm"}),
}
_FAMILIES = {"x86_64": "x86-64", "amd64": "x86-64", "aarch64": "ARM", "arm64": "ARM"}


@dataclass(frozen=True)
class CpuClass:
    """A class of CPUs that compute int8 alike.

    Attributes:
        name: how people are told.
        has_int8_dot_products: whether it is known to have instructions for them.
    """

    name: str
    has_int8_dot_products: bool


_UNKNOWN = CpuClass("a CPU whose instructions are not known", False)
CPU_CLASSES = (
    CpuClass("x86-64 with VNNI", True),
    CpuClass("x86-64 without VNNI", False),
    CpuClass("ARM with int8 dot products", True),
    CpuClass("ARM without int8 dot products", False),
    _UNKNOWN,
)


def cpu_class(machine: str | None = None, flags: Collection[str] | None = None) -> CpuClass:
    """Return the class of a CPU; without arguments that of this machine.

    Args:
        machine: as ``platform.machine()`` says it, such as "x86_64" or "aarch64".
        flags: the CPU's flags; empty where the system does not tell.
    """
    family = _FAMILIES.get((platform.machine() if machine is None else machine).lower())
    told = processor()[1] if flags is None else flags
    if family is None or not told:
        return _UNKNOWN
    has = not _INT8_DOT_PRODUCTS[family].isdisjoint(told)
    return next(
        known
        for known in CPU_CLASSES
        if known.name.startswith(family) and known.has_int8_dot_products == has
    )


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


def device_facts() -> dict[str, Any]:
    """Return what a report says of the device: host, system, machine, cpu, python."""
    name, flags = processor()
    return {
        "host": platform.node(),
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "cpu": {"name": name, "flags": list(flags), "cores": usable_cores()},
        "python": platform.python_version(),
    }


def version_facts() -> dict[str, str]:
    """Return the versions that decide what a graph answers."""
    import numpy as np

    from runtime.session import runtime_version
    from runtime.version import __version__

    return {
        "endcap": __version__,
        "numpy": np.__version__,
        "onnxruntime": runtime_version(),
    }

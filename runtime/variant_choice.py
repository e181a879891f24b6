"""Which variant ``auto`` takes, by provider and class of CPU, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runtime.device import CPU_CLASSES, CpuClass, cpu_class

if TYPE_CHECKING:
    from runtime.manifest import ModelSection

_SAFE = "fp32"
_NEEDS_INT8_DOT_PRODUCTS = frozenset({"int8"})


@dataclass(frozen=True)
class Pick:
    """What ``auto`` takes on a provider.

    Attributes:
        provider: "cpu" or "cuda".
        cpu_classes: names of the classes of CPU that this is for; empty where it is for all.
        variant: the variant's name.
        why: the reason, as a phrase.
    """

    provider: str
    cpu_classes: tuple[str, ...]
    variant: str
    why: str


def choose_variant(
    section: ModelSection, provider: str, wanted: str = "auto", cpu: CpuClass | None = None
) -> tuple[str, str]:
    """Return the variant that runs on ``provider``, and why.

    Without int8 dot products onnxruntime's int8 kernels are slow, and on x86 their 16-bit sums may
    overflow, so that ``auto`` takes fp32 there even where the bundle's default is int8.

    Args:
        section: the model.
        provider: "cpu" or "cuda".
        wanted: "auto", or the variant that was asked for.
        cpu: the class of the CPU; None for this machine's.
    """
    if wanted != "auto":
        return wanted, "asked for"
    default = section.default[provider]
    why = f"the bundle's default on {provider}"
    if provider == "cpu" and default in _NEEDS_INT8_DOT_PRODUCTS and _SAFE in section.variants:
        cpu = cpu_class() if cpu is None else cpu
        if not cpu.has_int8_dot_products:
            return _SAFE, f"safe without int8 dot products; {why}, {default}, needs them"
    speedup = section.variants[default].speedup
    if default != _SAFE:
        why += f", {speedup:.2f}x the speed of {_SAFE} where it was exported"
    return default, why


def picks(section: ModelSection) -> tuple[Pick, ...]:
    """Return what ``auto`` takes on each provider, once for all classes of CPU that agree."""
    by_answer: dict[str, list[tuple[str, str]]] = {}
    for cpu in CPU_CLASSES:
        variant, why = choose_variant(section, "cpu", cpu=cpu)
        by_answer.setdefault(variant, []).append((cpu.name, why))
    found = []
    for variant, answers in by_answer.items():
        classes = tuple(name for name, _ in answers) if len(by_answer) > 1 else ()
        found.append(Pick("cpu", classes, variant, answers[0][1]))
    variant, why = choose_variant(section, "cuda")
    return (*found, Pick("cuda", (), variant, why))


def describe_variants(section: ModelSection) -> Mapping[str, dict[str, float]]:
    """Return size in bytes and speed beside fp32 of every variant that was kept."""
    return {
        name: {"bytes": variant.bytes, "speedup": variant.speedup}
        for name, variant in section.variants.items()
    }

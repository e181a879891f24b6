"""What auto takes: by provider, and on the CPU by whether it is made for int8."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runtime.bundle import open_bundle
from runtime.device import CPU_CLASSES, CpuClass, cpu_class
from runtime.manifest import ModelSection
from runtime.variant_choice import choose_variant, picks
from tests.damage import Damage

VNNI, PLAIN = CpuClass("x86-64 with VNNI", True), CpuClass("x86-64 without VNNI", False)


def section(damage: Damage, cpu: str, cuda: str, *variants: str) -> ModelSection:
    """Return a generator of several variants that are one graph; each is twice as fast."""

    def change(document: dict[str, Any]) -> None:
        record = document["generator"]["variants"]["fp32"]
        document["generator"]["variants"] = {
            name: {**record, "speedup": 2.0**number} for number, name in enumerate(variants)
        }
        document["generator"]["default"] = {"cpu": cpu, "cuda": cuda}

    damage.manifest(change)
    return open_bundle(damage.folder).manifest.sections()["generator"]


@pytest.mark.parametrize(
    ("machine", "flags", "name"),
    [
        ("x86_64", ["avx2", "avx512f", "avx512_vnni"], "x86-64 with VNNI"),
        ("AMD64", ["avx2", "avx_vnni"], "x86-64 with VNNI"),
        ("x86_64", ["avx", "avx2", "avx512f"], "x86-64 without VNNI"),
        ("aarch64", ["asimd", "asimddp"], "ARM with int8 dot products"),
        ("arm64", ["asimd", "i8mm"], "ARM with int8 dot products"),
        ("aarch64", ["asimd"], "ARM without int8 dot products"),
        ("aarch64", ["avx_vnni"], "ARM without int8 dot products"),
        ("x86_64", [], "a CPU whose instructions are not known"),
        ("riscv64", ["v"], "a CPU whose instructions are not known"),
    ],
)
def test_classes_of_cpus(machine: str, flags: list[str], name: str) -> None:
    found = cpu_class(machine, flags)
    assert found.name == name
    assert found.has_int8_dot_products == (" with " in name)
    assert found in CPU_CLASSES


def test_this_cpu_has_a_class() -> None:
    assert cpu_class() in CPU_CLASSES


def test_the_default_and_its_reason(damage: Damage) -> None:
    found = section(damage, "int8", "fp16", "fp32", "fp16", "int8")
    assert choose_variant(found, "cpu", cpu=VNNI) == (
        "int8",
        "the bundle's default on cpu, 4.00x the speed of fp32 where it was exported",
    )
    assert choose_variant(found, "cuda", cpu=PLAIN) == (
        "fp16",
        "the bundle's default on cuda, 2.00x the speed of fp32 where it was exported",
    )
    assert choose_variant(found, "cpu", "fp16", PLAIN) == ("fp16", "asked for")
    assert choose_variant(found, "cpu", "int8", PLAIN) == ("int8", "asked for")


def test_int8_is_not_taken_where_it_is_not_safe(damage: Damage) -> None:
    found = section(damage, "int8", "fp32", "fp32", "int8")
    assert choose_variant(found, "cpu", cpu=PLAIN) == (
        "fp32",
        "safe without int8 dot products; the bundle's default on cpu, int8, needs them",
    )
    alone = section(damage, "int8", "int8", "int8")
    assert choose_variant(alone, "cpu", cpu=PLAIN)[0] == "int8"  # there is nothing else


def test_the_cpu_is_looked_at_only_where_it_matters(
    damage: Damage, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = section(damage, "int8", "fp32", "fp32", "int8")
    looks: list[None] = []
    monkeypatch.setattr("runtime.variant_choice.cpu_class", lambda: looks.append(None) or VNNI)
    assert choose_variant(found, "cuda")[0] == "fp32"
    assert choose_variant(found, "cpu", "int8")[0] == "int8"
    assert looks == []
    assert choose_variant(found, "cpu")[0] == "int8"
    assert looks == [None]


def test_picks_of_one_variant(tiny: Path) -> None:
    found = picks(open_bundle(tiny).manifest.sections()["generator"])
    assert [(p.provider, p.cpu_classes, p.variant, p.why) for p in found] == [
        ("cpu", (), "fp32", "the bundle's default on cpu"),
        ("cuda", (), "fp32", "the bundle's default on cuda"),
    ]


def test_picks_name_the_classes_that_differ(damage: Damage) -> None:
    found = picks(section(damage, "int8", "fp16", "fp32", "fp16", "int8"))
    assert [(p.provider, p.variant) for p in found] == [
        ("cpu", "int8"), ("cpu", "fp32"), ("cuda", "fp16"),
    ]  # fmt: skip
    assert found[0].cpu_classes == ("x86-64 with VNNI", "ARM with int8 dot products")
    assert len(found[1].cpu_classes) == 3
    assert not set(found[0].cpu_classes) & set(found[1].cpu_classes)

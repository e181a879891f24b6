"""The doctor survives what it looks at, and says what to do."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import runtime.probe
from runtime.bundle import open_bundle
from runtime.device import CpuClass
from runtime.doctor import choices, diagnose
from tests.command import run
from tests.damage import Damage


def test_this_machine(tiny: Path) -> None:
    found = diagnose()
    assert found.onnxruntime == metadata.version("onnxruntime")
    assert "CPUExecutionProvider" in found.providers
    assert found.cores >= 1
    assert found.packages["numpy"] == metadata.version("numpy")
    assert json.loads(json.dumps(found.to_json()))["cpu"]["cores"] == found.cores
    if not found.has_cuda:
        assert "auto" in run("doctor").out
        assert "cpu: the installed onnxruntime offers no CUDA" in run("doctor").out
    chosen = choices(open_bundle(tiny), found)
    assert [(choice.model, choice.variant) for choice in chosen] == [
        ("recommender", "fp32"),
        ("generator", "fp32"),
    ]
    assert "the bundle's default on cpu" in chosen[0].why


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", "kills the process (code -4)"),
        ("import nothing_of_this_name", "No module named 'nothing_of_this_name'"),
        ("raise SystemExit(1)", "no reason given"),
    ],
)
def test_broken_onnxruntime(monkeypatch: pytest.MonkeyPatch, code: str, said: str) -> None:
    monkeypatch.setattr(runtime.probe, "_IMPORT", code)
    found = diagnose()
    assert found.onnxruntime is None
    assert found.providers == ()
    assert said in found.problems[-1]
    assert "pip install" in found.problems[-1]


def test_import_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime.probe, "_IMPORT_LIMIT_S", 0.2)
    monkeypatch.setattr(runtime.probe, "_IMPORT", "import time; time.sleep(60)")
    assert "could not be tried" in diagnose().problems[-1]


def pretend_installed(monkeypatch: pytest.MonkeyPatch, versions: dict[str, str]) -> None:
    def version(name: str) -> str:
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(metadata, "version", version)


def test_both_onnxruntimes(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_installed(monkeypatch, {"onnxruntime": "1.32.0", "onnxruntime-gpu": "1.31.1"})
    problem = diagnose().problems[0]
    assert "onnxruntime and onnxruntime-gpu are both installed" in problem
    assert "pip uninstall -y onnxruntime onnxruntime-gpu" in problem
    assert "pip install 'endcap[gpu]'" in problem


def test_one_onnxruntime_is_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_installed(monkeypatch, {"onnxruntime-gpu": "1.31.1"})
    assert diagnose().problems == ()


def test_cuda_changes_the_choice(monkeypatch: pytest.MonkeyPatch, tiny: Path) -> None:
    said = json.dumps(["1.31.1", ["CUDAExecutionProvider", "CPUExecutionProvider"]])
    monkeypatch.setattr(runtime.probe, "_IMPORT", f"print({said!r})")
    monkeypatch.setattr(runtime.probe, "_TRY_CUDA", "")
    chosen = choices(open_bundle(tiny), diagnose())
    assert chosen[0].provider == "cuda"
    assert "onnxruntime offers CUDA" in chosen[0].why
    assert diagnose().to_json()["auto"] == {
        "requested": "auto", "actual": "cuda", "fallback": None
    }  # fmt: skip


def test_cuda_that_is_offered_and_does_not_work(
    monkeypatch: pytest.MonkeyPatch, tiny: Path
) -> None:
    """The graph is tried in earnest: here, where onnxruntime has no CUDA, it lands on the CPU."""
    said = json.dumps(["1.31.1", ["CUDAExecutionProvider", "CPUExecutionProvider"]])
    monkeypatch.setattr(runtime.probe, "_IMPORT", f"print({said!r})")
    found = diagnose()
    if found.has_cuda:
        pytest.skip("CUDA works on this machine")
    assert "fell back to the CPU" in str(found.cuda_failure)
    assert "'auto' falls back to the CPU" in found.problems[-1]
    assert found.auto.failed
    assert str(found.auto.why).startswith("CUDA does not work: ")
    chosen = choices(open_bundle(tiny), found)
    assert chosen[0].provider == "cpu"
    assert "which does not work here" in chosen[0].why


def test_a_bundle_of_several_variants(tiny: Path, copy: Path, damage: Damage) -> None:
    def measured(document: dict[str, Any]) -> None:
        section = document["generator"]
        section["variants"]["int8"] = {**section["variants"]["fp32"], "speedup": 3.25}
        section["default"]["cpu"] = "int8"
        section["refused"]["fp16"] = "neither smaller nor faster: 1.00x"

    damage.manifest(measured)
    found = dataclasses.replace(
        diagnose(),
        providers=("CPUExecutionProvider",),
        cpu_class=CpuClass("x86-64 without VNNI", False),
    )
    recommender, generator = (one.to_json() for one in choices(open_bundle(copy), found))
    assert len(recommender["picks"]) == 2
    assert generator["variant"] == "fp32"
    assert generator["why"] == (
        "onnxruntime offers no CUDA here; fp32 is safe without int8 dot products; "
        "the bundle's default on cpu, int8, needs them"
    )
    assert [(p["provider"], p["variant"]) for p in generator["picks"]] == [
        ("cpu", "int8"), ("cpu", "fp32"), ("cuda", "fp32"),
    ]  # fmt: skip
    assert generator["variants"]["int8"]["speedup"] == 3.25
    assert generator["refused"] == {"fp16": "neither smaller nor faster: 1.00x"}
    said = run("doctor", copy).out
    assert "  on cpu     int8 (x86-64 with VNNI; ARM with int8 dot products): the bundle's" in said
    assert "3.25x the speed of fp32 where it was exported" in said
    assert "fp32 0.01 MB 1.00x, int8 0.01 MB 3.25x" in said
    assert "  refused    fp16: neither smaller nor faster: 1.00x" in said
    json.dumps(generator)


def test_warnings_on_the_way_do_not_hide_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    said = json.dumps(["1.0", []])
    monkeypatch.setattr(runtime.probe, "_IMPORT", f"print('a warning'); print({said!r})")
    assert diagnose().onnxruntime == "1.0"


def test_system_without_cpuinfo(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: Any, **__: Any) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", absent)
    assert diagnose().cpu_flags == ()


def test_probe_runs_this_python(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []
    run = subprocess.run

    def noted(command: list[str], **options: Any) -> Any:
        calls.append(command)
        return run(command, **options)

    monkeypatch.setattr(subprocess, "run", noted)
    diagnose()
    assert calls[0][0] == sys.executable

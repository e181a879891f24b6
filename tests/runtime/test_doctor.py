"""The doctor survives what it looks at, and says what to do."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import runtime.doctor
from runtime.bundle import open_bundle
from runtime.doctor import choices, diagnose


def test_this_machine(tiny: Path) -> None:
    found = diagnose()
    assert found.onnxruntime == metadata.version("onnxruntime")
    assert "CPUExecutionProvider" in found.providers
    assert found.cores >= 1
    assert found.packages["numpy"] == metadata.version("numpy")
    assert json.loads(json.dumps(found.to_json()))["cpu"]["cores"] == found.cores
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
    monkeypatch.setattr(runtime.doctor, "_IMPORT", code)
    found = diagnose()
    assert found.onnxruntime is None
    assert found.providers == ()
    assert said in found.problems[-1]
    assert "pip install" in found.problems[-1]


def test_import_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime.doctor, "_IMPORT_LIMIT_S", 0.2)
    monkeypatch.setattr(runtime.doctor, "_IMPORT", "import time; time.sleep(60)")
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
    monkeypatch.setattr(runtime.doctor, "_IMPORT", f"print({said!r})")
    chosen = choices(open_bundle(tiny), diagnose())
    assert chosen[0].provider == "cuda"
    assert "onnxruntime offers CUDA" in chosen[0].why


def test_warnings_on_the_way_do_not_hide_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    said = json.dumps(["1.0", []])
    monkeypatch.setattr(runtime.doctor, "_IMPORT", f"print('a warning'); print({said!r})")
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

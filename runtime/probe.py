"""Imports tried in processes of their own: on an unsupported CPU importing onnxruntime kills."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from runtime.telemetry import TELEMETRY_OFF

CUDA = "CUDAExecutionProvider"
_IMPORT = """
import json, onnxruntime
print(json.dumps([onnxruntime.__version__, onnxruntime.get_available_providers()]))
"""
# y = x as an ONNX graph, opset 13
_GRAPH = (
    "CAgSADo3ChAKAXgSAXkiCElkZW50aXR5EgFnWg8KAXgSCgoICAESBAoCCAFiDwoBeRIKCggIARIECgIIAUIECgAQDQ=="
)
_TRY_CUDA = f"""
import base64, onnxruntime
if hasattr(onnxruntime, "preload_dlls"):
    onnxruntime.preload_dlls()
names = ["CUDAExecutionProvider", "CPUExecutionProvider"]
session = onnxruntime.InferenceSession(base64.b64decode("{_GRAPH}"), providers=names)
assert "CUDAExecutionProvider" in session.get_providers(), "onnxruntime fell back to the CPU"
"""
_IMPORT_LIMIT_S = 60


def probe_onnxruntime() -> tuple[str | None, tuple[str, ...], str | None]:
    """Return (version, providers, problem); an illegal instruction kills only the probe."""
    try:
        done = _tried(_IMPORT)
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, (), f"onnxruntime could not be tried: {error}; run endcap doctor again"
    if done.returncode == 0:
        version, providers = json.loads(done.stdout.splitlines()[-1])
        return version, tuple(providers), None
    if done.returncode < 0 or done.returncode > 0x80000000:
        problem = (
            f"importing onnxruntime kills the process (code {done.returncode}): this CPU lacks "
            "instructions it was built with; pip install another version of onnxruntime"
        )
    else:
        problem = (
            f"onnxruntime cannot be imported ({last_line(done.stderr, 'no reason given')}); "
            "pip install 'endcap[cpu]'"
        )
    return None, (), problem


def cuda_failure() -> str | None:
    """Try a graph on CUDA in a process of its own; return why it failed, None where it ran."""
    try:
        done = _tried(_TRY_CUDA)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return None
    return last_line(done.stderr, f"code {done.returncode}")


def import_failure(module: str) -> str | None:
    """Import ``module`` in a process of its own; return why it failed, None where it did not."""
    try:
        done = _tried(f"import {module}")
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None if done.returncode == 0 else last_line(done.stderr, f"code {done.returncode}")


def last_line(said: str, otherwise: str) -> str:
    """Return the last line of what a process said, where a traceback ends in its reason."""
    lines = said.strip().splitlines()
    return lines[-1] if lines else otherwise


def _tried(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=_IMPORT_LIMIT_S,
        check=False,
        env={**TELEMETRY_OFF, **os.environ},
    )

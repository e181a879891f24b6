"""onnxruntime tried in processes of their own: on an unsupported CPU importing it kills."""

from __future__ import annotations

import json
import subprocess
import sys

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
        done = subprocess.run(
            [sys.executable, "-c", _IMPORT],
            capture_output=True,
            text=True,
            timeout=_IMPORT_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, (), f"onnxruntime could not be tried: {error}; run endcap doctor again"
    if done.returncode == 0:
        version, providers = json.loads(done.stdout.splitlines()[-1])
        return version, tuple(providers), None
    if done.returncode < 0 or done.returncode > 0x80000000:
        return (
            None,
            (),
            (
                f"importing onnxruntime kills the process (code {done.returncode}): this CPU lacks "
                "instructions it was built with; pip install another version of onnxruntime"
            ),
        )
    said = done.stderr.strip().splitlines()
    return (
        None,
        (),
        (
            f"onnxruntime cannot be imported ({said[-1] if said else 'no reason given'}); "
            "pip install 'endcap[cpu]'"
        ),
    )


def cuda_failure() -> str | None:
    """Try a graph on CUDA in a process of its own; return why it failed, None where it ran."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _TRY_CUDA],
            capture_output=True,
            text=True,
            timeout=_IMPORT_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return None
    said = done.stderr.strip().splitlines()
    return said[-1] if said else f"code {done.returncode}"

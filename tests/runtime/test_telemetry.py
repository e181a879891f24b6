"""onnxruntime keeps no id of the device and sends nobody anything, unless the shop says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.probe import probe_onnxruntime
from tests.command import ENDCAP

SESSION = "from runtime.session import available_providers\navailable_providers()"
TOLD = "import os\nprint(os.environ['ORT_DISABLE_TELEMETRY'])"


def left_at_home(tmp_path: Path, *command: object, **told: str) -> tuple[list[str], str]:
    """Run ``command`` in an empty home; return what lies there then, and what it said."""
    home = tmp_path / "home"
    home.mkdir()
    environment = {
        **{
            name: text for name, text in os.environ.items() if not name.startswith(("XDG_", "ORT_"))
        },
        "HOME": str(home),
        "TMPDIR": str(home),
        "PYTHONDONTWRITEBYTECODE": "1",
        **told,
    }
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=True, env=environment
    )
    return [str(path.relative_to(home)) for path in home.rglob("*")], done.stdout


def test_nothing_is_written_at_home(tmp_path: Path, tiny: Path) -> None:
    left, said = left_at_home(tmp_path, ENDCAP, "recommend", tiny, "-k", "1")
    assert said
    assert left == []


def test_doctor_writes_nothing_at_home(tmp_path: Path, tiny: Path) -> None:
    left, said = left_at_home(tmp_path, ENDCAP, "doctor", tiny)
    assert "onnxruntime" in said
    assert left == []


@pytest.mark.parametrize(("told", "due"), [({}, "1"), ({"ORT_DISABLE_TELEMETRY": "0"}, "0")])
def test_what_the_shop_says_counts(tmp_path: Path, told: dict[str, str], due: str) -> None:
    _, said = left_at_home(tmp_path, sys.executable, "-c", f"{SESSION}\n{TOLD}", **told)
    assert said == f"{due}\n"


def test_a_probe_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    code = "import json, os\nprint(json.dumps([os.environ['ORT_DISABLE_TELEMETRY'], []]))"
    monkeypatch.setattr("runtime.probe._IMPORT", code)
    assert probe_onnxruntime() == ("1", (), None)

"""README's own commands, run as written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"<!-- tested -->\n```sh\n(.*?)```", re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)


def readme() -> str:
    return (ROOT / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lay a folder out as a clone with the data sets beside it."""
    shared = ROOT.parent / "shared"
    if not (shared / "data").exists():
        pytest.skip("../shared/data is absent: README's commands need the real data sets")
    outer = tmp_path_factory.mktemp("newcomer")
    (outer / "shared").symlink_to(shared)
    inner = outer / "endcap"
    inner.mkdir()
    for name in ("recipes", "models"):
        (inner / name).symlink_to(ROOT / name)
    return inner


def run(script: str, folder: Path) -> str:
    """Run a shell script that stops at its first failure, with this environment's endcap."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_a_real_shops_log_goes_through_readmes_commands(workplace: Path) -> None:
    log, _ = BLOCK.findall(readme())
    said = run(log, workplace)
    assert "531,282" in said  # every line of the log is accounted for
    assert "online-retail" not in said
    assert "goes with" in said
    assert (workplace / "runs" / "uci" / "report.html").stat().st_size > 10_000


def test_baskets_and_pictures_go_through_readmes_commands(workplace: Path) -> None:
    _, others = BLOCK.findall(readme())
    said = run(others, workplace)
    assert '"tier": "basket"' in said
    assert sorted(path.name for path in (workplace / "runs").glob("*/samples/*.png"))


def test_readmes_python_example_runs() -> None:
    (example,) = PYTHON.findall(readme())
    done = subprocess.run(
        [sys.executable, "-c", example + "\nprint(pictures.shape, pictures.dtype)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "(4, 28, 28, 1) uint8"
    assert len(done.stdout.splitlines()) == 6

"""The tiny store, copies of it that a test may damage, and the command line as a function."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings

from runtime.cli import main
from runtime.store import Store, load
from tests.damage import Damage

# a busy machine must not fail a test, and a run must be the same every time
settings.register_profile(
    "endcap", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("endcap")

MAKER = "make_tiny_store.py"
TINY = Path(__file__).parents[1] / "golden" / "tiny-store"


@pytest.fixture(scope="session")
def tiny() -> Path:
    return TINY


@pytest.fixture(scope="session")
def maker() -> ModuleType:
    """The script that made the tiny store."""
    spec = importlib.util.spec_from_file_location("make_tiny_store", TINY.parent / MAKER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def store() -> Store:
    return load(TINY, provider="cpu", threads=1)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the tiny store to damage."""
    return Path(shutil.copytree(TINY, tmp_path / "copy"))


@pytest.fixture
def damage(copy: Path) -> Damage:
    return Damage(copy)


@pytest.fixture
def endcap(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the command in this process: endcap("recommend", ...) -> (exit code, out, err)."""

    def run(*args: object) -> tuple[int, str, str]:
        code = main([str(arg) for arg in args])
        out, err = capfd.readouterr()
        return code, out, err

    return run

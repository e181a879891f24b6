"""The tiny store, copies of it that a test may damage, and the command line as a function."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from runtime.cli import main
from runtime.store import Store, load

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


class Damage:
    """Changes to a bundle folder that keep, or don't keep, its manifest true."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def manifest(self, change: Callable[[dict[str, Any]], None]) -> None:
        path = self.folder / "manifest.json"
        document = json.loads(path.read_bytes())
        change(document)
        path.write_text(json.dumps(document), encoding="utf-8")

    def replace(self, name: str, content: bytes) -> None:
        """Put ``content`` at ``name`` and state its true size and hash in the manifest."""
        (self.folder / name).write_bytes(content)
        record = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        self.manifest(lambda document: document["files"].update({name: record}))


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

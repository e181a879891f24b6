"""The tiny store, served."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from runtime.store import Store, load
from tests.serve.served import TINY, Served, serving

# a busy machine must not fail a test, and a run must be the same every time
settings.register_profile(
    "serve",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="session")
def tiny() -> Path:
    return TINY


@pytest.fixture(scope="session")
def store() -> Store:
    return load(TINY, provider="cpu", threads=1)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server without rules or stock that keeps events; a test must leave it as it was."""
    folder = tmp_path_factory.mktemp("served")
    with serving(events=str(folder / "events.db")) as server:
        yield server

"""A browser, a server started as a user would start it, and a shopper; or a reason to skip."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from benchmarks.chromium import FLAGS, NO_BROWSER
from runtime.browser import find_browser
from tests.kiosk.shopper import Shopper
from tests.serve.served import Started, started

SHOP = Path(__file__).parents[2] / "models" / "corner-store"


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium without a screen. Of the package only: its event loop would be in others' way."""
    program = find_browser()
    if program is None:
        pytest.skip(NO_BROWSER)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield opened
        opened.close()


@pytest.fixture(scope="package")
def kiosk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """The corner store, which keeps events."""
    events = tmp_path_factory.mktemp("kiosk") / "events.db"
    with started(SHOP, "--events", events) as server:
        yield server


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile of its own."""
    opened = browser.new_context(viewport={"width": 1920, "height": 1080}, reduced_motion="reduce")
    yield opened
    opened.close()


@pytest.fixture
def shopper(context: BrowserContext, kiosk: Started) -> Iterator[Shopper]:
    """A page that must stay without errors, and must ask nobody but the server."""
    came = Shopper(context.new_page(), kiosk.url)
    yield came
    assert came.errors == []
    assert came.strangers == []
    assert came.requests

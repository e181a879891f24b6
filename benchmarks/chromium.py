"""Chromium without a screen, for what looks at the kiosk page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from runtime.browser import find_browser

FLAGS = (
    "--no-sandbox",  # CI runs as root, as whom Chromium refuses its sandbox
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NO_BROWSER = (
    "no Chromium, Chrome or Edge is here; on Debian as root: "
    "apt-get install -y --no-install-recommends chromium"
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Open it; ends the command with a sentence where there is none."""
    program = find_browser()
    if program is None:
        raise SystemExit(NO_BROWSER)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield opened
        opened.close()

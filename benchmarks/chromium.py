"""Chromium without a screen, and a barcode scanner, for what looks at the kiosk page."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright

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
_GAP_S = 0.01  # from one key of a scanner to the next
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


def scan(page: Page, code: str) -> None:
    """Type ``code`` and Enter as a scanner does: every key says when it was pressed, 10 ms after
    the one before, however slowly this machine hands it over.
    """
    developer = page.context.new_cdp_session(page)
    pressed_s = time.time()
    keys = [{"key": one, "text": one} for one in code]
    enter = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
    for key in [*keys, enter]:
        pressed_s += _GAP_S
        about = {**key, "timestamp": pressed_s}
        developer.send("Input.dispatchKeyEvent", {"type": "keyDown", **about})
        del about["text"]
        developer.send("Input.dispatchKeyEvent", {"type": "keyUp", **about})
    developer.detach()

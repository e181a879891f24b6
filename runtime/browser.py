"""The browser that shows the kiosk page, where this machine has one."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "microsoft-edge",
    "msedge",
    "chrome",
)
_WINDOWS = (
    r"Google\Chrome\Application\chrome.exe",
    r"Chromium\Application\chrome.exe",
    r"Microsoft\Edge\Application\msedge.exe",
)
_WINDOWS_ROOTS = ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")


def find_browser() -> Path | None:
    """Return the program of a browser made of Chromium, whose flags the launchers use, or None."""
    for name in NAMES:
        found = shutil.which(name)
        if found is not None:
            return Path(found)
    if sys.platform != "win32":
        return None
    for root in filter(None, map(os.environ.get, _WINDOWS_ROOTS)):
        for place in _WINDOWS:
            program = Path(root, place)
            if program.is_file():
                return program
    return None

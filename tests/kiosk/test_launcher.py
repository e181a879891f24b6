"""deploy/linux/kiosk.sh with a real browser: it takes the launcher's flags and shows the page."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from benchmarks.chromium import FLAGS, NO_BROWSER
from runtime.browser import find_browser
from tests.serve.served import PATIENCE_S, Started

LAUNCHER = Path(__file__).parents[2] / "deploy" / "linux" / "kiosk.sh"


def test_the_launcher_shows_the_page_in_a_profile_of_its_own(
    kiosk: Started, tmp_path: Path
) -> None:
    program = find_browser()
    if program is None:
        pytest.skip(NO_BROWSER)
    browser = tmp_path / "browser"
    unseen = " ".join(("--headless", "--dump-dom", "--virtual-time-budget=20000", *FLAGS))
    browser.write_text(f'#!/bin/sh\nexec {program} {unseen} "$@"\n', "utf-8")
    browser.chmod(0o755)
    (tmp_path / "run").mkdir()
    done = subprocess.run(
        [LAUNCHER, f"{kiosk.url}/?shop=The%20Corner"],
        env={
            **os.environ,
            "ENDCAP_BROWSER": str(browser),
            "XDG_RUNTIME_DIR": str(tmp_path / "run"),
        },
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=2 * PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert '<p class="shop-name" id="shop-name">The Corner</p>' in done.stdout
    assert list((tmp_path / "run").glob("endcap-kiosk.*")) == []

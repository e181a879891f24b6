"""What a kiosk needs beside the model: packages that serve, a browser, and its service."""

from __future__ import annotations

import shutil
import subprocess
import sys

from runtime.browser import find_browser
from runtime.check import Check
from runtime.probe import import_failure

_SERVER = "runtime.serve.server"
_UNITS = ("endcap.service", "endcap-kiosk.service")
_FETCHERS = ("curl", "wget")
_WINDOWS_SERVICE = "endcap"
_LIMIT_S = 20
_INSTALL_BROWSER = {
    "win32": "winget install Google.Chrome",
    "darwin": "brew install --cask chromium",
}
_APT = "apt-get install -y --no-install-recommends"


def kiosk_checks() -> list[Check]:
    """Look at everything that ``endcap serve`` and the kiosk page need on this machine."""
    return [_serving(), _browser(), _fonts(), *_launcher(), *_services()]


def _serving() -> Check:
    failure = import_failure(_SERVER)
    if failure is None:
        return Check("serving", True, "the packages of the extra 'serve' can be imported")
    return Check(
        "serving", False, f"cannot serve ({failure}); pip install 'endcap[serve]'", missing=True
    )


def _browser() -> Check:
    found = find_browser()
    if found is not None:
        return Check("browser", True, str(found))
    install = _INSTALL_BROWSER.get(sys.platform, f"{_APT} chromium")
    said = f"no browser made of Chromium is here; {install}"
    return Check("browser", False, said, missing=True)


def _fonts() -> Check:
    """Look for a font with the page's Chinese words, where the system can be asked."""
    done = _asked(["fc-list", ":lang=zh", "family"]) if shutil.which("fc-list") else None
    if done is None or done.returncode != 0:
        return Check("fonts", True, "the system's own")
    if done.stdout.strip():
        return Check("fonts", True, "one has Chinese characters")
    said = f"none has Chinese characters; {_APT} fonts-noto-cjk"
    return Check("fonts", False, said, missing=True)


def _launcher() -> list[Check]:
    """Look for what ``kiosk.sh`` waits for the server with."""
    if sys.platform != "linux":
        return []
    found = next((name for name in _FETCHERS if shutil.which(name) is not None), None)
    if found is not None:
        return [Check("launcher", True, f"{found} is here")]
    said = f"kiosk.sh needs curl or wget; {_APT} curl"
    return [Check("launcher", False, said, missing=True)]


def _services() -> list[Check]:
    """Look how what ``deploy/`` installs is, where the system has such a thing."""
    if sys.platform == "win32":
        return [_windows_service()]
    if shutil.which("systemctl") is None:
        return [Check("service", True, "systemd is not here")]
    return [_unit(name) for name in _UNITS]


def _unit(name: str) -> Check:
    states = "LoadState,ActiveState,SubState,UnitFileState"
    done = _asked(["systemctl", "show", name, f"--property={states}"])
    if done is None or done.returncode != 0:
        return Check(name, True, "systemd does not run here")
    state = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    if state.get("LoadState") == "not-found":
        return Check(name, True, "not installed here; deploy/README.md says how")
    active, enabled = state.get("ActiveState", ""), state.get("UnitFileState", "")
    if active == "failed" or state.get("LoadState") != "loaded":
        return Check(name, False, f"it failed; journalctl -u {name} says why")
    if state.get("SubState") == "auto-restart":  # the units try for ever, and so never fail
        said = f"it ends, and is started again and again; journalctl -u {name} says why"
        return Check(name, False, said)
    if enabled not in ("enabled", "static", "linked", "alias"):
        return Check(name, False, f"it does not start by itself; systemctl enable {name}")
    return Check(name, True, f"{active}, {enabled}")


def _windows_service() -> Check:
    done = _asked(["sc.exe", "query", _WINDOWS_SERVICE])
    if done is None or done.returncode != 0:
        said = "no service of that name is installed here; deploy/README.md says how"
        return Check("service", True, said)
    if "RUNNING" in done.stdout:
        return Check("service", True, "running")
    return Check("service", False, f"it does not run; sc.exe start {_WINDOWS_SERVICE}")


def _asked(command: list[str]) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=_LIMIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None

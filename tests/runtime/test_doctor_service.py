"""What doctor demands of a till or kiosk: each thing well and not well, and the exit code."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

import runtime.state_check
from runtime.browser import NAMES
from runtime.check import Check
from runtime.errors import UnusableInput
from runtime.kiosk_checks import kiosk_checks
from runtime.port_check import check_port
from runtime.serve.event import Event
from runtime.serve.events import EventStore
from runtime.state_check import check_state
from runtime.token_check import check_token_file
from tests.command import complaint, contents, run


def named(checks: list[Check], name: str) -> Check:
    (found,) = (check for check in checks if check.name == name)
    return found


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH; empty to begin with."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def serving(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that what serves was imported, which takes a process and a while."""
    monkeypatch.setattr("runtime.kiosk_checks.import_failure", lambda _: None)


def put(folder: Path, name: str, script: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    program.chmod(0o755)


@pytest.fixture
def without_starlette(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process finds where the extra is not installed."""
    folder = tmp_path / "absent"
    folder.mkdir()
    raising = "raise ModuleNotFoundError(\"No module named 'starlette'\", name='starlette')\n"
    (folder / "starlette.py").write_text(raising, "utf-8")
    here = str(Path(__file__).parents[2])
    path = os.pathsep.join([str(folder), here, os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)


def test_a_kiosk_that_has_everything(programs: Path) -> None:
    put(programs, "chromium", "exit 0")
    put(programs, "curl", "exit 0")
    checks = kiosk_checks()
    assert all(check.passed for check in checks)
    assert named(checks, "browser").said == str(programs / "chromium")
    assert "can be imported" in named(checks, "serving").said


@pytest.mark.usefixtures("without_starlette")
def test_without_the_serve_extra_a_kiosk_is_refused_and_the_rest_is_not(programs: Path) -> None:
    put(programs, "chromium", "exit 0")
    said = run("doctor", "--kiosk", "--json")
    sentence = complaint(said, 3)
    assert "No module named 'starlette'" in sentence
    assert "pip install 'endcap[serve]'" in sentence
    check = next(one for one in json.loads(said.out)["checks"] if one["name"] == "serving")
    assert (check["passed"], check["missing"]) == (False, True)
    assert run("doctor").code == 0


@pytest.mark.usefixtures("serving")
def test_without_a_browser(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any(programs.iterdir())
    monkeypatch.setattr(sys, "platform", "linux")
    said = run("doctor", "--kiosk")
    assert "apt-get install -y --no-install-recommends chromium" in complaint(said, 3)
    assert "browser" in said.out
    assert "NO: " in said.out


@pytest.mark.usefixtures("serving")
@pytest.mark.parametrize(
    ("script", "passed", "said"),
    [
        ("exit 0", False, "apt-get install -y --no-install-recommends fonts-noto-cjk"),
        ("echo Noto Sans CJK SC", True, "one has Chinese characters"),
        ("exit 1", True, "the system's own"),
    ],
)
def test_a_font_for_chinese(programs: Path, script: str, passed: bool, said: str) -> None:
    put(programs, "fc-list", script)
    check = named(kiosk_checks(), "fonts")
    assert (check.passed, check.missing) == (passed, not passed)
    assert said in check.said


@pytest.mark.usefixtures("serving")
def test_what_the_launcher_waits_with(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    check = named(kiosk_checks(), "launcher")
    assert (check.passed, check.missing) == (False, True)
    assert "apt-get install -y --no-install-recommends curl" in check.said
    put(programs, "wget", "exit 0")
    assert named(kiosk_checks(), "launcher").said == "wget is here"
    monkeypatch.setattr(sys, "platform", "win32")
    assert "launcher" not in {check.name for check in kiosk_checks()}


@pytest.mark.usefixtures("serving")
@pytest.mark.parametrize("name", NAMES)
def test_every_browser_made_of_chromium_is_found(programs: Path, name: str) -> None:
    put(programs, name, "exit 0")
    assert named(kiosk_checks(), "browser").said == str(programs / name)


@pytest.mark.usefixtures("serving")
@pytest.mark.parametrize(
    ("state", "passed", "said"),
    [
        ("LoadState=not-found", True, "not installed here"),
        ("LoadState=loaded\nActiveState=active\nUnitFileState=enabled", True, "active, enabled"),
        ("LoadState=loaded\nActiveState=failed\nUnitFileState=enabled", False, "journalctl -u"),
        (
            "LoadState=loaded\nActiveState=activating\nSubState=auto-restart\n"
            "UnitFileState=enabled",
            False,
            "it ends, and is started again and again; journalctl -u",
        ),
        ("LoadState=bad-setting\nActiveState=inactive\nUnitFileState=enabled", False, "it failed"),
        ("LoadState=loaded\nActiveState=active\nUnitFileState=disabled", False, "systemctl enable"),
    ],
)
def test_systemd_units(programs: Path, state: str, passed: bool, said: str) -> None:
    put(programs, "chromium", "exit 0")
    put(programs, "systemctl", f"echo '{state}'")
    for name in ("endcap.service", "endcap-kiosk.service"):
        check = named(kiosk_checks(), name)
        assert check.passed is passed
        assert said in check.said


@pytest.mark.usefixtures("serving")
def test_systemd_that_does_not_run(programs: Path) -> None:
    put(programs, "systemctl", "exit 1")
    assert "does not run here" in named(kiosk_checks(), "endcap.service").said


@pytest.mark.usefixtures("serving")
@pytest.mark.parametrize(
    ("script", "passed", "said"),
    [
        ("exit 36", True, "no service of that name"),
        ("echo '        STATE              : 4  RUNNING'", True, "running"),
        ("echo '        STATE              : 1  STOPPED'", False, "sc.exe start endcap"),
    ],
)
def test_the_windows_service(
    programs: Path, monkeypatch: pytest.MonkeyPatch, script: str, passed: bool, said: str
) -> None:
    put(programs, "chromium", "exit 0")
    put(programs, "sc.exe", script)
    monkeypatch.setattr(sys, "platform", "win32")
    check = named(kiosk_checks(), "service")
    assert check.passed is passed
    assert said in check.said


def test_token_files(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("a-token-of-many-characters\n", "utf-8")
    token.chmod(0o644)
    refused = check_token_file(str(token))
    assert not refused.passed
    assert refused.said.endswith(f"(mode 644); chmod 600 {token}")
    token.chmod(0o600)
    assert check_token_file(str(token)).passed
    token.write_text("short", "utf-8")
    assert "openssl rand -hex 32" in check_token_file(str(token)).said
    assert "cannot read" in check_token_file(str(tmp_path / "absent")).said


def test_a_free_port_and_one_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        thread = threading.Thread(target=lambda: taken.accept()[0].close())
        thread.start()
        refused = check_port(port)
        thread.join()
    assert not refused.passed
    assert not refused.missing
    assert "no endcap answers there" in refused.said
    assert check_port(port) == Check(f"port {port}", True, "free")


@pytest.fixture
def answering() -> Iterator[tuple[int, dict[str, Any]]]:
    """A port where somebody answers with a document that a test may change."""
    document: dict[str, Any] = {}

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = json.dumps(document["said"]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1], document
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("told", "passed", "said"),
    [
        ({"ready": True, "problems": []}, True, "endcap serves shop version 4 there"),
        ({"ready": False, "problems": []}, False, "about to stop"),
        ({"ready": True, "problems": ["the new bundle is damaged"]}, False, "bundle is damaged"),
        ({"ready": True, "bundle": None}, False, "no endcap answers there"),
    ],
)
def test_who_answers_at_a_port(
    answering: tuple[int, dict[str, Any]], told: dict[str, Any], passed: bool, said: str
) -> None:
    port, document = answering
    document["said"] = {"bundle": {"name": "shop", "version": 4}, **told}
    check = check_port(port)
    assert check.passed is passed
    assert said in check.said


def test_ports_that_are_none() -> None:
    for port in (0, 65536, -1):
        assert str(port) in complaint(run("doctor", "--port", port))
        with pytest.raises(UnusableInput, match="from 1 to 65535"):
            check_port(port)


def filled(path: Path, n: int) -> None:
    store = EventStore(str(path), 1 << 20)
    events = [Event(f"e{i}", "bought", "s", None, "COFFEE", 1, "shop", 1, 0.0) for i in range(n)]
    store.add(events, 0.0)
    store.close()


def test_a_state_folder_that_is_well_stays_as_it_was(tmp_path: Path) -> None:
    filled(tmp_path / "events.sqlite", 3)
    before = contents(tmp_path)
    said = run("doctor", "--state", tmp_path, "--json")
    assert said.code == 0
    checks = {check["name"]: check for check in json.loads(said.out)["checks"]}
    assert set(checks) == {"room", "disk", "events events.sqlite"}
    assert checks["events events.sqlite"]["said"] == "3 events, whole"
    after = contents(tmp_path)
    assert set(after) - set(before) <= {"events.sqlite-shm", "events.sqlite-wal"}  # of any reader
    assert {name: after[name] for name in before} == before


def test_events_files_that_are_not_well(tmp_path: Path) -> None:
    filled(tmp_path / "cut.db", 2000)
    content = (tmp_path / "cut.db").read_bytes()
    (tmp_path / "cut.db").write_bytes(content[: len(content) // 2])
    (tmp_path / "other.sqlite").write_bytes(b"this is no database" * 100)
    with sqlite3.connect(tmp_path / "strange.db") as db:
        db.execute("CREATE TABLE strange (x)")
    db.close()
    checks = check_state(str(tmp_path))
    for name in ("cut.db", "other.sqlite", "strange.db"):
        assert not named(checks, f"events {name}").passed, name
    assert complaint(run("doctor", "--state", tmp_path), 1).startswith("events cut.db: ")


def test_no_state_folder_and_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (absent,) = check_state(str(tmp_path / "absent"))
    assert f"mkdir -p {tmp_path / 'absent'}" in absent.said
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1))  # type: ignore[attr-defined]
    assert "make room" in named(check_state(str(tmp_path)), "room").said


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(runtime.state_check.tempfile, "TemporaryDirectory", refuse)
    check = named(check_state(str(tmp_path)), "disk")
    assert not check.passed
    assert "Permission denied; let the service's user own it" in check.said


def test_a_disk_without_write_ahead_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Remote(sqlite3.Connection):
        def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
            return super().execute(sql.replace("= WAL", "= DELETE"), *args)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args: connect(*args, factory=Remote))
    assert "use a local disk" in named(check_state(str(tmp_path)), "disk").said


@pytest.mark.usefixtures("serving")
def test_what_this_machine_lacks_comes_first(tmp_path: Path, programs: Path) -> None:
    assert not any(programs.iterdir())
    said = run("doctor", "--kiosk", "--state", tmp_path / "absent")
    sentence = complaint(said, 3)
    assert sentence.startswith("browser: ")
    assert "state: " in sentence

"""What deploy/ holds works as far as this machine can tell; each thing that it lacks is a skip."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from ctypes import CDLL
from pathlib import Path

import click
import httpx
import pytest

from runtime.browser import NAMES
from runtime.cli import endcap
from runtime.serve.limits import Limits
from tests.confinement import LIBRARY, allowed_calls, unit_settings
from tests.serve.served import PATIENCE_S, TINY, Started, started, until

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
UNITS = sorted(DEPLOY.glob("linux/*.service"))
SERVICE, LAUNCHER = DEPLOY / "linux" / "endcap.service", DEPLOY / "linux" / "kiosk.sh"
WINSW = DEPLOY / "windows" / "endcap-service.xml"
README = (DEPLOY / "README.md").read_text("utf-8")
ADDRESS = "http://127.0.0.1:8080/"
EXPOSURE = 15  # of 100, as systemd-analyze security counts it


def need(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not on this machine")


def test_there_are_files_and_the_readme_names_each() -> None:
    assert len(FILES) >= 9
    named = [str(path.relative_to(DEPLOY)) for path in FILES if path.name != "README.md"]
    assert [name for name in named if f"({name})" not in README] == []
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (DEPLOY / link).exists(), link


def commands() -> Iterator[tuple[str, list[str]]]:
    """Yield every ``endcap`` command of the files: where it is, and its arguments."""
    fenced = "".join(re.findall(r"^```\w+$(.*?)^```$", README, re.MULTILINE | re.DOTALL))
    for name, text in (("README.md", fenced), ("endcap.service", SERVICE.read_text("utf-8"))):
        for line in re.findall(r"^(?:ExecStart=)?\S*\bendcap ([a-z].*)", text, re.MULTILINE):
            yield name, shlex.split(line.replace("$ENDCAP_OPTIONS", ""))
        for options in re.findall(r"ENDCAP_OPTIONS=(--.*)", text):
            yield "ENDCAP_OPTIONS", ["serve", "bundle", *shlex.split(options)]
    service = ET.parse(WINSW).getroot()
    assert service.findtext("executable", "").endswith(r"\endcap.exe")
    yield WINSW.name, shlex.split(service.findtext("arguments", "").replace("\\", "/"))
    for line in re.findall(
        r'^\$arguments = "(serve .*)"$', text_of("endcap-task.ps1"), re.MULTILINE
    ):
        yield "endcap-task.ps1", shlex.split(line.replace('`"', '"').replace("\\", "/"))


def text_of(name: str) -> str:
    (path,) = (path for path in FILES if path.name == name)
    return path.read_text("utf-8")


def test_every_command_is_one_that_endcap_has() -> None:
    seen = set()
    root = click.Context(endcap, **endcap.context_settings)
    for where, (name, *rest) in commands():
        command = endcap.get_command(root, name)
        assert command is not None, where
        with command.make_context(
            name, rest, parent=root
        ):  # which complains of an option that is not there
            seen.add((where, name))
    served = {"README.md", "endcap.service", "endcap-service.xml", "endcap-task.ps1"}
    assert {(where, "serve") for where in (*served, "ENDCAP_OPTIONS")} <= seen
    assert ("README.md", "doctor") in seen


def test_all_of_them_serve_this_machine_alone_at_the_same_port() -> None:
    served = [words for _, words in commands() if "--events" in words and "0.0.0.0" not in words]
    assert len(served) >= 3
    for words in served:
        assert words[words.index("--host") + 1] == "127.0.0.1"
        assert words[words.index("--port") + 1] == "8080"
    for name in ("kiosk.sh", "kiosk.ps1"):
        assert ADDRESS in text_of(name)
    policy = json.loads(text_of("chromium-policy.json"))
    assert policy["URLBlocklist"] == ["*"]
    assert "127.0.0.1:8080" in policy["URLAllowlist"]


def test_the_service_outlasts_what_the_server_may_take() -> None:
    unit, limits = unit_settings(SERVICE), Limits()
    assert int(unit["Service.TimeoutStopSec"][0]) > limits.stop_s
    assert int(unit["Service.LimitNOFILE"][0]) >= limits.connections + 200  # server._more_files
    stop = ET.parse(WINSW).getroot().findtext("stoptimeout", "")
    assert int(stop.removesuffix(" sec")) > limits.stop_s


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("DynamicUser", "yes"), ("StateDirectory", "endcap"), ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"), ("NoNewPrivileges", "yes"), ("CapabilityBoundingSet", ""),
        ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"), ("IPAddressDeny", "any"),
        ("IPAddressAllow", "localhost"), ("MemoryMax", "1G"), ("Restart", "on-failure"),
        ("MemoryDenyWriteExecute", "yes"), ("StateDirectoryMode", "0700"),
    ],
)  # fmt: skip
def test_the_unit_is_hardened(key: str, value: str) -> None:
    assert unit_settings(SERVICE)[f"Service.{key}"] == [value]


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """The units with programs that are there: systemd looks for them."""
    copies = []
    for unit in UNITS:
        text = unit.read_text("utf-8")
        for program in re.findall(r"^Exec\w+=(/(?:opt|usr/bin)/\S+)", text, re.MULTILINE):
            text = text.replace(f"={program}", f"={shutil.which('true')}")
        copy = tmp_path / unit.name
        copy.write_text(text, "utf-8")
        copies.append(copy)
    return copies


def test_systemd_accepts_the_units(units: list[Path]) -> None:
    need("systemd-analyze")
    assert len(units) == 2
    command = ["systemd-analyze", "verify", "--man=no", *map(str, units)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if "endcap" in line]
    assert ours == []
    assert done.returncode == 0, done.stderr


def test_systemd_calls_the_service_well_protected(units: list[Path]) -> None:
    need("systemd-analyze")
    options = ["--offline=true", "--no-pager", f"--threshold={EXPOSURE}"]
    (unit,) = (unit for unit in units if unit.name == SERVICE.name)
    command = ["systemd-analyze", "security", *options, str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd does not rate files: it is older than 250")
    assert done.returncode == 0, done.stdout
    rated = re.search(r"Overall exposure level for endcap.service: ([\d.]+)", done.stdout)
    assert rated is not None
    assert float(rated[1]) > 0


def test_it_serves_under_the_units_own_confinement(tmp_path: Path) -> None:
    need("systemd-analyze")
    try:
        CDLL(LIBRARY)
    except OSError:
        pytest.skip(f"{LIBRARY} is not on this machine")
    confined = [sys.executable, ROOT / "tests" / "confinement.py", SERVICE]
    events = tmp_path / "events.sqlite"
    with started(TINY, "--events", events, through=confined) as server:
        asked = {"basket": ["COFFEE"], "k": 2}
        with httpx.Client(base_url=server.url, timeout=PATIENCE_S) as client:
            assert client.post("/v1/recommend", json=asked).status_code == 200
            assert client.get("/v1/images/Tea?seed=7").status_code == 200
            assert client.get("/").status_code == 200
            bought = {"id": "1", "kind": "bought", "session": "s", "item_id": "COFFEE"}
            assert client.post("/v1/events", json={"events": [bought]}).json()["accepted"] == 1
        assert server.stop() == 0


def test_the_confinement_confines() -> None:
    need("systemd-analyze")
    allowed = allowed_calls(unit_settings(SERVICE)["Service.SystemCallFilter"])
    assert {"read", "futex", "accept4", "fdatasync"} <= allowed
    assert not {"mount", "ptrace", "setrlimit", "sched_setaffinity", "bpf", "init_module"} & allowed


def test_winsw_restarts_it_as_nobody_of_importance() -> None:
    service = ET.parse(WINSW).getroot()
    assert service.tag == "service"
    assert [fail.attrib["action"] for fail in service.findall("onfailure")] == ["restart"]
    assert service.findtext("serviceaccount/user") == "LocalService"
    assert f"{service.findtext('id')}-service.xml" == WINSW.name


@pytest.mark.parametrize("path", sorted(DEPLOY.rglob("*.sh")), ids=lambda path: path.name)
def test_shell_scripts_parse(path: Path) -> None:
    assert os.access(path, os.X_OK)
    assert path.read_text("utf-8").startswith("#!/bin/sh\n")
    subprocess.run(["sh", "-n", path], check=True)


@pytest.mark.parametrize("path", sorted(DEPLOY.rglob("*.ps1")), ids=lambda path: path.name)
def test_powershell_scripts_parse(path: Path) -> None:
    need("pwsh")  # PowerShell, which Windows has
    parse = (
        "$e = $null; [void][Management.Automation.Language.Parser]::ParseFile"
        f"('{path}', [ref]$null, [ref]$e); $e; exit $e.Count"
    )
    subprocess.run(["pwsh", "-NoProfile", "-Command", parse], check=True)


def test_both_launchers_give_the_browser_the_same_flags() -> None:
    """But for what only one of the systems has."""
    shell = set(re.findall(r"^ {4}(--[\w-]+[^ ]*) \\$", text_of("kiosk.sh"), re.MULTILINE))
    power = set(re.findall(r"""^ {8}['"](--.*)['"]$""", text_of("kiosk.ps1"), re.MULTILINE))
    assert shell - power == {
        '--user-data-dir="$profile"', "--password-store=basic", "--ozone-platform-hint=auto"
    }  # fmt: skip
    assert power - shell == {'--user-data-dir=`"$folder`"', "--edge-kiosk-type=fullscreen"}
    assert {"--kiosk", "--disable-sync"} <= shell & power


def test_launchers_look_for_the_browsers_that_doctor_finds() -> None:
    looked = re.search(r"for name in (.*); do", text_of("kiosk.sh"))
    assert looked is not None
    assert tuple(looked[1].split()) == NAMES[: len(looked[1].split())]


@pytest.fixture
def browser(tmp_path: Path) -> dict[str, str]:
    """The environment of a launcher whose browser writes down how it was called, and stays."""
    program = tmp_path / "browser"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/called\nexec sleep 600\n')
    program.chmod(0o755)
    (tmp_path / "run").mkdir()
    return {**os.environ, "ENDCAP_BROWSER": str(program), "XDG_RUNTIME_DIR": str(tmp_path / "run")}


@pytest.fixture
def server() -> Iterator[Started]:
    with started(TINY) as one:
        yield one


def test_the_launcher_waits_for_the_server_shows_the_page_and_cleans_up(
    tmp_path: Path, browser: dict[str, str], server: Started
) -> None:
    if shutil.which("curl") is None:
        need("wget")
    address = f"{server.url}/?shop=Corner%20Store#token=secret"
    launcher = subprocess.Popen([LAUNCHER, address], env=browser)
    called = tmp_path / "called"
    try:
        until(lambda: called.is_file() and address in called.read_text("utf-8"))
        flags = called.read_text("utf-8").splitlines()
        (profile,) = (tmp_path / "run").iterdir()
        assert f"--user-data-dir={profile}" in flags
        assert "--kiosk" in flags
        assert flags[-1] == address
    finally:
        launcher.send_signal(signal.SIGTERM)
        assert launcher.wait(PATIENCE_S) == 143
    assert list((tmp_path / "run").iterdir()) == []


def test_the_launcher_starts_no_browser_without_a_server(
    tmp_path: Path, browser: dict[str, str]
) -> None:
    if shutil.which("curl") is None:
        need("wget")
    called = tmp_path / "called"
    launcher = subprocess.Popen([LAUNCHER, "http://127.0.0.1:9/"], env=browser)
    until(lambda: any((tmp_path / "run").iterdir()))
    with pytest.raises(subprocess.TimeoutExpired):
        launcher.wait(1.5)
    launcher.send_signal(signal.SIGTERM)
    assert launcher.wait(PATIENCE_S) == 143
    assert not called.exists()


def launched_with(*programs: Path) -> subprocess.CompletedProcess[str]:
    """Run the launcher where there are these programs and no others."""
    shell = shutil.which("sh")
    assert shell is not None
    path = os.pathsep.join(str(program.parent) for program in programs)
    return subprocess.run(
        [shell, LAUNCHER], env={"PATH": path}, capture_output=True, text=True, check=False
    )


def test_the_launcher_says_what_to_install(tmp_path: Path) -> None:
    without = launched_with(tmp_path / "nothing")
    assert without.returncode == 3
    assert "apt-get install -y --no-install-recommends chromium" in without.stderr
    browser = tmp_path / "chromium"
    browser.write_text("#!/bin/sh\n", "utf-8")
    browser.chmod(0o755)
    alone = launched_with(browser)
    assert alone.returncode == 3
    assert "apt-get install -y --no-install-recommends curl" in alone.stderr

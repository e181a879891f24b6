"""``endcap serve`` as a user starts it, and as a user gets it wrong."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import httpx
import pytest

from tests.command import Said, complaint, run
from tests.serve.served import TINY, started


def refused(*args: object, code: int = 2) -> str:
    """Start a server that must not start, and return its one sentence."""
    said: Said = run("serve", *args, "--port", 0, "--threads", 1)
    assert said.out == ""
    return complaint(said, code)


def test_it_says_where_it_serves_and_stops_when_told(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('never_show = ["Dairy"]')
    with started(TINY, "--rules", rules, "--events", tmp_path / "events.db") as server:
        ready = httpx.get(f"{server.url}/v2/health/ready", timeout=60).json()
        assert ready["ready"] is True
        assert ready["provider"]["requested"] == "auto"
        assert ready["provider"]["actual"] == "cpu"
        assert ready["provider"]["fallback"] == "the installed onnxruntime offers no CUDA"
        assert ready["threads"] == 1
        metrics = httpx.get(f"{server.url}/metrics", timeout=60).text
        assert "endcap_provider_fallback 1.0" in metrics
        assert "endcap_queue_requests 0.0" in metrics
        answer = httpx.post(f"{server.url}/v1/recommend", json={"k": 1}, timeout=60).json()
        assert (answer["provider"], answer["requested_provider"]) == ("cpu", "auto")
        assert server.stop() == 0


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = run("serve", TINY, "--port", port)
    assert f"cannot listen on '127.0.0.1' port {port}" in complaint(said)


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["nowhere"], "there is no such folder or .zip file"),
        ([TINY, "--host", "0.0.0.0"], "host '0.0.0.0' is open to other machines and needs a token"),
        ([TINY, "--host", "no.such.host.invalid", "--token-file", "TOKEN"], "cannot listen on"),
        ([TINY, "--token-file", "absent"], "cannot read 'absent'"),
        ([TINY, "--stock", "absent.csv"], "cannot read 'absent.csv'"),
        ([TINY, "--rules", "absent.toml"], "cannot read 'absent.toml'"),
        ([TINY, "--events", "absent/events.db"], "cannot keep events in 'absent/events.db'"),
        ([TINY, "--variant", "int7"], "has no variant 'int7'"),
        ([TINY, "--poll", "inf"], "poll is inf"),
        ([TINY, "--poll", "-1"], "-1.0 is not in the range"),
        ([TINY, "--events-mb", "0"], "0 is not in the range"),
        ([TINY, "--events-mb", "nan"], "'nan' is not a valid integer"),
        ([TINY, "--port", "70000"], "port is 70000; it must be from 0 to 65535"),
    ],
    ids=str,
)
def test_wrong_use(tmp_path: Path, args: list[object], sentence: str) -> None:
    token = tmp_path / "token"
    token.write_text("0123456789abcdef")
    told = [token if arg == "TOKEN" else arg for arg in args]
    said = run("serve", *(["--port", 0] if "--port" not in told else []), *told)
    assert sentence in complaint(said)


def test_rules_that_this_bundle_cannot_keep_to(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('age_restricted = ["Wine"]')
    assert "names the category 'Wine', which this bundle does not have" in refused(
        TINY, "--rules", rules
    )


@pytest.mark.skipif(sys.platform == "win32", reason="another command checks this on Windows")
def test_it_keeps_to_its_threads() -> None:
    """One thread computes; the others of the process wait for requests, events and files."""
    with started(TINY, "--poll", "0") as server:
        for _ in range(5):
            httpx.post(f"{server.url}/v1/recommend", json={"k": 1}, timeout=60)
        names = {
            (task / "comm").read_text().strip()
            for task in Path(f"/proc/{server.process.pid}/task").iterdir()
        }
        assert names <= {"endcap", "endcap-lane", "python", "asyncio_0"} | {
            name for name in names if name.startswith(("asyncio", "python"))
        }

"""Who may ask: this machine, by its own name, or whoever knows the token."""

from __future__ import annotations

import asyncio
import hmac
from pathlib import Path
from typing import cast

import httpx
import pytest
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from runtime.errors import UnusableInput
from runtime.serve.bodies import Bodies
from runtime.serve.gate import Gate
from runtime.serve.lane import Lane
from runtime.serve.limits import Limits
from runtime.serve.metrics import Metrics
from runtime.serve.settings import Settings
from runtime.serve.tokens import Token, is_loopback, read_token
from tests.serve.served import TINY, Served, serving

SECRET = "0123456789abcdef-secret"


def ask(served: Served, **headers: str) -> httpx.Response:
    return served.client.get(
        "/v1/stock", headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


@pytest.mark.parametrize(
    "host", ["127.0.0.1:1", "localhost", "LOCALHOST:8080", "[::1]:80", "127.0.0.9", "[::1]"]
)
def test_this_machine_by_its_names(served: Served, host: str) -> None:
    assert ask(served, host=host).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["shop.example", "localhost.example", "127.0.0.1.example:80", "10.0.0.1", "[::2]", "x:y"],
)
def test_another_name_is_refused(served: Served, host: str) -> None:
    """DNS rebinding: a page's own name that points at this machine."""
    said = ask(served, host=host)
    assert said.status_code == 403
    assert "this server has no name" in said.json()["error"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://127.0.0.1:80", "host": "127.0.0.1:80"}, 200),
        ({"origin": "http://LOCALHOST:80", "host": "localhost:80"}, 200),
        ({"origin": "http://127.0.0.1:81", "host": "127.0.0.1:80"}, 403),
        ({"origin": "https://shop.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://[::1"}, 403),
        ({"sec_fetch_site": "same-origin"}, 200),
        ({"sec_fetch_site": "none"}, 200),
        ({"sec_fetch_site": "cross-site"}, 403),
    ],
)
def test_pages_of_other_sites(served: Served, headers: dict[str, str], status: int) -> None:
    assert ask(served, **headers).status_code == status


@pytest.fixture(scope="module")
def guarded() -> object:
    with serving(host="0.0.0.0", token=Token(SECRET)) as server:
        yield Served(server.url.replace("0.0.0.0", "127.0.0.1"), server.service, server.client)


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 401),
        ("", 401),
        ("Bearer", 401),
        (f"Bearer {SECRET}", 200),
        (f"bearer  {SECRET}", 200),
        (f"Bearer {SECRET}x", 401),
        (f"Bearer {SECRET[:-1]}", 401),
        (f"Basic {SECRET}", 401),
        (SECRET, 401),
        ("Bearer \xff", 401),
    ],
)
def test_the_token(guarded: Served, authorization: str | None, status: int) -> None:
    headers = [] if authorization is None else [(b"authorization", authorization.encode("latin-1"))]
    said = httpx.get(f"{guarded.url}/v1/stock", headers=headers)
    assert said.status_code == status
    if status == 401:
        assert said.headers["www-authenticate"] == "Bearer"
        assert SECRET not in said.text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v2/health/live", 200),
        ("/v2/health/ready", 200),
        ("/metrics", 401),
        ("/openapi.json", 401),
        ("/v2/models/recommender", 401),
        ("/v2/health/live/", 401),
        ("/none", 401),
    ],
)
def test_what_is_open(guarded: Served, path: str, status: int) -> None:
    assert httpx.get(guarded.url + path).status_code == status


def test_any_name_will_do_for_who_knows_the_token(guarded: Served) -> None:
    headers = {"host": "shop.example", "authorization": f"Bearer {SECRET}"}
    assert httpx.get(f"{guarded.url}/v1/stock", headers=headers).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "shop", "", "127.0.0.1.example"])
def test_other_machines_need_a_token(host: str) -> None:
    with pytest.raises(UnusableInput, match=r"needs a token.*--token-file"):
        Settings(TINY, host=host)
    assert Settings(TINY, host=host, token=Token(SECRET)).only_here is False


def test_loopback() -> None:
    assert all(
        map(is_loopback, ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost", "Localhost"])
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("short", "at least 16"),
        ("", "at least 16"),
        ("two words of a token", "without blanks"),
        ("ünïcödeünïcödeünïcöde", "ASCII"),
    ],
)
def test_a_token_that_is_none(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "token"
    path.write_text(text)
    with pytest.raises(UnusableInput, match=message) as refused:
        read_token(str(path))
    assert "word" not in str(refused.value) or text not in str(refused.value)


def test_a_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every guess, long or short, goes through the one comparison that takes as long for each."""
    compared: list[tuple[bytes, bytes]] = []
    real = hmac.compare_digest

    def noted(given: bytes, expected: bytes) -> bool:
        compared.append((given, expected))
        return real(given, expected)

    monkeypatch.setattr("runtime.serve.tokens.hmac.compare_digest", noted)
    guesses = (b"", b"x", b"Bearer 0", b"Basic y", f"Bearer {SECRET}".encode())
    assert [Token(SECRET).admits(guess) for guess in guesses] == [False] * 4 + [True]
    assert {expected for _, expected in compared} == {f"Bearer {SECRET}".encode()}
    assert len(compared) == len(guesses)


def test_a_token_file(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f" {SECRET}\n")
    assert read_token(str(path)).admits(f"Bearer {SECRET}".encode())
    with pytest.raises(UnusableInput, match="cannot read"):
        read_token(str(tmp_path / "absent"))


class Crowded:
    """Stands in for a lane in which no request has room."""

    crowded = True


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/recommend", 503),
        ("/v1/similar/4711", 503),
        ("/v1/catalogue", 200),
        ("/v2/health/live", 200),
    ],
)
def test_a_crowd_is_turned_away_unread(path: str, status: int) -> None:
    """Only who would wait for the recommender, and before a byte of the body is taken."""

    async def passed(scope: Scope, receive: Receive, send: Send) -> None:
        await Response("passed")(scope, receive, send)

    async def receive() -> Message:
        raise AssertionError("the body was read")

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    limits, metrics = Limits(retry_after_s=3), Metrics()
    settings = Settings(bundle=TINY, limits=limits)
    gate = Gate(passed, settings, metrics, Bodies(limits), cast(Lane, Crowded()))
    asyncio.run(gate({"type": "http", "path": path, "headers": []}, receive, send))
    assert sent[0]["status"] == status
    assert ((b"retry-after", b"3") in sent[0]["headers"]) == (status == 503)
    turned_away = metrics.registry.get_sample_value(
        "endcap_requests_total", {"model": "recommender", "outcome": "overloaded"}
    )
    assert bool(turned_away) == (status == 503)

"""Connections: slow, endless, broken and too many ones cost a bounded amount and end."""

from __future__ import annotations

import dataclasses
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.serve.limits import Limits
from tests.serve.served import PATIENCE_S, Served, serving, until

ASK = b"POST /v1/recommend HTTP/1.1\r\nHost: localhost\r\n"
QUICK = dataclasses.replace(
    Limits(), head_timeout_s=0.3, body_timeout_s=0.3, head_bytes=2000, connections=4
)


@pytest.fixture(scope="module")
def quick() -> Iterator[Served]:
    with serving(limits=QUICK) as server:
        yield server


def statuses(said: bytes) -> list[int]:
    """Return the status of every response in ``said``, each of which must be whole."""
    found = []
    while said:
        head, _, said = said.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        found.append(int(lines[0].split()[1]))
        fields = dict(line.lower().split(b": ", 1) for line in lines[1:])
        length = int(fields.get(b"content-length", b"0"))
        body, said = said[:length], said[length:]
        assert len(body) == length
        if found[-1] >= 400:
            assert list(json.loads(body)) == ["error"]
    return found


def exchange(served: Served, *parts: bytes, wait_s: float = 0.0) -> list[int]:
    """Send ``parts`` and leave the connection open until the server ends it."""
    import time

    with socket.create_connection(served.address, timeout=PATIENCE_S) as connection:
        found = b""
        try:
            for part in parts:
                connection.sendall(part)
                time.sleep(wait_s)
            while part := connection.recv(1 << 16):
                found += part
        except ConnectionError:
            assert found == b"" or statuses(found)
        return statuses(found)


def test_a_head_that_comes_too_slowly(quick: Served) -> None:
    assert exchange(quick, b"GET /v2 HTTP/1.1\r\nHo") == [408]
    assert exchange(quick, *(b"G" for _ in range(1))) == [408]


def test_a_head_that_drips(quick: Served) -> None:
    assert exchange(quick, b"GET /v2 HTTP/1.1\r\n", *[b"A: b\r\n"] * 4, wait_s=0.15) in ([408], [])


def test_nothing_asked_is_nothing_answered(quick: Served) -> None:
    assert exchange(quick) == []


def test_a_body_that_comes_too_slowly(quick: Served) -> None:
    assert exchange(quick, ASK + b"Content-Length: 100\r\n\r\n{") == [408]


def test_a_head_without_end(quick: Served) -> None:
    assert exchange(quick, b"GET /v2 HTTP/1.1\r\n" + b"A: b\r\n" * 1000) in ([431], [])
    assert exchange(quick, b"GET /" + b"x" * 5000) in ([431], [])


def test_a_body_shorter_than_stated_and_gone(quick: Served) -> None:
    """Nobody is there to read the answer; the server must not mind."""
    quick.raw(ASK + b"Content-Length: 100\r\n\r\n{")
    assert quick.ids(k=1) == ["COLA"]


def test_a_body_longer_than_stated(quick: Served) -> None:
    """What is left over is read as another request, and is none."""
    said = exchange(quick, ASK + b"Content-Length: 7\r\n\r\n" + b'{"k":1}' + b"and more\r\n\r\n")
    assert said[-1] == 400
    assert said[:-1] in ([200], [])


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: ten\r\n\r\n",
        b"Content-Length: 99999999999999999999999\r\n\r\n",
        b"Content-Length: 7\r\nContent-Length: 8\r\n\r\n{}",
        b"Content-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"Transfer-Encoding: gzip\r\n\r\n",
        b": no name\r\n\r\n",
        b"Connection: close\r\n\r\n",
    ],
)
def test_lengths_that_lie(quick: Served, head: bytes) -> None:
    for status in exchange(quick, ASK + head):
        assert status in (400, 408, 411, 413, 501)
    assert quick.ids(k=1) == ["COLA"]


def test_a_stated_length_that_is_too_long_is_refused_at_once(quick: Served) -> None:
    assert exchange(quick, ASK + b"Content-Length: 1048577\r\n\r\n") == [413]


def test_pipelined_requests_are_answered_in_order(quick: Served) -> None:
    body = b'{"k":1}'
    one = ASK + b"Content-Length: 7\r\n\r\n" + body
    assert statuses(quick.raw(one * 3)) == [200, 200, 200]


def test_a_client_that_does_not_read_its_reply_is_cut_off(tiny: Path) -> None:
    """The reply is longer than what the system's buffers take, and would stay in memory."""
    limits = dataclasses.replace(Limits(), reply_timeout_s=0.3)
    asked = {
        "inputs": [
            {"name": "z", "shape": [256, 8], "datatype": "FP32", "data": [0.5] * 2048},
            {"name": "category", "shape": [256, 1], "datatype": "INT64", "data": [0] * 256},
        ]
    }
    body = json.dumps(asked).encode()
    head = (
        b"POST /v2/models/generator/infer HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    )
    with serving(tiny, limits=limits) as server, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        connection.settimeout(PATIENCE_S)
        connection.connect(server.address)
        with pytest.raises(ConnectionError):  # where it is not cut off, it stalls
            connection.sendall((head + body) * 10_000)
        assert server.ids(k=1) == ["COLA"]


def test_surplus_connections_are_turned_away(tiny: Path) -> None:
    ask = b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with serving(tiny, limits=dataclasses.replace(Limits(), connections=4)) as server:
        held = [socket.create_connection(server.address) for _ in range(4)]
        try:
            for one in held:  # answered, and kept open
                one.sendall(ask)
                said = b""
                while not said.endswith(b'{"live":true}'):
                    said += one.recv(1 << 16)
            said = server.raw(ask)
        finally:
            for one in held:
                one.close()
        assert statuses(said) == [503]
        assert b"retry-after: 1" in said
        until(lambda: server.client.get("/v2/health/live").status_code == 200)


def test_head_and_options(quick: Served) -> None:
    said = quick.client.head("/v2/health/ready")
    assert (said.status_code, said.content) == (200, b"")
    assert quick.client.options("/v1/recommend").status_code == 405


@given(noise=st.binary(max_size=300))
@settings(max_examples=40)
def test_noise(quick: Served, noise: bytes) -> None:
    assert set(statuses(quick.raw(noise))) <= {400, 403, 404, 405, 408, 503}


@given(
    path=st.binary(min_size=1, max_size=60).filter(lambda raw: not set(raw) & set(b"\r\n \0")),
    method=st.sampled_from([b"GET", b"POST", b"PUT", b"DELETE", b"PATCH", b"TRACE", b"CONNECT"]),
)
@settings(max_examples=60)
def test_paths_of_any_bytes(quick: Served, path: bytes, method: bytes) -> None:
    head = b"%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n" % (method, path)
    found = statuses(quick.raw(head))
    assert set(found) <= {200, 400, 404, 405, 408, 503}

"""Stopping: what was begun is finished, what was not begun is not, and the exit code is 0."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator

import pytest

from tests.serve.served import PATIENCE_S, TINY, Started, started, until

BODY = b'{"basket": ["BREAD-1"], "k": 2}'
HEAD = (
    b"POST /v1/recommend HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
    b"Content-Length: %d\r\n\r\n" % len(BODY)
)
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.fixture
def server() -> Iterator[Started]:
    with started(TINY, "--poll", "0") as process:
        yield process


def connect(server: Started) -> socket.socket:
    host, _, port = server.address.partition(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE_S)


def listens(server: Started) -> bool:
    try:
        connect(server).close()
    except ConnectionError:
        return False
    return True


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_request_that_was_begun_is_answered(server: Started, how: signal.Signals) -> None:
    """Its body comes only when the server no longer listens."""
    with connect(server) as begun, connect(server) as idle:
        idle.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        live = b""
        while not live.endswith(b"}"):  # head and body may come apart
            live += idle.recv(1 << 16)
        assert live.startswith(b"HTTP/1.1 200 ")
        begun.sendall(HEAD)
        assert begun.recv(len(CONTINUE), socket.MSG_WAITALL) == CONTINUE
        server.process.send_signal(how)
        server.hear("stopping; what was begun is finished")
        until(lambda: not listens(server))
        assert idle.recv(1) == b""  # nobody waits for who asks nothing
        begun.sendall(BODY)
        said = b""
        while part := begun.recv(1 << 16):
            said += part
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert len(json.loads(body)["items"]) == 2
    assert server.process.wait(PATIENCE_S) == 0

"""Whether a port of this machine is free, or who answers there."""

from __future__ import annotations

import http.client
import json
import socket
import sys
from typing import Any

from runtime.check import Check
from runtime.errors import UnusableInput

_HOST = "127.0.0.1"
_READY = "/v2/health/ready"
_PATIENCE_S = 5.0
_MOST_BYTES = 1 << 20
_MAX_PORT = 65535


def check_port(port: int) -> Check:
    """Look whether ``endcap serve --port PORT`` could listen, or an endcap answers there well.

    Raises:
        UnusableInput: there is no such port.
    """
    if not 1 <= port <= _MAX_PORT:
        raise UnusableInput(f"port is {port}; it must be from 1 to {_MAX_PORT}")
    name = f"port {port}"
    reason = _refusal(port)
    if reason is None:
        return Check(name, True, "free")
    try:
        ready = _ready(port)
        bundle = ready["bundle"]
        served = f"endcap serves {bundle['name']} version {bundle['version']} there"
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        said = f"{reason}, and no endcap answers there; stop what does, or choose another --port"
        return Check(name, False, said)
    problems = [str(problem) for problem in ready.get("problems", ())]
    if problems:
        return Check(name, False, f"{served}, with a problem: {'; '.join(problems)}")
    if ready.get("ready") is not True:
        return Check(name, False, f"{served}, and is about to stop; wait, and look again")
    return Check(name, True, served)


def _refusal(port: int) -> str | None:
    """Say why nobody can listen at ``port`` now; None where one can."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as bound:
        if sys.platform != "win32":  # as the server does
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((_HOST, port))
            bound.listen()
        except OSError as error:
            return (error.strerror or str(error)).lower()
    return None


def _ready(port: int) -> Any:
    connection = http.client.HTTPConnection(_HOST, port, timeout=_PATIENCE_S)
    try:
        connection.request("GET", _READY)
        return json.loads(connection.getresponse().read(_MOST_BYTES))
    finally:
        connection.close()

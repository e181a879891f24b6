"""HTTP connections that do not wait for ever: slow clients are left, surplus is turned away."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from runtime.serve.limits import Limits


def impatient(limits: Limits) -> type[asyncio.Protocol]:
    """Return uvicorn's HTTP protocol with the bounds that ``limits`` set."""

    class Impatient(HttpToolsProtocol):
        """A connection; see the module."""

        _timer: asyncio.TimerHandle | None = None
        _taking: asyncio.TimerHandle | None = None
        _head_bytes = 0

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._expect_head()
            if len(self.connections) > limits.connections:
                self.app = _turned_away(limits.retry_after_s)

        def connection_lost(self, exc: Exception | None) -> None:
            self._head_came()
            self._taken()
            super().connection_lost(exc)
            self.flow.read_paused = False  # nothing may try to read on

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self._timer is not None:
                self._head_bytes += len(data)
                if self._head_bytes > limits.head_bytes:
                    self._end(431)

        def eof_received(self) -> bool:  # type: ignore[override]
            """Answer a client that has said all it wants to say, before the connection ends."""
            if self.cycle is None or self.cycle.response_complete or self.cycle.more_body:
                return False
            self.cycle.keep_alive = False
            return True

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._expect_head()

        def on_headers_complete(self) -> None:
            self._head_came()
            super().on_headers_complete()

        def pause_writing(self) -> None:
            """Wait for a client that does not read, but not for ever: its reply takes up memory."""
            super().pause_writing()
            self._taken()
            self._taking = self.loop.call_later(limits.reply_timeout_s, self.transport.abort)

        def resume_writing(self) -> None:
            self._taken()
            super().resume_writing()

        def _taken(self) -> None:
            if self._taking is not None:
                self._taking.cancel()
                self._taking = None

        def _expect_head(self) -> None:
            self._head_came()
            self._timer = self.loop.call_later(limits.head_timeout_s, self._late)

        def _head_came(self) -> None:
            self._head_bytes = 0
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

        def _late(self) -> None:
            if self._head_bytes:
                self._end(408)
            else:
                self.transport.close()  # nothing was asked, so nothing is answered

        def _end(self, status: int) -> None:
            self._head_came()
            self.flow.read_paused = False
            if self.transport.is_closing():
                return
            self.transport.write(_BARE[status])
            self.transport.close()

        def send_400_response(self, msg: str) -> None:
            del msg
            self._end(400)

    return Impatient


def _bare(status: int, phrase: str, sentence: str) -> bytes:
    body = json.dumps({"error": sentence}).encode()
    head = (
        f"HTTP/1.1 {status} {phrase}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


_BARE = {
    400: _bare(400, "Bad Request", "this is not HTTP/1.1"),
    408: _bare(408, "Request Timeout", "the request's head came too slowly"),
    431: _bare(431, "Request Header Fields Too Large", "the request's head is too long"),
}


def _turned_away(retry_after_s: int) -> Any:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        headers = {"Retry-After": str(retry_after_s), "Connection": "close"}
        sentence = json.dumps({"error": "too many connections"})
        await Response(sentence, 503, headers, "application/json")(scope, receive, send)

    return app

"""Replies: JSON, pictures, texts and refusals, with the headers that every reply carries."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from runtime.errors import EndcapError, MissingCapability
from runtime.serve.errors import HttpError

JSON = "application/json"
_ALWAYS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
_log = logging.getLogger("endcap.serve")


def reply(
    content: bytes, media_type: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return ``content`` as a response that no browser guesses the type of."""
    return Response(content, status, {**_ALWAYS, **(headers or {})}, media_type)


def json_reply(
    document: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return ``document``, anything that msgspec encodes, as JSON."""
    return reply(msgspec.json.encode(document), JSON, status, headers)


def error_reply(error: HttpError) -> Response:
    """Return a refusal as ``{"error": …}``."""
    return json_reply({"error": error.message}, error.status, error.headers)


async def refused(request: Request, error: Exception) -> Response:
    """Turn what a handler raised on purpose into a reply; for Starlette's exception handlers."""
    del request
    if isinstance(error, HttpError):
        return error_reply(error)
    if isinstance(error, HTTPException):
        headers = dict(error.headers or {})
        sentence = _SENTENCES.get(error.status_code, error.detail)
        return error_reply(HttpError(sentence, error.status_code, headers))
    if isinstance(error, MissingCapability):
        return error_reply(HttpError(str(error), 503, {"Retry-After": "60"}))
    assert isinstance(error, EndcapError)
    return error_reply(HttpError(str(error)))


async def failed(request: Request, error: Exception) -> Response:
    """Answer an error that nobody foresaw: the log has all of it, the reply nothing."""
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return error_reply(HttpError("this should not have happened; the server's log says more", 500))


_SENTENCES = {
    404: "there is no such path; /openapi.json lists what there is",
    405: "this path does not take this method; /openapi.json lists what it takes",
}

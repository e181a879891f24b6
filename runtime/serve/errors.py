"""Refusals with a status: what goes back as ``{"error": …}``."""

from __future__ import annotations

from collections.abc import Mapping


class HttpError(Exception):
    """A request is refused with ``status``; the message is one sentence that names the field."""

    status = 400

    def __init__(
        self, message: str, status: int | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = self.status if status is None else status
        self.headers = dict(headers or {})


class NotFound(HttpError):
    """What the request names is not here."""

    status = 404


class Overloaded(HttpError):
    """There is more to do than can be done in time; the client may come again."""

    status = 503

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message, headers={"Retry-After": str(retry_after_s)})


class ClosingError(HttpError):
    """A refusal after which the connection is of no use: its request was not read to the end."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message, status, {"Connection": "close"})

"""The gate: who may ask at all, and a count of everything that was answered."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime.serve.bodies import Bodies
from runtime.serve.errors import HttpError
from runtime.serve.lane import Lane, crowd
from runtime.serve.metrics import Metrics
from runtime.serve.page_files import is_page
from runtime.serve.replies import error_reply
from runtime.serve.settings import Settings
from runtime.serve.tokens import is_loopback

_OPEN = ("/v2/health/live", "/v2/health/ready")  # what watches a server may know no token
_RECOMMENDER = ("/v1/recommend", "/v1/similar/", "/v2/models/recommender/")
_COMPUTED = ("/v1/recommend", "/v1/similar/")  # all that they do is wait for the lane
_GENERATOR = ("/v1/images/", "/v2/models/generator/")


class Gate:
    """Refuses requests without the token, from other sites, or by another name of this machine.

    A page of another site, open in the kiosk's browser, could otherwise ask this server: directly,
    which its Origin gives away, or by a name of its own that it lets point here (DNS rebinding),
    which the Host gives away.

    Where more wait for the recommender than it can answer in time, the gate says so before anything
    is read or parsed: the less a refusal costs, the sooner those who are let through are answered.

    Args:
        app: what answers requests that are let through.
        settings: the host and the token.
        metrics: where answers are counted.
        bodies: where a request's body counts until it is answered.
        lane: where requests to the recommender wait.
    """

    def __init__(
        self, app: ASGIApp, settings: Settings, metrics: Metrics, bodies: Bodies, lane: Lane
    ) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics
        self._bodies = bodies
        self._lane = lane
        self._crowded_reply = error_reply(crowd(settings.limits))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun_s = time.perf_counter()
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            refusal = self._refusal(scope)
            if refusal is not None:
                await error_reply(refusal)(scope, receive, noting)
            elif scope["path"].startswith(_COMPUTED) and self._lane.crowded:
                await self._crowded_reply(scope, receive, noting)
            else:
                await self._app(scope, receive, noting)
        finally:
            self._bodies.release(scope)
            duration_s = time.perf_counter() - begun_s
            self._metrics.request(_model_of(scope["path"]), _outcome_of(status), duration_s)

    def _refusal(self, scope: Scope) -> HttpError | None:
        host = origin = site = authorization = b""
        for name, value in scope["headers"]:
            if name == b"host":
                host = value
            elif name == b"origin":
                origin = value
            elif name == b"sec-fetch-site":
                site = value
            elif name == b"authorization":
                authorization = value
        if self._settings.only_here and host and not _names_this_machine(host):
            return HttpError(f"this server has no name {host[:80].decode('latin-1')!r}", 403)
        if site == b"cross-site" or (origin and not _same_site(origin, host)):
            return HttpError("requests from pages of other sites are not answered", 403)
        token, path = self._settings.token, scope["path"]
        if token is None or path in _OPEN or is_page(path) or token.admits(authorization):
            return None
        return HttpError(
            "send the token of --token-file as: Authorization: Bearer TOKEN",
            401,
            {"WWW-Authenticate": "Bearer"},
        )


def _names_this_machine(host: bytes) -> bool:
    return is_loopback(_hostname(host.decode("latin-1")))


def _hostname(host: str) -> str:
    """Return a Host header without its port; an IPv6 address stands in brackets."""
    if host.startswith("["):
        return host.partition("]")[0].removeprefix("[")
    return host.partition(":")[0]


def _same_site(origin: bytes, host: bytes) -> bool:
    try:
        place = urlsplit(origin.decode("ascii")).netloc
    except ValueError:
        return False
    return bool(place) and place.lower() == host.decode("latin-1").lower()


def _model_of(path: str) -> str:
    if path.startswith(_RECOMMENDER):
        return "recommender"
    return "generator" if path.startswith(_GENERATOR) else "none"


def _outcome_of(status: int) -> str:
    if status < 400:
        return "ok"
    if status == 503:
        return "overloaded"
    return "refused" if status < 500 else "failed"

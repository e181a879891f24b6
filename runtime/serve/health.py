"""How the server is: alive, ready and with what, metrics, and a look for something newer."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from runtime.serve.endpoint import Answers, Call, Endpoint
from runtime.serve.errors import HttpError
from runtime.serve.models import find_model
from runtime.serve.reload import Reloader
from runtime.serve.replies import json_reply, reply
from runtime.serve.schemas import BundleReply, ReloadReply
from runtime.serve.service import Service

_TAG = "health"


class Health:
    """Endpoints that say how the server is."""

    def __init__(self, service: Service, reloader: Reloader) -> None:
        self._service = service
        self._reloader = reloader

    def endpoints(self) -> list[Endpoint]:
        """Return what is served."""
        document = {200: Answers("a document", dict[str, Any])}
        return [
            Endpoint(
                "GET", "/v2/health/live", "Say that it lives.", self.live, document, tag=_TAG
            ),
            Endpoint(
                "GET", "/v2/health/ready", "Say whether it serves, what, and where.", self.ready,
                document, tag=_TAG,
            ),
            Endpoint(
                "GET", "/metrics", "Show metrics in Prometheus' format.", self.metrics,
                {200: Answers("metrics", None, "text/plain")}, tag=_TAG,
            ),
            Endpoint(
                "POST", "/v1/reload", "Look at the bundle, the rules and the stock again.",
                self.reload, {200: Answers("what became of it", ReloadReply)}, (400, 409, 503),
                tag=_TAG,
            ),
        ]  # fmt: skip

    async def live(self, call: Call) -> Response:
        """Say that the server lives."""
        del call
        return json_reply({"live": True})

    async def ready(self, call: Call) -> Response:
        """Say whether requests are served; which bundle, where, and what is wrong."""
        del call
        service = self._service
        engine = service.engine
        problems = [self._reloader.problem, service.events.problem if service.events else None]
        detail = {
            "ready": not service.stopping,
            "bundle": {**engine.name.to_json(), "sha256": engine.store.bundle.manifest_sha256},
            "provider": engine.store.where.to_json(),
            "variants": {
                name: find_model(engine, name, None).variant for name in engine.manifest.sections()
            },
            "threads": service.settings.compute_threads,
            "stock": service.stocked_at,
            "events": service.events is not None,
            "notes": list(engine.shelf.notes) if engine.shelf is not None else [],
            "problems": [problem for problem in problems if problem is not None],
        }
        return json_reply(detail, 200 if detail["ready"] else 503)

    async def metrics(self, call: Call) -> Response:
        """Return all metrics."""
        content, media_type = self._service.metrics.page(call.request.headers.get("accept", ""))
        return reply(content, media_type)

    async def reload(self, call: Call) -> Response:
        """Look at bundle, rules and stock on the disk now, and say what became of them."""
        del call
        with self._service.reloaders.place():
            outcome = await self._reloader.reload()
        if outcome == "refused":
            raise HttpError(f"the old one serves on: {self._reloader.problem}", 409)
        name = self._service.engine.name
        return json_reply(ReloadReply(outcome, BundleReply(name.name, name.version)))

"""How the server is: alive, ready and with what, metrics, and a look for something newer."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from runtime.serve.endpoint import RETRY_AFTER, Answers, Call, Endpoint
from runtime.serve.errors import HttpError
from runtime.serve.models import find_model
from runtime.serve.reload import Reloader
from runtime.serve.replies import json_reply, reply
from runtime.serve.schemas import (
    BundleReply,
    LiveReply,
    ProviderReply,
    ReadyReply,
    ReloadReply,
    ServingBundle,
)
from runtime.serve.service import Service

_TAG = "health"


class Health:
    """Endpoints that say how the server is."""

    def __init__(self, service: Service, reloader: Reloader) -> None:
        self._service = service
        self._reloader = reloader

    def endpoints(self) -> list[Endpoint]:
        """Return what is served."""
        ready = {
            200: Answers("it serves", ReadyReply),
            503: Answers("it is about to stop", ReadyReply, headers=RETRY_AFTER),
        }
        return [
            Endpoint(
                "GET", "/v2/health/live", "Say that it lives.", self.live,
                {200: Answers("it lives", LiveReply)}, tag=_TAG,
            ),
            Endpoint(
                "GET", "/v2/health/ready", "Say whether it serves, what, and where.", self.ready,
                ready, (400,), tag=_TAG,
            ),
            Endpoint(
                "GET", "/metrics", "Show metrics in Prometheus' format.", self.metrics,
                {200: Answers("metrics", str, "text/plain")}, tag=_TAG,
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
        return json_reply(LiveReply(live=True))

    async def ready(self, call: Call) -> Response:
        """Say whether requests are served; which bundle, where, and what is wrong."""
        del call
        service = self._service
        engine = service.engine
        problems = [*self._reloader.problems.values()]
        if service.events is not None and service.events.problem is not None:
            problems.append(service.events.problem)
        name = engine.name
        detail = ReadyReply(
            ready=not service.stopping,
            bundle=ServingBundle(name.name, name.version, engine.store.bundle.manifest_sha256),
            provider=msgspec.convert(engine.store.where.to_json(), ProviderReply),
            variants={
                model: find_model(engine, model, None).variant
                for model in engine.manifest.sections()
            },
            threads=service.settings.compute_threads,
            stock=service.stocked_at,
            events=service.events is not None,
            notes=list(engine.shelf.notes) if engine.shelf is not None else [],
            problems=problems,
        )
        if detail.ready:
            return json_reply(detail)
        return json_reply(detail, 503, {"Retry-After": str(service.settings.limits.stop_s)})

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
            why = "; ".join(self._reloader.problems.values())
            raise HttpError(f"the old one serves on: {why}", 409)
        name = self._service.engine.name
        return json_reply(ReloadReply(outcome, BundleReply(name.name, name.version)))

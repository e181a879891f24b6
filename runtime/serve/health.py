"""Health, metadata and statistics, as the Open Inference Protocol v2 and Triton's clients ask."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from runtime.serve.endpoint import Answers, Call, Endpoint
from runtime.serve.errors import HttpError
from runtime.serve.models import NAMES, PLATFORM, Model, find_model
from runtime.serve.parameters import Parameter
from runtime.serve.reload import Reloader
from runtime.serve.replies import json_reply, reply
from runtime.serve.schemas import BundleReply, ReloadReply, ServerMetadata
from runtime.serve.service import Service
from runtime.version import __version__

_EXTENSIONS = ["binary_tensor_data", "model_configuration"]
_MODEL = Parameter("model", "string", "recommender or generator")
_VERSION = Parameter("version", "string", "the bundle's version")
_TYPES = {"BOOL": "TYPE_BOOL", "INT64": "TYPE_INT64", "FP32": "TYPE_FP32", "UINT8": "TYPE_UINT8"}


class Health:
    """Endpoints that say how the server is, and what it serves."""

    def __init__(self, service: Service, reloader: Reloader) -> None:
        self._service = service
        self._reloader = reloader

    def endpoints(self) -> list[Endpoint]:
        """Return what is served."""
        document = {200: Answers("a document", dict[str, Any])}
        found = [
            Endpoint(
                "GET", "/v2", "Describe the server.", self.server,
                {200: Answers("the server", ServerMetadata)}, tag="health",
            ),
            Endpoint("GET", "/v2/health/live", "Say that it lives.", self.live, document,
                     tag="health"),
            Endpoint("GET", "/v2/health/ready", "Say whether it serves, what, and where.",
                     self.ready, document, tag="health"),
            Endpoint("POST", "/v2/repository/index", "List the models.", self.index,
                     {200: Answers("the models", list[dict[str, str]])}, tag="health"),
            Endpoint("GET", "/metrics", "Show metrics in Prometheus' format.", self.metrics,
                     {200: Answers("metrics", None, "text/plain")}, tag="health"),
            Endpoint("POST", "/v1/reload", "Look at the bundle, rules and stock again.",
                     self.reload, {200: Answers("what became of it", ReloadReply)},
                     (400, 409, 503), tag="health"),
        ]  # fmt: skip
        for path, where in (
            ("/v2/models/{model}", (_MODEL,)),
            ("/v2/models/{model}/versions/{version}", (_MODEL, _VERSION)),
        ):
            found += [
                Endpoint("GET", f"{path}/ready", "Say whether the model serves.",
                         self.model_ready, document, (400, 404, 503), where, tag="health"),
                Endpoint("GET", f"{path}/config", "Describe the model as Triton does.",
                         self.config, document, (400, 404, 503), where, tag="health"),
            ]  # fmt: skip
        return found

    async def server(self, call: Call) -> Response:
        """Return the server's metadata."""
        del call
        return json_reply(ServerMetadata("endcap", __version__, _EXTENSIONS))

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
            "notes": list(engine.shelf.notes) if engine.shelf is not None else [],
            "problems": [problem for problem in problems if problem is not None],
        }
        return json_reply(detail, 200 if detail["ready"] else 503)

    async def model_ready(self, call: Call) -> Response:
        """Say whether one model is served."""
        model = self._model(call)
        return json_reply({"name": model.name, "ready": not self._service.stopping})

    async def config(self, call: Call) -> Response:
        """Return the configuration that Triton would have for the model."""
        model = self._model(call)
        tensors = {
            key: [
                {"name": s.name, "data_type": _TYPES[s.datatype], "dims": list(s.shape)}
                for s in specs.values()
            ]
            for key, specs in (("input", model.inputs), ("output", model.outputs))
        }
        return json_reply(
            {
                "name": model.name,
                "platform": PLATFORM,
                "backend": "onnxruntime",
                "max_batch_size": self._service.settings.limits.batch,
                "version_policy": {"latest": {"num_versions": 1}},
                **tensors,
                "dynamic_batching": {},
            }
        )

    async def index(self, call: Call) -> Response:
        """List the models of the bundle."""
        del call
        engine = self._service.engine
        version = str(engine.name.version)
        return json_reply(
            [
                {"name": name, "version": version, "state": "READY", "reason": ""}
                for name in NAMES
                if name in engine.manifest.sections()
            ]
        )

    async def metrics(self, call: Call) -> Response:
        """Return all metrics."""
        content, media_type = self._service.metrics.page(call.request.headers.get("accept", ""))
        return reply(content, media_type)

    async def reload(self, call: Call) -> Response:
        """Look at the bundle, rules and stock on the disk now, and say what became of them."""
        del call
        outcome = await self._reloader.reload()
        if outcome == "refused":
            raise HttpError(f"the old one serves on: {self._reloader.problem}", 409)
        name = self._service.engine.name
        return json_reply(ReloadReply(outcome, BundleReply(name.name, name.version)))

    def _model(self, call: Call) -> Model:
        return find_model(self._service.engine, call.values["model"], call.values.get("version"))

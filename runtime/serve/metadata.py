"""What is served, as the Open Inference Protocol v2 and the extensions of Triton's clients ask."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from runtime.serve.endpoint import Answers, Call, Endpoint
from runtime.serve.inference_schemas import (
    IndexEntry,
    ModelConfig,
    ModelMetadata,
    ModelReady,
    ServerMetadata,
    StatisticsReply,
    TensorConfig,
)
from runtime.serve.models import MODEL, PLATFORM, VERSION, Model, find_model
from runtime.serve.replies import json_reply
from runtime.serve.service import Service
from runtime.serve.tensors import TensorSpec
from runtime.version import __version__

_EXTENSIONS = ["binary_tensor_data", "model_configuration", "statistics"]
_TYPES = {"BOOL": "TYPE_BOOL", "INT64": "TYPE_INT64", "FP32": "TYPE_FP32", "UINT8": "TYPE_UINT8"}
_TAG = "metadata"


class Metadata:
    """Endpoints that describe the server and its models."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def endpoints(self) -> list[Endpoint]:
        """Return what is served, the paths of a model with and without a version."""
        found = [
            Endpoint(
                "GET", "/v2", "Describe the server.", self.server,
                {200: Answers("the server", ServerMetadata)}, tag=_TAG,
            ),
            Endpoint(
                "GET", "/v2/models/stats", "Show statistics of all models.", self.all_statistics,
                {200: Answers("of all models", StatisticsReply)}, tag=_TAG,
            ),
            Endpoint(
                "POST", "/v2/repository/index", "List the models.", self.index,
                {200: Answers("the models", list[IndexEntry])}, tag=_TAG,
            ),
        ]  # fmt: skip
        for path, where in (
            ("/v2/models/{model}", (MODEL,)),
            ("/v2/models/{model}/versions/{version}", (MODEL, VERSION)),
        ):
            for below, summary, handle, kind in (
                ("", "Describe the model.", self.model, ModelMetadata),
                ("/ready", "Say whether the model serves.", self.ready, ModelReady),
                ("/config", "Describe the model as Triton does.", self.config, ModelConfig),
                ("/stats", "Show the model's statistics.", self.statistics, StatisticsReply),
            ):
                found.append(
                    Endpoint(
                        "GET", path + below, summary, handle, {200: Answers("of the model", kind)},
                        (400, 404, 503), where, tag=_TAG,
                    )
                )  # fmt: skip
        return found

    async def server(self, call: Call) -> Response:
        """Return the server's metadata."""
        del call
        return json_reply(ServerMetadata("endcap", __version__, _EXTENSIONS))

    async def model(self, call: Call) -> Response:
        """Return a model's metadata."""
        return json_reply(self._model(call).metadata())

    async def ready(self, call: Call) -> Response:
        """Say whether a model is served."""
        model = self._model(call)
        return json_reply(ModelReady(model.name, not self._service.stopping))

    async def config(self, call: Call) -> Response:
        """Return the configuration that Triton would have for a model."""
        model = self._model(call)
        return json_reply(
            ModelConfig(
                name=model.name,
                platform=PLATFORM,
                backend="onnxruntime",
                max_batch_size=self._service.settings.limits.batch,
                version_policy={"latest": {"num_versions": 1}},
                input=_configs(model.inputs),
                output=_configs(model.outputs),
            )
        )

    async def statistics(self, call: Call) -> Response:
        """Return the statistics of one model."""
        model = self._model(call)
        return json_reply(StatisticsReply([self._service.statistics.of(model.name, model.version)]))

    async def all_statistics(self, call: Call) -> Response:
        """Return the statistics of every model."""
        del call
        engine = self._service.engine
        version = str(engine.name.version)
        names = engine.manifest.sections()
        return json_reply(
            StatisticsReply([self._service.statistics.of(name, version) for name in names])
        )

    async def index(self, call: Call) -> Response:
        """List the models of the bundle."""
        del call
        engine = self._service.engine
        version = str(engine.name.version)
        return json_reply([IndexEntry(name, version) for name in engine.manifest.sections()])

    def _model(self, call: Call) -> Model:
        return find_model(self._service.engine, call.values["model"], call.values.get("version"))


def _configs(specs: Mapping[str, TensorSpec]) -> list[TensorConfig]:
    return [TensorConfig(one.name, _TYPES[one.datatype], list(one.shape)) for one in specs.values()]

"""Open Inference Protocol v2, with the binary tensor extension: stock clients need nothing else.

https://github.com/kserve/open-inference-protocol and, for tensors as bytes,
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from runtime.errors import nearest
from runtime.serve.bodies import decode, off_loop
from runtime.serve.endpoint import Answers, Call, Endpoint
from runtime.serve.errors import HttpError
from runtime.serve.inference_schemas import InferBody, InferInput, InferReply
from runtime.serve.models import MODEL, VERSION, Model, Values, find_model
from runtime.serve.parameters import Parameter
from runtime.serve.replies import JSON, reply
from runtime.serve.service import Service
from runtime.serve.tensors import binary_size, read_tensor, write_tensor

HEADER_LENGTH = "Inference-Header-Content-Length"
BINARY = "application/octet-stream"
_WORTH_COMPRESSING_BYTES = 1 << 14
Asked = tuple[Values, InferBody, list[tuple[str, bool]]]
"""The checked inputs, the request itself, and the outputs that it asks for, in binary or not."""

_WHAT = "length of the JSON that comes before the tensors' bytes, where any do"
_RAW = {HEADER_LENGTH: _WHAT}
_LENGTH = Parameter(HEADER_LENGTH, "integer", _WHAT, low=1)


class Inference:
    """The endpoint of the protocol that asks a model."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._limits = service.settings.limits

    def endpoints(self) -> list[Endpoint]:
        """Return what is served, with and without a version."""
        return [
            Endpoint(
                "POST", f"/v2/models/{{model}}{below}/infer", "Run the model on tensors.",
                self.infer, {200: Answers("the outputs", InferReply, JSON, _RAW)},
                (400, 404, 408, 413, 415, 503), where, headers=(_LENGTH,), body=InferBody,
                media_types=(JSON, BINARY), tag="inference",
            )
            for below, where in (("", (MODEL,)), ("/versions/{version}", (MODEL, VERSION)))
        ]  # fmt: skip

    async def infer(self, call: Call) -> Response:
        """Run the model; what was asked for in binary comes back in binary."""
        model = self._model(call)
        count = self._service.statistics.add
        begun_ns = time.perf_counter_ns()
        try:
            values, asked, outputs = await self._read(call.request, model)
            answer = await model.run(self._service.lane, values)
        except BaseException:
            count(model.name, 0, begun_ns, succeeded=False)
            raise
        count(model.name, len(next(iter(values.values()))), begun_ns, succeeded=True)
        size_bytes = sum(answer[name].nbytes for name, _ in outputs)
        return await off_loop(size_bytes, _reply, call.request, model, asked, answer, outputs)

    async def _read(self, request: Request, model: Model) -> Asked:
        """Return what the request asks of ``model``."""
        body = await self._service.bodies.read(request, self._limits.body_bytes)
        header_length = request.headers.get(HEADER_LENGTH)
        return await off_loop(len(body), _asked, body, header_length, model, self._limits.batch)

    def _model(self, call: Call) -> Model:
        return find_model(self._service.engine, call.values["model"], call.values.get("version"))


def _asked(body: bytes, header_length: str | None, model: Model, max_batch: int) -> Asked:
    told, binary = _split(body, header_length)
    asked: InferBody = decode(told, InferBody)
    values = _values(asked.inputs, binary, model, max_batch)
    outputs = _outputs(asked, model)
    model.check(values)
    return values, asked, outputs


def _split(body: bytes, header_length: str | None) -> tuple[bytes, bytes]:
    """Split a body into its JSON and the bytes of its tensors."""
    if header_length is None:
        return body, b""
    text = header_length.strip()
    if not text.isdecimal() or len(text) > 20 or not 0 < int(text) <= len(body):
        raise HttpError(
            f"{HEADER_LENGTH} is {header_length[:40]!r}; it must be from 1 to the body's "
            f"length, {len(body)}"
        )
    return body[: int(text)], body[int(text) :]


def _values(inputs: Sequence[InferInput], binary: bytes, model: Model, max_batch: int) -> Values:
    """Read every input of ``model``; all have one batch."""
    values: dict[str, Any] = {}
    start = 0
    for given in inputs:
        spec = model.inputs.get(given.name)
        if spec is None:
            close = nearest(given.name[:80], model.inputs)
            raise HttpError(f"model {model.name!r} has no input {given.name[:80]!r}; {close}")
        if given.name in values:
            raise HttpError(f"input {given.name!r} is given twice")
        size = binary_size(given)
        part = None
        if size is not None:
            part = binary[start : start + size]
            start += size
        values[given.name] = read_tensor(given, spec, part, max_batch)
    for name in model.inputs:
        if name not in values:
            raise HttpError(f"input {name!r} is missing")
    if start != len(binary):
        raise HttpError(
            f"the inputs take {start} bytes and {len(binary)} follow the JSON; check "
            f"binary_data_size and {HEADER_LENGTH}"
        )
    batches = {name: len(array) for name, array in values.items()}
    if len(set(batches.values())) > 1:
        raise HttpError(f"the inputs have different batches: {batches}")
    return values


def _outputs(asked: InferBody, model: Model) -> list[tuple[str, bool]]:
    """Return the outputs that are asked for, and of each, whether in binary."""
    usual = _flag("parameters", asked.parameters, "binary_data_output", False)
    if not asked.outputs:
        return [(name, usual) for name in model.outputs]
    found: dict[str, bool] = {}
    for output in asked.outputs:
        name = output.name
        if name not in model.outputs:
            close = nearest(name[:80], model.outputs)
            raise HttpError(f"model {model.name!r} has no output {name[:80]!r}; {close}")
        if name in found:
            raise HttpError(f"output {name!r} is asked for twice")
        for unknown in ("classification", "shared_memory_region"):
            if output.parameters.get(unknown):
                raise HttpError(f"output {name!r} asks for {unknown!r}, which is not served here")
        found[name] = _flag(f"output {name!r}", output.parameters, "binary_data", usual)
    return list(found.items())


def _flag(where: str, parameters: dict[str, Any], name: str, usual: bool) -> bool:
    value = parameters.get(name, usual)
    if not isinstance(value, bool):
        raise HttpError(f"{where}: {name} is {str(value)[:40]!r}; it must be true or false")
    return value


def _reply(
    request: Request,
    model: Model,
    asked: InferBody,
    answer: Values,
    outputs: Sequence[tuple[str, bool]],
) -> Response:
    written = [write_tensor(name, answer[name], binary=binary) for name, binary in outputs]
    told = msgspec.json.encode(
        InferReply(
            model.name,
            model.version,
            [tensor for tensor, _ in written],
            {
                "variant": model.variant,
                "provider": model.provider.actual,
                "requested_provider": model.provider.requested,
            },
            asked.id,
        )
    )
    content = b"".join([told, *(part for _, part in written)])
    headers = {}
    if any(binary for _, binary in outputs):
        headers[HEADER_LENGTH] = str(len(told))
    media_type = BINARY if headers else JSON
    content, encoding = _compressed(content, request.headers.get("accept-encoding", ""))
    if encoding:
        headers |= {"Content-Encoding": encoding, "Vary": "Accept-Encoding"}
    return reply(content, media_type, 200, headers)


def _compressed(content: bytes, accept: str) -> tuple[bytes, str]:
    """Compress a long reply where the client takes it; return it with its Content-Encoding."""
    if len(content) < _WORTH_COMPRESSING_BYTES:
        return content, ""
    taken = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    if "gzip" in taken:
        return gzip.compress(content, 1), "gzip"
    if "deflate" in taken:
        return zlib.compress(content, 1), "deflate"
    return content, ""

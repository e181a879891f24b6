"""The OpenAPI document, made from the endpoints and the types that they read and write."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from runtime.serve.endpoint import RETRY_AFTER, Answers, Call, Endpoint
from runtime.serve.parameters import Parameter
from runtime.serve.replies import JSON, json_reply
from runtime.serve.schemas import ErrorReply
from runtime.version import __version__

_TEMPLATE = "#/components/schemas/{name}"
_WHY = {
    400: "the request is not usable; the sentence names the field",
    404: "there is no such thing here",
    406: "the client takes none of what there is",
    408: "the body came too slowly",
    409: "what lies on the disk was refused; the old one serves on",
    413: "the body is too long",
    415: "the body is in an encoding that is not read here",
    503: "too much to do, or not ready; come again after Retry-After",
}
_HEADERS = {
    401: {"WWW-Authenticate": "Bearer"},
    503: RETRY_AFTER,
}
_GUARD = {401: "the token is missing or wrong", 403: "the request comes from another site"}


class Document:
    """The endpoint that serves the document."""

    def __init__(self, endpoints: Iterable[Endpoint], *, with_token: bool) -> None:
        self._endpoints = [*endpoints, *self.endpoints()]
        self._content = openapi(self._endpoints, with_token=with_token)

    def endpoints(self) -> list[Endpoint]:
        """Return what is served."""
        answers = {200: Answers("this document", dict[str, Any])}
        return [Endpoint("GET", "/openapi.json", "Describe this API.", self.show, answers,
                         tag="health")]  # fmt: skip

    async def show(self, call: Call) -> Response:
        """Return the document."""
        del call
        return json_reply(self._content)


def openapi(endpoints: Sequence[Endpoint], *, with_token: bool) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of ``endpoints``."""
    kinds = [ErrorReply]
    for endpoint in endpoints:
        kinds += [answers.kind for answers in endpoint.answers.values() if answers.kind is not None]
        if endpoint.body is not None:
            kinds.append(endpoint.body)
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_TEMPLATE)
    by_kind = list(zip(kinds, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        path = re.sub(r"\{(\w+):path\}", r"{\1}", endpoint.path)
        operation = _operation(endpoint, path, by_kind)
        paths.setdefault(path, {})[endpoint.method.lower()] = operation
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "endcap",
            "version": __version__,
            "description": "Recommendations and generated pictures for the shop floor.",
        },
        "paths": paths,
        "components": {"schemas": components},
    }
    if with_token:
        document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"token": []}]
    return document


def _operation(
    endpoint: Endpoint, path: str, by_kind: Sequence[tuple[Any, dict[str, Any]]]
) -> dict[str, Any]:
    def schema(kind: Any) -> dict[str, Any]:
        return next(found for known, found in by_kind if known is kind)

    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "operationId": f"{endpoint.method.lower()}{re.sub(r'[^a-zA-Z0-9]+', '_', path)}",
        "tags": [endpoint.tag],
        "parameters": [
            *(_parameter(one, "path") for one in endpoint.in_path),
            *(_parameter(one, "query") for one in endpoint.query),
            *(_parameter(one, "header") for one in endpoint.headers),
        ],
        "responses": {
            str(status): _response(answers, schema) for status, answers in endpoint.answers.items()
        },
    }
    for status in (*endpoint.errors, *_GUARD):
        answers = Answers((_WHY | _GUARD)[status], ErrorReply, headers=_HEADERS.get(status, {}))
        operation["responses"][str(status)] = _response(answers, schema)
    if endpoint.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {
                kind: {"schema": schema(endpoint.body) if kind == JSON else {"type": "string"}}
                for kind in endpoint.media_types
            },
        }
    return operation


def _response(answers: Answers, schema: Any) -> dict[str, Any]:
    response: dict[str, Any] = {"description": answers.what}
    if answers.media_type is not None:
        content = {"schema": schema(answers.kind)} if answers.kind is not None else {}
        response["content"] = {answers.media_type: content}
    if answers.headers:
        response["headers"] = {
            name: {"description": what, "schema": {"type": "string"}}
            for name, what in answers.headers.items()
        }
    return response


def _parameter(parameter: Parameter, place: str) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": parameter.name,
        "in": place,
        "description": parameter.doc,
        "required": place == "path",
        "schema": parameter.schema(),
    }
    if parameter.example is not None:
        described["example"] = parameter.example
    return described

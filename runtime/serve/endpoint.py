"""Endpoints: what a path takes and answers, declared once for the router and the document."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runtime.serve.parameters import Parameter, parse_query
from runtime.serve.replies import JSON


@dataclass(frozen=True)
class Call:
    """One request to an endpoint, with its parameters parsed.

    Attributes:
        request: Starlette's.
        values: every declared parameter of path and query by name.
    """

    request: Request
    values: Mapping[str, Any]


Handler = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True)
class Answers:
    """One kind of reply: its media type, and the type that msgspec encodes, None for others."""

    what: str
    kind: Any = None
    media_type: str | None = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


RETRY_AFTER = {"Retry-After": "seconds until it is worth asking again"}


@dataclass(frozen=True)
class Endpoint:
    """One method of one path.

    Attributes:
        method: such as "GET".
        path: Starlette's spelling; ``{name:path}`` takes slashes too.
        summary: one sentence.
        handle: answers a call.
        answers: what comes back by status, errors apart.
        errors: statuses that come back as ``{"error": …}``.
        in_path: parameters of the path.
        query: parameters of the query.
        headers: headers of the request that it reads itself; declared for the document only.
        body: type that msgspec decodes, None for no body.
        media_types: of the body.
        tag: which part of the API it belongs to.
    """

    method: str
    path: str
    summary: str
    handle: Handler
    answers: Mapping[int, Answers]
    errors: Sequence[int] = (400, 503)
    in_path: Sequence[Parameter] = ()
    query: Sequence[Parameter] = ()
    headers: Sequence[Parameter] = ()
    body: Any = None
    media_types: Sequence[str] = (JSON,)
    tag: str = "shop"


def routes(endpoints: Iterable[Endpoint]) -> list[Route]:
    """Return one route a path, in the order of the endpoints."""
    by_path: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints:
        by_path.setdefault(endpoint.path, []).append(endpoint)
    return [
        Route(path, _dispatch(group), methods=[endpoint.method for endpoint in group])
        for path, group in by_path.items()
    ]


def _dispatch(group: Sequence[Endpoint]) -> Callable[[Request], Awaitable[Response]]:
    by_method = {endpoint.method: endpoint for endpoint in group}
    if "GET" in by_method:
        by_method["HEAD"] = by_method["GET"]

    async def answer(request: Request) -> Response:
        endpoint = by_method[request.method]
        values = parse_query(request.scope["query_string"], endpoint.query)
        for parameter in endpoint.in_path:
            values[parameter.name] = parameter.parse(request.path_params[parameter.name])
        return await endpoint.handle(Call(request, values))

    return answer

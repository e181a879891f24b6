"""The files of the page, served as they were packaged: known types, ETags, and a strict policy.

Only what lies in ``runtime/serve/page`` when the server starts is served, by its exact name; no
path of a request ever reaches the file system.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runtime.serve.conditional import has_already
from runtime.serve.replies import reply

FOLDER = Path(__file__).parent / "page"
_PREFIX = "/page/"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'none'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True)
class PageFile:
    """One file: its content, media type, and the ETag of its content."""

    content: bytes
    media_type: str
    tag: str


def read_page(folder: Path = FOLDER) -> dict[str, PageFile]:
    """Return the files of the page by the path they are served under; index.html is ``/`` too.

    Files of a type that is not known are left out; without the folder there is no page.
    """
    found: dict[str, PageFile] = {}
    for path in sorted(folder.rglob("*")):
        media_type = _TYPES.get(path.suffix.lower())
        if media_type is None or not path.is_file():
            continue
        content = path.read_bytes()
        tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        page_file = PageFile(content, media_type, tag)
        name = path.relative_to(folder).as_posix()
        found[_PREFIX + name] = page_file
        if name == "index.html":
            found["/"] = page_file
    return found


def page_routes(files: Mapping[str, PageFile]) -> list[Route]:
    """Return a route for each file."""

    async def show(request: Request) -> Response:
        page_file = files[request.url.path]
        headers = {**_HEADERS, "ETag": page_file.tag}
        if has_already(request, page_file.tag):
            return Response(status_code=304, headers=headers)
        return reply(page_file.content, page_file.media_type, 200, headers)

    return [Route(path, show) for path in files]


def is_page(path: str) -> bool:
    """Say whether ``path`` is one of the page, which holds no secret and asks for no token."""
    return path == "/" or path.startswith(_PREFIX)

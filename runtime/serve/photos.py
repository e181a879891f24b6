"""The shop's own photos over HTTP; of what has none, the page draws a picture."""

from __future__ import annotations

import asyncio
from pathlib import Path

from starlette.responses import Response

from runtime.serve.conditional import IF_NONE_MATCH, has_already
from runtime.serve.endpoint import Answers, Call, Endpoint
from runtime.serve.errors import NotFound
from runtime.serve.replies import reply
from runtime.serve.service import Service
from runtime.serve.shop import AGE, ITEM

_ANY = "image/*"
_TOLD = {"ETag": "of this file; with If-None-Match a client need not fetch it again"}


class Photos:
    """The endpoint of one photo."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def endpoints(self) -> list[Endpoint]:
        """Return what is served."""
        answers = {
            200: Answers("the shop's own photo of an item", None, _ANY, _TOLD),
            304: Answers("the client has these bytes", None, None, _TOLD),
        }
        return [
            Endpoint(
                "GET", "/v1/photos/{item_id:path}", "Show the shop's photo of an item.", self.show,
                answers, (400, 404, 503), (ITEM,), (AGE,), (IF_NONE_MATCH,), tag="catalogue",
            )
        ]  # fmt: skip

    async def show(self, call: Call) -> Response:
        """Return the file, or say that the client has it."""
        item_id = call.values["item_id"]
        photo = self._service.photos.of(item_id)
        row = self._service.engine.listed_row(item_id, call.values["age_verified"])
        if photo is None or row is None:
            raise NotFound(f"there is no photo of {item_id[:80]!r}")
        try:
            tag = _tag(photo.path)  # before it is read: of a file that changes meanwhile, the old
            headers = {"ETag": tag, "Cache-Control": "no-cache"}
            if has_already(call.request, tag):
                return Response(status_code=304, headers=headers)
            with self._service.photo_readers.place():
                content = await asyncio.to_thread(photo.path.read_bytes)
        except OSError as error:  # it went a moment ago
            raise NotFound(f"the photo of {item_id[:80]!r} went away") from error
        return reply(content, photo.media_type, 200, headers)


def _tag(path: Path) -> str:
    """Return an ETag out of the size and the time of a file."""
    about = path.stat()
    return f'"{about.st_mtime_ns:x}-{about.st_size:x}"'

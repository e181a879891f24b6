"""Generated pictures over HTTP: the same seed gives the same bytes, so that they can be kept."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator

from starlette.responses import Response

from runtime.errors import nearest
from runtime.generator import GeneratedImages, Generator
from runtime.latent import MIN_TRUNCATION, Latents
from runtime.picture import encode_png, sheet
from runtime.picture_text import picture_text
from runtime.serve.conditional import IF_NONE_MATCH, has_already
from runtime.serve.endpoint import Answers, Call, Endpoint
from runtime.serve.engine import Engine
from runtime.serve.errors import HttpError, NotFound
from runtime.serve.parameters import Parameter
from runtime.serve.picture_cache import PictureCache
from runtime.serve.replies import json_reply, reply
from runtime.serve.schemas import BundleReply, PicturesReply
from runtime.serve.service import Service
from runtime.serve.shop import AGE

PNG = "image/png"
_CACHE_BYTES = 32 << 20
_CATEGORY = Parameter("category", "string", "what to draw")
_TOLD = {
    "ETag": "of these bytes; with If-None-Match a client need not fetch them again",
    "Endcap-Variant": "which exported form ran",
    "Endcap-Provider": "where it ran",
    "Endcap-Requested-Provider": "where it was to run",
}


class Pictures:
    """Endpoints under /v1/images."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._cache = PictureCache(_CACHE_BYTES)
        self._query = (
            Parameter("seed", "integer", "the same seed draws the same", 7, 0, (1 << 128) - 1),
            Parameter(
                "n", "integer", "how many; more than one come as one sheet", 1, 1,
                service.settings.limits.images,
            ),
            Parameter(
                "truncation", "number", "draw latent values beyond plus or minus this again",
                None, MIN_TRUNCATION, 1e6,
            ),
            AGE,
        )  # fmt: skip

    def endpoints(self) -> list[Endpoint]:
        """Return what is served."""
        return [
            Endpoint(
                "GET", "/v1/images", "Say what pictures can be drawn of.", self.list,
                {200: Answers("the generator's categories", PicturesReply)}, (400, 404, 503),
                query=(AGE,), tag="pictures",
            ),
            Endpoint(
                "GET", "/v1/images/{category:path}", "Draw a picture, or a sheet of several.",
                self.draw,
                {
                    200: Answers("a PNG that says in its text what drew it", None, PNG, _TOLD),
                    304: Answers("the client has these bytes", None, None, _TOLD),
                },
                (400, 404, 406, 503), (_CATEGORY,), self._query, (IF_NONE_MATCH,), tag="pictures",
            ),
        ]  # fmt: skip

    async def list(self, call: Call) -> Response:
        """Return the categories, and the size of a picture."""
        engine, age_verified = self._service.engine, call.values["age_verified"]
        generator = _generator(engine)
        section = engine.manifest.generator
        assert section is not None
        return json_reply(
            PicturesReply(
                BundleReply(engine.name.name, engine.name.version),
                [name for name in generator.categories if engine.draws(name, age_verified)],
                section.image_size,
                section.image_size,
                section.channels,
            )
        )

    async def draw(self, call: Call) -> Response:
        """Return the picture, drawn now or before."""
        engine = self._service.engine
        generator = _generator(engine)
        category, age_verified = call.values["category"], call.values["age_verified"]
        if not engine.draws(category, age_verified):
            shown = [name for name in generator.categories if engine.draws(name, age_verified)]
            raise NotFound(f"unknown category {category[:80]!r}; {nearest(category[:80], shown)}")
        if not _accepts_png(call.request.headers.get("accept", "*/*")):
            raise HttpError("pictures are PNG, which the Accept header refuses", 406)
        latents = Latents(call.values["n"], call.values["seed"], call.values["truncation"])
        tag = _tag(engine, generator, category, latents)
        headers = {
            "ETag": tag,
            "Cache-Control": "no-cache",  # keep it, and ask: a new bundle draws another
            "Vary": "Accept",
            "Endcap-Variant": generator.opened[0],
            "Endcap-Provider": generator.provider.actual,
            "Endcap-Requested-Provider": generator.provider.requested,
        }
        pictures = self._service.metrics.pictures
        if has_already(call.request, tag):
            pictures.labels("client").inc()
            return Response(status_code=304, headers=headers)
        pictures.labels("cache" if tag in self._cache else "generator").inc()
        content = await self._cache.get(
            tag, lambda: self._service.lane.draw(_drawn(generator, category, latents))
        )
        return reply(content, PNG, 200, headers)


def _drawn(generator: Generator, category: str, latents: Latents) -> Iterator[bytes | None]:
    """Draw and encode, a few pictures a step."""
    drawn: GeneratedImages | None = None
    for drawn in generator.steps(category, latents):
        if drawn is None:
            yield None
    assert drawn is not None
    if latents.n == 1:
        yield encode_png(drawn.images[0], picture_text([drawn], 0))
        return
    columns = math.ceil(math.sqrt(latents.n))
    yield encode_png(sheet(drawn.images, columns), picture_text([drawn], None))


def _generator(engine: Engine) -> Generator:
    if engine.generator is None:
        raise NotFound(f"bundle {engine.name.name!r} holds no generator")
    return engine.generator


def _tag(engine: Engine, generator: Generator, category: str, latents: Latents) -> str:
    """Return the ETag: a hash of everything that the bytes depend on."""
    facts = (
        engine.store.bundle.manifest_sha256,
        generator.opened[0],
        generator.provider.actual,
        category,
        latents,
    )
    return f'"{hashlib.sha256(repr(facts).encode()).hexdigest()[:32]}"'


def _accepts_png(accept: str) -> bool:
    """Say whether an Accept header takes PNG (RFC 9110, 12.5.1): the most specific range counts."""
    if not accept.strip():
        return True
    weights: dict[str, float] = {}
    for part in accept.split(","):
        kind, *options = (word.strip().lower() for word in part.split(";"))
        weights[kind] = 1.0
        for option in options:
            name, _, value = option.partition("=")
            if name == "q":
                try:
                    weights[kind] = float(value)
                except ValueError:
                    weights[kind] = 0.0
    for kind in (PNG, "image/*", "*/*"):
        if kind in weights:
            return weights[kind] > 0
    return False

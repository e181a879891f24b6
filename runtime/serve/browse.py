"""The catalogue for those who browse: search by title, categories, one item."""

from __future__ import annotations

import asyncio

import numpy as np
from numpy.typing import NDArray
from starlette.responses import Response

from runtime.errors import nearest
from runtime.serve.endpoint import Answers, Call, Endpoint
from runtime.serve.engine import Engine
from runtime.serve.errors import NotFound
from runtime.serve.parameters import Parameter
from runtime.serve.photo_folder import PhotoFolder
from runtime.serve.replies import json_reply
from runtime.serve.schemas import BundleReply, CatalogueItem, CatalogueReply, CategoryReply
from runtime.serve.service import Service
from runtime.serve.shop import AGE, ITEM

_MAX_PAGE = 200
_QUERY = (
    Parameter("q", "string", "words of the title, or an item id as a scanner reads it", ""),
    Parameter("category", "string", "show only this category"),
    Parameter("offset", "integer", "how many items to pass over", 0, 0, 1 << 31),
    Parameter("limit", "integer", "how many items to show", 20, 0, _MAX_PAGE),
    AGE,
)


class Browse:
    """Endpoints under /v1/catalogue; what the rules hold back is not in them."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def endpoints(self) -> list[Endpoint]:
        """Return what is served."""
        return [
            Endpoint(
                "GET", "/v1/catalogue", "Search the catalogue by title, or page through it.",
                self.search, {200: Answers("a page of items", CatalogueReply)}, (400, 404, 503),
                query=_QUERY, tag="catalogue",
            ),
            Endpoint(
                "GET", "/v1/catalogue/{item_id:path}", "Show one item.",
                self.item, {200: Answers("the item", CatalogueItem)}, (400, 404, 503),
                (ITEM,), (AGE,), tag="catalogue",
            ),
        ]  # fmt: skip

    async def search(self, call: Call) -> Response:
        """Return a page of what is found, and every category with how many may be shown."""
        engine = self._service.engine
        with self._service.searches.place():
            page = await asyncio.to_thread(_page, engine, self._service.photos, call)
        return json_reply(page)

    async def item(self, call: Call) -> Response:
        """Return one item."""
        engine = self._service.engine
        item_id = call.values["item_id"]
        row = engine.listed_row(item_id, call.values["age_verified"])
        if row is None:
            raise NotFound(f"there is no item {item_id[:80]!r} here")
        return json_reply(_item(engine, self._service.photos, row))


def _page(engine: Engine, photos: PhotoFolder, call: Call) -> CatalogueReply:
    if engine.recommender is None or engine.shelf is None:
        raise NotFound(f"bundle {engine.name.name!r} holds no catalogue")
    catalogue = engine.recommender.catalogue
    listed = engine.shelf.listed(call.values["age_verified"])  # bool [n_rows]
    chosen = listed
    category = call.values["category"]
    if category is not None:
        if category not in catalogue.categories:
            close = nearest(category[:80], catalogue.categories)
            raise NotFound(f"unknown category {category[:80]!r}; {close}")
        chosen = listed & catalogue.mask(category)
    rows, more = _found(engine, call.values["q"], chosen)
    offset, limit = call.values["offset"], call.values["limit"]
    return CatalogueReply(
        bundle=BundleReply(engine.name.name, engine.name.version),
        total=len(rows),
        more=more,
        offset=offset,
        limit=limit,
        items=[_item(engine, photos, int(row)) for row in rows[offset : offset + limit]],
        categories=_categories(engine, call.values["age_verified"]),
    )


def _found(engine: Engine, query: str, chosen: NDArray[np.bool_]) -> tuple[NDArray[np.int64], bool]:
    if not query.strip():
        return np.flatnonzero(chosen), False
    rows, more = engine.titles.find(query)
    found = np.array(rows, np.int64)
    return found[chosen[found]], more


def _categories(engine: Engine, age_verified: bool) -> list[CategoryReply]:
    assert engine.recommender is not None
    assert engine.shelf is not None
    catalogue, listed = engine.recommender.catalogue, engine.shelf.listed(age_verified)
    counts = np.bincount(engine.shelf.group[listed] + 1, minlength=len(catalogue.categories) + 1)
    return [
        CategoryReply(name, int(n), engine.draws(name, age_verified))
        for name, n in zip(catalogue.categories, counts[1:], strict=True)
        if n
    ]


def _item(engine: Engine, photos: PhotoFolder, row: int) -> CatalogueItem:
    assert engine.recommender is not None
    assert engine.shelf is not None
    catalogue = engine.recommender.catalogue
    item_id = catalogue.item_id(row)
    return CatalogueItem(
        item_id,
        catalogue.title(row),
        catalogue.category(row),
        engine.shelf.has(row),
        catalogue.price(row),
        _photo(engine, photos, item_id),
    )


def _photo(engine: Engine, photos: PhotoFolder, item_id: str) -> str | None:
    url = photos.url(item_id)
    for_all = engine.listed_row(item_id, age_verified=False) is not None
    return url if url is None or for_all else f"{url}?{AGE.name}=true"

"""Shoppers: requests made up from a bundle's own catalogue, the same for the same seed."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import numpy as np

from benchmarks.serving.load import request
from runtime.store import Store

_BASKETS = 500
_JSON = {"Content_Type": "application/json"}


def baskets(store: Store, seed: int = 7) -> list[list[str]]:
    """Return baskets of one to five items, popular rows and others alike."""
    rng = np.random.Generator(np.random.PCG64(seed))
    catalogue = store.catalogue
    rows = range(1, catalogue.n_items + 1)
    return [
        [catalogue.item_id(int(row)) for row in rng.choice(rows, rng.integers(1, 6), replace=False)]
        for _ in range(_BASKETS)
    ]


def recommends(store: Store, path: str = "/v1/recommend", **fields: Any) -> list[bytes]:
    """Return a request for each basket."""
    return [
        request("POST", path, json.dumps({"basket": basket, **fields}).encode(), **_JSON)
        for basket in baskets(store)
    ]


def tensors(store: Store) -> list[bytes]:
    """Return the same baskets as requests of the inference protocol, to a model that takes ids."""
    return [
        request(
            "POST",
            "/v2/models/shop/infer",
            json.dumps(
                {
                    "inputs": [
                        {
                            "name": "basket",
                            "shape": [len(basket)],
                            "datatype": "BYTES",
                            "data": basket,
                        }
                    ]
                }
            ).encode(),
            **_JSON,
        )
        for basket in baskets(store)
    ]


def mixed(store: Store) -> list[bytes]:
    """Return what a shop asks in a day: baskets mostly, and some of everything else."""
    asked = recommends(store, k=8)
    names = store.generator.categories
    for n, basket in enumerate(baskets(store, seed=8)[: len(asked) // 2]):
        item_id = quote(basket[0], safe="")
        asked.append(request("GET", f"/v1/similar/{item_id}?k=6"))
        asked.append(request("GET", f"/v1/catalogue/{item_id}"))
        if n % 5 == 0:
            asked.append(request("GET", f"/v1/images/{quote(names[n % len(names)])}?seed={n}"))
            asked.append(request("GET", f"/v1/catalogue?q={quote(basket[0][:2])}&limit=10"))
            asked.append(request("GET", "/v2/health/ready"))
        if n % 25 == 0:
            stock = {item: 1 for one in baskets(store) for item in one}
            asked.append(request("PUT", "/v1/stock", json.dumps({"stock": stock}).encode()))
            asked.append(request("GET", "/metrics"))
        event = {"kind": "tapped", "session": f"s{n % 40}", "item_id": basket[0], "id": f"e{n}"}
        if n % 10 == 0:
            body = json.dumps({"events": [event]}).encode()
            asked.append(request("POST", "/v1/events", body))
    rng = np.random.Generator(np.random.PCG64(9))
    return [asked[place] for place in rng.permutation(len(asked))]

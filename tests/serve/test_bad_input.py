"""Any input: no server error but 503, no traceback, always one sentence; the server serves on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from starlette.routing import Route

from runtime.serve.app import make_app
from runtime.serve.page_files import is_page
from tests.serve.served import TINY, Served, serving

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**25), 10**25)
    | st.floats()
    | st.text(st.characters(codec=None), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    ["user", "basket", "k", "category", "only", "exclude", "stock", "reasons", "age_verified", "x"]
)
IDS = st.sampled_from(["BREAD-1", "COFFEE", "CARD,9", "été-10", "nope", "", "\0", "x" * 600])
ODD = HealthCheck.function_scoped_fixture, HealthCheck.too_slow


def answered(said: httpx.Response) -> None:
    """Check what holds of every answer."""
    assert said.status_code < 500 or said.status_code == 503, said.text
    assert "Traceback" not in said.text
    assert ".py" not in said.text
    if said.status_code >= 400:
        document = said.json()
        assert list(document) == ["error"]
        assert document["error"]
        assert "\n" not in document["error"]


@given(body=st.binary(max_size=200))
@settings(max_examples=60, suppress_health_check=ODD, deadline=None, derandomize=True)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/recommend"),
        ("POST", "/v1/events"),
        ("PUT", "/v1/stock"),
        ("POST", "/v2/models/recommender/infer"),
    ],
)
def test_any_bytes(served: Served, method: str, path: str, body: bytes) -> None:
    said = served.client.request(method, path, content=body)
    answered(said)
    assert said.status_code >= 400 or path == "/v1/stock" or body.lstrip()[:1] == b"{"


@given(body=st.dictionaries(FIELDS, JSON | IDS | st.lists(IDS, max_size=5), max_size=4))
@settings(max_examples=150, suppress_health_check=ODD, deadline=None, derandomize=True)
def test_any_json(served: Served, body: Any) -> None:
    content = json.dumps(body).encode("utf-8", "surrogatepass")
    answered(served.client.post("/v1/recommend", content=content))
    answered(served.client.post("/v1/events", content=b'{"events": [%s]}' % content))


@given(
    basket=st.lists(IDS.filter(lambda i: 0 < len(i) <= 512), max_size=8),
    user=st.sampled_from([None, "anna", "nobody", "\U0001f600"]),
    k=st.integers(1, 8),
    only=st.none() | st.lists(IDS.filter(lambda i: 0 < len(i) <= 512), max_size=4),
)
@settings(max_examples=60, suppress_health_check=ODD, deadline=None, derandomize=True)
def test_what_is_well_formed_is_answered(
    served: Served, basket: list[str], user: str | None, k: int, only: list[str] | None
) -> None:
    answer = served.recommend(basket=basket, user=user, k=k, only=only)
    shown = [item["item_id"] for item in answer["items"]]
    assert len(set(shown)) == len(shown) <= k
    assert not set(shown) & set(basket)
    known = {"BREAD-1", "COFFEE", "CARD,9", "été-10"}
    assert set(answer["unknown"]) == ({*basket, *(only or [])} - known) | ({user} - {None, "anna"})


TENSOR = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["user", "basket", "allowed", "z", "category", "item", ""]),
        "shape": JSON | st.lists(st.integers(-2, 300), max_size=4),
        "datatype": st.sampled_from(["INT64", "BOOL", "FP32", "UINT8", "BYTES", "", "FP64"]),
    },
    optional={
        "data": JSON | st.lists(st.integers(-3, 30), max_size=12),
        "parameters": JSON
        | st.dictionaries(
            st.sampled_from(["binary_data_size", "classification", "shared_memory_region"]),
            st.integers(-10, 10**20) | JSON,
            max_size=2,
        ),
    },
)


@given(
    model=st.sampled_from(["recommender", "generator", "recommender/versions/3", "x"]),
    inputs=st.lists(TENSOR, max_size=4),
    outputs=st.lists(st.fixed_dictionaries({"name": st.sampled_from(["item", "image", ""])}))
    | JSON,
    more=st.binary(max_size=40),
    length=st.none() | st.integers(-5, 500) | st.text("0123456789+-_. ", max_size=6),
)
@settings(max_examples=150, suppress_health_check=ODD, deadline=None, derandomize=True)
def test_any_tensors(
    served: Served, model: str, inputs: Any, outputs: Any, more: bytes, length: Any
) -> None:
    told = json.dumps({"inputs": inputs, "outputs": outputs}).encode("utf-8", "surrogatepass")
    headers = {}
    if length is not None:
        length = len(told) if length == 0 else length
        headers["inference-header-content-length"] = str(length).strip()
    said = served.client.post(f"/v2/models/{model}/infer", content=told + more, headers=headers)
    answered(said)


@given(data=st.data())
@settings(max_examples=80, suppress_health_check=ODD, deadline=None, derandomize=True)
def test_tensors_of_the_right_shape_and_any_values(served: Served, data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 3))
    row = st.integers(-2, 12) | st.sampled_from([2**63 - 1, -(2**63), 2**31])
    user = np.array(data.draw(st.lists(row, min_size=n, max_size=n)), np.int64)
    basket = np.array(data.draw(st.lists(row, min_size=4 * n, max_size=4 * n)), np.int64)
    allowed = np.frombuffer(data.draw(st.binary(min_size=11 * n, max_size=11 * n)), np.uint8) % 2
    parts = [user.tobytes(), basket.tobytes(), allowed.tobytes()]
    told = json.dumps(
        {
            "inputs": [
                {"name": name, "shape": [n, width], "datatype": kind,
                 "parameters": {"binary_data_size": len(part)}}
                for name, width, kind, part in zip(
                    ("user", "basket", "allowed"), (1, 4, 11), ("INT64", "INT64", "BOOL"), parts,
                    strict=True,
                )
            ],
            "parameters": {"binary_data_output": data.draw(st.booleans())},
        }
    ).encode()  # fmt: skip
    header = {"inference-header-content-length": str(len(told))}
    content = told + b"".join(parts)
    said = served.client.post("/v2/models/recommender/infer", content=content, headers=header)
    answered(said)
    inside = user.min() >= 0 and user.max() <= 3 and basket.min() >= 0 and basket.max() <= 10
    assert said.status_code == (200 if inside else 400)


@given(values=st.lists(st.floats(width=32), min_size=8, max_size=8), category=st.integers(-1, 3))
@settings(max_examples=60, suppress_health_check=ODD, deadline=None, derandomize=True)
def test_any_latent(served: Served, values: list[float], category: int) -> None:
    body = {
        "inputs": [
            {"name": "z", "shape": [1, 8], "datatype": "FP32", "data": values},
            {"name": "category", "shape": [1, 1], "datatype": "INT64", "data": [category]},
        ]
    }
    content = json.dumps(body).encode()
    said = served.client.post("/v2/models/generator/infer", content=content)
    answered(said)
    usable = np.isfinite(values).all() and 0 <= category <= 2
    assert said.status_code == (200 if usable else 400)


@given(
    path=st.sampled_from(["/v1/catalogue", "/v1/similar/TEA", "/v1/images/Tea", "/metrics"]),
    query=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30)
    | st.builds(
        "{}={}".format,
        st.sampled_from(["q", "k", "n", "seed", "limit", "offset", "truncation", "category"]),
        st.text(st.characters(codec="utf-8"), max_size=12),
    ),
)
@settings(max_examples=120, suppress_health_check=ODD, deadline=None, derandomize=True)
def test_any_query(served: Served, path: str, query: str) -> None:
    answered(served.client.get(path, params=httpx.QueryParams(query)))


# --- driven by the document


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    events = tmp_path_factory.mktemp("fuzzed") / "events.db"
    with serving(TINY, events=str(events)) as server:
        yield server


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]


def test_the_document_is_kept_to(fuzzed: Served) -> None:
    """Requests made up from the document, usable and not; answers are as it says."""
    schema = schemathesis.openapi.from_url(f"{fuzzed.url}/openapi.json")
    tried = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        for mode in GenerationMode:

            @given(case=operation.as_strategy(generation_mode=mode))
            @settings(
                max_examples=10, deadline=None, derandomize=True, database=None,
                suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            def conforms(case: Any) -> None:
                nonlocal tried
                tried += 1
                case.call_and_validate(checks=CHECKS, timeout=60)

            try:
                conforms()
            except Unsatisfiable:  # nothing about this one can be wrong
                assert mode is GenerationMode.NEGATIVE
    assert tried > 100


def test_the_document_lists_every_path(fuzzed: Served) -> None:
    document = fuzzed.client.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    assert set(document["paths"]) >= {
        "/v1/recommend", "/v1/similar/{item_id}", "/v1/images/{category}", "/v1/stock",
        "/v1/events", "/v1/catalogue", "/metrics", "/openapi.json", "/v2", "/v2/health/live",
        "/v2/health/ready", "/v2/models/{model}", "/v2/models/{model}/infer",
        "/v2/models/{model}/versions/{version}/infer",
    }  # fmt: skip
    documented = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method in operations
    }
    served = {
        (method, re.sub(r":path\}", "}", route.path))
        for route in make_app(fuzzed.service).routes
        if isinstance(route, Route) and not is_page(route.path)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert documented == served
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (path, method)
            for status, response in operation["responses"].items():
                assert response["description"], (path, status)


def test_the_document_says_what_each_answer_holds(fuzzed: Served) -> None:
    document = fuzzed.client.get("/openapi.json").json()
    operations = {
        f"{method} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    untold = []
    for name, operation in operations.items():
        for status, response in operation["responses"].items():
            schema = response.get("content", {}).get("application/json", {}).get("schema", {})
            kind = schema.get("items", schema)
            if "application/json" in response.get("content", {}) and "$ref" not in kind:
                untold.append(f"{name} {status}")
            if status == "503":
                assert "Retry-After" in response["headers"], name
    assert untold == ["get /openapi.json 200"]
    headers = {
        name: [one["name"] for one in operation["parameters"] if one["in"] == "header"]
        for name, operation in operations.items()
    }
    assert {name: found for name, found in headers.items() if found} == {
        "get /v1/images/{category}": ["If-None-Match"],
        "get /v1/photos/{item_id}": ["If-None-Match"],
        "post /v2/models/{model}/infer": ["Inference-Header-Content-Length"],
        "post /v2/models/{model}/versions/{version}/infer": ["Inference-Header-Content-Length"],
    }


def test_what_is_about_to_stop_is_not_ready() -> None:
    with serving(TINY) as server:
        server.service.stopping = True
        said = server.client.get("/v2/health/ready")
        assert (said.status_code, said.json()["ready"]) == (503, False)
        assert said.headers["retry-after"] == "30"
        assert server.client.get("/v2/models/generator/ready").json()["ready"] is False


def test_it_still_serves(fuzzed: Served) -> None:
    fuzzed.client.put("/v1/stock", json={"TEA": 1})
    assert fuzzed.ids(k=1) == ["TEA"]

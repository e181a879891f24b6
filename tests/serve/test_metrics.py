"""Metrics: names as Prometheus wants them, described in the docs, and nobody's name in a label."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.serve.served import Served

DOCS = Path(__file__).parents[2] / "docs" / "serving.md"
LABELS = {
    "model", "outcome", "tier", "reason", "name", "version", "manifest_sha256", "requested",
    "actual", "kind", "source", "le",
}  # fmt: skip
OTHERS = ("process_", "python_gc_")


@pytest.fixture
def page(served: Served) -> str:
    """The page after a request of each kind."""
    served.recommend(user="a shopper", basket=["TEA"], k=1)
    served.client.get("/v1/images/Tea")
    served.client.post("/v1/events", json={"events": [
        {"id": "metrics", "kind": "tapped", "session": "at the till", "item_id": "COLA"}
    ]})  # fmt: skip
    served.client.get("/v1/similar/nothing")
    said = served.client.get("/metrics")
    assert said.headers["content-type"].startswith("text/plain; version=")
    return said.text


def test_names_and_types(page: str) -> None:
    """https://prometheus.io/docs/practices/naming/"""
    found = {family.name: family for family in text_string_to_metric_families(page)}
    assert {
        name: family.type for name, family in found.items() if name.startswith("endcap_")
    }.items() >= {
        "endcap_requests": "counter",
        "endcap_request_duration_seconds": "histogram",
        "endcap_fallback": "counter",
        "endcap_bundle_info": "gauge",
    }.items()
    for name, family in found.items():
        assert name.startswith(("endcap_", *OTHERS)), name
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
        assert family.documentation, name
        for sample in family.samples:
            if family.type == "counter":
                assert sample.name == f"{name}_total"
            if name.startswith("endcap_"):
                assert set(sample.labels) <= LABELS, sample


def test_the_docs_describe_each_of_them(page: str) -> None:
    told = set(re.findall(r"`(endcap_\w+)", DOCS.read_text("utf-8").partition("## Metrics")[2]))
    served = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in text_string_to_metric_families(page)
        if family.name.startswith("endcap_")
    }
    assert told == served


def test_no_shopper_and_no_product_is_in_them(page: str) -> None:
    values = {
        value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        for value in sample.labels.values()
    }
    assert "recommender" in values
    assert not {"a shopper", "at the till", "TEA", "COLA", "nothing", "Tea"} & values
    assert not any("/" in value for value in values)


def test_openmetrics_for_who_prefers_it(served: Served) -> None:
    accept = "application/openmetrics-text; version=1.0.0"
    said = served.client.get("/metrics", headers={"accept": accept})
    assert said.headers["content-type"].startswith("application/openmetrics-text")
    assert said.text.endswith("# EOF\n")

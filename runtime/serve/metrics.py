"""Metrics in Prometheus' format; no label ever holds a shopper, a product or a path."""

from __future__ import annotations

import functools
from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

from runtime.answer import Answer
from runtime.provider import Provider

_SECONDS = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
_BATCHES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """The server's metrics, each registered here and nowhere else."""

    def __init__(self) -> None:
        disable_created_metrics()  # no gauge beside each counter
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._requests = Counter(
            "endcap_requests", "Requests by what served them and how they ended.",
            ["model", "outcome"], registry=self.registry,
        )  # fmt: skip
        self._duration_s = Histogram(
            "endcap_request_duration_seconds", "From a request's head to its reply.",
            ["model"], buckets=_SECONDS, registry=self.registry,
        )  # fmt: skip
        self._fallback = Counter(
            "endcap_fallback", "Answers that knew less of the shopper than was told, by tier.",
            ["tier"], registry=self.registry,
        )  # fmt: skip
        self._degraded = Counter(
            "endcap_degraded", "Answers that are less than was asked for, by reason.",
            ["reason"], registry=self.registry,
        )  # fmt: skip
        self._batch = Histogram(
            "endcap_batch_requests", "Requests that went through the recommender together.",
            buckets=_BATCHES, registry=self.registry,
        )  # fmt: skip
        self._bundle = Info("endcap_bundle", "The bundle that serves.", registry=self.registry)
        self._provider = Info(
            "endcap_provider", "Where graphs run: asked for, and in fact.", registry=self.registry
        )
        self._provider_fallback = Gauge(
            "endcap_provider_fallback", "1 where 'auto' did not get CUDA.", registry=self.registry
        )
        self.reloads = Counter(
            "endcap_reloads", "Bundles, rules and stock files read again, by outcome.",
            ["outcome"], registry=self.registry,
        )  # fmt: skip
        self.reload_ok = Gauge(
            "endcap_last_reload_ok", "0 while what lies on disk was refused.",
            registry=self.registry,
        )  # fmt: skip
        self.reload_ok.set(1)
        self.stock_items = Gauge(
            "endcap_stock_items", "Items in stock; NaN where the stock is not known.",
            registry=self.registry,
        )  # fmt: skip
        self.events = Counter(
            "endcap_events", "Events by kind and outcome.", ["kind", "outcome"],
            registry=self.registry,
        )  # fmt: skip
        # finding a child by its labels costs more than counting, and there are few
        self._counted = functools.cache(self._requests.labels)
        self._timed = functools.cache(self._duration_s.labels)
        self.pictures = Counter(
            "endcap_pictures", "Answers with pictures by where they came from.", ["source"],
            registry=self.registry,
        )  # fmt: skip

    def request(self, model: str, outcome: str, duration_s: float) -> None:
        """Count a request that has been answered."""
        self._counted(model, outcome).inc()
        self._timed(model).observe(duration_s)

    def answer(self, answer: Answer) -> None:
        """Count what an answer fell back to."""
        if not answer.degraded:
            return
        for reason in answer.degraded:
            self._degraded.labels(reason).inc()
        if {"user_unknown", "basket_unknown"} & {*answer.degraded}:
            self._fallback.labels(answer.tier).inc()

    def batch(self, n: int) -> None:
        """Count a run of the recommender's graph for ``n`` requests."""
        self._batch.observe(n)

    def bundle(self, name: str, version: int, manifest_sha256: str, provider: Provider) -> None:
        """Say what serves from now on."""
        self._bundle.info(
            {"name": name, "version": str(version), "manifest_sha256": manifest_sha256}
        )
        self._provider.info({"requested": provider.requested, "actual": provider.actual})
        self._provider_fallback.set(provider.why is not None)

    def watch(self, name: str, doc: str, value: Callable[[], float]) -> None:
        """Register a gauge that is read when it is asked for."""
        Gauge(name, doc, registry=self.registry).set_function(value)

    def page(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics and their media type, in the format that ``accept`` prefers."""
        encode, media_type = choose_encoder(accept)
        return encode(self.registry), media_type

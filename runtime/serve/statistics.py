"""Statistics of inference requests, in the form that Triton's clients ask for."""

from __future__ import annotations

import time
from dataclasses import dataclass

from runtime.serve.inference_schemas import Duration, ModelStatistics


@dataclass
class _Count:
    requests: int = 0
    ns: int = 0

    def told(self) -> Duration:
        return Duration(self.requests, self.ns)


class Statistics:
    """Counts inference requests by model; for one event loop."""

    def __init__(self) -> None:
        self._done: dict[tuple[str, bool], _Count] = {}
        self._inferences: dict[str, int] = {}
        self._last_ms: dict[str, int] = {}

    def add(self, model: str, batch: int, begun_ns: int, *, succeeded: bool) -> None:
        """Count a request that began at ``begun_ns`` of ``time.perf_counter_ns``."""
        count = self._done.setdefault((model, succeeded), _Count())
        count.requests += 1
        count.ns += time.perf_counter_ns() - begun_ns
        self._last_ms[model] = time.time_ns() // 1_000_000
        if succeeded:
            self._inferences[model] = self._inferences.get(model, 0) + batch

    def of(self, model: str, version: str) -> ModelStatistics:
        """Return the entry of ``model_stats`` for ``model``."""
        succeeded = self._done.get((model, True), _Count())
        failed = self._done.get((model, False), _Count())
        return ModelStatistics(
            name=model,
            version=version,
            last_inference=self._last_ms.get(model, 0),
            inference_count=self._inferences.get(model, 0),
            execution_count=succeeded.requests,
            inference_stats={"success": succeeded.told(), "fail": failed.told()},
        )

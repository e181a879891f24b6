"""Parity on the device: golden vectors replayed through every variant, without torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from runtime.comparison import (
    NDCG_LOSS,
    OVERLAP,
    PSNR,
    SCORE_DIFF,
    TOLERANCES,
    Check,
    compare_generator,
    compare_recommender,
    judge,
)
from runtime.errors import UnusableInput
from runtime.golden import GeneratorGolden, RecommenderGolden
from runtime.layers import REQUESTS, Divergence, first_divergence
from runtime.parity_report import Failure, ParityReport
from runtime.session import Session, open_session, resolve_provider

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runtime.bundle import Bundle
    from runtime.manifest import GeneratorSection, ModelSection, RecommenderSection

__all__ = [
    "TOLERANCES",
    "Check",
    "Failure",
    "ParityReport",
    "check_bundle",
    "compare_generator",
    "compare_recommender",
    "judge",
    "replay_generator",
    "replay_recommender",
]


@dataclass(frozen=True)
class _Replay:
    """One model's golden vectors, ready to be held against a session of any variant."""

    model: str
    metrics: tuple[str, ...]
    section: ModelSection
    compare: Callable[[str, Session], list[Check]]
    layer_requests: Mapping[str, NDArray[Any]] | None


def check_bundle(
    bundle: Bundle, provider: str = "auto", threads: int | None = None
) -> ParityReport:
    """Replay the golden vectors of ``bundle`` through every variant of both models.

    Raises:
        MissingCapability: the provider, or onnxruntime, is not there.
        UnusableInput: the golden files are damaged. A variant that cannot run fails its checks.
    """
    actual = resolve_provider(provider)
    manifest = bundle.manifest
    replays = []
    if manifest.recommender is not None:
        replays.append(_recommender_replay(bundle, manifest.recommender))
    if manifest.generator is not None:
        replays.append(_generator_replay(bundle, manifest.generator))
    checks: list[Check] = []
    failures: list[Failure] = []
    for replay in replays:
        for variant in replay.section.variants.values():
            model = bundle.read_bytes(variant.file)
            try:
                found = replay.compare(variant.name, open_session(model, actual, threads))
            except UnusableInput as error:
                checks += [judge(replay.model, variant.name, m, 0, 0.0) for m in replay.metrics]
                failures.append(Failure(replay.model, variant.name, None, str(error)))
                continue
            checks += found
            if not all(check.passed for check in found):
                failures.append(_explained(bundle, replay, variant.name, model, actual))
    return ParityReport(actual, tuple(checks), tuple(failures))


def replay_recommender(
    session: Session, golden: RecommenderGolden, n_rows: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return (item, score), each [n, top_k], of ``session`` for the golden requests."""
    answers = [session.run(feeds, ["item", "score"]) for feeds in golden.batches(n_rows)]
    if not answers:
        return golden.item, golden.score
    return (
        np.concatenate([item for item, _ in answers]),
        np.concatenate([score for _, score in answers]),
    )


def replay_generator(session: Session, golden: GeneratorGolden) -> NDArray[np.uint8]:
    """Return the pictures of ``session``, uint8 [n, h, w, c], for the golden latents."""
    images = [session.run(feeds, ["image"])[0] for feeds in golden.batches()]
    return np.concatenate(images) if images else golden.image


def _recommender_replay(bundle: Bundle, section: RecommenderSection) -> _Replay:
    golden = RecommenderGolden.from_arrays(bundle.arrays(section.golden), section.golden)
    n_rows = section.n_items + 1

    def compare(variant: str, session: Session) -> list[Check]:
        item, score = replay_recommender(session, golden, n_rows)
        return compare_recommender(variant, golden.item, golden.score, item, score, golden.target)

    requests = golden.feeds(0, min(REQUESTS, len(golden)), n_rows) if len(golden) else None
    metrics = (SCORE_DIFF, OVERLAP, NDCG_LOSS)
    return _Replay("recommender", metrics, section, compare, requests)


def _generator_replay(bundle: Bundle, section: GeneratorSection) -> _Replay:
    golden = GeneratorGolden.from_arrays(bundle.arrays(section.golden), section.golden)

    def compare(variant: str, session: Session) -> list[Check]:
        return compare_generator(variant, golden.image, replay_generator(session, golden))

    requests = golden.feeds(0, min(REQUESTS, len(golden))) if len(golden) else None
    return _Replay("generator", (PSNR,), section, compare, requests)


def _explained(
    bundle: Bundle, replay: _Replay, variant: str, model: bytes, provider: str
) -> Failure:
    """Name the first node of ``model`` that leaves the golden layers."""
    layers, requests = replay.section.layers, replay.layer_requests
    diverging: Divergence | None = None
    if requests is None:
        reason = "there are no golden requests: nothing was compared"
    elif layers is None:
        reason = "the bundle holds no golden layers, so no node can be named"
    else:
        try:
            recorded = bundle.arrays(layers)
            diverging = first_divergence(model, requests, recorded, variant, provider)
        except UnusableInput as error:
            reason = f"no node can be named: {error}"
        else:
            reason = f"no node differs in the first {REQUESTS} golden requests"
    if diverging is not None:
        reason = f"first diverging node: {diverging.node!r} ({diverging.op_type})"
    return Failure(replay.model, variant, diverging, reason)

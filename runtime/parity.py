"""Parity on the device: golden vectors replayed through every variant, without torch."""

from __future__ import annotations

import time
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
from runtime.layers import REQUESTS, NodeCheck, compare_layers, first_diverging
from runtime.parity_report import Failure, ParityReport, VariantLayers
from runtime.session import Session, open_session, resolve_provider

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runtime.bundle import Bundle
    from runtime.manifest import GeneratorSection, ModelSection, RecommenderSection, Variant

__all__ = [
    "TOLERANCES",
    "Check",
    "Failure",
    "ParityReport",
    "check_bundle",
    "check_opened",
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
    bundle: Bundle,
    provider: str = "auto",
    threads: int | None = None,
    *,
    layers: bool = False,
    model: str | None = None,
) -> ParityReport:
    """Replay the golden vectors of ``bundle`` through every variant of its models.

    Args:
        bundle: what to check.
        provider: "cpu", "cuda", or "auto" (CUDA where it is available, else the CPU).
        threads: threads for one run; None for one a core, at most 4.
        layers: compare every node of every variant too; without it only those of a variant that
            fails.
        model: "recommender" or "generator", to check that one alone; all of the bundle's if None.

    Raises:
        MissingCapability: the provider, or onnxruntime, is not there.
        UnusableInput: the golden files are damaged, or ``layers`` is asked for and those of the
            bundle are missing or damaged. A variant that cannot run fails its checks.
    """
    actual = resolve_provider(provider)
    begun_ns = time.monotonic_ns()
    manifest = bundle.manifest
    replays = []
    if manifest.recommender is not None and model in (None, "recommender"):
        replays.append(_recommender_replay(bundle, manifest.recommender))
    if manifest.generator is not None and model in (None, "generator"):
        replays.append(_generator_replay(bundle, manifest.generator))
    checks: list[Check] = []
    failures: list[Failure] = []
    compared: list[VariantLayers] = []
    for replay in replays:
        for variant in replay.section.variants.values():
            graph = bundle.read_bytes(variant.file)
            recorded = _recorded(bundle, replay, variant) if layers else None
            try:
                found = replay.compare(variant.name, open_session(graph, actual, threads))
            except UnusableInput as error:
                checks += [judge(replay.model, variant.name, m, 0, 0.0) for m in replay.metrics]
                failures.append(Failure(replay.model, variant.name, None, str(error)))
                continue
            checks += found
            if recorded is not None and replay.layer_requests is not None:
                nodes = compare_layers(graph, replay.layer_requests, recorded, variant, actual)
                compared.append(VariantLayers(replay.model, variant.name, nodes))
            if not all(check.passed for check in found):
                failures.append(_explained(bundle, replay, variant, graph, actual))
    duration_s = (time.monotonic_ns() - begun_ns) / 1e9
    return ParityReport(actual, tuple(checks), tuple(failures), tuple(compared), duration_s)


def check_opened(bundle: Bundle, opened: Mapping[str, tuple[str, Session]]) -> tuple[Check, ...]:
    """Replay the golden vectors of ``bundle`` through sessions that are open already.

    Args:
        bundle: what they were opened from.
        opened: variant and session of each model, by the model's name.

    Raises:
        UnusableInput: the golden files are damaged, or a session cannot run.
    """
    manifest = bundle.manifest
    checks: list[Check] = []
    if manifest.recommender is not None and "recommender" in opened:
        checks += _recommender_replay(bundle, manifest.recommender).compare(*opened["recommender"])
    if manifest.generator is not None and "generator" in opened:
        checks += _generator_replay(bundle, manifest.generator).compare(*opened["generator"])
    return tuple(checks)


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


def _recorded(bundle: Bundle, replay: _Replay, variant: Variant) -> Mapping[str, NDArray[Any]]:
    """Return what was recorded at export of the variant's nodes, else of the fp32 graph's."""
    if variant.layers is not None:
        return bundle.arrays(variant.layers)
    if replay.section.layers is None:
        raise UnusableInput(
            f"bundle {bundle.manifest.name!r} holds no golden layers of the {replay.model}; "
            "export it again, or leave --layers"
        )
    return bundle.arrays(replay.section.layers)


def _explained(
    bundle: Bundle, replay: _Replay, variant: Variant, graph: bytes, provider: str
) -> Failure:
    """Name the first node of ``graph`` that leaves the golden layers."""
    requests = replay.layer_requests
    diverging: NodeCheck | None = None
    if requests is None:
        reason = "there are no golden requests: nothing was compared"
    elif variant.layers is None and replay.section.layers is None:
        reason = "the bundle holds no golden layers, so no node can be named"
    else:
        try:
            recorded = _recorded(bundle, replay, variant)
            nodes = compare_layers(graph, requests, recorded, variant, provider)
            diverging = first_diverging(nodes)
        except UnusableInput as error:
            reason = f"no node can be named: {error}"
        else:
            reason = f"no node differs in the first {REQUESTS} golden requests"
    if diverging is not None:
        reason = f"first diverging node: {diverging.node!r} ({diverging.op_type})"
    return Failure(replay.model, variant.name, diverging, reason)

"""Which variants a bundle keeps: those in tolerance that are smaller or faster than fp32."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from export.draft import FP32, Draft
from export.measure import Feeds, measure_speedups
from export.parity import Parity
from runtime.errors import EndcapError, MissingCapability, UnusableInput
from runtime.session import available_providers

FASTER = 1.05
"""How many times as fast as fp32 a variant must be to count as faster; less may be noise."""

_NOT_ON_CUDA = frozenset({"int8"})  # ONNX Runtime's CUDA provider has no kernels for it


class Refused(EndcapError):
    """A variant that is not worth or not possible to build; the message is the reason."""

    exit_code = 1


@dataclass(frozen=True)
class Trial:
    """What it takes to try the variants of one model.

    Attributes:
        model: "recommender" or "generator"; its fp32 graph is in the draft already.
        candidates: what builds each variant's graph, by variant, given the metadata that the graph
            must state; it raises :class:`Refused` where it sees itself that nothing will come of
            it.
        parity: compares the graph of a variant with torch.
        pools: for each batch size to measure, the batches to ask.
        requests: the requests that nodes are recorded for.
    """

    model: str
    candidates: Mapping[str, Callable[[Mapping[str, str]], bytes]]
    parity: Callable[[str, bytes], Parity]
    pools: Sequence[Sequence[Feeds]]
    requests: Feeds


def add_variants(draft: Draft, trial: Trial, say: Callable[[str], None]) -> None:
    """Build, compare and measure every candidate; keep it, or say in ``refused`` why not.

    A variant is kept that onnxruntime runs here, that is in tolerance (:mod:`runtime.comparison`)
    and smaller than fp32, or faster by :data:`FASTER`. ``default`` becomes the fastest kept one for
    each provider that this machine has, and stays fp32 where nothing could be measured.

    Args:
        draft: the bundle in the making, with the model's fp32 graph.
        trial: what to try.
        say: receives one line for each candidate.

    Raises:
        CheckFailed: a graph in tolerance breaks a rule of :mod:`export.hygiene`, a defect.
    """
    model = trial.model
    graphs: dict[str, bytes] = {}
    proofs: dict[str, Parity] = {}
    for variant, build in trial.candidates.items():
        try:
            graph = build(draft.metadata(variant))
            proof = trial.parity(variant, graph)
        except Refused as error:
            _refuse(draft, model, variant, str(error), say)
            continue
        except UnusableInput as error:  # an onnxruntime without one of its kernels
            _refuse(draft, model, variant, f"does not run here: {error}", say)
            continue
        if proof.passed:
            graphs[variant], proofs[variant] = graph, proof
        else:
            _refuse(draft, model, variant, f"out of tolerance: {proof.describe()}", say)
    base = draft.graph(model, FP32)
    outputs = [tensor["name"] for tensor in draft.manifest[model]["outputs"]]
    speedups = measure_speedups(base, graphs, trial.pools, outputs)
    for variant, graph in graphs.items():
        speedup = speedups[variant]
        figures = f"{len(graph) / len(base):.0%} of fp32's size, {speedup:.2f} times as fast"
        if len(graph) >= len(base) and speedup < FASTER:
            _refuse(draft, model, variant, f"neither smaller nor faster: {figures}", say)
            continue
        draft.add_variant(model, variant, graph, proofs[variant], speedup, trial.requests)
        say(f"{model} {variant} kept: {figures}; {proofs[variant].describe()}")
    kept = {v: graph for v, graph in graphs.items() if v in draft.manifest[model]["variants"]}
    default = draft.manifest[model]["default"]
    default["cpu"] = fastest({variant: speedups[variant] for variant in kept})
    default["cuda"] = fastest(_on_cuda(base, kept, trial, outputs, say))


def fastest(speedups: Mapping[str, float]) -> str:
    """Return the variant that is faster than all others and fp32, else fp32."""
    best = max(speedups, key=lambda variant: speedups[variant], default=FP32)
    return best if speedups.get(best, 0.0) >= FASTER else FP32


def _on_cuda(
    base: bytes,
    kept: Mapping[str, bytes],
    trial: Trial,
    outputs: Sequence[str],
    say: Callable[[str], None],
) -> dict[str, float]:
    """Return how many times as fast as fp32 variants are on CUDA; none where it does not work."""
    if "CUDAExecutionProvider" not in available_providers():
        return {}
    speedups: dict[str, float] = {}
    for variant, graph in kept.items():
        if variant in _NOT_ON_CUDA:
            continue
        try:  # each by itself: one that fails must not hide the others
            alone = {variant: graph}
            speedups |= measure_speedups(base, alone, trial.pools, outputs, "cuda")
        except (MissingCapability, UnusableInput) as error:
            say(f"{trial.model} {variant} is not measured on CUDA: {error}")
    return speedups


def _refuse(
    draft: Draft, model: str, variant: str, reason: str, say: Callable[[str], None]
) -> None:
    draft.manifest[model]["refused"][variant] = reason
    say(f"{model} {variant} refused: {reason}")

"""The generator's variants: how each is built, proved and timed."""

from __future__ import annotations

from collections.abc import Callable

from export.generator import generator_graph
from export.generator_calibration import int8_graph
from export.generator_layers import Network
from export.measure import Feeds
from export.parity import Parity, first_failed, generator_parity
from export.variants import Trial
from runtime.golden import GeneratorGolden

BATCHES = (1, 16)
"""Pictures a run that variants are timed with: a placeholder, a sheet of them."""

_POOL = 4  # different batches, asked in turn


def generator_trial(
    network: Network,
    fresh: GeneratorGolden,
    golden: GeneratorGolden,
    requests: Feeds,
    say: Callable[[str], None],
) -> Trial:
    """Say how fp16 and int8 of a generator are tried.

    fp16 halves the file: weights are stored in it and computed with in float32, for ONNX Runtime's
    CPU kernels know nothing else. Variants must be in tolerance over the fresh pictures, and over
    the golden ones by themselves, which is what devices will see.

    Args:
        network: the generator's numbers.
        fresh: latents and torch's own pictures.
        golden: those that ship.
        requests: the latents that nodes are recorded for.
        say: receives a line for what the int8 form decides.
    """

    def parity(variant: str, graph: bytes) -> Parity:
        found = generator_parity(variant, graph, fresh)
        shipped = generator_parity(variant, graph, golden)
        return first_failed(found, shipped)

    return Trial(
        model="generator",
        candidates={
            "fp16": lambda metadata: generator_graph(network, metadata, "float16"),
            "int8": lambda metadata: int8_graph(network, metadata, say),
        },
        parity=parity,
        pools=[_pool(fresh, batch) for batch in BATCHES],
        requests=requests,
    )


def _pool(fresh: GeneratorGolden, batch: int) -> list[Feeds]:
    """Cut the first batches from the latents, going round where they are few."""
    size = batch * _POOL
    places = [place % len(fresh) for place in range(size)]
    return [fresh.pick(places[start : start + batch]) for start in range(0, size, batch)]

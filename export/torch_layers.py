"""Where a graph leaves torch: what torch's own modules put out, under the graph's names for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from export.draft import FP32
from export.measure import Feeds
from runtime.golden import GeneratorGolden, RecommenderGolden
from runtime.layers import compare_layers, first_diverging, record_values
from runtime.manifest import Variant
from runtime.parity import replay_recommender
from runtime.session import open_session
from trainer.generator.model import Generator
from trainer.recommender.mlp import Mlp
from trainer.recommender.two_stage import TwoStage

REQUESTS = 16
"""How many requests torch is watched at."""


def generator_leaves_torch(graph: bytes, model: Generator, fresh: GeneratorGolden) -> str:
    """Name the first node of an fp32 graph that differs from torch, of those that torch knows.

    Torch has no names for most of what a graph computes, so the last node that agrees is named too:
    the fault lies behind it.

    Args:
        graph: the graph's bytes.
        model: what it was made of, in evaluation mode and on the CPU.
        fresh: latents.

    Returns:
        A phrase.
    """
    feeds = fresh.feeds(0, min(REQUESTS, len(fresh)))
    z, category = torch.from_numpy(feeds["z"]), torch.from_numpy(feeds["category"])[:, 0]
    layers = enumerate(model.layers, start=1)
    watched = {f"convolved_{n}": norm or convolution for n, (convolution, norm) in layers}
    with torch.no_grad():
        values = {"latent": torch.cat([z, model.embedding(category)], dim=1)}
        image = _watch(watched, values, lambda: model(z, category))
        values["image"] = model.to_uint8(image)
    return _first(graph, feeds, values)


def recommender_leaves_torch(
    graph: bytes, model: Mlp | TwoStage, fresh: RecommenderGolden, n_rows: int
) -> str:
    """Name the first node of an fp32 graph that differs, as :func:`generator_leaves_torch` does.

    Torch is watched at the requests whose scores are farthest apart: a fault may be in the way of a
    few shoppers only.
    """
    if not len(fresh):
        return "there are no requests: nothing was compared"
    _, score = replay_recommender(open_session(graph, "cpu"), fresh, n_rows)
    with np.errstate(invalid="ignore"):  # both without an item: -inf less -inf
        apart = np.nan_to_num(np.abs(score - fresh.score), posinf=np.inf).max(axis=1)
    feeds = fresh.pick(np.argsort(-apart)[:REQUESTS].tolist(), n_rows)
    user, basket, allowed = (torch.from_numpy(feeds[k]) for k in ("user", "basket", "allowed"))
    values: dict[str, Tensor] = {}
    with torch.no_grad():
        if isinstance(model, Mlp):
            values["user_vector"] = model.user_vector(user[:, 0], basket)
        else:
            values["share"] = model.pooling_weights(basket)
            watched: dict[str, nn.Module] = {"user_vector": model.user}
            if model.encoder is not None:
                watched["bend"] = model.encoder
            constants = model.item_vectors(), model.serving_bias()
            values["shopper"], scores = _watch(
                watched, values, lambda: model.retrieve(user[:, 0], basket, *constants)
            )
            scores = scores.masked_fill(~allowed, -torch.inf)
            scores[:, 0] = -torch.inf
            values["permitted"] = scores
        values["item"], values["score"] = model.serve(user, basket, allowed, fresh.item.shape[1])
    return _first(graph, feeds, values)


def _first(graph: bytes, feeds: Feeds, values: Mapping[str, Tensor]) -> str:
    recorded = record_values(graph, {name: value.numpy() for name, value in values.items()})
    fp32 = Variant(FP32, "", len(graph), 1.0, {}, None)
    checks = compare_layers(graph, feeds, recorded, fp32, "cpu")
    diverging = first_diverging(checks)
    if diverging is None:
        return f"no node that torch knows differs in {len(next(iter(feeds.values())))} requests"
    said = f"first diverging node: {diverging.node!r} ({diverging.op_type})"
    before = checks[: checks.index(diverging)]
    return f"{said}, behind {before[-1].node!r}, which agrees" if before else said


def _watch(
    modules: Mapping[str, nn.Module], found: dict[str, Tensor], run: Callable[[], Any]
) -> Any:
    """Return what ``run`` answers, and add to ``found`` what each module put out meanwhile."""

    def keeping(name: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def keep(module: nn.Module, given: Any, output: Tensor) -> None:
            found[name] = output

        return keep

    handles = [module.register_forward_hook(keeping(name)) for name, module in modules.items()]
    try:
        return run()
    finally:
        for handle in handles:
            handle.remove()

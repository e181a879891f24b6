"""Requests that a fresh graph is held against torch with, and the golden ones that ship."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from runtime.golden import GeneratorGolden, RecommenderGolden, joined, pack_rules
from runtime.latent import draw_latents
from trainer.cases import Cases
from trainer.generator.model import Generator
from trainer.recommender.candidates import Candidates
from trainer.recommender.saved import TrainedRecommender

BATCH = 128
HELD_OUT = 20_000  # cases of the held-out evaluation that are compared, at most
GAP = 1e-4  # retrieval scores closer than this may change places between programs
LISTED = 20_000  # rows that the rule of a golden request may name; more would fill the bundle
MAX_MASK_CELLS = 500_000_000  # requests times catalogue rows, to bound the time of an export


def fresh_requests(
    trained: TrainedRecommender, count: int, top_k: int, seed: int
) -> RecommenderGolden:
    """Draw requests of every tier under every kind of rule, and let torch answer them.

    First come the cases of the held-out evaluation, as it asks them, which the NDCG is measured
    on: all of them, up to 20,000. Then half of ``count`` random shoppers and baskets under random
    stock, short lists and no rule at all. A request whose last candidate is a tie within 1e-4 has
    more than one right answer and is left out.

    Args:
        trained: the model and its data.
        count: requests wanted; fewer are drawn on a large catalogue.
        top_k: length of an answer.
        seed: the same requests for the same seed.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    data = trained.data
    affordable = max(16, MAX_MASK_CELLS // data.n_rows)
    n_drawn = min(count, affordable) // 2
    known = data.test if len(data.test) else _last_purchases(trained)
    cases = known.sample(min(HELD_OUT, affordable - n_drawn), seed)
    user = rng.integers(0, len(data.user_ids) + 1, n_drawn)
    user *= rng.random(n_drawn) < 0.5
    basket = _random_baskets(rng, n_drawn, trained.max_basket, data.n_rows)
    masks = _random_masks(rng, n_drawn, data.n_rows)
    asked = Candidates(data.n_rows, hide_context=not trained.config.data.repeat_purchases)
    parts = [
        _answered(
            trained,
            batch.user,
            batch.baskets(trained.max_basket),
            batch.target_items[batch.target_offsets[:-1]],
            allowed,
            top_k,
        )
        for batch, allowed in asked.batches(cases)
    ]
    for start in range(0, n_drawn, BATCH):
        part = slice(start, start + BATCH)
        nothing = np.zeros(len(user[part]), np.int64)
        answered = _answered(trained, user[part], basket[part], nothing, masks[part], top_k)
        parts.append(answered)
    return joined(parts)


def _last_purchases(trained: TrainedRecommender) -> Cases:
    """Use known shoppers' last purchases as cases, where the split left none to test."""
    data = trained.data
    sizes = np.diff(data.history_offsets)[1:]
    users = np.flatnonzero(sizes) + 1  # a single purchase is asked for with no history
    last = data.history_offsets[users + 1] - 1
    parts = [
        data.history_items[data.history_offsets[u] : e] for u, e in zip(users, last, strict=True)
    ]
    offsets = np.cumsum([0, *map(len, parts)], dtype=np.int64)
    context = np.concatenate([np.zeros(0, np.int64), *parts])
    one_each = np.arange(len(users) + 1, dtype=np.int64)
    return Cases(users, offsets, context, one_each, data.history_items[last])


def _random_baskets(rng: np.random.Generator, n: int, max_basket: int, n_rows: int) -> np.ndarray:
    basket = rng.integers(1, n_rows, (n, max_basket))
    size = rng.integers(0, max_basket + 1, (n, 1))
    basket[np.arange(max_basket) < max_basket - size] = 0
    return basket


def _random_masks(rng: np.random.Generator, n: int, n_rows: int) -> np.ndarray:
    """Draw rules in turn: everything, a share of the stock, a list shorter than an answer."""
    masks = np.ones((n, n_rows), bool)
    for number, mask in enumerate(masks):
        if number % 3 == 1:
            mask[:] = rng.random(n_rows) < rng.random()
        elif number % 3 == 2:
            mask[:] = False
            mask[rng.integers(1, n_rows, 8)] = True
    return masks


def _answered(
    trained: TrainedRecommender,
    user: np.ndarray,
    basket: np.ndarray,
    target: np.ndarray,
    allowed: np.ndarray,
    top_k: int,
) -> RecommenderGolden:
    """Let torch answer a batch; ``allowed`` is bool [batch, n_rows]."""
    with torch.inference_mode():
        request = (
            torch.from_numpy(user[:, None]),
            torch.from_numpy(basket),
            torch.from_numpy(allowed),
        )
        item, score = trained.model.serve(*request, top_k)
        clear = (trained.model.boundary_gap(*request, top_k) > GAP).numpy()
    only, rule_offsets, rule_rows = pack_rules(allowed[clear])
    return RecommenderGolden(
        user=user[clear],
        basket=basket[clear],
        target=target[clear],
        only=only,
        rule_offsets=rule_offsets,
        rule_rows=rule_rows,
        item=item.numpy()[clear],
        score=score.numpy()[clear],
    )


def golden_requests(fresh: RecommenderGolden, count: int, seed: int) -> RecommenderGolden:
    """Choose some of the fresh requests to ship, two thirds of them held-out cases.

    Cases whose target torch lists come first, for the others say nothing of NDCG: over a hundred
    cases of which a tenth are hits, one item that changes places is worth several per cent of it.
    Random stock of a large catalogue, which takes megabytes to name, is left to the fresh ones.

    Args:
        fresh: requests and torch's answers.
        count: requests wanted; there are fewer where ``fresh`` has not as many of a kind.
        seed: the same requests for the same seed.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    listed = (fresh.item == fresh.target[:, None]).any(axis=1)
    short = np.diff(fresh.rule_offsets) <= LISTED
    held_out = np.flatnonzero((fresh.target > 0) & short)
    others = np.flatnonzero((fresh.target == 0) & short)
    held_out = rng.permutation(held_out)
    held_out = held_out[np.argsort(~listed[held_out], kind="stable")][: count * 2 // 3]
    others = rng.permutation(others)[: count - count * 2 // 3]
    chosen = np.concatenate([held_out, others])
    parts = [
        fresh.rule_rows[fresh.rule_offsets[row] : fresh.rule_offsets[row + 1]] for row in chosen
    ]
    return replace(
        fresh,
        user=fresh.user[chosen],
        basket=fresh.basket[chosen],
        target=fresh.target[chosen],
        only=fresh.only[chosen],
        rule_offsets=np.cumsum([0, *map(len, parts)], dtype=np.int64),
        rule_rows=np.concatenate(parts),
        item=fresh.item[chosen],
        score=fresh.score[chosen],
    )


def fresh_pictures(
    generator: Generator, count: int, seed: int, *, drawn_batch: int = 64
) -> GeneratorGolden:
    """Draw latents over all categories in turn, and let torch paint them."""
    z = draw_latents(seed, count, generator.z_dim)
    category = (np.arange(count) % generator.n_categories)[:, None]
    images = []
    for start in range(0, count, drawn_batch):
        part = slice(start, start + drawn_batch)
        with torch.inference_mode():
            image = generator(torch.from_numpy(z[part]), torch.from_numpy(category[part, 0]))
            images.append(generator.to_uint8(image).numpy())
    return GeneratorGolden(z=z, category=category, image=np.concatenate(images))


def first_pictures(fresh: GeneratorGolden, count: int) -> GeneratorGolden:
    """Choose the first pictures to ship; the categories take turns, so all are among them."""
    return GeneratorGolden(fresh.z[:count], fresh.category[:count], fresh.image[:count])

"""Requests that a fresh graph is held against torch with, and the golden ones that ship."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from runtime.golden import GeneratorGolden, RecommenderGolden, pack_rules
from trainer.cases import Cases
from trainer.generator.model import Generator
from trainer.recommender.saved import TrainedRecommender

BATCH = 128
GAP = 1e-4  # retrieval scores closer than this may change places between programs
MAX_MASK_CELLS = 500_000_000  # requests times catalogue rows, to bound the time of an export


def fresh_requests(
    trained: TrainedRecommender, count: int, top_k: int, seed: int
) -> RecommenderGolden:
    """Draw requests of every tier under every kind of rule, and let torch answer them.

    Half are held-out cases with the seen filter, which the NDCG is measured on; the other half are
    random shoppers and baskets under random stock, short lists and no rule at all. A request whose
    last candidate is a tie within 1e-4 has more than one right answer and is left out.

    Args:
        trained: the model and its data.
        count: requests wanted; fewer are drawn on a large catalogue.
        top_k: length of an answer.
        seed: the same requests for the same seed.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    data = trained.data
    count = max(16, min(count, MAX_MASK_CELLS // data.n_rows))
    cases = (data.test if len(data.test) else _last_purchases(trained)).sample(count // 2, seed)
    n = len(cases) + count - count // 2
    user = np.zeros(n, np.int64)
    basket = np.zeros((n, trained.max_basket), np.int64)
    target = np.zeros(n, np.int64)
    user[: len(cases)] = cases.user
    basket[: len(cases)] = cases.baskets(trained.max_basket)
    target[: len(cases)] = cases.target_items[cases.target_offsets[:-1]]
    drawn = slice(len(cases), n)
    user[drawn] = rng.integers(0, len(data.user_ids) + 1, n - len(cases))
    user[drawn] *= rng.random(n - len(cases)) < 0.5
    basket[drawn] = _random_baskets(rng, n - len(cases), trained.max_basket, data.n_rows)
    masks = _case_masks(cases, data.n_rows) + _random_masks(rng, n - len(cases), data.n_rows)
    return _answered(trained, user, basket, target, masks, top_k)


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


def _case_masks(cases: Cases, n_rows: int) -> list[np.ndarray]:
    masks = []
    for case in range(len(cases)):
        mask = np.ones(n_rows, bool)
        mask[cases.context(case)] = False
        mask[cases.targets(case)] = True
        masks.append(mask)
    return masks


def _random_masks(rng: np.random.Generator, n: int, n_rows: int) -> list[np.ndarray]:
    """Draw rules in turn: everything, a share of the stock, a list shorter than an answer."""
    masks = []
    for number in range(n):
        mask = np.ones(n_rows, bool)
        if number % 3 == 1:
            mask = rng.random(n_rows) < rng.random()
        elif number % 3 == 2:
            mask[:] = False
            mask[rng.integers(1, n_rows, 8)] = True
        masks.append(mask)
    return masks


def _answered(
    trained: TrainedRecommender,
    user: np.ndarray,
    basket: np.ndarray,
    target: np.ndarray,
    masks: list[np.ndarray],
    top_k: int,
) -> RecommenderGolden:
    items, scores, gaps = [], [], []
    for start in range(0, len(user), BATCH):
        part = slice(start, start + BATCH)
        with torch.inference_mode():
            request = (
                torch.from_numpy(user[part, None]),
                torch.from_numpy(basket[part]),
                torch.from_numpy(np.stack(masks[part])),
            )
            item, score = trained.model.serve(*request, top_k)
            gaps.append(trained.model.boundary_gap(*request, top_k).numpy())
        items.append(item.numpy())
        scores.append(score.numpy())
    clear = np.concatenate(gaps) > GAP
    only, rule_offsets, rule_rows = pack_rules(
        mask for mask, kept in zip(masks, clear, strict=True) if kept
    )
    return RecommenderGolden(
        user=user[clear],
        basket=basket[clear],
        target=target[clear],
        only=only,
        rule_offsets=rule_offsets,
        rule_rows=rule_rows,
        item=np.concatenate(items)[clear],
        score=np.concatenate(scores)[clear],
    )


def golden_requests(fresh: RecommenderGolden, count: int, seed: int) -> RecommenderGolden:
    """Choose some of the fresh requests to ship, half of them held-out cases, in drawn order."""
    rng = np.random.Generator(np.random.PCG64(seed))
    held_out, others = np.flatnonzero(fresh.target), np.flatnonzero(fresh.target == 0)
    chosen = np.concatenate(
        [rng.permutation(rows)[: count // 2] for rows in (held_out, others) if len(rows)]
    )
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
    rng = np.random.Generator(np.random.PCG64(seed))
    z = rng.standard_normal((count, generator.z_dim), dtype=np.float32)
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

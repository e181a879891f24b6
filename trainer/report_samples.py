"""What a report shows of the recommender at work: what is recommended to whom, by title."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from trainer.recommender.evaluate import rank_cases, torch_recommend
from trainer.recommender.saved import SavedData, TrainedRecommender
from trainer.recommender.yardsticks import Recommend

SHOWN = 5  # shoppers, baskets, last items and recommendations


@dataclass(frozen=True)
class ShownItem:
    """One item as a person reads it; ``taken`` when it is what the shopper really took next."""

    item_id: str
    title: str
    taken: bool = False


@dataclass(frozen=True)
class Sample:
    """A shopper's newest items, what is recommended, and what was really taken.

    Attributes:
        earlier: number of known items in all, of which ``given`` are the newest, oldest first.
        given: the items the recommendation is for.
        recommended: best first.
        next: what was really taken; empty for a made-up basket.
    """

    earlier: int
    given: tuple[ShownItem, ...]
    recommended: tuple[ShownItem, ...]
    next: tuple[ShownItem, ...] = ()


def shopper_samples(trained: TrainedRecommender) -> list[Sample]:
    """Recommend for test cases drawn by the split's seed, known shoppers if there are any.

    Shoppers stay without their ids: a report gets passed around.
    """
    data = trained.data
    known = np.flatnonzero(data.test.user > 0)
    cases = data.test.take(known) if len(known) else data.test
    cases = cases.sample(SHOWN, trained.config.split.seed)
    if len(cases) == 0:
        return []
    ranked = rank_cases(
        _recommend(trained),
        cases,
        n_rows=data.n_rows,
        max_basket=trained.max_basket,
        hide_context=not trained.config.data.repeat_purchases,
    )
    samples = []
    for case, rows in enumerate(ranked):
        context, targets = cases.context(case), cases.targets(case)
        samples.append(
            Sample(
                earlier=len(context),
                given=_items(data, context[-SHOWN:]),
                recommended=_items(data, rows, targets),
                next=_items(data, targets),
            )
        )
    return samples


def basket_samples(trained: TrainedRecommender) -> list[Sample]:
    """Recommend to nobody in particular who holds one or two of the most bought items."""
    data = trained.data
    popular = np.argsort(-data.counts, kind="stable")
    popular = popular[data.counts[popular] > 0]
    parts = [popular[start:end] for start, end in ((0, 1), (1, 2), (2, 3), (3, 5), (5, 7))]
    held = [part for part in parts if len(part)]
    basket = np.zeros((len(held), trained.max_basket), np.int64)  # [n, max_basket]
    allowed = np.ones((len(held), data.n_rows), bool)
    allowed[:, 0] = False
    for row, items in enumerate(held):
        newest = items[-trained.max_basket :]
        basket[row, -len(newest) :] = newest
        allowed[row, items] = False
    ranked = _recommend(trained)(np.zeros((len(held), 1), np.int64), basket, allowed)
    return [
        Sample(earlier=len(items), given=_items(data, items), recommended=_items(data, rows))
        for items, rows in zip(held, ranked, strict=True)
    ]


def _recommend(trained: TrainedRecommender) -> Recommend:
    return torch_recommend(trained.model, torch.device("cpu"), k=SHOWN)


def _items(
    data: SavedData, rows: np.ndarray, taken: np.ndarray | None = None
) -> tuple[ShownItem, ...]:
    items, right = data.items, set() if taken is None else set(taken.tolist())
    return tuple(
        ShownItem(items.item_ids[row - 1], items.titles[row - 1], row in right)
        for row in rows.tolist()
        if row > 0
    )

"""What a report shows of the models at work: recommendations by title, pictures by epoch."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from trainer.recommender.evaluate import rank_cases, torch_recommend
from trainer.recommender.saved import SavedData, TrainedRecommender
from trainer.recommender.yardsticks import Recommend

SHOWN = 5  # shoppers, baskets, last items and recommendations
EPOCHS_SHOWN = 4
CELL_PX, STRIP_CELL_PX, STRIP_PX = 112, 64, 200  # on the page: a picture, one epoch of the strip


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


@dataclass(frozen=True)
class ShownGrid:
    """A sample grid on the page.

    Attributes:
        epoch: after which it was drawn.
        source: data URI of the PNG.
        width_px: width on the page, a whole multiple of the picture's own.
        height_px: height on the page.
    """

    epoch: int
    source: str
    width_px: int
    height_px: int


def grid_epochs(samples: Path, best: int) -> list[int]:
    """Choose up to four epochs that have a grid: the first, the best, the last and one between."""
    there = sorted(int(path.stem.removeprefix("epoch-")) for path in samples.glob("epoch-*.png"))
    if len(there) <= EPOCHS_SHOWN:
        return there
    places = np.linspace(0, len(there) - 1, EPOCHS_SHOWN).round().astype(int).tolist()
    chosen = [there[place] for place in places]
    if best in there and best not in chosen:
        nearest = min(chosen[1:-1], key=lambda epoch: abs(epoch - best))
        chosen[chosen.index(nearest)] = best
    return sorted(chosen)


def shown_grid(samples: Path, epoch: int, image_size: int, *, strip: bool) -> ShownGrid:
    """Read one epoch's grid; for the strip of epochs only its first columns."""
    with Image.open(samples / f"epoch-{epoch:03d}.png") as stored:
        grid = stored.copy()
    scale = max(1, (STRIP_CELL_PX if strip else CELL_PX) // image_size)
    if strip:
        columns = max(1, STRIP_PX // (scale * image_size))
        grid = grid.crop((0, 0, min(grid.width, columns * image_size), grid.height))
    buffer = io.BytesIO()
    grid.save(buffer, format="PNG", optimize=True)
    encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
    uri = f"data:image/png;base64,{encoded}"
    return ShownGrid(epoch, uri, grid.width * scale, grid.height * scale)

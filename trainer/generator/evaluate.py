"""How far generated pictures are from real ones they were not trained on, after every epoch.

Pictures are described by a small classifier of the shop's own (:mod:`trainer.generator.judge`), and
for each category the energy distance between generated and real pictures is taken: Székely and
Rizzo, "Energy statistics" (2013). It is 0 for one distribution however few pictures there are,
unlike a Fréchet distance, which small samples make larger.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.latent import draw_latents
from trainer.generator.distances import Features
from trainer.generator.held_out import HeldOut
from trainer.generator.judge import Judge
from trainer.generator.model import Generator
from trainer.generator.samples import sample_images
from trainer.images import ImageSet

FEWEST_GENERATED, MOST_GENERATED, MOST_REAL = 32, 512, 512  # pictures per category


class Validation:
    """Compares a generator with the same real pictures after every epoch.

    Args:
        images: the whole set.
        split: which of it trained and which is held out; where nothing is, training pictures are
            compared with.
        judge: describes pictures.
        seed: of the choice of pictures where there are more than are compared.

    Attributes:
        against: "held-out pictures", or "training pictures" when there are too few to hold out.
        floor: the same number for real training pictures in place of generated ones, the least that
            can be hoped for; None when nothing is held out.
        n_generated: pictures generated per category.
    """

    def __init__(self, images: ImageSet, split: HeldOut, judge: Judge, seed: int) -> None:
        self._split, self._judge, self._categories = split, judge, images.categories
        draws = np.random.Generator(np.random.PCG64(seed))
        train, held_out = draws.permutation(split.train), draws.permutation(split.held_out)
        real = held_out if len(held_out) else train
        features = self._embed_by_category(images, real, MOST_REAL)
        self._real = {row: found for row, found in features.items() if len(found) > 1} or features
        most = max(len(found) for found in self._real.values())
        self.n_generated = min(max(2 * most, FEWEST_GENERATED), MOST_GENERATED)
        self.against = "held-out pictures" if len(held_out) else "training pictures"
        self.floor: float | None = None
        if len(held_out):
            yardstick = self._embed_by_category(images, train, self.n_generated)
            self.floor = _mean(
                {row: energy_distance(yardstick[row], real) for row, real in self._real.items()}
            )

    def evaluate(self, generator: Generator, seed: int) -> dict[str, Any]:
        """Compare pictures generated from a fixed z with the real ones, per category.

        Returns:
            JSON-able metrics with protocol and counts; ``value`` is the mean over categories, lower
            is better.
        """
        z = draw_latents(seed, self.n_generated, generator.z_dim)
        per_category = {}
        for row, real in self._real.items():
            drawn = sample_images(generator, z, np.full(len(z), row, dtype=np.int64))
            per_category[row] = energy_distance(self._judge.embed(drawn), real)
        return {
            "metric": "energy distance of a classifier's maps",
            "unit": "standard deviations of real pictures, lower is better",
            "value": _mean(per_category),
            "real_against_real": self.floor,
            "per_category": {self._categories[row]: value for row, value in per_category.items()},
            "protocol": "energy distance between generated and real pictures as described by the "
            "maps of a classifier trained on the training pictures, mean over categories, against "
            f"{self.against}; the epoch was chosen by it",
            "training_pictures": len(self._split.train),
            "held_out_pictures": len(self._split.held_out),
            "generated_pictures": self.n_generated * len(per_category),
        }

    def _embed_by_category(
        self, images: ImageSet, rows: NDArray[np.int64], most: int
    ) -> dict[int, Features]:
        """Describe the first ``most`` pictures of each category that ``rows`` has."""
        by_category = {
            row: rows[images.category[rows] == row][:most] for row in range(len(images.categories))
        }
        return {
            row: self._judge.embed(images.pixels[mine])
            for row, mine in by_category.items()
            if len(mine)
        }


def energy_distance(a: Features, b: Features) -> float:
    """Compare two samples [n, d] and [m, d]: 2 E|a - b| - E|a - a'| - E|b - b'|, unbiased.

    0 in expectation when both come from one distribution, so it can be slightly negative.
    """
    return 2 * float(_distances(a, b).mean()) - _spread(a) - _spread(b)


def _spread(a: Features) -> float:
    pairs = len(a) * (len(a) - 1)
    return float(_distances(a, a).sum() / pairs) if pairs else 0.0


def _distances(a: Features, b: Features) -> Features:
    squared = (a**2).sum(1)[:, None] + (b**2).sum(1)[None, :] - 2 * a @ b.T  # [n, m]
    distances: Features = np.sqrt(np.maximum(squared, 0))
    if a is b:
        np.fill_diagonal(distances, 0)
    return distances


def _mean(values: dict[int, float]) -> float:
    return float(np.mean(list(values.values())))

"""How far generated pictures are from real ones they were not trained on, after every epoch.

Pictures are described by the features of a small classifier of the shop's own categories
(:mod:`trainer.generator.classifier`), which is trained before the generator, on the same pictures.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from runtime.latent import draw_latents
from trainer.generator.classifier import Classifier
from trainer.generator.distances import Features, frechet_distance
from trainer.generator.features import classifier_features
from trainer.generator.held_out import HeldOut
from trainer.generator.model import Generator
from trainer.generator.samples import sample_images
from trainer.generator.shares import counts_in_shares, first_of_each
from trainer.images import ImageSet

MOST_REAL, MOST_GENERATED = 5_000, 5_000  # pictures compared
FEWEST_GENERATED = 64
SCALE_PICTURES = 2_048  # training pictures that the scale of features is measured on


class Validation:
    """Compares a generator with the same real pictures after every epoch.

    Generated pictures are of the real ones' categories, in the same shares.

    Args:
        images: the whole set.
        split: which of it trained and which is held out; where nothing is, training pictures are
            compared with.
        judge: whose features describe pictures.
        seed: of the choice of pictures where there are more than are compared.
        device: of the judge.

    Attributes:
        against: "held-out pictures", or "training pictures" when there are too few to hold out.
        floor: the same number for real training pictures in place of generated ones, the least that
            can be hoped for; None when nothing is held out.
    """

    def __init__(
        self,
        images: ImageSet,
        split: HeldOut,
        judge: Classifier,
        seed: int,
        device: torch.device,
    ) -> None:
        self._split, self._categories = split, images.categories
        draws = np.random.Generator(np.random.PCG64(seed))
        train, held_out = draws.permutation(split.train), draws.permutation(split.held_out)
        self._space = classifier_features(judge, images.pixels[train[:SCALE_PICTURES]], device)
        real = (held_out if len(held_out) else train)[:MOST_REAL]
        self._real_category = images.category[real]
        self._real = self._space.embed(images.pixels[real])
        self.against = "held-out pictures" if len(held_out) else "training pictures"
        # Twice as many as real ones: their own chance is then the smaller part of the figure's.
        times = -(-min(max(2 * len(real), FEWEST_GENERATED), MOST_GENERATED) // len(real))
        self._asked = np.repeat(self._real_category, times)
        self.floor: float | None = None
        if len(held_out):
            category, n_categories = images.category[train], len(images.categories)
            counts = counts_in_shares(category, self._asked, n_categories, len(self._asked))
            alike = train[first_of_each(category, counts)]
            embedded = self._space.embed(images.pixels[alike])
            self.floor = _distance(embedded, self._real)

    def evaluate(self, generator: Generator, seed: int) -> dict[str, Any]:
        """Compare pictures generated from a fixed z with the real ones.

        Returns:
            JSON-able metrics with protocol and counts; ``value`` is the Fréchet distance of
            features, and ``per_category`` the energy distance of each category that has two real
            pictures to compare with. Lower is better.
        """
        z = draw_latents(seed, len(self._asked), generator.z_dim)
        drawn = self._space.embed(sample_images(generator, z, self._asked))
        per_category = {}
        for row, name in enumerate(self._categories):
            real = self._real[self._real_category == row]
            if len(real) > 1:
                per_category[name] = energy_distance(drawn[self._asked == row], real)
        return {
            "metric": "Fréchet distance",
            "unit": "features of variance 1, lower is better",
            "value": _distance(drawn, self._real),
            "real_against_real": self.floor,
            "per_category": per_category,
            "protocol": "Fréchet distance between generated and real pictures by the features of a "
            f"classifier trained on the training pictures, against {self.against}; the epoch was "
            "chosen by it",
            "training_pictures": len(self._split.train),
            "held_out_pictures": len(self._split.held_out),
            "generated_pictures": len(self._asked),
        }


def _distance(drawn: Features, real: Features) -> float:
    """Give the Fréchet distance; a lone picture stands for a Gaussian without variance."""
    alone = [np.repeat(one, 2, axis=0) if len(one) == 1 else one for one in (drawn, real)]
    return frechet_distance(*alone)


def energy_distance(a: Features, b: Features) -> float:
    """Compare two samples [n, d] and [m, d]: 2 E|a - b| - E|a - a'| - E|b - b'|, unbiased.

    Székely and Rizzo, "Energy statistics" (2013). 0 in expectation when both come from one
    distribution, however few there are, so it can be slightly negative.
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

"""What generated pictures are worth, measured without a downloaded network.

Beside every figure stand two yardsticks: real training pictures in place of generated ones, which
is the least that can be hoped for, and another generator, such as the seed's.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.generator.classifier import Classifier, classify, train_classifier_shown
from trainer.generator.distances import Features, frechet_distance, kernel_distance
from trainer.generator.features import FeatureSpace, classifier_features
from trainer.generator.neighbourhoods import K, compare_neighbourhoods, nearest
from trainer.generator.real import RealPictures
from trainer.generator.shares import first_of_each
from trainer.generator.subject import Draw
from trainer.picture import Pixels

TINY = 1e-12
_OF_ITS_OWN = 1  # beside the seed: under it alone, the classifier would be the judge of the run's


@dataclass(frozen=True)
class Figures:
    """How pictures compare with held-out real ones.

    Attributes:
        frechet: Fréchet distance of features; lower is better.
        kernel: kernel distance of features; lower is better, 0 in expectation for real pictures.
        precision: share of pictures among the real ones (k = 5), and so on for the next three; see
            :class:`~trainer.generator.neighbourhoods.Neighbourhoods`.
        recall: share of held-out pictures among these.
        density: real neighbourhoods around a picture, over k.
        coverage: share of held-out pictures' neighbourhoods that hold one of these.
        nearest_training: median distance to the nearest training picture, over the same of held-out
            pictures; far below 1, pictures are copies. None for training pictures.
        asked_category: share that the classifier assigns to the category that was asked for.
        per_category: the same by category, where there are any.
        trained_on: accuracy on held-out pictures of a classifier that was trained on these.
    """

    frechet: float
    kernel: float
    precision: float
    recall: float
    density: float
    coverage: float
    nearest_training: float | None
    asked_category: float
    per_category: dict[str, float]
    trained_on: float

    def to_json(self) -> dict[str, Any]:
        """Return the figures by name."""
        return asdict(self)


@dataclass(frozen=True)
class Drawn:
    """What one engine drew for the comparison.

    Attributes:
        pixels: uint8 [n, size, size, channels].
        category: int64 [n], what was asked for, category by category.
        embedded: float64 [n, d], its features.
    """

    pixels: Pixels
    category: NDArray[np.int64]
    embedded: Features


class Examiner:
    """Compares pictures with the real ones, always the same ones in the same way.

    The classifier is trained here, on the training pictures and from the seed; it is another one
    than a run of that seed chooses its epoch by.

    Args:
        real: training and held-out pictures.
        samples: pictures to compare, at most; as many as there are training pictures of each
            category in the shares of the held-out ones, so that the floor has as many.
        seed: of the classifiers, of z, and of which training pictures make the floor.
        device: where the networks run.
        space: features to compare by; those of the classifier if None.

    Attributes:
        real: the real pictures.
        space: the features in use.
        train_features: float64 [n_train, d].
        n_neighbourhoods: generated and held-out pictures whose neighbourhoods are compared, which
            must be equally many.
        classifier_accuracy: of the classifier, on training pictures and on held-out ones.
    """

    def __init__(
        self,
        real: RealPictures,
        *,
        samples: int,
        seed: int,
        device: torch.device,
        space: FeatureSpace | None = None,
    ) -> None:
        self.real, self._seed, self._device = real, seed, device
        self._classifier_seed = int(
            np.random.SeedSequence([seed, _OF_ITS_OWN]).generate_state(1)[0]
        )
        self._counts = real.matched_counts(samples)
        self._category = np.repeat(np.arange(len(self._counts)), self._counts)
        self._classifier = self._train("real", real.train, real.train_category)
        matched = self._matched_training()
        self.space = space or classifier_features(self._classifier, real.train[matched], device)
        self.train_features = self.space.embed(real.train)
        self._held_out = self.space.embed(real.held_out)
        self._matched = Drawn(
            real.train[matched], real.train_category[matched], self.train_features[matched]
        )
        # Not 0, so that features which see no difference at all make no division by it.
        self._held_out_reach = max(self._to_training(self._held_out), TINY)
        self.n_neighbourhoods = min(len(self._category), len(real.held_out))
        self.classifier_accuracy = {
            "training": self._recognised(self._matched.pixels, self._matched.category)[0],
            "held_out": self._recognised(real.held_out, real.held_out_category)[0],
        }

    @property
    def n_samples(self) -> int:
        """Pictures that are compared with the held-out ones."""
        return len(self._category)

    def floor(self) -> Figures:
        """Compare training pictures, as many as are drawn of each category."""
        held_out = self._recognised(self.real.held_out, self.real.held_out_category)
        accuracy = self.classifier_accuracy["held_out"]
        return self._figures(self._matched.embedded, None, held_out, accuracy)

    def draw(self, draw: Draw) -> Drawn:
        """Have an engine draw what is compared."""
        pixels = draw(self._seed, self._category)
        return Drawn(pixels, self._category, self.space.embed(pixels))

    def examine(self, name: str, draw: Draw, drawn: Drawn) -> Figures:
        """Compare what an engine drew, and train a classifier on as many again as really trained.

        Args:
            name: of the engine, for the progress.
            draw: the engine.
            drawn: what :meth:`draw` returned for it.
        """
        category = self.real.train_category
        taught = self._train(name, draw(self._seed + 1, category), category)
        right = classify(taught, self.real.held_out, self._device) == self.real.held_out_category
        return self._figures(
            drawn.embedded,
            self._to_training(drawn.embedded) / self._held_out_reach,
            self._recognised(drawn.pixels, drawn.category),
            float(right.mean()),
        )

    def _figures(
        self,
        embedded: Features,
        nearest_training: float | None,
        recognised: tuple[float, dict[str, float]],
        trained_on: float,
    ) -> Figures:
        draws = np.random.Generator(np.random.PCG64(self._seed))
        n = self.n_neighbourhoods
        real, compared = (draws.permutation(rows)[:n] for rows in (self._held_out, embedded))
        return Figures(
            frechet_distance(embedded, self._held_out),
            kernel_distance(embedded, self._held_out),
            **asdict(compare_neighbourhoods(real, compared, K)),
            nearest_training=nearest_training,
            asked_category=recognised[0],
            per_category=recognised[1],
            trained_on=trained_on,
        )

    def _train(self, name: str, pixels: Pixels, category: NDArray[np.int64]) -> Classifier:
        return train_classifier_shown(
            f"classifier of {name} pictures",
            pixels,
            category,
            len(self.real.categories),
            seed=self._classifier_seed,
            device=self._device,
        )

    def _matched_training(self) -> NDArray[np.int64]:
        order = np.random.Generator(np.random.PCG64(self._seed)).permutation(len(self.real.train))
        return order[first_of_each(self.real.train_category[order], self._counts)]

    def _to_training(self, embedded: Features) -> float:
        return float(np.median(nearest(embedded, self.train_features, 1)[1]))

    def _recognised(
        self, pixels: Pixels, category: NDArray[np.int64]
    ) -> tuple[float, dict[str, float]]:
        """Say which share of pictures the classifier assigns to their category, and of each."""
        right = classify(self._classifier, pixels, self._device) == category
        return float(right.mean()), {
            name: float(right[category == row].mean())
            for row, name in enumerate(self.real.categories)
            if (category == row).any()
        }

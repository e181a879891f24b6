"""What pictures are compared by while a generator trains: a small classifier's maps, all of them.

The shop's own categories teach it, so nothing is downloaded. Early maps see colour and texture,
late ones what tells categories apart; comparing perceptual features of several depths follows
Zhang, Isola, Efros, Shechtman and Wang, "The Unreasonable Effectiveness of Deep Features as a
Perceptual Metric" (CVPR 2018).
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trainer.generator.classifier import (
    Advance,
    Classifier,
    apply_in_batches,
    train_classifier,
)
from trainer.generator.distances import Features
from trainer.picture import Pixels

SCALE_PICTURES = 2048  # training pictures that each map's scale is measured on


class Judge(nn.Module):
    """Describes pictures by each map of a classifier, averaged over its places.

    Args:
        classifier: not trained any further.

    Attributes:
        classifier: what was given.
        scale: float32 [d], what each number is multiplied by: every map's numbers vary by 1 / maps
            together, so that no map outweighs another and the whole description varies by 1.
    """

    scale: Tensor

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier.requires_grad_(False)
        self.register_buffer("scale", torch.ones(sum(classifier.widths)))

    def forward(self, image: Tensor) -> Tensor:
        """Describe pictures.

        Args:
            image: float32 [batch, channels, image_size, image_size], -1 to 1.

        Returns:
            float32 [batch, d].
        """
        return torch.cat(self.classifier.maps(image), dim=1).float() * self.scale

    def embed(self, pixels: Pixels) -> Features:
        """Describe uint8 [n, size, size, channels]: float64 [n, d]."""
        return apply_in_batches(self, pixels, self.scale.device).astype(np.float64)

    def measure_scale(self, pixels: Pixels) -> None:
        """Set ``scale`` by training pictures, uint8 [n, size, size, channels]."""
        self.scale.fill_(1.0)
        variances = self.embed(pixels).var(0)
        widths = self.classifier.widths
        parts = np.split(variances, np.cumsum(widths)[:-1])
        # A map that is the same for all pictures, as with a single one, says nothing at any scale.
        scales = [1 / np.sqrt(len(parts) * part.sum() or 1.0) for part in parts]
        self.scale.copy_(torch.from_numpy(np.repeat(scales, widths)))


def untrained_judge(n_categories: int, image_size: int, channels: int) -> Judge:
    """Make a judge whose weights are to be loaded."""
    network = Classifier(n_categories=n_categories, image_size=image_size, channels=channels)
    return Judge(network).eval()


def train_judge(
    pixels: Pixels,
    category: NDArray[np.int64],
    n_categories: int,
    *,
    seed: int,
    device: torch.device,
    advance: Advance,
) -> Judge:
    """Train a judge; arguments as :func:`~trainer.generator.classifier.train_classifier` takes."""
    classifier = train_classifier(
        pixels, category, n_categories, seed=seed, device=device, advance=advance
    )
    judge = Judge(classifier).to(device).eval()
    chosen = np.random.Generator(np.random.PCG64(seed)).permutation(len(pixels))[:SCALE_PICTURES]
    judge.measure_scale(pixels[chosen])
    return judge

"""Small convolutional classifiers of a shop's own pictures: what quality is measured with.

They stand in for a network that would have to be downloaded: what tells the shop's categories apart
is what its pictures are compared by.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from trainer.device import seed_step
from trainer.generator.model import to_image
from trainer.picture import Pixels
from trainer.progress import TrainingProgress

WIDTH = 24  # channels of the first map
SMALLEST_SIDE = 4  # pixels of the last map, at least half of them
FULL_SIDES = (14, 16)  # maps that get a second convolution: fine enough to see, cheap enough
BATCH = 128
MOST_STEPS, MOST_EPOCHS = 4000, 30
LEARNING_RATE, WEIGHT_DECAY = 0.006, 0.01
SHIFT = 14  # pictures are shifted by up to a 14th of their side while it learns

GUIDE_WIDTH, GUIDE_KERNEL = 16, 5  # of Guide; its channels double to 64

Advance = Callable[[int, float | None], None]


class Classifier(nn.Module):
    """3x3 convolutions of stride 2, each with batch norm and ReLU, and a linear layer on top.

    Channels double from map to map, from 24 to at most 96.

    Attributes:
        n_features: numbers that :meth:`features` gives for a picture.
    """

    def __init__(self, *, n_categories: int, image_size: int, channels: int) -> None:
        super().__init__()
        self.layers, self.n_features = self._convolutions(image_size, channels)
        self.linear = nn.Linear(self.n_features, n_categories)

    def _convolutions(self, image_size: int, channels: int) -> tuple[nn.Sequential, int]:
        """Make the layers up to the last map, and say how many channels that has."""
        layers: list[nn.Module] = []
        side, before, after = image_size, channels, WIDTH
        while side > SMALLEST_SIDE:
            side = (side + 1) // 2
            for stride in (2, 1) if side in FULL_SIDES else (2,):
                layers.append(nn.Conv2d(before, after, 3, stride, padding=1, bias=False))
                layers += [nn.BatchNorm2d(after), nn.ReLU()]
                before, after = after, min(2 * after, 4 * WIDTH)
        return nn.Sequential(*layers), before

    def features(self, image: Tensor) -> Tensor:
        """Describe pictures by the last map, averaged over its places.

        Args:
            image: float32 [batch, channels, image_size, image_size], -1 to 1.

        Returns:
            float32 [batch, n_features], none below 0.
        """
        found: Tensor = self.layers(image).mean((2, 3))
        return found

    def forward(self, image: Tensor) -> Tensor:
        """Score every category: float32 [batch, n_categories], logits."""
        scores: Tensor = self.linear(self.features(image))
        return scores


class Guide(Classifier):
    """5x5 convolutions with batch norm and SiLU, each but for the last side max-pooled.

    The generator is guided by its features (:attr:`~.config.DcganConfig.classifier_matching`).
    Kernel, pooling and activation are other ones than :class:`Classifier` has, since a generator
    that is trained to please the kind of network that measures it looks better than it is.
    """

    def _convolutions(self, image_size: int, channels: int) -> tuple[nn.Sequential, int]:
        layers: list[nn.Module] = []
        side, before, after = image_size, channels, GUIDE_WIDTH
        while side > SMALLEST_SIDE:
            side = (side + 1) // 2
            layers += [
                nn.Conv2d(before, after, GUIDE_KERNEL, padding="same", bias=False),
                nn.BatchNorm2d(after),
                nn.SiLU(),
                nn.MaxPool2d(2, ceil_mode=True),
            ]
            before, after = after, min(2 * after, 4 * GUIDE_WIDTH)
        return nn.Sequential(*layers), before


def training_steps(n_pictures: int) -> int:
    """Return how many steps a classifier of so many pictures is trained: 30 epochs, 4,000 at most.

    A few thousand steps see 60,000 pictures nine times; longer training knows them by heart, and
    features that know their training pictures by heart set those apart from any others.
    """
    return min(MOST_STEPS, MOST_EPOCHS * max(1, n_pictures // BATCH))


def train_classifier(
    pixels: Pixels,
    category: NDArray[np.int64],
    n_categories: int,
    *,
    seed: int,
    device: torch.device,
    kind: type[Classifier] = Classifier,
    advance: Advance = lambda units, loss: None,
) -> Classifier:
    """Train a classifier; on the CPU a seed gives the same weights again.

    AdamW under a one-cycle rate (Smith and Topin, 2018).

    Args:
        pixels: uint8 [n, size, size, channels].
        category: int64 [n], below ``n_categories``.
        n_categories: how many there are, some perhaps without a picture here.
        seed: of weights, batches and shifts; torch's own random state is left as it was.
        device: where it is trained, and stays.
        kind: :class:`Classifier` or :class:`Guide`.
        advance: called with the pictures and, now and then, the loss of each step.

    Returns:
        The classifier in evaluation mode; its weights take no gradient any more.
    """
    n, size, _, channels = pixels.shape
    steps, batch = training_steps(n), min(BATCH, n)
    with torch.random.fork_rng():
        seed_step(seed, 0, 0)
        network = kind(n_categories=n_categories, image_size=size, channels=channels)
        network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimiser = torch.optim.AdamW(network.parameters(), weight_decay=WEIGHT_DECAY)
        rate = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, max_lr=LEARNING_RATE, total_steps=steps
        )
        draws = np.random.Generator(np.random.PCG64(seed))
        order, most = draws.permutation(n), max(1, size // SHIFT)
        for step in range(steps):
            if len(order) < batch:
                order = draws.permutation(n)
            rows, order = order[:batch], order[batch:]
            image = _shifted(to_image(pixels[rows], device), *draws.integers(-most, most + 1, 2))
            loss = F.cross_entropy(network(image), torch.from_numpy(category[rows]).to(device))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            rate.step()
            advance(batch, float(loss.detach()) if step % 20 == 0 else None)
    return network.eval().requires_grad_(False)


def train_classifier_shown(
    title: str,
    pixels: Pixels,
    category: NDArray[np.int64],
    n_categories: int,
    *,
    seed: int,
    device: torch.device,
    kind: type[Classifier] = Classifier,
) -> Classifier:
    """Do as :func:`train_classifier` does, under a progress bar of this title."""
    with TrainingProgress(title, training_steps(len(pixels)), unit="images") as bar:
        return train_classifier(
            pixels,
            category,
            n_categories,
            seed=seed,
            device=device,
            kind=kind,
            advance=bar.advance,
        )


def apply_in_batches(
    function: Callable[[Tensor], Tensor], pixels: Pixels, device: torch.device
) -> NDArray[np.float32]:
    """Give ``function`` of all pictures, float32 [n, d], without holding all their maps.

    Args:
        function: float32 [batch, channels, size, size] from -1 to 1 -> [batch, d].
        pixels: uint8 [n, size, size, channels].
        device: where it runs.
    """
    with torch.inference_mode():
        parts = [
            function(to_image(pixels[first : first + BATCH], device)).float().cpu().numpy()
            for first in range(0, len(pixels), BATCH)
        ]
    return np.concatenate(parts)


def classify(classifier: Classifier, pixels: Pixels, device: torch.device) -> NDArray[np.int64]:
    """Assign a category row to each picture: int64 [n]."""
    return apply_in_batches(classifier, pixels, device).argmax(1)


def _shifted(image: Tensor, down: int, right: int) -> Tensor:
    """Shift a batch of pictures; what comes in at an edge repeats the edge."""
    size, margin = image.shape[2], max(abs(down), abs(right))
    wide = F.pad(image, (margin,) * 4, mode="replicate")
    return wide[:, :, margin - down :, margin - right :][:, :, :size, :size]

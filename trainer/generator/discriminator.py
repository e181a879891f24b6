"""The discriminator: the generator mirrored, with a projection head for the category.

The projection head: Miyato and Koyama, "cGANs with Projection Discriminator" (ICLR 2018). The
auxiliary classifier: Odena, Olah and Shlens, "Conditional Image Synthesis with Auxiliary Classifier
GANs" (ICML 2017).
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

from trainer.generator.config import GeneratorConfig
from trainer.generator.model import FIRST_SIZE, initialise, layout

SLOPE = 0.2  # of LeakyReLU below zero


class Judgement(NamedTuple):
    """What a discriminator makes of pictures.

    Attributes:
        score: float32 [batch], logits: above 0 means a real picture of the category.
        named: float32 [batch, n_categories], logits: what each category has for it.
        features: float32 [batch, features], its last map, flattened.
    """

    score: Tensor
    named: Tensor
    features: Tensor


class Discriminator(nn.Module):
    """Tells real pictures from drawn ones.

    4x4 convolutions of stride 2 with LeakyReLU. The flattened last map feeds a linear layer, and
    its inner product with a vector of the category is added. A second linear layer names the
    category.

    Args:
        n_categories: vectors of the projection head.
        image_size: pixels on a side.
        channels: 1 or 3.
        width: channels of the first layer; every further one has twice as many.
        norm: "batch", batch norm on all layers but the first (Radford et al.); "spectral", every
            weight divided by its largest singular value; "none".
    """

    def __init__(
        self, *, n_categories: int, image_size: int, channels: int, width: int, norm: str
    ) -> None:
        super().__init__()
        hidden, padding = layout(image_size, width)
        widths = [channels, *hidden]
        batch = norm == "batch"
        self.convolutions = nn.ModuleList(
            [
                nn.Conv2d(
                    before,
                    after,
                    4,
                    stride=2,
                    padding=1 if index else padding,
                    bias=not batch or index == 0,
                )
                for index, (before, after) in enumerate(pairwise(widths))
            ]
        )
        self.norms = nn.ModuleList(
            [nn.BatchNorm2d(after) if batch else nn.Identity() for after in hidden[1:]]
        )
        features = hidden[-1] * FIRST_SIZE * FIRST_SIZE
        self.linear = nn.Linear(features, 1)
        self.projection = nn.Embedding(n_categories, features)
        self.classifier = nn.Linear(features, n_categories)
        initialise(self)
        if norm == "none":
            # Without a norm behind it, N(0, .02) would shrink the picture's traces layer by layer.
            for convolution in self.convolutions:
                nn.init.kaiming_normal_(convolution.weight, a=SLOPE)  # type: ignore[arg-type]
        if norm == "spectral":
            for module in (*self.convolutions, self.linear, self.projection, self.classifier):
                rescaled = SpectralNorm(module.weight)
                parametrize.register_parametrization(module, "weight", rescaled)

    def forward(self, image: Tensor, category: Tensor) -> Judgement:
        """Judge pictures.

        Args:
            image: float32 [batch, channels, image_size, image_size], -1 to 1.
            category: int64 [batch], what the pictures are said to show.
        """
        x = F.leaky_relu(self.convolutions[0](image), SLOPE)
        for convolution, norm in zip(self.convolutions[1:], self.norms, strict=True):
            x = F.leaky_relu(norm(convolution(x)), SLOPE)  # [batch, hidden, side, side]
        # Channels last, as they lie in memory: flattening copies nothing, there and back.
        x = x.permute(0, 2, 3, 1).flatten(1)  # [batch, features]
        features = x.float()
        score: Tensor = self.linear(x).squeeze(1) + (x * self.projection(category)).sum(1)
        return Judgement(score.float(), self.classifier(x).float(), features)


class SpectralNorm(nn.Module):
    """Divides a weight by its largest singular value, found by power iteration.

    Miyato, Kataoka, Koyama and Yoshida, "Spectral Normalization for Generative Adversarial
    Networks" (ICLR 2018). torch's own parametrization would iterate in bfloat16 under autocast.

    Args:
        weight: [outputs, ...]; what follows the first dimension is flattened.

    Attributes:
        left: float32 [outputs], the singular vector found so far; each forward pass in training
            mode takes one more step.
    """

    left: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.register_buffer("left", F.normalize(torch.randn(len(weight)), dim=0))

    def forward(self, weight: Tensor) -> Tensor:
        """Return the weight, of the same shape, with a largest singular value of about 1."""
        with torch.autocast(weight.device.type, enabled=False):
            matrix = weight.flatten(1)
            with torch.no_grad():
                right = F.normalize(matrix.T @ self.left, dim=0)
                left = F.normalize(matrix @ right, dim=0)
                if self.training:
                    self.left.copy_(left)
            return weight / (left @ matrix @ right)


def build_discriminator(config: GeneratorConfig, n_categories: int) -> Discriminator:
    """Make the discriminator of a config, with new weights from torch's current seed."""
    return Discriminator(
        n_categories=n_categories,
        image_size=config.images.image_size,
        channels=config.images.channels,
        width=config.dcgan.discriminator_width,
        norm=config.dcgan.discriminator_norm,
    )

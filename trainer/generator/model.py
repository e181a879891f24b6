"""The generator's network: the seed's DCGAN, conditional on the category.

Deep convolutional GAN: Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep
Convolutional Generative Adversarial Networks" (ICLR 2016).
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from runtime.errors import UnusableInput
from trainer.generator.config import IMAGE_SIZES, GeneratorConfig
from trainer.picture import Pixels

FIRST_SIZE = 4  # pixels on a side of the first feature map; every further layer doubles it
INIT_STD = 0.02


class Generator(nn.Module):
    """Draws pictures: z and a category's embedding through transposed convolutions to tanh.

    The first layer turns the vector into a 4x4 map; each further one is a 4x4 transposed
    convolution of stride 2 that doubles the side and halves the channels, down to ``width`` in the
    last hidden map. The last one pads more for 28 px, which cuts 2 pixels from each side of 32.
    With ``detail`` its map is hidden too, and a 3x3 convolution of that draws the picture, as
    Miyato et al. have it ("Spectral Normalization for Generative Adversarial Networks", ICLR 2018):
    a pixel that is the sum of four transposed kernels hardly follows textures finer than they are.
    Batch norm and ReLU follow every layer but the last.

    Args:
        n_categories: rows of the embedding.
        image_size: pixels on a side.
        channels: 1 or 3.
        z_dim: numbers in z.
        category_dim: numbers in a category's embedding.
        width: channels of the last hidden map below the picture's size.
        detail: channels of a hidden map of the picture's size; 0 for none.

    Attributes:
        embedding: category row -> [category_dim], N(0, 1) at first, the scale of z beside it.
        convolutions: the layers, first to last; only the last has a bias.
        norms: the batch norm after each layer but the last.
    """

    def __init__(
        self,
        *,
        n_categories: int,
        image_size: int,
        channels: int,
        z_dim: int,
        category_dim: int,
        width: int,
        detail: int = 0,
    ) -> None:
        super().__init__()
        self.n_categories, self.z_dim = n_categories, z_dim
        self.image_size, self.channels = image_size, channels
        hidden, padding = layout(image_size, width)
        hidden = hidden[::-1]  # most channels first
        self.embedding = nn.Embedding(n_categories, category_dim)
        self.convolutions = nn.ModuleList(
            [nn.ConvTranspose2d(z_dim + category_dim, hidden[0], FIRST_SIZE, bias=False)]
        )
        for before, after in pairwise(hidden):
            self.convolutions.append(
                nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False)
            )
        enlarged = nn.ConvTranspose2d(
            hidden[-1], detail or channels, 4, stride=2, padding=padding, bias=not detail
        )
        self.convolutions.append(enlarged)
        if detail:
            self.convolutions.append(nn.Conv2d(detail, channels, 3, padding=1))
        norms = [*hidden, detail] if detail else hidden
        self.norms = nn.ModuleList([nn.BatchNorm2d(after) for after in norms])
        initialise(self)
        nn.init.normal_(self.embedding.weight)

    @property
    def layers(self) -> list[tuple[nn.ConvTranspose2d | nn.Conv2d, nn.BatchNorm2d | None]]:
        """Each layer with its batch norm; the last has none, and tanh instead of ReLU."""
        norms = [*self.norms, None]
        return list(zip(self.convolutions, norms, strict=True))  # type: ignore[arg-type]

    def forward(self, z: Tensor, category: Tensor) -> Tensor:
        """Draw one picture for each row.

        Args:
            z: float32 [batch, z_dim].
            category: int64 [batch], category rows.

        Returns:
            float32 [batch, channels, image_size, image_size], -1 to 1.
        """
        vector = torch.cat([z, self.embedding(category)], dim=1)
        x: Tensor = vector[:, :, None, None]  # [batch, z_dim + category_dim, 1, 1]
        for convolution, norm in self.layers:
            x = convolution(x)  # [batch, hidden, side, side]
            x = torch.tanh(x) if norm is None else F.relu(norm(x))
        return x

    def scale_latents(self, scale: float) -> None:
        """Let z move what is drawn ``scale`` times as far from its category's usual picture.

        Below 1, pictures vary less and are surer of their category, as with the truncation of
        Brock, Donahue and Simonyan, "Large Scale GAN Training for High Fidelity Natural Image
        Synthesis" (ICLR 2019). The first layer is linear, so its weights take the scale in, and z
        stays N(0, 1) for who draws it.
        """
        with torch.no_grad():
            self.convolutions[0].weight[: self.z_dim].mul_(scale)  # type: ignore[index]

    @staticmethod
    def to_uint8(image: Tensor) -> Tensor:
        """Scale -1..1 to 0..255; the exported graph does exactly this, rounding halves to even.

        Args:
            image: float32 [batch, channels, height, width].

        Returns:
            uint8 [batch, height, width, channels].
        """
        levels = ((image.float() + 1) * 127.5).round().clamp(0, 255)
        return levels.to(torch.uint8).permute(0, 2, 3, 1)


def layout(image_size: int, width: int) -> tuple[list[int], int]:
    """Give the hidden channels, ``width`` (largest map) first, and the padding at the picture.

    28 px is 32 px without a border of 2: one more layer than halving 28 to 7 allows. The
    discriminator needs it: with two convolutions it sees 10 pixels at a time, with three 22.
    """
    if image_size not in IMAGE_SIZES:
        sizes = ", ".join(str(size) for size in IMAGE_SIZES)
        raise UnusableInput(f"images.image_size is {image_size}; it must be one of {sizes}")
    padded = FIRST_SIZE
    hidden: list[int] = []
    while padded < image_size:
        padded *= 2
        hidden.append(width << len(hidden))
    return hidden, 1 + (padded - image_size) // 2


def initialise(network: nn.Module) -> None:
    """Draw weights from N(0, .02), batch norm scales from N(1, .02), biases 0 (Radford et al.)."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, INIT_STD)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, 0.0, INIT_STD)
            if getattr(module, "bias", None) is not None:
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]


def build_generator(config: GeneratorConfig, n_categories: int) -> Generator:
    """Make the generator of a config, with new weights from torch's current seed."""
    return Generator(
        n_categories=n_categories,
        image_size=config.images.image_size,
        channels=config.images.channels,
        z_dim=config.dcgan.z_dim,
        category_dim=config.dcgan.category_dim,
        width=config.dcgan.generator_width,
        detail=config.dcgan.detail_width,
    )


def to_image(pixels: Pixels, device: torch.device) -> Tensor:
    """Turn uint8 [n, size, size, channels] into float32 [n, channels, size, size], -1 to 1."""
    return torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1

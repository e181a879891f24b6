"""Generators as the goals are stated for: full contrast without training, from a seed."""

from __future__ import annotations

import torch

from trainer.generator.model import Generator

SIZES = ((64, 3, 64), (32, 1, 64))  # pixels a side, channels, width
N_CATEGORIES, Z_DIM, CATEGORY_DIM = 10, 100, 16


def drawn_generator(image_size: int, channels: int, width: int) -> Generator:
    """Make a generator of full contrast from a seed, with measured batch norm."""
    torch.manual_seed(0)
    made = Generator(
        n_categories=N_CATEGORIES,
        image_size=image_size,
        channels=channels,
        z_dim=Z_DIM,
        category_dim=CATEGORY_DIM,
        width=width,
    )
    for norm in made.norms:
        norm.momentum = None  # type: ignore[assignment]  # the mean over all batches
    with torch.no_grad():
        for _ in range(4):
            made(torch.randn(64, Z_DIM), torch.randint(0, N_CATEGORIES, (64,)))
        made.convolutions[-1].weight.mul_(3)  # type: ignore[operator]
    return made.eval()

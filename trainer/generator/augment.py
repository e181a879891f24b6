"""Differentiable augmentation: real and drawn pictures are changed alike before they are judged.

Zhao, Liu, Lin, Zhu and Han, "Differentiable Augmentation for Data-Efficient GAN Training" (NeurIPS
2020): the discriminator cannot learn a small set by heart, and since gradients pass through the
changes, the generator does not learn to draw them. Karras, Aittala, Hellsten, Laine, Lehtinen and
Aila, "Training Generative Adversarial Networks with Limited Data" (NeurIPS 2020): where pictures
are many it pays to change only a share of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

MOST_SHIFT = 1 / 8  # of the side, each way
CUTOUT = 1 / 2  # of the side


def augment(image: Tensor, policy: Sequence[str], share: float = 1.0) -> Tensor:
    """Change pictures at random, each by draws of its own from torch's current state.

    Args:
        image: float32 [batch, channels, side, side], -1 to 1.
        policy: names of ``CHANGES``, applied in this order.
        share: probability that a picture gets a change; drawn for each change anew.

    Returns:
        float32, like ``image``; differentiable.
    """
    for name in policy:
        changed = CHANGES[name](image)
        if share < 1:  # no draw without need: it would change what a seed trains
            (draws,) = _uniform(image, 1)
            changed = torch.where(draws[:, None, None, None] < share, changed, image)
        image = changed
    return image


def _colour(image: Tensor) -> Tensor:
    """Change brightness by up to 0.5 each way, saturation by 0 to 2, contrast by 0.5 to 1.5."""
    brightness, saturation, contrast = _uniform(image, 3)[..., None, None, None]
    image = image + brightness - 0.5
    grey = image.mean(1, keepdim=True)  # a picture of one channel is its own grey: nothing changes
    image = grey + (image - grey) * (2 * saturation)
    mean = image.mean((1, 2, 3), keepdim=True)
    return mean + (image - mean) * (contrast + 0.5)


def _translation(image: Tensor) -> Tensor:
    """Shift by up to an eighth of the side; the border is continued, as plain backgrounds are.

    A shift is a product with a 0/1 matrix on either side: exact, and its gradient is one too.
    """
    down, right = _shifts(_uniform(image, 2), image.shape[2])
    return down[:, None] @ image @ right[:, None].transpose(2, 3)


def _shifts(draws: Tensor, side: int) -> Tensor:
    """Turn draws [2, batch] from 0 to 1 into float32 [2, batch, side, side] of one 1 a row."""
    most = round(side * MOST_SHIFT)
    offset = (draws * (2 * most + 1)).long() - most
    places = torch.arange(side, device=draws.device) + offset[..., None]  # [2, batch, side]
    return F.one_hot(places.clamp(0, side - 1), side).float()


def _cutout(image: Tensor) -> Tensor:
    """Set a square of half the side to mid-grey; its centre is anywhere, so it may stick out."""
    side = image.shape[2]
    length = round(side * CUTOUT)
    first = (_uniform(image, 2) * (side + 1 - length % 2)).long() - length // 2  # [2, batch]
    places = torch.arange(side, device=image.device)
    inside = (places >= first[..., None]) & (places < first[..., None] + length)
    down, right = inside  # [batch, side] each
    return image * ~(down[:, None, :, None] & right[:, None, None, :])


def _uniform(image: Tensor, count: int) -> Tensor:
    """Draw float32 [count, batch] from 0 to 1, where the pictures are."""
    return torch.rand(count, len(image), device=image.device)


CHANGES: dict[str, Callable[[Tensor], Tensor]] = {
    "colour": _colour,
    "translation": _translation,
    "cutout": _cutout,
}

"""What networks are trained to: cross-entropy or hinge, categories, R1, diversity, matching."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

GREY_LEVEL = 2 / 255  # of pictures from -1 to 1; real ones that differ by less are all alike
ALIKE = 1e-3  # root mean square difference of features, likewise


def discriminator_loss(kind: str, real: Tensor, drawn: Tensor) -> Tensor:
    """Compare the scores of real and of drawn pictures, float32 [batch] each.

    Args:
        kind: "bce", binary cross-entropy on logits where real pictures are 1 and drawn ones 0
            (Goodfellow et al., "Generative Adversarial Nets", 2014); "hinge", real scores are
            wanted above 1 and drawn ones below -1 (Lim and Ye, "Geometric GAN", 2017).
        real: scores of real pictures.
        drawn: scores of drawn ones.
    """
    if kind == "hinge":
        return F.relu(1 - real).mean() + F.relu(1 + drawn).mean()
    return F.softplus(-real).mean() + F.softplus(drawn).mean()


def generator_loss(kind: str, drawn: Tensor) -> Tensor:
    """Turn the scores of drawn pictures, float32 [batch], into what the generator makes small.

    "bce": cross-entropy to 1 (Goodfellow's non-saturating loss); "hinge": the negative mean score.
    """
    return -drawn.mean() if kind == "hinge" else F.softplus(-drawn).mean()


def category_loss(named: Tensor, category: Tensor, weight: float) -> Tensor | float:
    """Give the auxiliary classifier's loss: weight times its cross-entropy to the category.

    The discriminator learns it on real pictures, the generator on its own: pictures that could be
    of another category cost it something, however real they look.

    Args:
        named: float32 [batch, n_categories], logits.
        category: int64 [batch].
        weight: 0 for none.
    """
    return weight * F.cross_entropy(named, category) if weight else 0.0


def slope_penalty(score: Tensor, real: Tensor, weight: float) -> Tensor | float:
    """Give R1: weight / 2 times the mean over pictures of the score's squared slope.

    Mescheder, Geiger and Nowozin, "Which Training Methods for GANs do actually Converge?" (ICML
    2018).

    Args:
        score: float32 [batch], computed from ``real``.
        real: float32 [batch, channels, side, side], with ``requires_grad`` unless weight is 0.
        weight: 0 for no penalty.
    """
    if not weight:
        return 0.0
    (slope,) = torch.autograd.grad(score.sum(), real, create_graph=True)  # like real
    return weight / 2 * slope.float().square().sum((1, 2, 3)).mean()


def diversity_loss(drawn: Tensor, real: Tensor, category: Tensor, weight: float) -> Tensor | float:
    """Give weight times what a category's drawn pictures lack of the differences of real ones.

    Yang, Hong, Jang, Zhao and Lee, "Diversity-Sensitive Conditional Generative Adversarial
    Networks" (ICLR 2019), reward the distance of pictures that are drawn for one condition, up to a
    bound. Here the bound is that of the batch's real pictures of the category: it needs no
    choice, and nothing is gained by differing more.

    Args:
        drawn: float32 [batch, channels, side, side], for ``category``.
        real: like ``drawn``, of the same categories.
        category: int64 [batch].
        weight: 0 for none.

    Returns:
        weight times the mean over pictures of max(0, 1 - the ratio of their category's mean
        differences); a category that comes once, or whose real pictures are alike, lacks nothing.
    """
    if not weight:
        return 0.0
    alike, pairs = _same_category(category)
    apart, real_apart = (
        _category_means(_differences(images), alike, pairs) for images in (drawn, real)
    )
    lack = F.relu(1 - apart / real_apart.clamp(min=GREY_LEVEL))  # [batch]
    return weight * (lack * (real_apart > GREY_LEVEL)).mean()


def matching_loss(drawn: Tensor, real: Tensor, category: Tensor, weight: float) -> Tensor | float:
    """Give weight times how far drawn pictures of a category lie from real ones, in features.

    Feature matching (Salimans, Goodfellow, Zaremba, Cheung, Radford and Chen, "Improved Techniques
    for Training GANs", NIPS 2016), where not only the means are to match but the distributions: by
    the energy distance (Székely and Rizzo, "Energy statistics", 2013), twice the mean distance of a
    drawn picture from a real one, less those among drawn and among real ones. It is estimated
    without bias: drawing what is real costs nothing on average, and a single batch may give less
    than nothing.

    Args:
        drawn: float32 [batch, features], of pictures drawn for ``category``.
        real: like ``drawn``, of real pictures of the same categories; no slope is passed to it.
        category: int64 [batch].
        weight: 0 for none.

    Returns:
        weight times the mean over pictures of their category's energy distance over the mean
        distance of its real pictures; a category that comes once, or whose real pictures are alike,
        counts as 0.
    """
    if not weight:
        return 0.0
    alike, pairs = _same_category(category)
    distances = _differences(torch.cat([drawn, real.detach()]))
    n = len(category)
    across = _category_means(distances[:n, n:], alike, alike)
    among_drawn = _category_means(distances[:n, :n], alike, pairs)
    among_real = _category_means(distances[n:, n:], alike, pairs)
    energy = (2 * across - among_drawn - among_real) / among_real.clamp(min=ALIKE)  # [batch]
    return weight * (energy * (among_real > ALIKE)).mean()


def _same_category(category: Tensor) -> tuple[Tensor, Tensor]:
    """Mark with 1 who shares a category with whom: float32 [batch, batch], and without oneself."""
    alike = (category[:, None] == category).float()
    return alike, alike - torch.eye(len(alike), device=alike.device)


def _category_means(distances: Tensor, alike: Tensor, pairs: Tensor) -> Tensor:
    """Give every picture its category's mean of distances [batch, batch] over ``pairs``: [batch].

    0 for a category without pairs.
    """
    counts = (alike @ pairs.sum(1)).clamp(min=1)
    return alike @ (pairs * distances).sum(1) / counts


def _differences(images: Tensor) -> Tensor:
    """Give the root mean square difference of all pairs, [batch, batch], by one matrix product.

    Of pixels, it is what :func:`trainer.generator.diversity.spread` averages, here with a slope.
    Where pictures are alike, it leaves errors far below a grey level; there the slope is cut off.

    Args:
        images: float32 [batch, ...], pictures or features.
    """
    flat = images.flatten(1)
    squares = flat.square().mean(1)
    products = flat @ flat.T / flat.shape[1]
    return (squares[:, None] + squares - 2 * products).clamp(min=1e-8).sqrt()

"""One step of training: the discriminator's, then the generator's on the same drawn pictures."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from trainer.device import autocast
from trainer.generator.augment import augment
from trainer.generator.config import DcganConfig
from trainer.generator.losses import (
    category_loss,
    discriminator_loss,
    diversity_loss,
    generator_loss,
    matching_loss,
    slope_penalty,
)
from trainer.generator.state import Training


def train_step(
    training: Training,
    real: Tensor,
    category: Tensor,
    z: Tensor,
    dcgan: DcganConfig,
    done: float = 0.0,
) -> Tensor:
    """Change both networks once, and the moving average with them.

    Args:
        training: networks, optimisers and average, changed in place.
        real: float32 [batch, channels, size, size], -1 to 1.
        category: int64 [batch]; pictures are drawn for the same categories.
        z: float32 [batch, z_dim].
        dcgan: loss, weights, augmentation, and whether forward passes may be in bfloat16.
        done: which share of all steps lies behind, 0 to 1.

    Returns:
        float32 [2], the discriminator's loss and the generator's, without R1, the auxiliary loss,
        the loss of diversity and matching.
    """
    generator, discriminator = training.generator, training.discriminator
    real.requires_grad_(dcgan.r1 > 0)
    with autocast(z.device, mixed_precision=dcgan.mixed_precision, native=True):
        drawn = generator(z, category).float()
    share = dcgan.augment_share_at(done)
    changed = partial(augment, policy=dcgan.augment, share=share)
    shown = changed(real), changed(drawn.detach())
    with autocast(z.device, mixed_precision=dcgan.mixed_precision, native=True):
        of_real, of_drawn = (discriminator(image, category) for image in shown)
    naming = category_loss(of_real.named, category, dcgan.auxiliary)
    d_loss = discriminator_loss(dcgan.loss, of_real.score, of_drawn.score)
    training.discriminator_optimiser.zero_grad()
    (d_loss + naming + slope_penalty(of_real.score, real, dcgan.r1)).backward()
    training.discriminator_optimiser.step()

    # The generator's step needs no gradient of the discriminator's weights: a tenth of the time.
    discriminator.requires_grad_(False)
    shown_again = changed(drawn)
    with autocast(z.device, mixed_precision=dcgan.mixed_precision, native=True):
        of_drawn = discriminator(shown_again, category)
        if dcgan.feature_matching:  # the weights have changed since the real pictures were judged
            of_real = discriminator(shown[0].detach(), category)
    g_loss = generator_loss(dcgan.loss, of_drawn.score)
    training.generator_optimiser.zero_grad()
    naming = category_loss(of_drawn.named, category, dcgan.auxiliary)
    alikeness = diversity_loss(drawn, real.detach(), category, dcgan.diversity)
    unlikeness = matching_loss(
        of_drawn.features, of_real.features, category, dcgan.feature_matching
    )
    if dcgan.cools_at(done):
        unlikeness = unlikeness + _detail_loss(training, drawn, real.detach(), category, dcgan)
    (g_loss + naming + alikeness + unlikeness).backward()
    training.generator_optimiser.step()
    discriminator.requires_grad_(True)
    if training.average is not None:
        training.average.update(generator)
    return torch.stack([d_loss, g_loss]).detach()


def _detail_loss(
    training: Training, drawn: Tensor, real: Tensor, category: Tensor, dcgan: DcganConfig
) -> Tensor | float:
    """Match textures and what the guide sees in pictures, as far as either is wanted."""
    loss: Tensor | float = 0.0
    if training.textures is not None:
        described = training.textures(drawn), training.textures(real)
        loss = loss + matching_loss(*described, category, dcgan.texture_matching)
    if training.guide is not None:
        with autocast(drawn.device, mixed_precision=dcgan.mixed_precision, native=True):
            seen = training.guide.features(torch.cat([drawn, real]))
        of_drawn, of_real = seen.float().chunk(2)
        loss = loss + matching_loss(of_drawn, of_real, category, dcgan.classifier_matching)
    return loss

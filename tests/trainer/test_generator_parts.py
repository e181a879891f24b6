"""What a training step is made of: losses, norms, augmentation, average, batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from runtime.errors import UnusableInput
from trainer.device import autocast, describe_device
from trainer.generator.augment import CHANGES, augment
from trainer.generator.batches import epoch_rows
from trainer.generator.config import DcganConfig, GeneratorConfig, ImagesConfig
from trainer.generator.discriminator import SpectralNorm, build_discriminator
from trainer.generator.ema import MovingAverage, refresh_statistics
from trainer.generator.losses import (
    category_loss,
    discriminator_loss,
    diversity_loss,
    generator_loss,
    matching_loss,
    slope_penalty,
)
from trainer.generator.model import Generator
from trainer.options import from_mapping, to_mapping

# --- presets


def test_the_seed_preset_is_the_plain_dcgan() -> None:
    seed = DcganConfig(preset="seed")
    assert (seed.loss, seed.discriminator_norm, seed.r1) == ("bce", "batch", 0.0)
    assert (seed.augment, seed.ema_decay, seed.balance) == ((), 0.0, False)
    assert (seed.auxiliary, seed.cooldown, seed.learning_rate) == (0.0, 0.0, 2e-4)


def test_a_given_field_wins_over_the_preset() -> None:
    found = DcganConfig(preset="seed", ema_decay=0.9, augment=("cutout",))
    assert (found.ema_decay, found.augment, found.r1) == (0.9, ("cutout",), 0.0)
    assert DcganConfig(r1=0.0, balance=False).balance is False


def test_a_stored_config_spells_out_what_the_preset_filled() -> None:
    stored = to_mapping(DcganConfig(preset="seed"))
    assert stored["augment"] == []
    assert from_mapping(DcganConfig, stored) == DcganConfig(preset="seed")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"preset": "sead"}, "'preset' is 'sead'; it must be 'default' or 'seed'"),
        ({"augment": ("cutuot",)}, "'augment' names 'cutuot'; did you mean 'cutout'"),
        ({"augment": "cutout"}, "'augment' is 'cutout'; it must be of type list of str"),
        ({"discriminator_norm": "sn"}, "'batch', 'spectral' or 'none'"),
        ({"loss": "wgan"}, "'bce' or 'hinge'"),
        ({"ema_decay": 1.0}, "at most 0.99999"),
    ],
)
def test_a_wrong_value_is_named(values: dict[str, Any], words: str) -> None:
    with pytest.raises(UnusableInput, match=words):
        DcganConfig(**values)


def test_every_augmentation_a_config_may_name_is_there() -> None:
    assert DcganConfig(augment=tuple(CHANGES)).augment == ("colour", "translation", "cutout")


# --- losses


def test_losses_by_hand() -> None:
    real, drawn = torch.tensor([0.5, 2.0]), torch.tensor([-3.0, 0.0])
    # hinge: (0.5 + 0) / 2 + (0 + 1) / 2; the generator: -(-3 + 0) / 2
    assert float(discriminator_loss("hinge", real, drawn)) == pytest.approx(0.75)
    assert float(generator_loss("hinge", drawn)) == pytest.approx(1.5)


def test_cross_entropy_is_torchs() -> None:
    real, drawn = torch.tensor([0.5, 2.0, -4.0]), torch.tensor([-3.0, 0.0, 1.0])
    against = nn.BCEWithLogitsLoss()
    ones, zeros = torch.ones(3), torch.zeros(3)
    expected = against(real, ones) + against(drawn, zeros)
    torch.testing.assert_close(discriminator_loss("bce", real, drawn), expected)
    torch.testing.assert_close(generator_loss("bce", drawn), against(drawn, ones))


def test_category_loss_by_hand() -> None:
    named = torch.tensor([[0.0, 0.0], [np.log(3.0), 0.0]])
    # Of equal logits either is 1/2; log 3 against 0 is 3/4 and 1/4.
    expected = 0.5 * -(np.log(1 / 2) + np.log(1 / 4)) / 2
    assert float(category_loss(named, torch.tensor([0, 1]), 0.5)) == pytest.approx(expected)
    assert category_loss(named, torch.tensor([0, 1]), 0.0) == 0.0


def test_slope_penalty_by_hand() -> None:
    # score = 3 * sum of a picture: the slope is 3 at each of 4 pixels, squared and summed 36.
    real = torch.zeros(5, 1, 2, 2, requires_grad=True)
    score = 3 * real.sum((1, 2, 3))
    assert float(slope_penalty(score, real, 0.5)) == pytest.approx(0.5 / 2 * 36)
    assert slope_penalty(score, real, 0.0) == 0.0


def one_pixel(*levels: float) -> torch.Tensor:
    return torch.tensor(levels)[:, None, None, None]


def test_diversity_loss_by_hand() -> None:
    category = torch.tensor([0, 1, 0, 1, 0, 2])
    # Category 0: distances 2, 4, 2 drawn and 4, 8, 4 real, so half is lacking. Category 1: 3 drawn
    # and 1 real, nothing. Category 2 comes once. Three of six pictures lack a half.
    drawn = one_pixel(0.0, 0.0, 2.0, 3.0, 4.0, 9.0).requires_grad_()
    real = one_pixel(0.0, 5.0, 4.0, 6.0, 8.0, 1.0)
    loss = diversity_loss(drawn, real, category, 2.0)
    assert isinstance(loss, torch.Tensor)
    assert float(loss.detach()) == pytest.approx(2.0 * 3 * 0.5 / 6)
    loss.backward()
    assert drawn.grad is not None
    slope = drawn.grad.flatten()
    # Only the outermost pictures of category 0 change its sum, 16: each side of a pair counts.
    expected = torch.tensor([1.0, 0.0, 0.0, 0.0, -1.0, 0.0]) * (2.0 * 3 / 6 * 4 / 32)
    torch.testing.assert_close(slope, expected)
    assert diversity_loss(drawn, real, category, 0.0) == 0.0


def test_pictures_all_alike_lack_everything_and_real_ones_alike_ask_for_nothing() -> None:
    category, alike, differing = (
        torch.zeros(4).long(),
        torch.ones(4, 1, 2, 2),
        torch.rand(4, 1, 2, 2),
    )
    alike.requires_grad_()
    loss = diversity_loss(alike, differing, category, 1.0)
    assert isinstance(loss, torch.Tensor)
    assert float(loss.detach()) == pytest.approx(1.0, abs=0.01)
    loss.backward()
    assert alike.grad is not None
    assert bool(torch.isfinite(alike.grad).all())
    assert float(diversity_loss(differing, alike.detach(), category, 1.0)) == 0.0


def test_matching_loss_by_hand() -> None:
    category = torch.tensor([0, 1, 0, 2, 2])
    # Category 0: across 1, 5, 1, 3, among drawn 2, among real 4: (2 * 2.5 - 2 - 4) / 4 = -1/4.
    # Category 1 comes once. Category 2: across 2, 4, 3, 5, among drawn 1, among real 2, so 2. Two
    # of five pictures have the one and two the other.
    drawn = torch.tensor([[0.0], [9.0], [2.0], [0.0], [-1.0]]).requires_grad_()
    real = torch.tensor([[1.0], [0.0], [5.0], [2.0], [4.0]]).requires_grad_()
    loss = matching_loss(drawn, real, category, 3.0)
    assert isinstance(loss, torch.Tensor)
    assert float(loss.detach()) == pytest.approx(3.0 * (2 * -1 / 4 + 2 * 2) / 5)
    loss.backward()
    assert real.grad is None
    assert drawn.grad is not None
    # 0 lies 1 and 5 below its real pictures, 2 one above and three below: -1 and 0 for the mean of
    # four distances, twice, less -1 and 1 for the one distance among drawn pictures, over 4.
    # Both pictures of category 2 lie below both: -1 and -1, less 1 and -1, over 2.
    slopes = torch.tensor([(-1 + 1) / 4, 0, (0 - 1) / 4, (-1 - 1) / 2, (-1 + 1) / 2])
    torch.testing.assert_close(drawn.grad.flatten(), slopes * 3.0 * 2 / 5)
    assert matching_loss(drawn, real, category, 0.0) == 0.0


def test_matching_costs_nothing_on_average_where_drawn_pictures_are_like_real_ones() -> None:
    torch.manual_seed(0)
    category = torch.arange(60) % 10

    def mean_loss(centre: float, spread: float) -> float:
        """Over 200 batches; one category's distance errs by about 0.2, so the mean by 0.005."""
        losses = [
            matching_loss(centre + spread * torch.randn(60, 16), torch.randn(60, 16), category, 1.0)
            for _ in range(200)
        ]
        return float(torch.tensor(losses).mean())

    assert mean_loss(0.0, 1.0) == pytest.approx(0.0, abs=0.02)
    assert mean_loss(1.0, 1.0) > 0.2  # elsewhere
    assert mean_loss(0.0, 0.3) > 0.1  # too much alike
    assert mean_loss(0.0, 2.0) > 0.1  # too different


def test_matching_asks_nothing_where_real_pictures_are_alike() -> None:
    category = torch.zeros(4).long()
    alike, differing = torch.ones(4, 3), torch.rand(4, 3).requires_grad_()
    loss = matching_loss(differing, alike, category, 1.0)
    assert isinstance(loss, torch.Tensor)
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert differing.grad is not None
    assert bool((differing.grad == 0).all())


# --- the discriminator's norms


def test_spectral_norm_finds_the_largest_singular_value() -> None:
    torch.manual_seed(0)
    weight = torch.randn(6, 3, 2, 2)
    norm = SpectralNorm(weight)
    for _ in range(200):
        found = norm(weight)
    largest = torch.linalg.svdvals(weight.flatten(1))[0]
    torch.testing.assert_close(found, weight / largest)
    before = norm.left.clone()
    norm.eval()(weight)
    assert torch.equal(norm.left, before)


@pytest.mark.parametrize("norm", ["batch", "spectral", "none"])
def test_every_norm_scores_and_learns(norm: str) -> None:
    torch.manual_seed(0)
    images = ImagesConfig(image_size=28, channels=1)
    dcgan = DcganConfig(discriminator_width=4, discriminator_norm=norm)
    discriminator = build_discriminator(GeneratorConfig(images=images, dcgan=dcgan), 2)
    has_batch_norm = any(isinstance(one, nn.BatchNorm2d) for one in discriminator.modules())
    assert has_batch_norm == (norm == "batch")
    optimiser = torch.optim.Adam(discriminator.parameters(), lr=0.005)
    bright, dark = torch.full((8, 1, 28, 28), 0.8), torch.full((8, 1, 28, 28), -0.8)
    noise = torch.randn(8, 1, 28, 28) / 10
    category = torch.arange(8) % 2
    for _ in range(30):
        scores = [discriminator(one + noise, category).score for one in (bright, dark)]
        optimiser.zero_grad()
        discriminator_loss("hinge", *scores).backward()
        optimiser.step()
    assert float(scores[0].min().detach()) > float(scores[1].max().detach())


# --- augmentation


def ramp(batch: int = 200, channels: int = 3, side: int = 8) -> Tensor:
    """Pictures whose every pixel is different: row * side + column, scaled to -1 to 1."""
    values = torch.arange(side * side).reshape(1, 1, side, side) / (side * side / 2) - 1
    return values.repeat(batch, channels, 1, 1)


def test_translation_shifts_by_up_to_an_eighth_and_continues_the_border() -> None:
    torch.manual_seed(0)
    image = ramp()
    found = augment(image, ("translation",))
    padded = nn.functional.pad(image, (1, 1, 1, 1), mode="replicate")
    seen = set()
    for one, around in zip(found, padded, strict=True):
        shifts = [
            (down, right)
            for down in range(3)
            for right in range(3)
            if torch.equal(one, around[:, down : down + 8, right : right + 8])
        ]
        assert len(shifts) == 1
        seen.update(shifts)
    assert len(seen) == 9


def test_cutout_greys_one_square_of_half_the_side() -> None:
    torch.manual_seed(0)
    found = augment(torch.ones(400, 1, 8, 8), ("cutout",)) == 0
    down, right = found.any(3).sum(2).flatten(), found.any(2).sum(2).flatten()
    assert torch.equal(found.sum((1, 2, 3)), down * right)  # a rectangle
    assert set(down.tolist()) == set(right.tolist()) == {2, 3, 4}  # less where it sticks out
    # Of nine places the ends show 2 and 3 rows, the five in between 4: 30 / 9 of 8 on average.
    assert float(found.float().mean()) == pytest.approx((30 / 9 / 8) ** 2, abs=0.01)


def test_colour_keeps_a_grey_picture_grey_and_moves_brightness() -> None:
    torch.manual_seed(0)
    image = torch.full((500, 3, 4, 4), 0.1)
    found = augment(image, ("colour",))
    # One level everywhere: saturation and contrast change nothing, brightness adds -0.5 to 0.5.
    torch.testing.assert_close(found, found[:, :1, :1, :1].expand_as(found))
    moved = found[:, 0, 0, 0] - 0.1
    assert -0.5 <= float(moved.min()) < -0.45
    assert 0.45 < float(moved.max()) <= 0.5


def test_contrast_and_saturation_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    # Draws of 0.5, 1 and 0: no brightness, saturation doubled, contrast halved.
    draws = torch.tensor([[0.5], [1.0], [0.0]])
    monkeypatch.setattr("torch.rand", lambda *_, **__: draws)
    image = torch.tensor([0.0, 0.3, 0.6, 0.6, 0.6, 0.6]).reshape(1, 3, 1, 2)
    # Greys of the two pixels are 0.4 and 0.5; doubled: (-0.4, 0.1), (0.8, 0.7), (0.8, 0.7); the
    # picture's mean 0.45 stays, distances from it halve.
    expected = torch.tensor([0.025, 0.275, 0.625, 0.575, 0.625, 0.575]).reshape(1, 3, 1, 2)
    torch.testing.assert_close(augment(image, ("colour",)), expected)


def test_a_share_of_pictures_is_changed_and_the_others_stay() -> None:
    torch.manual_seed(0)
    image = torch.ones(4000, 1, 8, 8)
    found = augment(image, ("cutout",), 0.25)
    changed = (found != image).flatten(1).any(1)
    # Four standard deviations of so many draws are 0.027; whatever is changed has grey in it.
    assert float(changed.float().mean()) == pytest.approx(0.25, abs=0.027)
    assert torch.equal(found[~changed], image[~changed])
    # Each change draws for itself: a picture has both with probability 1/16, neither with 9/16.
    torch.manual_seed(0)
    both = augment(image * 0.1, ("colour", "cutout"), 0.25)
    coloured = ((both != 0.1) & (both != 0)).flatten(1).any(1)
    greyed = (both == 0).flatten(1).any(1)
    shares = [float((coloured & which).float().mean()) for which in (greyed, ~greyed)]
    assert shares == pytest.approx([1 / 16, 3 / 16], abs=0.025)


def test_the_share_of_changed_pictures_rises_evenly_over_the_first_epochs() -> None:
    ramp = DcganConfig(augment_share=0.6, augment_ramp=0.5)
    found = [ramp.augment_share_at(done) for done in (0.0, 0.25, 0.5, 0.9)]
    assert found == pytest.approx([0.0, 0.3, 0.6, 0.6])
    assert DcganConfig(augment_share=0.6).augment_share_at(0.0) == 0.6


def test_details_are_matched_from_the_cooldown_on() -> None:
    late = DcganConfig(cooldown=0.25)
    assert [late.cools_at(done) for done in (0.0, 0.74, 0.75, 1.0)] == [False, False, True, True]
    assert DcganConfig(cooldown=0.0).cools_at(0.0)


@pytest.mark.parametrize("change", CHANGES)
def test_gradients_pass_through(change: str) -> None:
    def changed(image: Tensor) -> Tensor:
        torch.manual_seed(3)
        return augment(image, (change,))

    image = torch.rand(2, 3, 8, 8, dtype=torch.float32).double().requires_grad_()
    expected = torch.autograd.functional.jvp(changed, image.float(), image.float())[1]
    assert expected.abs().sum() > 0
    # Every change is affine in the picture: f(2x) - f(x) is its derivative along x.
    torch.testing.assert_close(expected, changed(2 * image.float()) - changed(image.float()))


def test_no_policy_draws_nothing() -> None:
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    image = ramp(2)
    assert augment(image, ()) is image
    assert torch.equal(torch.rand(1), expected)


# --- the moving average


def small_generator() -> Generator:
    torch.manual_seed(0)
    return Generator(n_categories=2, image_size=28, channels=1, z_dim=4, category_dim=2, width=4)


def test_the_average_by_hand() -> None:
    generator = small_generator()
    average = MovingAverage(generator, decay=0.15)
    first = generator.convolutions[0].weight.detach().clone()
    held = average.generator.convolutions[0].weight
    with torch.no_grad():
        generator.convolutions[0].weight.add_(1)  # type: ignore[operator]
    average.update(generator)  # keeps 1 / 10, less than 0.15: 0.9 of the way
    torch.testing.assert_close(held, first + 0.9)
    average.update(generator)  # keeps 0.15, less than 2 / 11
    torch.testing.assert_close(held, first + 0.9 + 0.85 * 0.1)
    assert average.updates == 2


def test_statistics_are_those_of_the_weights_as_they_are() -> None:
    generator = small_generator()
    z, category = torch.randn(64, 4), torch.arange(64) % 2
    before = {name: value.clone() for name, value in generator.named_parameters()}
    refresh_statistics(generator, [(z[:32], category[:32]), (z[32:], category[32:])])
    with torch.no_grad():
        vector = torch.cat([z, generator.embedding(category)], dim=1)[:, :, None, None]
        first = generator.convolutions[0](vector)  # [64, channels, 7, 7]
    norm = generator.norms[0]
    torch.testing.assert_close(norm.running_mean, first.mean((0, 2, 3)))
    halves = torch.stack([first[:32].var((0, 2, 3)), first[32:].var((0, 2, 3))])
    torch.testing.assert_close(norm.running_var, halves.mean(0))
    assert norm.momentum == 0.1
    assert generator.training
    for name, value in generator.named_parameters():
        assert torch.equal(value, before[name])


# --- batches


def test_balanced_rows_show_every_category_equally_often() -> None:
    category = np.array([0] * 90 + [1] * 6 + [2] * 24)
    train = np.arange(1, 120)  # row 0 is held out
    found = [epoch_rows(train, category, 7, epoch, balance=True) for epoch in range(20)]
    for rows in found:
        assert len(rows) == 119
        assert 0 not in rows
        for first in range(0, 119 - 30, 15):
            counts = np.bincount(category[rows[first:][:30]], minlength=3)
            assert counts.min() >= 9
            assert counts.max() <= 11
        shown = np.bincount(rows, minlength=120)
        for row in range(3):
            mine = shown[1:][category[1:] == row]
            assert mine.max() - mine.min() <= 1  # nobody twice before everybody once
    assert set(np.concatenate(found)) == set(train)


def test_unbalanced_rows_are_a_permutation_of_their_own_epoch() -> None:
    category, train = np.zeros(50, np.int64), np.arange(10, 50)
    first = epoch_rows(train, category, 7, 0, balance=False)
    assert np.array_equal(np.sort(first), train)
    assert np.array_equal(first, epoch_rows(train, category, 7, 0, balance=False))
    assert not np.array_equal(first, epoch_rows(train, category, 7, 1, balance=False))
    assert not np.array_equal(first, epoch_rows(train, category, 8, 0, balance=False))


# --- precision


@pytest.mark.parametrize(
    ("name", "flags", "mixed_precision", "native", "half"),
    [
        ("AMD EPYC", ("avx512_bf16",), True, True, True),
        ("AMD EPYC", ("avx512_bf16",), False, True, False),
        ("AMD EPYC", ("avx512_bf16",), True, False, False),
        ("AMD EPYC", ("avx2",), True, True, False),
        ("Intel(R) Xeon(R)", ("avx512_bf16",), True, True, False),
        ("Intel(R) Xeon(R)", ("avx512_bf16", "amx_bf16"), True, True, True),
    ],
)
def test_half_precision_where_the_processor_gains_by_it(
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    flags: tuple[str, ...],
    mixed_precision: bool,
    native: bool,
    half: bool,
) -> None:
    monkeypatch.setattr("trainer.device.processor", lambda: (name, flags))
    cpu, matrix = torch.device("cpu"), torch.ones(2, 2)
    with autocast(cpu, mixed_precision=mixed_precision, native=native):
        assert (matrix @ matrix).dtype == (torch.bfloat16 if half else torch.float32)
    said = describe_device(cpu, mixed_precision=mixed_precision, native=native)
    assert said.endswith("mixed precision (bfloat16)" if half else "float32")

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from runtime.errors import UnusableInput
from runtime.latent import draw_latents
from trainer.checkpoint import load_checkpoint
from trainer.generator import step, train
from trainer.generator.augment import CHANGES
from trainer.generator.classifier import Classifier, Guide, train_classifier
from trainer.generator.config import DcganConfig, GeneratorConfig, ImagesConfig
from trainer.generator.discriminator import build_discriminator
from trainer.generator.evaluate import Validation, energy_distance
from trainer.generator.held_out import hold_out
from trainer.generator.model import Generator, build_generator
from trainer.generator.samples import real_grid, sample_grid, sample_images, write_grid
from trainer.generator.state import Training
from trainer.generator.step import train_step
from trainer.generator.textures import Textures
from trainer.generator.train import load_generator, train_generator
from trainer.images import ImageReport, ImageSet
from trainer.interrupt import TrainingStopped
from trainer.run import Run

ROOT = Path(__file__).resolve().parents[2]


def config(*, size: int = 28, channels: int = 1, **dcgan: Any) -> GeneratorConfig:
    """A small network on the CPU; ``dcgan`` says what differs."""
    small: dict[str, Any] = {
        "z_dim": 8,
        "category_dim": 4,
        "generator_width": 4,
        "discriminator_width": 4,
        "epochs": 2,
        "batch_size": 8,
        "device": "cpu",
        "checkpoint_every_s": 3600.0,
    }
    images = ImagesConfig(image_size=size, channels=channels, min_per_category=1)
    return GeneratorConfig(images=images, dcgan=DcganConfig(**{**small, **dcgan}))


def image_set(pixels: np.ndarray, category: list[int], names: tuple[str, ...]) -> ImageSet:
    per_category = {name: category.count(row) for row, name in enumerate(names)}
    report = ImageReport("here", len(pixels), len(pixels), {}, (), 0, 0, per_category)
    return ImageSet(pixels, np.array(category, dtype=np.int64), names, report)


def dark_and_light(per_category: int = 30, channels: int = 1, size: int = 28) -> ImageSet:
    """Category "dark" lies around grey level 30, "light" around 220."""
    rng = np.random.default_rng(0)
    shape = (per_category, size, size, channels)
    dark = rng.integers(10, 50, shape, dtype=np.uint8)
    light = rng.integers(200, 240, shape, dtype=np.uint8)
    category = [0] * per_category + [1] * per_category
    return image_set(np.concatenate([dark, light]), category, ("dark", "light"))


def weights(run: Run) -> dict[str, torch.Tensor]:
    """Every tensor of a checkpoint by its path, optimisers and best weights included."""
    found: dict[str, torch.Tensor] = {}

    def visit(path: str, value: Any) -> None:
        if isinstance(value, torch.Tensor):
            found[path] = value
        elif isinstance(value, dict):
            for key, inner in value.items():
                visit(f"{path}.{key}", inner)

    visit("", load_checkpoint(run.checkpoint))
    assert len(found) > 50
    return found


def assert_same_run(left: Run, right: Run) -> None:
    ours, theirs = weights(left), weights(right)
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        assert torch.equal(value, theirs[name]), name
    timing = {"seconds", "images_per_s"}
    for one, other in zip(left.metrics(), right.metrics(), strict=True):
        assert {k: v for k, v in one.items() if k not in timing} == {
            k: v for k, v in other.items() if k not in timing
        }


# --- the networks


@pytest.mark.parametrize("size", [28, 32, 64, 128])
@pytest.mark.parametrize("channels", [1, 3])
def test_shapes_and_ranges(size: int, channels: int) -> None:
    torch.manual_seed(0)
    settings = config(size=size, channels=channels)
    generator, discriminator = build_generator(settings, 3), build_discriminator(settings, 3)
    category = torch.tensor([0, 2])
    image = generator(torch.randn(2, 8), category)
    assert image.shape == (2, channels, size, size)
    assert image.dtype == torch.float32
    assert image.abs().max() <= 1
    judged = discriminator(image, category)
    assert judged.score.shape == (2,)
    assert judged.named.shape == (2, 3)
    last = discriminator.convolutions[-1].out_channels
    assert judged.features.shape == (2, last * 4 * 4)


@pytest.mark.parametrize(
    ("size", "sides"),
    [
        (28, [4, 8, 16, 28]),
        (32, [4, 8, 16, 32]),
        (64, [4, 8, 16, 32, 64]),
        (128, [4, 8, 16, 32, 64, 128]),
    ],
)
def test_every_layer_doubles_the_side_up_to_the_picture_and_halves_the_channels(
    size: int, sides: list[int]
) -> None:
    generator = build_generator(config(size=size, generator_width=8), 2)
    x = torch.zeros(1, 12, 1, 1)
    found, channels = [], []
    for convolution, norm in generator.layers:
        x = convolution(x)
        found.append(x.shape[2])
        channels.append(x.shape[1])
        assert (norm is None) == (convolution is generator.layers[-1][0])
    assert found == sides
    assert channels == [8 << power for power in reversed(range(len(sides) - 1))] + [1]
    for convolution, _ in generator.layers[1:]:
        assert (convolution.kernel_size, convolution.stride) == ((4, 4), (2, 2))


@pytest.mark.parametrize("size", [28, 64])
def test_a_layer_for_detail_is_of_the_pictures_size(size: int) -> None:
    generator = build_generator(config(size=size, channels=3, detail_width=5), 2)
    (enlarged, norm), (last, none) = generator.layers[-2:]
    assert (enlarged.out_channels, enlarged.bias, none) == (5, None, None)
    assert norm is not None
    assert norm.num_features == 5
    assert enlarged(torch.zeros(1, enlarged.in_channels, size // 2, size // 2)).shape[1] == 5
    assert (last.kernel_size, last.out_channels) == ((3, 3), 3)
    assert generator(torch.zeros(1, 8), torch.tensor([1])).shape == (1, 3, size, size)


def test_initial_weights_follow_radford() -> None:
    torch.manual_seed(0)
    settings = config(size=64, generator_width=32, discriminator_width=32, z_dim=100)
    generator, discriminator = build_generator(settings, 10), build_discriminator(settings, 10)
    modules = [*generator.modules(), *discriminator.modules()]
    kinds = (torch.nn.Conv2d, torch.nn.ConvTranspose2d, torch.nn.Linear)
    convolutions = [module for module in modules if isinstance(module, kinds)]
    assert len(convolutions) == 5 + 4 + 2
    for module in convolutions:
        assert abs(float(module.weight.mean().detach())) < 0.002
        assert float(module.weight.std().detach()) == pytest.approx(0.02, rel=0.05)
        assert module.bias is None or not module.bias.detach().any()
    scales = [module.weight for module in modules if isinstance(module, torch.nn.BatchNorm2d)]
    assert len(scales) == 4 + 3
    together = torch.cat([scale.detach() for scale in scales])
    assert float(together.mean()) == pytest.approx(1.0, abs=0.005)
    assert float(together.std()) == pytest.approx(0.02, rel=0.2)
    assert float(discriminator.projection.weight.std().detach()) == pytest.approx(0.02, rel=0.05)
    assert float(generator.embedding.weight.std().detach()) == pytest.approx(1.0, rel=0.3)


def test_scaling_to_grey_levels() -> None:
    # (x + 1) * 127.5: -1 -> 0, 0 -> 127.5 -> 128 (half to even), 1 -> 255; outside is clamped.
    image = torch.tensor([-1.0, -2.0, 0.0, 1.0, 3.0, -1 + 1 / 127.5]).reshape(1, 1, 2, 3)
    found = Generator.to_uint8(image)
    assert found.dtype == torch.uint8
    assert found.shape == (1, 2, 3, 1)
    assert found.flatten().tolist() == [0, 0, 128, 255, 255, 1]


def test_scaling_undoes_what_training_does_to_pictures() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    tensor = torch.from_numpy(levels).permute(0, 3, 1, 2).float() / 127.5 - 1
    assert np.array_equal(Generator.to_uint8(tensor).numpy(), levels)


def test_a_size_no_network_has_is_named() -> None:
    with pytest.raises(UnusableInput, match="image_size is 48; it must be one of 28, 32, 64, 128"):
        Generator(n_categories=1, image_size=48, channels=1, z_dim=1, category_dim=1, width=4)


# --- the validation number


def test_energy_distance_by_hand() -> None:
    # |a - b| is 3, 5, 1 and 3, the mean 3; within each sample the only distance is 2.
    a, b = np.array([[0.0], [2.0]]), np.array([[3.0], [5.0]])
    assert energy_distance(a, b) == pytest.approx(2 * 3 - 2 - 2)


def test_energy_distance_of_one_distribution_is_about_nothing() -> None:
    rng = np.random.default_rng(0)
    same = energy_distance(rng.normal(size=(400, 3)), rng.normal(size=(400, 3)))
    moved = energy_distance(rng.normal(size=(400, 3)), rng.normal(size=(400, 3)) + 0.5)
    assert abs(same) < 0.02 < moved


def validation_of(images: ImageSet) -> Validation:
    split, cpu = hold_out(images, seed=1), torch.device("cpu")
    mine = images.pixels[split.train], images.category[split.train]
    judge: Classifier = train_classifier(*mine, len(images.categories), seed=1, device=cpu)
    return Validation(images, split, judge, seed=1, device=cpu)


class Copier(Generator):
    """Draws pictures of a set in place of its own, the first ones of each category."""

    def __init__(self, images: ImageSet, n_different: int) -> None:
        size, channels = images.pixels.shape[2:]
        shape = {"image_size": size, "channels": channels, "z_dim": 8}
        super().__init__(n_categories=len(images.categories), category_dim=4, width=4, **shape)
        self._images, self._n_different = images, n_different

    def forward(self, z: torch.Tensor, category: torch.Tensor) -> torch.Tensor:
        pixels = np.empty((len(z), *self._images.pixels.shape[1:]), np.uint8)
        for row in range(self.n_categories):
            asked = category.numpy() == row
            rows = np.flatnonzero(self._images.category == row)[: self._n_different]
            pixels[asked] = self._images.pixels[np.resize(rows, asked.sum())]
        return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1


def test_validation_tells_varied_from_collapsed_pictures() -> None:
    images = dark_and_light(100)
    validation = validation_of(images)
    varied = validation.evaluate(Copier(images, 100), seed=7)
    collapsed = validation.evaluate(Copier(images, 1), seed=7)
    assert collapsed["value"] > 1.5 * varied["value"]
    assert varied["per_category"].keys() == {"dark", "light"}
    assert collapsed["per_category"]["dark"] > 3 * varied["per_category"]["dark"]
    assert validation.against == "held-out pictures"
    assert validation.floor is not None
    # Copies of all pictures are nearly as near as the training pictures themselves.
    assert varied["value"] < 2 * validation.floor


def test_a_judge_of_one_category_still_tells_varied_from_collapsed_pictures() -> None:
    rng = np.random.default_rng(0)
    levels = rng.integers(0, 256, (100, 1, 1, 3), dtype=np.uint8)
    images = image_set(np.tile(levels, (1, 32, 32, 1)), [0] * 100, ("only",))
    validation = validation_of(images)
    varied = validation.evaluate(Copier(images, 100), seed=7)["value"]
    assert validation.evaluate(Copier(images, 1), seed=7)["value"] > 3 * varied


def test_what_is_generated_has_the_categories_of_the_real_pictures() -> None:
    few = dark_and_light(40)
    keep = np.r_[0:40, 40:60]  # 40 dark ones and 20 light ones: 4 and 2 are held out
    images = image_set(few.pixels[keep], few.category[keep].tolist(), few.categories)
    asked: list[int] = []

    class Listener(Copier):
        def forward(self, z: torch.Tensor, category: torch.Tensor) -> torch.Tensor:
            asked.extend(category.tolist())
            return torch.zeros(len(z), 1, 28, 28)

    found = validation_of(images).evaluate(Listener(images, 1), seed=7)
    assert found["generated_pictures"] == len(asked) == 66  # 64 and up to a multiple of 6
    assert asked.count(0) == 2 * asked.count(1)


def test_holding_out() -> None:
    images = dark_and_light(40)
    split = hold_out(images, seed=1)
    assert len(split.train) == 72
    assert np.bincount(images.category[split.held_out]).tolist() == [4, 4]
    together = np.sort(np.concatenate([split.train, split.held_out]))
    assert np.array_equal(together, np.arange(80))
    assert np.array_equal(hold_out(images, seed=1).held_out, split.held_out)
    assert not np.array_equal(hold_out(images, seed=2).held_out, split.held_out)


def test_a_twin_of_a_training_picture_is_never_held_out() -> None:
    images = dark_and_light(30)
    images.pixels[:25] = images.pixels[0]
    held = hold_out(images, seed=1).held_out
    assert (images.category[held] == 0).sum() == 3
    assert held.min() >= 25


def test_too_few_pictures_hold_nothing_out() -> None:
    images = dark_and_light(5)
    split = hold_out(images, seed=1)
    assert (len(split.train), len(split.held_out)) == (10, 0)
    validation = validation_of(images)
    assert (validation.against, validation.floor) == ("training pictures", None)


def test_the_seed_draws_what_the_runtime_draws() -> None:
    # numpy.random.Generator(PCG64(7)).standard_normal((1, 3), float32), by the contract.
    expected = np.random.default_rng(7).standard_normal((1, 3), dtype=np.float32)
    assert np.array_equal(draw_latents(7, 1, 3), expected)


def test_sampling_leaves_the_generator_as_it_was() -> None:
    generator = build_generator(config(), 2)
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    first = sample_images(generator, draw_latents(1, 300, 8), np.zeros(300, np.int64))
    assert first.shape == (300, 28, 28, 1)
    assert generator.training
    for name, value in generator.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize("channels", [1, 3])
def test_grid_has_a_row_for_each_category(tmp_path: Path, channels: int) -> None:
    generator = build_generator(config(channels=channels), 3)
    grid = sample_grid(generator, seed=7, columns=4)
    assert grid.shape == (3 * 28, 4 * 28, channels)
    second = sample_images(generator, draw_latents(7, 4, 8), np.full(4, 1))
    assert np.array_equal(grid[28:56, 56:84], second[2])
    write_grid(tmp_path / "grid.png", grid)
    with Image.open(tmp_path / "grid.png") as image:
        assert np.array_equal(np.asarray(image).reshape(grid.shape), grid)


def test_real_pictures_lie_as_drawn_ones_do() -> None:
    images = dark_and_light(5)
    grid = real_grid(images, np.array([3, 6, 1, 8, 7, 9]), columns=3)
    assert grid.shape == (2 * 28, 3 * 28, 1)
    assert np.array_equal(grid[:28, :28], images.pixels[3])
    assert np.array_equal(grid[:28, 28:56], images.pixels[1])
    assert (grid[:28, 56:] == 255).all()
    assert np.array_equal(grid[28:, 56:], images.pixels[7])


# --- the loop


def test_training_finds_what_the_categories_look_like(tmp_path: Path) -> None:
    images = dark_and_light(64)
    settings = config(
        epochs=12, batch_size=16, learning_rate=2e-3, generator_width=16, discriminator_width=8
    )
    run = train_generator(images, settings, tmp_path / "run", resume=False, facts={"data": "d"})
    generator, found, categories, metrics = load_generator(run)
    assert (found, categories) == (settings, ("dark", "light"))
    assert not generator.training
    z = draw_latents(3, 64, 8)
    dark = sample_images(generator, z, np.zeros(64, np.int64)).mean()
    light = sample_images(generator, z, np.ones(64, np.int64)).mean()
    assert dark < 90
    assert light > 160

    rows = run.metrics()
    assert [row["epoch"] for row in rows] == list(range(1, 13))
    best = min(rows, key=lambda row: row["validation"])
    assert best["validation"] < rows[0]["validation"] / 3
    assert metrics["value"] == best["validation"]
    assert metrics["epoch"] == best["epoch"]
    assert (metrics["training_pictures"], metrics["held_out_pictures"]) == (116, 12)
    assert metrics["per_category"].keys() == {"dark", "light"}
    assert json.loads(json.dumps(metrics)) == metrics

    assert len(list((run.path / "samples").glob("epoch-*.png"))) == 12
    assert run.read_json("data.json")["kept"] == 128
    assert run.facts == {"kind": "generator", "data": "d"}
    assert run.config(GeneratorConfig) == settings


def test_same_seed_same_weights_and_another_seed_others(tmp_path: Path) -> None:
    images = dark_and_light(20)
    runs = [
        train_generator(images, config(epochs=1, seed=seed), tmp_path / name, resume=False)
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert_same_run(runs[0], runs[1])
    name = ".generator.convolutions.0.weight"
    assert not torch.equal(weights(runs[0])[name], weights(runs[2])[name])


def test_the_loss_of_diversity_makes_pictures_of_a_category_differ_more(tmp_path: Path) -> None:
    images = dark_and_light(64)
    without, with_it = (
        train_generator(
            images, config(epochs=4, diversity=weight), tmp_path / f"{weight}", resume=False
        ).metrics()[-1]["diversity"]
        for weight in (0.0, 10.0)
    )
    assert {name: ratio / without[name] > 1.1 for name, ratio in with_it.items()} == {
        "dark": True,
        "light": True,
    }


@pytest.mark.parametrize(
    ("stop_at", "dcgan"),
    [
        (1, {"augment": ("colour", "translation", "cutout")}),
        (4, {"discriminator_norm": "spectral", "loss": "hinge", "r1": 1.0, "diversity": 1.0}),
        (3, {"feature_matching": 4.0, "augment_share": 0.5, "augment_ramp": 0.9}),
        (14, {"texture_matching": 4.0, "cooldown": 0.5}),
        (14, {"classifier_matching": 4.0, "cooldown": 0.5}),
        (6, {}),
        (9, {}),
        (9, {"preset": "seed"}),
    ],
)
def test_interrupted_and_resumed_equals_uninterrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_at: int, dcgan: dict[str, Any]
) -> None:
    images = dark_and_light(30, channels=3)  # 54 train: 6 steps an epoch
    settings = config(channels=3, epochs=3, **dcgan)
    whole = train_generator(images, settings, tmp_path / "whole", resume=False)

    calls = 0
    true_step = train.train_step

    def step_then_signal(*arguments: Any) -> torch.Tensor:
        nonlocal calls
        calls += 1
        if calls == stop_at:
            signal.raise_signal(signal.SIGINT)
        return true_step(*arguments)

    monkeypatch.setattr(train, "train_step", step_then_signal)
    epoch, step = (stop_at - 1) // 6 + 1, (stop_at - 1) % 6 + 1
    words = f"stopped in epoch {epoch} after step {step} of 6; continue with --resume"
    with pytest.raises(TrainingStopped, match=words):
        train_generator(images, settings, tmp_path / "parts", resume=False)
    torch.manual_seed(99)  # whatever happens in between must not matter
    parts = train_generator(images, settings, tmp_path / "parts", resume=True)
    assert calls == 18
    assert_same_run(whole, parts)


def test_more_epochs_equal_a_longer_run_where_the_step_size_stays(tmp_path: Path) -> None:
    images = dark_and_light(20)

    def settings(epochs: int) -> GeneratorConfig:
        return config(epochs=epochs, cooldown=0.0)

    whole = train_generator(images, settings(3), tmp_path / "whole", resume=False)
    train_generator(images, settings(2), tmp_path / "grown", resume=False)
    grown = train_generator(images, settings(3), tmp_path / "grown", resume=True)
    assert_same_run(whole, grown)
    assert grown.config(GeneratorConfig).dcgan.epochs == 3


def test_every_step_knows_how_far_it_is_and_the_step_size_falls_over_the_last_epochs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates, progress = [], []

    def watched(training: Training, *arguments: Any) -> torch.Tensor:
        optimisers = training.generator_optimiser, training.discriminator_optimiser
        (rate,) = {group["lr"] for one in optimisers for group in one.param_groups}
        rates.append(rate)
        progress.append(arguments[-1])
        return train_step(training, *arguments)

    monkeypatch.setattr(train, "train_step", watched)
    # 36 of 40 pictures train, in 4 steps of 8 an epoch: 12 steps, of which the last 6 cool down.
    settings = config(epochs=3, cooldown=0.5, learning_rate=1e-3)
    train_generator(dark_and_light(20), settings, tmp_path / "run", resume=False)
    expected = [1e-3] * 7 + [1e-3 * left / 6 for left in (5, 4, 3, 2, 1)]
    assert rates == pytest.approx(expected)
    assert progress == pytest.approx([step / 12 for step in range(12)])


def stepped(done: float, **dcgan: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Train one step, and give the weights of the generator and of the discriminator."""
    images, cpu = dark_and_light(16), torch.device("cpu")
    settings = config(cooldown=0.4, **dcgan)
    training = Training.new(settings, images, cpu)
    torch.manual_seed(1)
    training.textures = Textures(images.pixels, cpu)
    training.guide = train_classifier(
        images.pixels, images.category, 2, seed=1, device=cpu, kind=Guide
    )
    real, category = train.to_tensors(images, np.arange(8, 24), cpu)
    train_step(training, real, category, torch.randn(16, 8), settings.dcgan, done)
    generator, discriminator = (
        torch.cat([weights.detach().flatten() for weights in network.parameters()])
        for network in (training.generator, training.discriminator)
    )
    return generator, discriminator


@pytest.mark.parametrize(
    ("matching", "from_the_first"),
    [("feature_matching", True), ("texture_matching", False), ("classifier_matching", False)],
)
def test_matching_changes_the_generators_step_alone_and_details_wait_for_the_cooldown(
    matching: str, from_the_first: bool
) -> None:
    for done, acts in ((0.1, from_the_first), (0.9, True)):
        (plain, judge), (matched, same_judge) = (
            stepped(done, **{matching: weight}) for weight in (0.0, 5.0)
        )
        assert torch.equal(judge, same_judge)
        assert torch.equal(plain, matched) != acts


def test_a_guide_is_trained_for_matching_alone_and_its_time_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, kinds = dark_and_light(20), []

    def train_one(*arguments: Any, kind: type[Classifier] = Classifier, **more: Any) -> Classifier:
        kinds.append(kind)
        time.sleep(0.5 if kind is Guide else 0)
        return true_train(*arguments, kind=kind, **more)

    true_train = train.train_classifier_shown
    monkeypatch.setattr(train, "train_classifier_shown", train_one)
    train_generator(images, config(epochs=1), tmp_path / "without", resume=False)
    assert kinds == [Classifier]
    settings = config(epochs=1, classifier_matching=1.0)
    run = train_generator(images, settings, tmp_path / "with", resume=False)
    assert kinds[1:] == [Classifier, Guide]
    row = run.metrics()[0]
    assert row["seconds"] >= 0.5
    # The epoch's own speed is without it: 36 pictures of 40 train, in 4 steps of 8.
    assert row["seconds"] - 32 / row["images_per_s"] >= 0.5


def test_a_step_shows_the_discriminator_a_share_of_changed_pictures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(CHANGES, "cutout", lambda image: torch.full_like(image, 9.0))
    settings = config(
        batch_size=64, r1=0.0, augment=("cutout",), augment_share=0.25, augment_ramp=0.1
    )
    images = dark_and_light(32)
    training = Training.new(settings, images, torch.device("cpu"))
    changed = []

    def count(_: Any, shown: tuple[torch.Tensor, torch.Tensor]) -> None:
        changed.append(int((shown[0] == 9).all(3).all(2).all(1).sum()))

    training.discriminator.register_forward_pre_hook(count)
    real, category = train.to_tensors(images, np.arange(64), torch.device("cpu"))
    for done in (0.0, 0.1):
        train_step(training, real, category, torch.randn(64, 8), settings.dcgan, done)
    assert changed[:3] == [0, 0, 0]
    # Real and drawn pictures, and the drawn ones again; 16 +- 4.2 standard deviations of each.
    assert len(changed) == 6
    assert all(2 <= pictures <= 30 for pictures in changed[3:])


def test_resuming_a_finished_run_changes_nothing_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train_generator(dark_and_light(20), config(), tmp_path / "run", resume=False)
    before = run.checkpoint.read_bytes()
    capsys.readouterr()
    train_generator(dark_and_light(20), config(), tmp_path / "run", resume=True)
    assert run.checkpoint.read_bytes() == before
    assert "finished: all 2 epochs are done" in capsys.readouterr().err


def test_patience_counts_from_the_lowest_and_the_last_good_weights_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    values = iter([5.0, 3.0, 3.1, 3.5, *(5.0, 3.0, 3.1)])

    def measured(*arguments: Any) -> dict[str, Any]:
        return {"value": next(values)}

    monkeypatch.setattr(Validation, "evaluate", measured)
    images = dark_and_light(20)
    settings = config(epochs=9, patience=2, cooldown=0.0)
    run = train_generator(images, settings, tmp_path / "run", resume=False)
    assert [row["validation"] for row in run.metrics()] == [5.0, 3.0, 3.1, 3.5]
    assert "no better validation since epoch 2" in capsys.readouterr().err
    three = train_generator(images, config(epochs=3, cooldown=0.0), tmp_path / "3", resume=False)
    assert load_generator(run)[3]["epoch"] == 3
    best = load_generator(run)[0].state_dict()
    for name, value in load_checkpoint(three.checkpoint)["average"]["generator"].items():
        assert torch.equal(best[name], value), name


@pytest.mark.parametrize(
    ("validations", "least_diversity", "kept"),
    [
        ((5.0, 3.0, 4.0), 0.9, [1, 2]),
        ((3.0, 2.0, 2.19, 2.21, 2.15), 0.9, [1, 2, 3, 5]),  # a tenth above 2, and within
        ((2.2, 2.0, 2.1, 1.9), 0.1, [1, 2, 4]),  # collapsed: only what is lowest of all
    ],
)
def test_of_epochs_that_are_nearly_the_best_the_last_is_kept(
    validations: tuple[float, ...], least_diversity: float, kept: list[int]
) -> None:
    diversity = {"dark": 1.0, "light": least_diversity}
    rows = [{"validation": value, "diversity": diversity} for value in validations]
    found = [n for n in range(1, len(rows) + 1) if train.is_kept(rows[:n], collapse_below=0.2)]
    assert found == kept


def test_a_run_from_before_a_config_field_existed_resumes(tmp_path: Path) -> None:
    images = dark_and_light(20)
    run = train_generator(images, config(epochs=1), tmp_path / "run", resume=False)
    state = load_checkpoint(run.checkpoint)
    del state["config"]["dcgan"]["r1"]
    torch.save(state, run.checkpoint)
    train_generator(images, config(epochs=2), tmp_path / "run", resume=True)
    assert len(run.metrics()) == 2


def test_a_run_of_an_older_version_is_refused(tmp_path: Path) -> None:
    images = dark_and_light(20)
    run = train_generator(images, config(epochs=1), tmp_path / "run", resume=False)
    state = load_checkpoint(run.checkpoint)
    del state["judge"]
    torch.save(state, run.checkpoint)
    with pytest.raises(UnusableInput, match=r"begun by an older endcap.* another --out"):
        train_generator(images, config(epochs=2), tmp_path / "run", resume=True)


def test_a_run_of_other_layers_is_refused(tmp_path: Path) -> None:
    """Until 0.3, 28 px began with 7x7 and had a layer less."""
    run = train_generator(dark_and_light(20), config(epochs=1), tmp_path / "run", resume=False)
    state = load_checkpoint(run.checkpoint)
    del state["best"]["convolutions.3.weight"]
    torch.save(state, run.checkpoint)
    with pytest.raises(UnusableInput, match=r"other layers than this endcap.*train it again"):
        load_generator(run)


def test_device_and_losses_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train_generator(dark_and_light(20), config(epochs=1), tmp_path / "run", resume=False)
    said = capsys.readouterr().err
    assert "training on the CPU" in said
    assert "36 pictures in 2 categories train, 4 are held out" in said
    assert "epoch 1: discriminator loss" in said


def test_half_precision_passes_train_float32_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CUDA's mixed precision, played on the CPU, where bfloat16 autocast exists too."""
    monkeypatch.setattr(
        step, "autocast", lambda *_, **__: torch.autocast("cpu", dtype=torch.bfloat16)
    )
    settings = config(epochs=2, r1=1.0)
    run = train_generator(dark_and_light(20), settings, tmp_path / "run", resume=False)
    assert all(np.isfinite(row["d_loss"]) for row in run.metrics())
    assert {v.dtype for v in weights(run).values()} == {torch.float32, torch.int64}


# --- small, odd and bad input


def test_one_picture_trains(tmp_path: Path) -> None:
    pixels = np.full((1, 28, 28, 1), 200, np.uint8)
    images = image_set(pixels, [0], ("only",))
    run = train_generator(images, config(epochs=2), tmp_path / "run", resume=False)
    _, _, categories, metrics = load_generator(run)
    assert categories == ("only",)
    assert "against training pictures" in metrics["protocol"]
    assert metrics["real_against_real"] is None


def test_one_category_and_fewer_pictures_than_a_batch(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (5, 32, 32, 3), dtype=np.uint8)
    images = image_set(pixels, [0] * 5, ("only",))
    settings = config(size=32, channels=3, batch_size=64)
    run = train_generator(images, settings, tmp_path / "run", resume=False)
    assert [row["step"] for row in run.metrics()] == [1, 2]


def test_a_category_too_small_to_hold_out_beside_a_large_one(tmp_path: Path) -> None:
    large = dark_and_light(40)
    pixels = np.concatenate([large.pixels, large.pixels[:3] + 1])
    images = image_set(pixels, [*large.category.tolist(), 2, 2, 2], ("dark", "light", "few"))
    run = train_generator(images, config(epochs=1), tmp_path / "run", resume=False)
    assert load_generator(run)[3]["per_category"].keys() == {"dark", "light"}


def test_existing_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(UnusableInput, match=r"exists; continue that run with --resume"):
        train_generator(dark_and_light(5), config(), tmp_path / "run", resume=False)
    assert not list((tmp_path / "run").iterdir())


def test_resuming_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="not a run folder"):
        train_generator(dark_and_light(5), config(), tmp_path / "run", resume=True)
    assert not (tmp_path / "run").exists()


def test_pictures_of_another_size(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="28 px with 1 channels and the config says 64 px"):
        train_generator(dark_and_light(5), config(size=64), tmp_path / "run", resume=False)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"batch_size": 9}, r"'dcgan.batch_size' was 8 in this run and is 9 now"),
        ({"learning_rate": 1e-3}, r"'dcgan.learning_rate' was 0.0002"),
        ({"seed": 8}, r"'dcgan.seed' was 7"),
        ({"epochs": 1}, r"dcgan.epochs is 1 and .* has done 2"),
    ],
)
def test_resuming_with_another_config_names_the_field(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    train_generator(dark_and_light(5), config(), tmp_path / "run", resume=False)
    with pytest.raises(UnusableInput, match=words):
        train_generator(dark_and_light(5), config(**change), tmp_path / "run", resume=True)


def test_resuming_with_other_pictures(tmp_path: Path) -> None:
    train_generator(dark_and_light(5), config(), tmp_path / "run", resume=False)
    with pytest.raises(UnusableInput, match="begun with other pictures"):
        train_generator(dark_and_light(6), config(), tmp_path / "run", resume=True)


def test_damaged_checkpoint(tmp_path: Path) -> None:
    run = train_generator(dark_and_light(5), config(), tmp_path / "run", resume=False)
    run.checkpoint.write_bytes(run.checkpoint.read_bytes()[:1000])
    with pytest.raises(UnusableInput, match="cannot be read"):
        load_generator(run)


def test_diverged_training_keeps_the_last_good_checkpoint(tmp_path: Path) -> None:
    images = dark_and_light(20)
    run = train_generator(images, config(epochs=1), tmp_path / "run", resume=False)
    state = load_checkpoint(run.checkpoint)
    state["discriminator"]["linear.bias"].fill_(float("nan"))
    torch.save(state, run.checkpoint)
    before = run.checkpoint.read_bytes()
    with pytest.raises(UnusableInput, match=r"epoch 2: a loss is not a finite number; lower"):
        train_generator(images, config(epochs=2), tmp_path / "run", resume=True)
    assert run.checkpoint.read_bytes() == before


def test_an_unfinished_first_epoch_has_no_generator_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: Any) -> torch.Tensor:
        signal.raise_signal(signal.SIGTERM)
        return torch.zeros(2)

    monkeypatch.setattr(train, "train_step", interrupted)
    with pytest.raises(TrainingStopped):
        train_generator(dark_and_light(20), config(), tmp_path / "run", resume=False)
    with pytest.raises(UnusableInput, match="has not finished its first epoch"):
        load_generator(Run.open(tmp_path / "run", "generator"))


SCRIPT = """
    import sys
    from pathlib import Path
    from tests.trainer.test_generator import config, dark_and_light
    from trainer.generator.train import train_generator
    from trainer.interrupt import TrainingStopped
    settings = config(epochs=100_000, cooldown=0.0)
    try:
        train_generator(dark_and_light(30), settings, Path(sys.argv[1]), resume=False)
    except TrainingStopped as stopped:
        print(stopped)
        sys.exit(130)
"""


def test_ctrl_c_leaves_a_checkpoint_that_continues_to_the_same_weights(tmp_path: Path) -> None:
    path = tmp_path / "run"
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        while not (path / "samples" / "epoch-001.png").exists():
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert b"continue with --resume --out" in said

    state = load_checkpoint(path / "checkpoint.pt")
    epochs = state["epoch"] + 1
    assert state["epoch"] >= 1
    assert state["step"] >= 1
    shorter = {**state, "config": {**state["config"]}}
    shorter["config"]["dcgan"] = {**state["config"]["dcgan"], "epochs": epochs}
    torch.save(shorter, path / "checkpoint.pt")
    settings = config(epochs=epochs, cooldown=0.0)
    resumed = train_generator(dark_and_light(30), settings, path, resume=True)
    whole = train_generator(dark_and_light(30), settings, tmp_path / "whole", resume=False)
    assert_same_run(resumed, whole)

"""The small classifier that quality is measured with, and the features taken from it."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from runtime.errors import UnusableInput
from trainer.generator.classifier import (
    Classifier,
    Guide,
    classify,
    train_classifier,
    training_steps,
)
from trainer.generator.features import classifier_features, inception_features
from trainer.generator.model import to_image
from trainer.picture import Pixels

CPU = torch.device("cpu")


def bars(n: int, size: int = 8, channels: int = 1, seed: int = 0) -> tuple[Pixels, np.ndarray]:
    """Noise with a light bar: upright ones are category 0, level ones 1."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 60, (n, size, size, channels), dtype=np.uint8)
    category = np.arange(n, dtype=np.int64) % 2
    for picture, level in zip(pixels, category, strict=True):
        place = rng.integers(2, size - 3)
        if level:
            picture[place : place + 2] += 180
        else:
            picture[:, place : place + 2] += 180
    return pixels, category


def trained(seed: int = 7) -> Classifier:
    return train_classifier(*bars(256), 2, seed=seed, device=CPU)


@pytest.mark.parametrize("size", [8, 28, 32, 64, 128])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", [Classifier, Guide])
def test_every_size_ends_in_a_small_map(kind: type[Classifier], size: int, channels: int) -> None:
    network = kind(n_categories=5, image_size=size, channels=channels).eval()
    image = to_image(bars(2, size, channels)[0], CPU)
    assert image.shape == (2, channels, size, size)
    assert network.layers(image).shape == (2, network.n_features, 4, 4)
    assert network.features(image).shape == (2, network.n_features)
    assert network(image).shape == (2, 5)


def test_images_run_from_minus_1_to_1() -> None:
    pixels = np.array([0, 255], np.uint8).reshape(1, 1, 2, 1)
    assert to_image(pixels, CPU).flatten().tolist() == [-1, 1]


def test_it_learns_and_a_seed_gives_the_same_weights_again() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    one, again, other = trained(), trained(), trained(seed=8)
    assert torch.equal(torch.get_rng_state(), before)
    assert not one.training
    for name, value in one.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    assert not torch.equal(one.linear.weight, other.linear.weight)
    pixels, category = bars(200, seed=1)
    assert (classify(one, pixels, CPU) == category).mean() > 0.97


def test_steps_are_bounded_by_epochs_and_in_all() -> None:
    assert training_steps(1) == 30
    assert training_steps(1280) == 300
    assert training_steps(60_000) == training_steps(10**6) == 4000


def test_fewer_pictures_than_a_batch_train_too() -> None:
    pixels, category = bars(2)
    said: list[tuple[int, float | None]] = []
    train_classifier(
        pixels, category, 2, seed=7, device=CPU, advance=lambda *step: said.append(step)
    )
    assert [units for units, _ in said] == [2] * 30
    assert said[0][1] is not None


def test_classifier_features_have_a_mean_variance_of_1_on_the_training_pictures() -> None:
    network, pixels = trained(), bars(256)[0]
    space = classifier_features(network, pixels, CPU)
    found = space.embed(pixels)
    assert found.shape == (256, network.n_features)
    assert found.dtype == np.float64
    assert found.var(0).mean() == pytest.approx(1)
    with torch.inference_mode():
        raw = network.features(to_image(pixels[:3], CPU)).numpy()
    scale = found[0].max() / raw[0].max()  # one for all numbers, so that angles stay
    np.testing.assert_allclose(found[:3], raw * scale, rtol=1e-4, atol=1e-6)
    assert "penultimate layer" in space.name


class Means(nn.Module):
    """Features that say what came in: each channel's mean, and the side."""

    def forward(self, image: Tensor) -> Tensor:
        side = torch.full((image.shape[0], 1), float(image.shape[2]))
        return torch.cat([image.mean((2, 3)), side], 1)


class Maps(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        return image


class Published(nn.Module):
    """The published file's signature: classes unless features are asked for."""

    def forward(self, image: Tensor, return_features: bool = False) -> Tensor:
        means = image.mean((2, 3))
        return means if return_features else torch.zeros(means.shape[0], 1008)


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scripts")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # for new work; published files are old
        for network in (Means(), Maps(), Published()):
            scripted = torch.jit.script(network)
            torch.jit.save(scripted, str(folder / f"{type(network).__name__.lower()}.pt"))
    torch.save(Means().state_dict(), folder / "weights.pt")
    return folder


def test_inception_sees_299_pixels_of_three_channels_from_0_to_255(scripts: Path) -> None:
    space = inception_features(scripts / "means.pt", CPU)
    grey = np.full((3, 28, 28, 1), [[[[0]]], [[[51]]], [[[255]]]], np.uint8)
    np.testing.assert_allclose(
        space.embed(grey), [[0, 0, 0, 299], [51, 51, 51, 299], [255, 255, 255, 299]], atol=1e-3
    )
    colour = np.full((1, 64, 64, 3), (10, 20, 30), np.uint8)
    np.testing.assert_allclose(space.embed(colour), [[10, 20, 30, 299]], atol=1e-3)
    assert space.name == "Inception of means.pt"


def test_the_published_file_is_asked_for_features(scripts: Path) -> None:
    space = inception_features(scripts / "published.pt", CPU)
    assert space.embed(np.zeros((2, 28, 28, 1), np.uint8)).shape == (2, 3)


def test_files_that_give_no_features_are_named(scripts: Path) -> None:
    with pytest.raises(UnusableInput, match=r"weights\.pt.*torch\.jit\.save"):
        inception_features(scripts / "weights.pt", CPU)
    with pytest.raises(UnusableInput, match=r"absent\.pt"):
        inception_features(scripts / "absent.pt", CPU)
    with pytest.raises(UnusableInput, match=r"maps\.pt.*gives 4 dimensions"):
        inception_features(scripts / "maps.pt", CPU).embed(np.zeros((1, 28, 28, 1), np.uint8))

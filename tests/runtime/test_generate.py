"""A seed gives the pictures that numpy gives, truncated or along a path too."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from runtime.errors import UnusableInput
from runtime.latent import Latents
from runtime.store import Store


def by_numpy(maker: ModuleType, category: int, z: np.ndarray) -> np.ndarray:
    """Paint latents, [n, 8], with the tiny store's own weights: [n, 8, 8, 3] in grey levels."""
    weights = maker.generator_weights()
    latent = np.concatenate(
        [z, np.tile(weights["category_vectors"][category], (len(z), 1))], axis=1
    )
    tone = np.tanh(latent.astype(np.float64) @ weights["weight"] + weights["bias"])
    return np.round((tone + 1) * 127.5).reshape(len(z), 8, 8, 3)


@pytest.mark.parametrize("n", [1, 5, 40])
def test_pictures_are_those_of_numpy(store: Store, maker: ModuleType, n: int) -> None:
    drawn = store.generate("Greeting card", n=n, seed=11)
    z = np.random.Generator(np.random.PCG64(11)).standard_normal((n, 8), dtype=np.float32)
    expected = by_numpy(maker, 2, z)
    assert drawn.images.dtype == np.uint8
    assert drawn.images.shape == (n, 8, 8, 3)
    assert np.abs(drawn.images - expected).max() <= 1
    assert (drawn.category, drawn.seed, drawn.variant, drawn.provider) == (
        "Greeting card",
        11,
        "fp32",
        "cpu",
    )


def test_truncation_and_interpolation_reach_the_pictures(store: Store, maker: ModuleType) -> None:
    drawn = store.generate("Tea", n=5, seed=11, truncation=0.5, interpolate=12)
    z = Latents(n=5, seed=11, truncation=0.5, interpolate=12).draw(8)
    assert np.abs(drawn.images - by_numpy(maker, 1, z)).max() <= 1
    assert (drawn.seed, drawn.truncation, drawn.interpolate) == (11, 0.5, 12)
    plain = store.generate("Tea", n=5, seed=11)
    assert (plain.truncation, plain.interpolate) == (None, None)
    assert np.abs(plain.images.astype(int) - drawn.images).max() > 10


def test_a_path_goes_from_picture_to_picture(store: Store) -> None:
    path = store.generate("Tea", n=3, seed=11, interpolate=12).images.astype(int)
    for place, seed in ((0, 11), (-1, 12)):
        (end,) = store.generate("Tea", n=1, seed=seed).images
        assert np.abs(path[place] - end).max() <= 1  # a batch of another size may round otherwise


def test_every_category_gets_the_same_latents(store: Store) -> None:
    drawn = store.generator.generate_each(["Tea", "Bread"], Latents(n=3, seed=2))
    assert [generated.category for generated in drawn] == ["Tea", "Bread"]
    for generated in drawn:
        alone = store.generate(generated.category, n=3, seed=2)
        np.testing.assert_array_equal(generated.images, alone.images)


def test_pictures_of_several_categories_are_bounded_together(store: Store) -> None:
    with pytest.raises(UnusableInput, match=r"n is 1366 for each of 3 .* at most 1365"):
        store.generator.generate_each(["Tea", "Tea", "Bread"], Latents(n=1366))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"category": "Te"}, "'Te'; did you mean 'Tea'"),
        ({"category": "Tea", "n": 0}, "n is 0"),
        ({"category": "Tea", "n": -1}, "n is -1"),
        ({"category": "Tea", "n": 5000}, "from 1 to 4096"),
        ({"category": "Tea", "n": 1.5}, r"n is 1\.5"),
        ({"category": "Tea", "seed": -1}, "seed is -1"),
        ({"category": "Tea", "seed": "7"}, "seed is '7'"),
        ({"category": 5}, "unknown category 5; known: 'Bread'"),
        ({"category": "Tea", "truncation": 0}, "truncation is 0; "),
        ({"category": "Tea", "interpolate": -8}, "interpolate is -8; "),
    ],
)
def test_wrong_arguments(store: Store, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(UnusableInput, match=said):
        store.generate(**arguments)

"""The generator on the device: a seed and a category give the same pictures everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from runtime.answer import BundleName
from runtime.errors import UnusableInput, nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runtime.manifest import GeneratorSection
    from runtime.session import Session

MAX_IMAGES = 4096
_BATCH_IMAGES = 16


@dataclass(frozen=True)
class GeneratedImages:
    """Pictures of one category.

    Attributes:
        bundle: which bundle drew them.
        images: uint8 [n, height, width, channels]; 1 channel is grey, 3 are red, green, blue.
        category: what they show.
        seed: the seed that gives the same pictures again.
        variant: which exported form ran, such as "fp32".
        provider: where it ran, "cpu" or "cuda".
    """

    bundle: BundleName
    images: NDArray[np.uint8]
    category: str
    seed: int
    variant: str
    provider: str

    def to_json(self, files: tuple[str, ...]) -> dict[str, Any]:
        """Return the document of ``endcap generate --json`` for pictures written to ``files``."""
        return {
            "files": list(files),
            "seed": self.seed,
            "category": self.category,
            "variant": self.variant,
            "provider": self.provider,
        }


class Generator:
    """Draws pictures with one variant of a bundle's generator.

    Args:
        bundle: name and version, for the answers.
        section: the bundle's description of its generator.
        variant: name of the variant that ``session`` runs.
        session: the opened graph.
    """

    def __init__(
        self, bundle: BundleName, section: GeneratorSection, variant: str, session: Session
    ) -> None:
        self._bundle = bundle
        self._section = section
        self._variant = variant
        self._session = session

    @property
    def categories(self) -> tuple[str, ...]:
        """Names of what can be drawn; the index of a name is its category row."""
        return self._section.categories

    def generate(self, category: str, n: int = 16, seed: int = 7) -> GeneratedImages:
        """Draw ``n`` pictures of ``category`` from the latents of ``seed``.

        Raises:
            UnusableInput: there is no such category, or n or seed is out of range.
        """
        categories = self.categories
        if category not in categories:
            raise UnusableInput(f"unknown category {category!r}; {nearest(category, categories)}")
        if not isinstance(n, int) or not 1 <= n <= MAX_IMAGES:
            raise UnusableInput(f"n is {n!r}; it must be a whole number from 1 to {MAX_IMAGES}")
        if not isinstance(seed, int) or seed < 0:
            raise UnusableInput(f"seed is {seed!r}; it must be a whole number of at least 0")
        z = draw_latents(seed, n, self._section.z_dim)
        row = np.full((n, 1), categories.index(category), np.int64)
        images = [
            self._session.run(
                {"z": z[i : i + _BATCH_IMAGES], "category": row[i : i + _BATCH_IMAGES]}, ["image"]
            )[0]
            for i in range(0, n, _BATCH_IMAGES)
        ]
        return GeneratedImages(
            bundle=self._bundle,
            images=np.concatenate(images),  # [n, height, width, channels]
            category=category,
            seed=seed,
            variant=self._variant,
            provider=self._session.provider,
        )


def draw_latents(seed: int, n: int, z_dim: int) -> NDArray[np.float32]:
    """Return the latents of ``seed``: float32 [n, z_dim], standard normal, PCG64."""
    generator = np.random.Generator(np.random.PCG64(seed))
    return generator.standard_normal((n, z_dim), dtype=np.float32)

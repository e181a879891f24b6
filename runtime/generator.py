"""The generator on the device: a seed and a category give the same pictures everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from runtime.answer import BundleName
from runtime.errors import UnusableInput, nearest
from runtime.latent import MAX_IMAGES, Latents

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runtime.manifest import GeneratorSection
    from runtime.provider import Provider
    from runtime.session import Session

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
        requested_provider: where it was to run, "cpu", "cuda" or "auto".
        truncation: latent values beyond plus or minus this were drawn again; None for none.
        interpolate: seed of the far end of the path that they lie on; None for no path.
    """

    bundle: BundleName
    images: NDArray[np.uint8]
    category: str
    seed: int
    variant: str
    provider: str
    requested_provider: str
    truncation: float | None = None
    interpolate: int | None = None

    def to_json(self, files: tuple[str, ...]) -> dict[str, Any]:
        """Return the document of ``endcap generate --json`` for pictures written to ``files``."""
        return {
            "files": list(files),
            "seed": self.seed,
            "category": self.category,
            "variant": self.variant,
            "provider": self.provider,
            **self.latent_options(),
            "requested_provider": self.requested_provider,
        }

    def latent_options(self) -> dict[str, int | float]:
        """Return truncation and interpolate by name, those only that were asked for."""
        options = {"truncation": self.truncation, "interpolate": self.interpolate}
        return {name: value for name, value in options.items() if value is not None}


class Generator:
    """Draws pictures with one variant of a bundle's generator.

    Args:
        bundle: name and version, for the answers.
        section: the bundle's description of its generator.
        variant: name of the variant that ``session`` runs.
        session: the opened graph.
        provider: where it was to run, and does.
    """

    def __init__(
        self,
        bundle: BundleName,
        section: GeneratorSection,
        variant: str,
        session: Session,
        provider: Provider,
    ) -> None:
        self._bundle = bundle
        self._section = section
        self._variant = variant
        self._session = session
        self._provider = provider

    @property
    def opened(self) -> tuple[str, Session]:
        """Name of the variant that runs, and its session."""
        return self._variant, self._session

    @property
    def provider(self) -> Provider:
        """Where it was to run, and does."""
        return self._provider

    @property
    def categories(self) -> tuple[str, ...]:
        """Names of what can be drawn; the index of a name is its category row."""
        return self._section.categories

    def generate(self, category: str, latents: Latents) -> GeneratedImages:
        """Draw a picture of ``category`` from each of ``latents``.

        Raises:
            UnusableInput: there is no such category.
        """
        return self.generate_each([category], latents)[0]

    def generate_each(
        self, categories: Sequence[str], latents: Latents
    ) -> tuple[GeneratedImages, ...]:
        """Draw the same ``latents`` as pictures of each of ``categories``, in that order.

        Raises:
            UnusableInput: there is no such category, or more than 4096 pictures would be drawn.
        """
        rows = [self._row(category) for category in categories]
        if len(rows) * latents.n > MAX_IMAGES:
            raise UnusableInput(
                f"n is {latents.n} for each of {len(rows)} categories; "
                f"it must be at most {MAX_IMAGES // len(rows)}"
            )
        z = latents.draw(self._section.z_dim)
        return tuple(_last(self._painted(z, row, latents)) for row in rows)

    def steps(self, category: str, latents: Latents) -> Iterator[GeneratedImages | None]:
        """Draw as :meth:`generate` does, a few pictures a step: None until the last, which is all.

        Raises:
            UnusableInput: there is no such category.
        """
        row = self._row(category)
        return self._painted(latents.draw(self._section.z_dim), row, latents)

    def _row(self, category: str) -> int:
        if category not in self.categories:
            close = nearest(str(category), self.categories)
            raise UnusableInput(f"unknown category {category!r}; {close}")
        return self.categories.index(category)

    def _painted(
        self, z: NDArray[np.float32], row: int, latents: Latents
    ) -> Iterator[GeneratedImages | None]:
        """Run the graph on ``z``, [n, z_dim], a batch a step."""
        parts: list[NDArray[np.uint8]] = []
        for part in self.run_steps(z, np.full((len(z), 1), row, np.int64)):
            parts.append(part)
            yield None
        yield GeneratedImages(
            bundle=self._bundle,
            images=np.concatenate(parts),  # [n, height, width, channels]
            category=self.categories[row],
            seed=latents.seed,
            variant=self._variant,
            provider=self._provider.actual,
            requested_provider=self._provider.requested,
            truncation=latents.truncation,
            interpolate=latents.interpolate,
        )

    def run_steps(
        self, z: NDArray[np.float32], category: NDArray[np.int64]
    ) -> Iterator[NDArray[np.uint8]]:
        """Yield the pictures of ``z``, [n, z_dim], and ``category``, [n, 1], a batch at a time."""
        for i in range(0, len(z), _BATCH_IMAGES):
            rows = slice(i, i + _BATCH_IMAGES)
            (image,) = self._session.run({"z": z[rows], "category": category[rows]}, ["image"])
            yield image


def _last(steps: Iterator[GeneratedImages | None]) -> GeneratedImages:
    *_, last = steps
    assert last is not None  # the last step is always the pictures
    return last

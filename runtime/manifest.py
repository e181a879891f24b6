"""The manifest of a bundle: what it holds, validated on construction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runtime.errors import UnusableInput

FORMAT = 1
MANIFEST = "manifest.json"
SIGNATURE = "signature"
UNLISTED = frozenset({MANIFEST, SIGNATURE})
"""Files of a bundle that the manifest does not list: itself, and the signature over it."""


@dataclass(frozen=True)
class Tensor:
    """A graph input or output; ``shape`` holds ints, and "batch" for the symbolic axis."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]


@dataclass(frozen=True)
class Variant:
    """One exported form of a graph: its file, its size, what parity measured, how fast it is.

    ``layers`` is what export recorded of its nodes; of fp32 that is in the section.
    """

    name: str
    file: str
    bytes: int
    speedup: float
    parity: Mapping[str, Any]
    layers: str | None


@dataclass(frozen=True)
class ModelSection:
    """What both models state: graph contract, golden vectors, variants and held-out metrics."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    golden: str
    layers: str | None
    variants: Mapping[str, Variant]
    default: Mapping[str, str]
    refused: Mapping[str, str]
    metrics: Mapping[str, Any]


@dataclass(frozen=True)
class RecommenderSection(ModelSection):
    """The recommender of a bundle; ``seen_filter`` says that past purchases are not shown again."""

    arch: str
    n_items: int
    n_users: int
    max_basket: int
    top_k: int
    seen_filter: bool
    evaluation: Mapping[str, Any]


@dataclass(frozen=True)
class GeneratorSection(ModelSection):
    """The generator of a bundle; the index of a name in ``categories`` is its category row.

    ``evaluation`` says how its pictures were read and set apart; empty in bundles before 0.3.0.
    """

    categories: tuple[str, ...]
    z_dim: int
    image_size: int
    channels: int
    evaluation: Mapping[str, Any]


@dataclass(frozen=True)
class FileRecord:
    """Size and SHA-256 (lower-case hex) that a file of the bundle must have."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class CatalogueSection:
    """Where the catalogue lies and its columns as (name, kind), kind one of text, label, number."""

    file: str
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Manifest:
    """The parsed manifest.json; ``raw`` is the document itself, for printing."""

    name: str
    version: int
    created: str
    producer: Mapping[str, Any]
    data: Mapping[str, Any]
    salt: bytes
    catalogue: CatalogueSection | None
    users_file: str | None
    recommender: RecommenderSection | None
    generator: GeneratorSection | None
    files: Mapping[str, FileRecord]
    raw: Mapping[str, Any]

    def sections(self) -> dict[str, ModelSection]:
        """Return the models that are present, by name: recommender, generator."""
        models = {"recommender": self.recommender, "generator": self.generator}
        return {name: section for name, section in models.items() if section is not None}

    def referenced(self) -> dict[str, str]:
        """Return every file the sections name, with the key that names it."""
        found: dict[str, str] = {}
        if self.catalogue is not None:
            found[self.catalogue.file] = "catalogue.file"
        if self.users_file is not None:
            found[self.users_file] = "users.file"
        for model, section in self.sections().items():
            found[section.golden] = f"{model}.golden"
            if section.layers is not None:
                found[section.layers] = f"{model}.layers"
            for name, variant in section.variants.items():
                found[variant.file] = f"{model}.variants.{name}.file"
                if variant.layers is not None:
                    found[variant.layers] = f"{model}.variants.{name}.layers"
        return found


def check_path(path: str) -> None:
    """Raise :class:`UnusableInput` unless ``path`` is relative, POSIX and stays in its folder."""
    parts = path.split("/")
    if (
        not path
        or any(part in ("", ".", "..") for part in parts)
        or any(character in path for character in ("\\", ":", "\0"))
    ):
        raise UnusableInput(
            f"the bundle names the file {path!r}; only relative paths inside the bundle are allowed"
        )

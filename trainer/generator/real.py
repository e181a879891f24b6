"""The real pictures of an evaluation: those that were trained on, and others that were not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.errors import UnusableInput
from trainer.generator.held_out import hold_out
from trainer.generator.neighbourhoods import K
from trainer.generator.shares import counts_in_shares
from trainer.generator.subject import Subject
from trainer.images import ImageSet, pixel_digests, read_images
from trainer.picture import Pixels


@dataclass(frozen=True)
class RealPictures:
    """Real pictures in two parts that share none.

    Attributes:
        train: uint8 [n, size, size, channels], what the generators were trained on.
        train_category: int64 [n], rows of ``categories``.
        held_out: uint8 [m, size, size, channels], what none of them has seen.
        held_out_category: int64 [m].
        categories: names in row order.
        source: where the held-out pictures come from, in words.
        twins: held-out pictures left out since they equal a training picture.

    Raises:
        UnusableInput: too few held-out pictures to compare neighbourhoods with.
    """

    train: Pixels
    train_category: NDArray[np.int64]
    held_out: Pixels
    held_out_category: NDArray[np.int64]
    categories: tuple[str, ...]
    source: str
    twins: int = 0

    def __post_init__(self) -> None:
        if len(self.held_out) <= K:
            raise UnusableInput(
                f"{len(self.held_out)} held-out pictures are too few to compare with ({self.source}"
                f"); give {K + 1} or more that were not trained on with --held-out"
            )

    def facts(self) -> dict[str, Any]:
        """Return what a table says of the pictures, as JSON types."""
        return {
            "held_out": self.source,
            "training_pictures": len(self.train),
            "held_out_pictures": len(self.held_out),
            "identical_left_out": self.twins,
            "categories": list(self.categories),
        }

    def matched_counts(self, most: int) -> NDArray[np.int64]:
        """Say how many pictures of each category to compare with the held-out ones.

        Shares are those of the held-out pictures, and every category has so many training pictures,
        so that generated and training pictures can be taken in equal numbers.

        Returns:
            int64 [n_categories], ``most`` together or fewer.

        Raises:
            UnusableInput: too few are left to compare neighbourhoods.
        """
        counts = counts_in_shares(
            self.train_category, self.held_out_category, len(self.categories), most
        )
        if counts.sum() <= K:
            raise UnusableInput(
                f"{counts.sum()} pictures of each kind are too few to compare; give more --samples "
                "or more training pictures of every held-out category"
            )
        return counts


def read_real(
    subject: Subject,
    source: Path,
    held_out: Path | None,
    *,
    labels: Path | None,
    id_column: str | None,
    label_column: str | None,
) -> RealPictures:
    """Read pictures as a generator's were read, and set apart what it was not trained on.

    Args:
        subject: the generator.
        source: the pictures that it was trained on and validated with.
        held_out: other pictures, labelled as those are; None for the tenth of ``source`` that its
            training set apart, which chose its epoch but drew no gradient.
        labels: CSV that labels the files of ``source`` and ``held_out``.
        id_column: its column of picture ids.
        label_column: its column of categories.

    Raises:
        UnusableInput: ``source`` is unreadable or not what the generator was trained on, or too few
            held-out pictures are left.
    """
    images = read_images(
        source, subject.images, labels=labels, id_column=id_column, label_column=label_column
    )
    if images.fingerprint() != subject.pictures:
        raise UnusableInput(
            f"{str(subject.path)!r} was trained on other pictures than {str(source)!r} holds; give "
            "--images, --labels and the columns as they were given to endcap train generator"
        )
    split = hold_out(images, subject.seed)
    if held_out is None:
        others = _rows(images, split.held_out)
        where = f"the tenth of {source.name} that training set apart, which also chose the epoch"
        return RealPictures(*_rows(images, split.train), *others, images.categories, where)
    if held_out.suffix.lower() == ".npz" and not held_out.is_dir():
        labels = id_column = label_column = None  # an npz holds its own
    # One held-out picture of a category is better than none.
    config = replace(subject.images, min_per_category=1)
    found = read_images(
        held_out, config, labels=labels, id_column=id_column, label_column=label_column
    )
    return without_twins(images, split.train, found, held_out.name)


def without_twins(
    images: ImageSet, train: NDArray[np.int64], found: ImageSet, source: str
) -> RealPictures:
    """Take other pictures for held-out ones, except those that equal one of ``images``.

    Args:
        images: what the generator was trained on and validated with.
        train: the rows of it that were trained on.
        found: the other pictures, of the same categories.
        source: where they come from.
    """
    seen = set(pixel_digests(images.pixels))
    new = np.flatnonzero([digest not in seen for digest in pixel_digests(found.pixels)])
    return RealPictures(
        *_rows(images, train),
        *_rows(found, new),
        images.categories,
        source,
        twins=len(found) - len(new),
    )


def _rows(images: ImageSet, rows: NDArray[np.int64]) -> tuple[Pixels, NDArray[np.int64]]:
    return images.pixels[rows], images.category[rows]

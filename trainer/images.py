"""Labelled pictures for the generator: read, fitted to one size, counted and reported."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.errors import UnusableInput, nearest
from trainer.generator.config import ImagesConfig
from trainer.picture import BrokenPicture, Pixels, decode_picture, fit_array
from trainer.picture_arrays import PictureArrays
from trainer.picture_files import Labels, PictureFile, picture_files

EXAMPLES = 5  # names shown for each reason
NOT_CHOSEN = "category not in images.categories"
UNREADABLE = "cannot be opened"

ReadProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class ImageReport:
    """What was read, kept and left out, and why.

    Attributes:
        source: the folder, zip or npz.
        found: files or rows in it.
        kept: pictures in the image set.
        skipped: reason -> how many were left out for it.
        examples: the first few names left out for each reason, with the reason.
        duplicates: kept pictures whose pixels equal those of an earlier one.
        labels_without_picture: ids of the CSV for which the source holds no file.
        per_category: category -> pictures kept.
    """

    source: str
    found: int
    kept: int
    skipped: dict[str, int]
    examples: tuple[tuple[str, str], ...]
    duplicates: int
    labels_without_picture: int
    per_category: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """Give the report as JSON types."""
        return {
            "source": self.source,
            "found": self.found,
            "kept": self.kept,
            "skipped": dict(self.skipped),
            "examples": [{"name": name, "reason": reason} for name, reason in self.examples],
            "duplicates": self.duplicates,
            "labels_without_picture": self.labels_without_picture,
            "per_category": dict(self.per_category),
        }


@dataclass(frozen=True)
class ImageSet:
    """Pictures of one size with their categories.

    Attributes:
        pixels: uint8 [n, image_size, image_size, channels].
        category: int64 [n], an index into ``categories``.
        categories: names; every one has at least one picture.
        report: where the pictures come from and what was left out.

    Raises:
        UnusableInput: arrays that do not fit each other.
    """

    pixels: Pixels
    category: NDArray[np.int64]
    categories: tuple[str, ...]
    report: ImageReport

    def __post_init__(self) -> None:
        shape = self.pixels.shape
        if self.pixels.dtype != np.uint8 or len(shape) != 4 or shape[1] != shape[2]:
            raise UnusableInput(f"pixels are {self.pixels.dtype} {shape}, not uint8 [n, s, s, c]")
        if shape[3] not in (1, 3):
            raise UnusableInput(f"pixels have {shape[3]} channels; 1 or 3 are possible")
        if self.category.dtype != np.int64 or self.category.shape != shape[:1]:
            raise UnusableInput(
                f"categories are {self.category.dtype} {self.category.shape}, not int64 {shape[:1]}"
            )
        if len(set(self.categories)) != len(self.categories):
            raise UnusableInput(f"category names repeat: {self.categories!r}")
        if not np.array_equal(np.unique(self.category), np.arange(len(self.categories))):
            raise UnusableInput(
                f"category rows are not 0 to {len(self.categories) - 1}, each with a picture"
            )
        if not len(self):
            raise UnusableInput("an image set needs at least one picture")

    def __len__(self) -> int:
        return int(self.pixels.shape[0])

    def fingerprint(self) -> str:
        """Give a digest of pixels, categories and names, by which a resumed run knows its data."""
        digest = hashlib.blake2b("\n".join(self.categories).encode(), digest_size=16)
        digest.update(self.category.tobytes())
        digest.update(np.ascontiguousarray(self.pixels).data)
        return digest.hexdigest()


def pixel_digests(pixels: Pixels) -> list[bytes]:
    """Hash every picture of uint8 [n, h, w, c]; equal pictures have equal digests."""
    return [hashlib.blake2b(one.tobytes(), digest_size=16).digest() for one in pixels]


def read_images(
    source: Path,
    config: ImagesConfig,
    *,
    labels: Path | None = None,
    id_column: str | None = None,
    label_column: str | None = None,
    progress: ReadProgress | None = None,
) -> ImageSet:
    """Read a folder, a .zip or an .npz of labelled pictures.

    Folder and zip: one folder a category, or any layout with ``labels``, a CSV whose ``id_column``
    ("id") holds the file name without its suffix and whose ``label_column`` ("label") the category.
    npz: ``x`` uint8 [n, h, w] or [n, h, w, c] with ``y`` [n], integers or text.

    Args:
        source: the folder, .zip or .npz.
        config: the wanted size, channels and categories.
        labels: CSV that labels the files of a folder or zip.
        id_column: its column of picture ids; "id" if None.
        label_column: its column of categories; "label" if None.
        progress: called now and then with (pictures read, pictures in all).

    Raises:
        UnusableInput: nothing to read at ``source``, unreadable labels, or no category left. Single
            broken pictures are left out and reported instead.
    """
    if source.suffix.lower() == ".npz" and not source.is_dir():
        if labels is not None:
            raise UnusableInput(
                f"{str(source)!r} holds its own labels; leave --labels {str(labels)!r} out"
            )
        return _read_arrays(source, config, progress)
    table = None
    if labels is not None:
        table = Labels.read(labels, id_column or "id", label_column or "label")
    elif id_column is not None or label_column is not None:
        raise UnusableInput("--id-column and --label-column need --labels with the CSV they are in")
    with picture_files(source, table) as files:
        return _read_files(source, files, table, config, progress)


@dataclass
class _Collector:
    """Fills the pixel array and counts what was left out."""

    source: Path
    config: ImagesConfig
    pixels: Pixels
    found: int
    progress: ReadProgress | None
    names: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)

    def keep(self, name: str, label: str, picture: Pixels) -> None:
        self.pixels[len(self.labels)] = picture
        self.names.append(name)
        self.labels.append(label)

    def leave_out(self, name: str, reason: str) -> None:
        self.left_out.append((name, reason))

    def tell(self, done: int) -> None:
        if self.progress is not None and (done % 100 == 0 or done == len(self.pixels)):
            self.progress(done, len(self.pixels))

    def finish(self, order: Sequence[str], labels_without_picture: int = 0) -> ImageSet:
        """Leave out small categories, number the others in ``order`` and report."""
        config = self.config
        counts = Counter(self.labels)
        categories = tuple(name for name in order if counts[name] >= config.min_per_category)
        if not categories:
            raise UnusableInput(self._nothing_left(counts))
        row = {name: index for index, name in enumerate(categories)}
        for name, label in zip(self.names, self.labels, strict=True):
            if label not in row:
                self.leave_out(
                    name,
                    f"category {label!r} has fewer than {config.min_per_category} pictures "
                    "(images.min_per_category)",
                )
        pixels = self.pixels[: len(self.labels)]
        kept = np.array([label in row for label in self.labels])
        if not kept.all():
            pixels = pixels[kept]
        category = np.array([row[label] for label in self.labels if label in row], dtype=np.int64)
        report = ImageReport(
            source=str(self.source),
            found=self.found,
            kept=len(pixels),
            skipped=dict(Counter(reason for _, reason in self.left_out).most_common()),
            examples=_first_of_each(self.left_out),
            duplicates=len(pixels) - len(set(pixel_digests(pixels))),
            labels_without_picture=labels_without_picture,
            per_category={name: counts[name] for name in categories},
        )
        return ImageSet(pixels, category, categories, report)

    def _nothing_left(self, counts: Counter[str]) -> str:
        where = f"no category of {str(self.source)!r} is left: "
        if counts:
            name, count = counts.most_common(1)[0]
            return where + (
                f"the largest, {name!r}, has {count} usable pictures and images.min_per_category "
                f"is {self.config.min_per_category}; add pictures or lower it"
            )
        reasons = Counter(reason for _, reason in self.left_out).most_common(1)
        name = next(name for name, reason in self.left_out if reason == reasons[0][0])
        return where + (
            f"none of {self.found} files is usable, mostly: {reasons[0][0]} (such as {name!r}); "
            "mend the files or their labels"
        )


def _order(config: ImagesConfig, names: Sequence[str], source: Path) -> Sequence[str]:
    """Give the categories to keep, in order, and refuse ones that are not there."""
    for name in config.categories:
        if name not in names:
            raise UnusableInput(
                f"{str(source)!r} has no category {name!r} (images.categories); "
                f"{nearest(name, names)}"
            )
    return config.categories or names


def _first_of_each(left_out: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    shown: Counter[str] = Counter()
    examples = []
    for name, reason in left_out:
        shown[reason] += 1
        if shown[reason] <= EXAMPLES:
            examples.append((name, reason))
    return tuple(examples)


def _room(count: int, config: ImagesConfig) -> Pixels:
    shape = (count, config.image_size, config.image_size, config.channels)
    return np.empty(shape, dtype=np.uint8)


def _read_files(
    source: Path,
    files: list[PictureFile],
    table: Labels | None,
    config: ImagesConfig,
    progress: ReadProgress | None,
) -> ImageSet:
    known = sorted({file.category for file in files if file.category is not None})
    order = _order(config, known, source)
    chosen = set(order)
    wanted = sum(file.category in chosen for file in files)
    collector = _Collector(source, config, _room(wanted, config), len(files), progress)
    done = 0
    for file in files:
        if file.category is None:
            collector.leave_out(file.name, file.reason)
            continue
        if file.category not in chosen:
            collector.leave_out(file.name, NOT_CHOSEN)
            continue
        try:
            picture = decode_picture(file.read(), config)
        except BrokenPicture as error:
            collector.leave_out(file.name, str(error))
        except (OSError, RuntimeError, zipfile.BadZipFile, zlib.error):
            # RuntimeError is zipfile's word for a password or an unknown compression.
            collector.leave_out(file.name, UNREADABLE)
        else:
            collector.keep(file.name, file.category, picture)
        done += 1
        collector.tell(done)
    stems = {Path(file.name).stem for file in files}
    missing = sum(name not in stems for name in table.categories) if table is not None else 0
    return collector.finish(order, missing)


def _read_arrays(source: Path, config: ImagesConfig, progress: ReadProgress | None) -> ImageSet:
    if not source.exists():
        raise UnusableInput(f"no pictures at {str(source)!r}; name a folder, a .zip or a .npz")
    arrays = PictureArrays.read(source)
    known, names = arrays.categories(source, config.label_names)
    order = _order(config, known, source)
    chosen = set(order)
    wanted = sum(name in chosen for name in names)
    collector = _Collector(source, config, _room(wanted, config), len(names), progress)
    for row, (name, picture) in enumerate(_fitted(arrays.pixels, names, chosen, config)):
        if picture is None:
            collector.leave_out(f"row {row}", NOT_CHOSEN)
        else:
            collector.keep(f"row {row}", name, picture)
            collector.tell(len(collector.labels))
    return collector.finish(order)


def _fitted(
    pixels: Pixels, names: list[str], chosen: set[str], config: ImagesConfig
) -> Iterator[tuple[str, Pixels | None]]:
    shape = (config.image_size, config.image_size, config.channels)
    channels = pixels.shape[3] if pixels.ndim == 4 else 1
    ready = pixels.shape[1:3] == shape[:2] and channels == config.channels
    for name, picture in zip(names, pixels, strict=True):
        if name not in chosen:
            yield name, None
        else:
            yield name, picture.reshape(shape) if ready else fit_array(picture, config)

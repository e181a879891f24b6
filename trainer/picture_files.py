"""The files of a picture folder or zip, and the CSV that labels them."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from runtime.errors import UnusableInput, nearest

PICTURE_SUFFIXES = frozenset(
    (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
)
NOT_A_PICTURE = "not a picture file"
NO_FOLDER = "not in a category's folder"
NO_LABEL = "no label in the CSV"
TWO_LABELS = "two different labels in the CSV"


@dataclass(frozen=True)
class PictureFile:
    """One file of a folder or zip.

    Attributes:
        name: path within the source, with forward slashes.
        category: what its folder or label says; None when it cannot be used.
        reason: why it cannot be used, when ``category`` is None.
        read: gives the file's bytes; OSError, zipfile.BadZipFile or zlib.error when it cannot.
    """

    name: str
    category: str | None
    reason: str
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Labels:
    """The label CSV: picture id -> category.

    Attributes:
        categories: every id with its label; None where two rows disagree.
        path: where it was read, for messages.
    """

    categories: dict[str, str | None]
    path: Path

    @classmethod
    def read(cls, path: Path, id_column: str = "id", label_column: str = "label") -> Labels:
        """Read two columns of a CSV; rows with an empty label count as unlabelled.

        Raises:
            UnusableInput: missing, empty or binary file, or a column that is not there.
        """
        found: dict[str, str | None] = {}
        try:
            with path.open(encoding="utf-8-sig", newline="") as stream:
                rows = csv.DictReader(stream)
                names = [name.strip() for name in rows.fieldnames or ()]
                rows.fieldnames = names
                if not names:
                    raise UnusableInput(f"labels {str(path)!r} is empty; it needs a header line")
                for option, column in (
                    ("--id-column", id_column),
                    ("--label-column", label_column),
                ):
                    if column not in names:
                        raise UnusableInput(
                            f"labels {str(path)!r} has no column {column!r}; "
                            f"{nearest(column, names)} (name it with {option})"
                        )
                for row in rows:
                    key, label = (row[id_column] or "").strip(), (row[label_column] or "").strip()
                    if key and label:
                        known = found.setdefault(key, label)
                        found[key] = label if known == label else None
        except OSError as error:
            raise UnusableInput(
                f"cannot read labels {str(path)!r}: {error.strerror}; check the path"
            ) from error
        except (UnicodeDecodeError, csv.Error) as error:
            raise UnusableInput(
                f"labels {str(path)!r} is not a CSV in UTF-8 ({error}); save it as one"
            ) from error
        if not found:
            raise UnusableInput(
                f"labels {str(path)!r} names no picture: column {label_column!r} is empty"
            )
        return cls(found, path)


@contextmanager
def picture_files(source: Path, labels: Labels | None) -> Iterator[list[PictureFile]]:
    """List the files of a folder or zip in name order, each with its category or why it has none.

    Without labels, the first folder of a file's path names its category; one folder around all of
    them does not count. With labels, the file name without its suffix is the id.

    Raises:
        UnusableInput: nothing there, or neither a folder nor a zip.
    """
    if source.is_dir():
        paths = sorted(path for path in source.rglob("*") if path.is_file())
        named = [(path.relative_to(source).as_posix(), path.read_bytes) for path in paths]
        yield _labelled(source, named, labels)
        return
    if not source.exists():
        raise UnusableInput(f"no pictures at {str(source)!r}; name a folder, a .zip or a .npz")
    try:
        archive = zipfile.ZipFile(source)
    except zipfile.BadZipFile as error:
        raise UnusableInput(
            f"{str(source)!r} is not a zip that can be read ({error}); "
            "name a folder, a .zip or a .npz"
        ) from error
    except OSError as error:
        raise UnusableInput(
            f"cannot read {str(source)!r}: {error.strerror}; check the path"
        ) from error
    with archive:
        members = sorted(
            (member for member in archive.infolist() if not member.is_dir()),
            key=lambda member: member.filename,
        )
        yield _labelled(source, [(m.filename, _reader(archive, m)) for m in members], labels)


def _reader(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Callable[[], bytes]:
    return lambda: archive.read(member)


def _labelled(
    source: Path, named: list[tuple[str, Callable[[], bytes]]], labels: Labels | None
) -> list[PictureFile]:
    pictures = [PurePosixPath(name).parts for name, _ in named if _is_picture(name)]
    if not pictures:
        raise UnusableInput(
            f"{str(source)!r} holds no pictures ({len(named)} files); endcap reads "
            + ", ".join(sorted(PICTURE_SUFFIXES))
        )
    deep = all(len(parts) > 2 for parts in pictures)
    around = 1 if deep and len({parts[0] for parts in pictures}) == 1 else 0
    if labels is None and all(len(parts) == around + 1 for parts in pictures):
        raise UnusableInput(
            f"{str(source)!r} holds pictures but no folder per category; "
            "make one folder a category, or name a CSV with --labels"
        )
    result = []
    for name, read in named:
        category, reason = _category_of(name, around, labels)
        result.append(PictureFile(name, category, reason, read))
    return result


def _is_picture(name: str) -> bool:
    parts = PurePosixPath(name).parts
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return not hidden and PurePosixPath(name).suffix.lower() in PICTURE_SUFFIXES


def _category_of(name: str, around: int, labels: Labels | None) -> tuple[str | None, str]:
    path = PurePosixPath(name)
    if not _is_picture(name):
        return None, NOT_A_PICTURE
    if labels is None:
        folders = path.parts[around:-1]
        return (folders[0], "") if folders else (None, NO_FOLDER)
    if path.stem not in labels.categories:
        return None, NO_LABEL
    return labels.categories[path.stem], TWO_LABELS

"""Pictures and labels in one npz file, as the machine-learning data sets come."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.errors import UnusableInput

_BROKEN = (ValueError, EOFError, KeyError, MemoryError, zipfile.BadZipFile, zlib.error)
_HOW_TO_WRITE = "write it with numpy.savez(path, x=pictures, y=labels)"


@dataclass(frozen=True)
class PictureArrays:
    """The two arrays of an npz.

    Attributes:
        pixels: uint8 [n, h, w] or [n, h, w, 1 | 3 | 4].
        labels: [n], integers or text.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[Any]

    @classmethod
    def read(cls, path: Path) -> PictureArrays:
        """Read ``x`` and ``y`` (or ``images`` and ``labels``) of an npz; never unpickles anything.

        Raises:
            UnusableInput: not an npz, arrays missing, or of another shape or dtype.
        """
        try:
            # Opened here, since numpy leaves the file open when the zip in it is damaged.
            with path.open("rb") as stream:
                archive = np.load(stream, allow_pickle=False)
                if not isinstance(archive, np.lib.npyio.NpzFile):
                    raise UnusableInput(
                        f"{str(path)!r} is one array (.npy), not an npz; {_HOW_TO_WRITE}"
                    )
                pixels = _array(archive, path, ("x", "images"))
                labels = _array(archive, path, ("y", "labels"))
        except OSError as error:
            raise UnusableInput(
                f"cannot read {str(path)!r}: {error.strerror or 'not an npz'}"
            ) from error
        except _BROKEN as error:
            raise UnusableInput(
                f"{str(path)!r} is not an npz of plain arrays that can be read ({error}); "
                f"{_HOW_TO_WRITE}"
            ) from error
        _check_arrays(path, pixels, labels)
        return cls(pixels, labels)

    def categories(self, path: Path, names: tuple[str, ...]) -> tuple[list[str], list[str]]:
        """Name the categories, in order of their labels, and each row's category.

        Args:
            path: the file, for messages.
            names: names of integer labels, label 0 first; empty to use the numbers.

        Raises:
            UnusableInput: an integer label without a name.
        """
        values, codes = np.unique(self.labels, return_inverse=True)
        known = [str(value) for value in values]
        if names and self.labels.dtype.kind in "iu":
            unnamed = [int(value) for value in values if not 0 <= value < len(names)]
            if unnamed:
                raise UnusableInput(
                    f"label {unnamed[0]} in {str(path)!r} has no name in images.label_names, which "
                    f"names 0 to {len(names) - 1}; add it there"
                )
            known = [names[int(value)] for value in values]
        return known, [known[code] for code in codes.ravel()]


def _array(archive: np.lib.npyio.NpzFile, path: Path, names: tuple[str, ...]) -> NDArray[Any]:
    for name in names:
        if name in archive.files:
            array: NDArray[Any] = archive[name]
            return array
    held = ", ".join(repr(name) for name in archive.files) or "nothing"
    raise UnusableInput(
        f"{str(path)!r} has no array {' or '.join(repr(name) for name in names)}; it holds {held}"
    )


def _check_arrays(path: Path, pixels: NDArray[Any], labels: NDArray[Any]) -> None:
    if pixels.dtype != np.uint8:
        raise UnusableInput(
            f"pictures in {str(path)!r} are {pixels.dtype}; they must be uint8, 0 to 255"
        )
    shape = tuple(pixels.shape)
    if pixels.ndim not in (3, 4) or (pixels.ndim == 4 and shape[3] not in (1, 3, 4)):
        raise UnusableInput(
            f"pictures in {str(path)!r} have shape {shape}; it must be [n, height, width] or "
            "[n, height, width, channels] with 1, 3 or 4 channels last"
        )
    if 0 in shape:
        raise UnusableInput(f"pictures in {str(path)!r} have shape {shape}: there is none")
    if labels.shape != shape[:1]:
        raise UnusableInput(
            f"labels in {str(path)!r} have shape {tuple(labels.shape)} for {shape[0]} pictures; "
            "one label a picture is needed"
        )
    if labels.dtype.kind not in "iuU":
        raise UnusableInput(
            f"labels in {str(path)!r} are {labels.dtype}; they must be integers or text"
        )

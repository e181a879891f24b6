"""Files that are whole or absent: written beside their place, flushed to disk, then renamed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runtime.errors import UnusableInput


def refuse_existing(path: Path) -> None:
    """Raise :class:`UnusableInput` when ``path`` exists: nothing of the user's is overwritten."""
    if os.path.lexists(path):
        raise UnusableInput(f"{str(path)!r} exists; choose another --out or remove it first")


@contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Turn a system error (full disk, no permission) into one sentence about ``path``."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UnusableInput(
            f"cannot write {str(path)!r}: {reason}; free some space or choose another --out"
        ) from error


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to disk, where the system can open folders (Windows cannot)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_synced(path: Path, content: bytes | memoryview) -> None:
    with open(path, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


@contextmanager
def _folder_around(path: Path) -> Iterator[None]:
    """Make the folders above ``path``; those that were made go again when the block fails."""
    absent = [folder for folder in path.parents if not folder.exists()]  # innermost first
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for folder in absent:
            with suppress(OSError):
                folder.rmdir()
        raise


def write_file(path: Path, content: bytes | memoryview) -> None:
    """Put ``content`` at ``path`` so that a power cut leaves the old file or the new one, whole.

    Raises:
        UnusableInput: the disk is full or the folder cannot be written; nothing is left behind.
    """
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    with writing_to(path), _folder_around(path):
        try:
            _write_synced(partial, content)
            os.replace(partial, path)
            sync_folder(path.parent)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a sibling folder to fill; it becomes ``path`` when the block ends without an error.

    Raises:
        UnusableInput: ``path`` exists, or writing failed; nothing is left behind then.
    """
    refuse_existing(path)
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    with writing_to(path), _folder_around(path):
        try:
            partial.mkdir()
            yield partial
            for file in sorted(partial.rglob("*")):
                if file.is_file():
                    with open(file, "rb+") as stream:
                        os.fsync(stream.fileno())
                else:
                    sync_folder(file)
            sync_folder(partial)
            os.rename(partial, path)
            sync_folder(path.parent)
        except UnusableInput as error:
            # what was written inside knows the temporary name only
            raise UnusableInput(str(error).replace(str(partial), str(path))) from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)

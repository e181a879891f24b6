"""The two places a bundle's files can lie in: a folder, or a zip of that folder."""

from __future__ import annotations

import hashlib
import os
import stat
import zipfile
import zlib
from abc import ABC, abstractmethod
from contextlib import closing
from pathlib import Path
from typing import IO

from runtime.errors import UnusableInput
from runtime.manifest import MANIFEST, check_path

_CHUNK_BYTES = 1 << 20
MAX_FILE_BYTES = 1 << 40
_READ_ERRORS = (OSError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error)


class Storage(ABC):
    """Named files to read; names are relative POSIX paths, and none of them is a link."""

    @abstractmethod
    def names(self) -> frozenset[str]:
        """Return the name of every file that is there, listed in a manifest or not."""

    @abstractmethod
    def _open(self, name: str) -> IO[bytes]:
        """Open the file ``name``, which is one of :meth:`names`."""

    @abstractmethod
    def _size(self, name: str) -> int:
        """Return how many bytes the file ``name`` says it has."""

    def read(self, name: str, limit_bytes: int = MAX_FILE_BYTES) -> bytes:
        """Return the content of ``name``.

        Raises:
            UnusableInput: it is missing, longer than ``limit_bytes``, or cannot be read.
        """
        if name not in self.names():
            raise UnusableInput(f"{name!r} is missing; is this a bundle? copy it again")
        try:
            if self._size(name) > limit_bytes:
                raise UnusableInput(f"{name!r} is longer than {limit_bytes} bytes; it is damaged")
            with closing(self._open(name)) as stream:
                return stream.read()
        except _READ_ERRORS as error:
            raise _unreadable(name, error) from error

    def measure(self, name: str, limit_bytes: int) -> tuple[int, str]:
        """Return size in bytes and SHA-256 (hex) of ``name``; stops soon after ``limit_bytes``."""
        digest = hashlib.sha256()
        size = 0
        try:
            with closing(self._open(name)) as stream:
                while size <= limit_bytes and (chunk := stream.read(_CHUNK_BYTES)):
                    digest.update(chunk)
                    size += len(chunk)
        except _READ_ERRORS as error:
            raise _unreadable(name, error) from error
        return size, digest.hexdigest()


def open_storage(path: Path) -> Storage:
    """Open the folder or zip file at ``path``.

    Raises:
        UnusableInput: there is nothing, or something that is neither; a link, a device or a path
            that leaves the bundle is in it.
    """
    if path.is_dir():
        return _FolderStorage(path)
    if not os.path.lexists(path):
        raise UnusableInput("there is no such folder or .zip file; check the path")
    if not path.is_file():
        raise UnusableInput("this is neither a folder nor a .zip file; check the path")
    return _ZipStorage(path)


class _FolderStorage(Storage):
    def __init__(self, root: Path) -> None:
        self._root = root
        self._names = frozenset(self._walk(root, ""))

    def names(self) -> frozenset[str]:
        return self._names

    def _open(self, name: str) -> IO[bytes]:
        return open(self._root / name, "rb", buffering=0)

    def _size(self, name: str) -> int:
        return (self._root / name).stat().st_size

    def _walk(self, folder: Path, prefix: str) -> list[str]:
        found: list[str] = []
        try:
            entries = list(os.scandir(folder))
        except OSError as error:
            raise _unreadable(prefix or ".", error) from error
        for entry in entries:
            name = prefix + entry.name
            if entry.is_symlink():
                raise UnusableInput(f"{name!r} is a symbolic link; replace it by the file itself")
            if entry.is_dir(follow_symlinks=False):
                found.extend(self._walk(folder / entry.name, name + "/"))
            elif entry.is_file(follow_symlinks=False):
                check_path(name)
                found.append(name)
            else:
                raise UnusableInput(f"{name!r} is neither a file nor a folder; remove it")
        return found


class _ZipStorage(Storage):
    def __init__(self, path: Path) -> None:
        try:
            self._archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError) as error:
            raise UnusableInput(
                f"this is no bundle: neither a folder nor a readable .zip file ({error})"
            ) from error
        self._members: dict[str, zipfile.ZipInfo] = {}
        for member in self._archive.infolist():
            self._add(member)
        self._strip_top_folder()

    def names(self) -> frozenset[str]:
        return frozenset(self._members)

    def _open(self, name: str) -> IO[bytes]:
        return self._archive.open(self._members[name])

    def _size(self, name: str) -> int:
        return self._members[name].file_size

    def _add(self, member: zipfile.ZipInfo) -> None:
        name = member.filename
        check_path(name.removesuffix("/"))
        if stat.S_ISLNK(member.external_attr >> 16):
            raise UnusableInput(f"{name!r} is a symbolic link; replace it by the file itself")
        if member.flag_bits & 1:
            raise UnusableInput(f"{name!r} is encrypted; zip the bundle without a password")
        if name in self._members:
            raise UnusableInput(f"{name!r} occurs twice in the zip; zip the bundle again")
        if not member.is_dir():
            self._members[name] = member

    def _strip_top_folder(self) -> None:
        """Accept a zip of the folder itself beside a zip of what is in it."""
        tops = {name.partition("/")[0] + "/" for name in self._members}
        if MANIFEST in self._members or len(tops) != 1:
            return
        top = tops.pop()
        if top + MANIFEST in self._members:
            self._members = {name.removeprefix(top): info for name, info in self._members.items()}


def _unreadable(name: str, error: Exception) -> UnusableInput:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return UnusableInput(f"{name!r} cannot be read: {reason}; copy the bundle again")

"""The bundle: the one folder that goes to the counter, read with suspicion and written whole."""

from __future__ import annotations

import datetime
import hashlib
import io
import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runtime.bundle_storage import Storage, open_storage
from runtime.durable import new_folder
from runtime.errors import UnusableInput
from runtime.manifest import FORMAT, MANIFEST, SIGNATURE, UNLISTED, Manifest
from runtime.manifest_reader import parse_manifest
from runtime.onnx_wire import WireError, scan_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAX_MANIFEST_BYTES = 1 << 26  # a manifest lists files; 64 MiB is far beyond any real one
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, NotImplementedError)


class Bundle:
    """A bundle whose every file was checked; opened by :func:`open_bundle` only.

    Attributes:
        path: where it lies.
        manifest: the parsed manifest.
        manifest_sha256: hex digest of manifest.json, which pins every other file.
    """

    def __init__(
        self, path: Path, storage: Storage, manifest: Manifest, manifest_sha256: str
    ) -> None:
        self.path = path
        self.manifest = manifest
        self.manifest_sha256 = manifest_sha256
        self._storage = storage

    @property
    def size_bytes(self) -> int:
        """Size of all listed files together, in bytes."""
        return sum(record.bytes for record in self.manifest.files.values())

    @property
    def signed(self) -> bool:
        """Whether a signature file is present (nothing is said about its validity)."""
        return SIGNATURE in self._storage.names()

    def read_bytes(self, name: str) -> bytes:
        """Return the content of the listed file ``name``."""
        if name not in self.manifest.files and name not in UNLISTED:
            raise UnusableInput(f"bundle {str(self.path)!r} holds no file {name!r}")
        return self._storage.read(name)

    def arrays(self, name: str) -> dict[str, NDArray[Any]]:
        """Return the arrays of the .npz file ``name``; nothing pickled is ever loaded.

        Raises:
            UnusableInput: the file is no .npz, or it holds Python objects.
        """
        try:
            with np.load(io.BytesIO(self.read_bytes(name)), allow_pickle=False) as archive:
                return {key: archive[key] for key in archive.files}
        except (ValueError, OSError, EOFError, TypeError, *_ZIP_ERRORS) as error:
            raise UnusableInput(
                f"bundle {str(self.path)!r}: {name!r} is not a plain .npz file ({error}); "
                "export the bundle again"
            ) from error


def open_bundle(path: str | os.PathLike[str]) -> Bundle:
    """Open the bundle at ``path`` (a folder, or a .zip of it) after checking all of it.

    Checked before any file is interpreted: manifest, format, that exactly the listed files are
    there, no links, every size and SHA-256; then that no ONNX file holds external data, custom
    operators or local functions.

    Raises:
        UnusableInput: anything of this is not so; the message names the file and the reason.
    """
    place = Path(path)
    try:
        storage = open_storage(place)
        content = storage.read(MANIFEST, _MAX_MANIFEST_BYTES)
        manifest = parse_manifest(content)
        _check_names(storage.names(), manifest)
        for name, record in manifest.files.items():
            size, digest = storage.measure(name, record.bytes)
            if size != record.bytes:
                raise UnusableInput(
                    f"{name!r} has {size} bytes and the manifest says {record.bytes}; "
                    "it is damaged, copy the bundle again"
                )
            if digest != record.sha256:
                raise UnusableInput(
                    f"{name!r} does not match its SHA-256 in the manifest; "
                    "it is damaged, copy the bundle again"
                )
        _check_graphs(storage, manifest)
    except UnusableInput as error:
        raise UnusableInput(f"bundle {str(place)!r}: {error}") from error
    return Bundle(place, storage, manifest, hashlib.sha256(content).hexdigest())


def write_bundle(
    path: str | os.PathLike[str], manifest: Mapping[str, Any], files: Mapping[str, bytes]
) -> None:
    """Write a bundle folder, whole or not at all.

    ``format``, ``created`` (UTC), ``metrics`` and ``files`` are filled in; everything else of
    ``manifest`` is written as given.

    Args:
        path: the folder to create; its parents are created too.
        manifest: the document without ``files``.
        files: content by path inside the bundle, README.md included.

    Raises:
        UnusableInput: ``path`` exists, the disk is full, or the result would be refused by
            :func:`open_bundle`; nothing is left behind.
    """
    place = Path(path)
    document = {
        "format": FORMAT,
        "created": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        **manifest,
        "metrics": {
            model: manifest[model].get("metrics", {})
            for model in ("recommender", "generator")
            if manifest.get(model) is not None
        },
        "files": {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in sorted(files.items())
        },
    }
    content = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False).encode("utf-8")
    parse_manifest(content)
    with new_folder(place) as folder:
        for name, body in {**files, MANIFEST: content}.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(body)
        open_bundle(folder)  # what this reader would refuse must not be shipped


def _check_names(present: frozenset[str], manifest: Manifest) -> None:
    for name in sorted(manifest.files.keys() - present):
        raise UnusableInput(f"{name!r} is missing; copy the bundle again")
    for name in sorted(present - manifest.files.keys() - UNLISTED):
        raise UnusableInput(f"{name!r} is not listed in the manifest; remove it")


def _check_graphs(storage: Storage, manifest: Manifest) -> None:
    graphs = {name for name in manifest.files if name.endswith(".onnx")}
    for section in manifest.sections().values():
        graphs |= {variant.file for variant in section.variants.values()}
    for name in sorted(graphs):
        try:
            problems = scan_model(storage.read(name)).problems
        except WireError as error:
            raise UnusableInput(f"{name!r} is not an ONNX model: {error}") from error
        if problems:
            raise UnusableInput(
                f"{name!r} contains {problems[0]}, which is not allowed in a bundle; "
                "export it again with endcap export"
            )

"""A bundle is whole or absent: nothing is left behind when writing fails, nothing overwritten."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.bundle import open_bundle, write_bundle
from runtime.errors import UnusableInput


@pytest.fixture
def content(tiny: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The tiny store as the writer takes it."""
    manifest = json.loads((tiny / "manifest.json").read_bytes())
    names = manifest.pop("files")
    del manifest["metrics"], manifest["format"]
    return manifest, {name: (tiny / name).read_bytes() for name in names}


def left_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_round_trip(content: tuple[dict[str, Any], dict[str, bytes]], tmp_path: Path) -> None:
    manifest, files = content
    out = tmp_path / "new" / "folder" / "bundle"
    write_bundle(out, manifest, files)
    bundle = open_bundle(out)
    assert {name: bundle.read_bytes(name) for name in bundle.manifest.files} == files
    raw = bundle.manifest.raw
    assert raw["format"] == 1
    assert raw["metrics"] == {
        "recommender": manifest["recommender"]["metrics"],
        "generator": manifest["generator"]["metrics"],
    }
    assert raw["files"]["README.md"] == {
        "sha256": hashlib.sha256(files["README.md"]).hexdigest(),
        "bytes": len(files["README.md"]),
    }
    assert left_in(out.parent) == ["bundle"]


def test_created_is_filled_in(
    content: tuple[dict[str, Any], dict[str, bytes]], tmp_path: Path
) -> None:
    manifest, files = content
    del manifest["created"]
    write_bundle(tmp_path / "bundle", manifest, files)
    assert open_bundle(tmp_path / "bundle").manifest.created.endswith("Z")


def make_folder(path: Path) -> None:
    path.mkdir()


def make_file(path: Path) -> None:
    path.write_text("mine")


def make_link(path: Path) -> None:
    path.symlink_to("nowhere")


@pytest.mark.parametrize("make", [make_folder, make_file, make_link])
def test_existing_path_is_left_alone(
    content: tuple[dict[str, Any], dict[str, bytes]], tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "bundle")
    with pytest.raises(UnusableInput, match=r"exists; choose another --out or remove it"):
        write_bundle(tmp_path / "bundle", *content)
    assert left_in(tmp_path) == ["bundle"]


@pytest.mark.parametrize("after", [0, 1, 5, 12])
def test_full_disk_at_any_flush(
    content: tuple[dict[str, Any], dict[str, bytes]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    after: int,
) -> None:
    calls: Iterator[int] = iter(range(1000))
    flush = os.fsync

    def full(descriptor: int) -> None:
        if next(calls) >= after:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UnusableInput, match=r"bundle'.*No space left on device"):
        write_bundle(tmp_path / "bundle", *content)
    assert left_in(tmp_path) == []


_WRITE_WITH_LIMIT = """
import resource, signal, sys
sys.path.insert(0, "tests/golden")
from make_tiny_store import tiny_store
from runtime.bundle import write_bundle
from runtime.errors import UnusableInput
content = tiny_store()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_bundle(sys.argv[1], *content)
except UnusableInput as error:
    print(error)
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="the system has no file limit")
def test_file_size_limit(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WRITE_WITH_LIMIT, str(tmp_path / "bundle")],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert "File too large" in done.stdout
    assert left_in(tmp_path) == []


def test_folder_that_cannot_be_made(
    content: tuple[dict[str, Any], dict[str, bytes]], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UnusableInput, match=r"cannot write"):
        write_bundle(tmp_path / "file" / "bundle", *content)
    assert left_in(tmp_path) == ["file"]


def test_every_file_and_folder_is_flushed_before_the_rename(
    content: tuple[dict[str, Any], dict[str, bytes]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[str] = []
    flush, rename = os.fsync, os.rename

    def noted_flush(descriptor: int) -> None:
        done.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        flush(descriptor)

    def noted_rename(source: Path, target: Path) -> None:
        done.append(f"rename {Path(target).name}")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", noted_flush)
    monkeypatch.setattr(os, "rename", noted_rename)
    write_bundle(tmp_path / "bundle", *content)
    place = done.index("rename bundle")
    flushed = {Path(path).name for path in done[:place]}
    assert {Path(name).name for name in [*content[1], "manifest.json", "golden"]} <= flushed
    assert done[place + 1 :] == [str(tmp_path)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda manifest, files: files.pop("users.npz"), "does not list"),
        (lambda manifest, files: manifest.pop("salt"), "'salt' is missing"),
        (lambda manifest, files: files.update({"../x": b""}), "only relative paths"),
        (lambda manifest, files: files.update({"recommender/fp32.onnx": b"x"}), "not an ONNX"),
    ],
)
def test_what_the_reader_refuses_is_not_written(
    content: tuple[dict[str, Any], dict[str, bytes]], tmp_path: Path, change: Any, said: str
) -> None:
    change(*content)
    with pytest.raises(UnusableInput, match=said):
        write_bundle(tmp_path / "bundle", *content)
    assert left_in(tmp_path) == []

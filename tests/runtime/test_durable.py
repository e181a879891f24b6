"""Files and folders are written whole or not at all, and nothing of the user's is overwritten."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.durable import new_folder, refuse_existing, write_file, writing_to
from runtime.errors import UnusableInput

posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX limits")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def full_disk(monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, full)


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    write_file(path, b"one")
    write_file(path, b"two")
    assert path.read_bytes() == b"two"
    assert names(path.parent) == ["file"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failed_write_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "file"
    write_file(path, b"old")
    full_disk(monkeypatch, call)
    with pytest.raises(UnusableInput, match=r"cannot write '.*file': No space left.*--out") as why:
        write_file(path, b"new")
    assert why.value.exit_code == 2
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_an_interrupted_write_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_file(tmp_path / "file", b"new")
    with pytest.raises(KeyboardInterrupt), new_folder(tmp_path / "folder") as partial:
        (partial / "file").write_bytes(b"x")
    assert names(tmp_path) == []


@posix
def test_a_file_over_the_limit_leaves_nothing(tmp_path: Path) -> None:
    script = """
import resource, sys
from pathlib import Path
from runtime.durable import new_folder, write_file
from runtime.errors import UnusableInput
folder = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
write_file(folder / "small", b"x" * 1000)
for name, write in (
    ("file", lambda path: write_file(path, b"x" * 5000)),
    ("folder", None),
):
    try:
        if write:
            write(folder / name)
        else:
            with new_folder(folder / name) as partial:
                (partial / "inner").write_bytes(b"x" * 5000)
    except UnusableInput as error:
        print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    first, second = done.stdout.splitlines()
    assert "file': File too large" in first
    assert "folder': File too large" in second
    assert names(tmp_path) == ["small"]


def test_a_path_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnusableInput, match=r"Not a directory|File exists"):
        write_file(tmp_path / "file" / "inner", b"x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UnusableInput, match="Is a directory"):
        write_file(tmp_path / "folder", b"x")
    with pytest.raises(UnusableInput, match="too long"):
        write_file(tmp_path / ("x" * 300), b"x")
    assert names(tmp_path) == ["file", "folder"]


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "folder"
    with new_folder(path) as partial:
        (partial / "inner").mkdir()
        (partial / "inner" / "file").write_bytes(b"x")
        assert not path.exists()
        assert partial.parent == path.parent
    assert (path / "inner" / "file").read_bytes() == b"x"
    assert names(path.parent) == ["folder"]


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_folder_that_fails_is_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    full_disk(monkeypatch, call)
    with (
        pytest.raises(UnusableInput, match=r"cannot write '.*folder': No space left"),
        new_folder(tmp_path / "folder") as partial,
    ):
        (partial / "file").write_bytes(b"x")
    assert names(tmp_path) == []


def test_an_error_of_the_caller_passes_and_leaves_nothing(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        with new_folder(path) as partial:
            (partial / "file").write_bytes(b"x")
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        fail(tmp_path / "folder")
    assert names(tmp_path) == []


def test_what_exists_is_refused(tmp_path: Path) -> None:
    refuse_existing(tmp_path / "absent")
    (tmp_path / "file").write_bytes(b"mine")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("file", "dangling"):
        with pytest.raises(UnusableInput, match=rf"'.*{name}' exists; choose another --out"):
            refuse_existing(tmp_path / name)
        with pytest.raises(UnusableInput, match="exists"), new_folder(tmp_path / name):
            raise AssertionError("the block must not run")
    assert (tmp_path / "file").read_bytes() == b"mine"
    assert names(tmp_path) == ["dangling", "file"]


def test_a_system_error_without_words_is_named_by_its_kind() -> None:
    with pytest.raises(UnusableInput, match="cannot write 'x': OSError"), writing_to(Path("x")):
        raise OSError

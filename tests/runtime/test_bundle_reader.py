"""Every way a bundle can be wrong is refused before it is used, with the file and the reason."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from runtime.bundle import open_bundle
from runtime.errors import UnusableInput

GRAPH = "recommender/fp32.onnx"


def refused(path: Path, *words: str) -> str:
    with pytest.raises(UnusableInput) as caught:
        open_bundle(path)
    message = str(caught.value)
    assert repr(str(path)) in message
    for word in words:
        assert word in message
    assert "\n" not in message
    return message


def test_folder_opens_with_all_its_files(tiny: Path) -> None:
    bundle = open_bundle(tiny)
    assert (bundle.manifest.name, bundle.manifest.version) == ("tiny-store", 3)
    listed = sorted(bundle.manifest.files)
    on_disk = sorted(
        str(file.relative_to(tiny).as_posix()) for file in tiny.rglob("*") if file.is_file()
    )
    assert listed
    assert on_disk == sorted([*listed, "manifest.json"])
    assert bundle.read_bytes("README.md").startswith(b"# tiny-store")
    assert bundle.size_bytes == sum((tiny / name).stat().st_size for name in listed)


@pytest.mark.parametrize("name", ["README.md", GRAPH, "golden/recommender.npz"])
@pytest.mark.parametrize("where", [0, -1])
def test_one_flipped_bit(copy: Path, name: str, where: int) -> None:
    content = bytearray((copy / name).read_bytes())
    content[where] ^= 1
    (copy / name).write_bytes(content)
    refused(copy, repr(name), "SHA-256")


@pytest.mark.parametrize("change", [b"", b"x" * 10])
def test_other_length(copy: Path, change: bytes) -> None:
    (copy / "README.md").write_bytes(change)
    refused(copy, "'README.md'", f"{len(change)} bytes")


def test_longer_file(copy: Path) -> None:
    with open(copy / GRAPH, "ab") as stream:
        stream.write(b"\0" * (3 << 20))
    refused(copy, GRAPH, "bytes")


def test_missing_file(copy: Path) -> None:
    (copy / "users.npz").unlink()
    refused(copy, "'users.npz'", "missing")


@pytest.mark.parametrize("name", ["extra.txt", "golden/run.py", ".hidden", "__pycache__/x.pyc"])
def test_extra_file(copy: Path, name: str) -> None:
    (copy / name).parent.mkdir(exist_ok=True)
    (copy / name).write_text("x")
    refused(copy, repr(name), "not listed")


def test_signature_is_allowed_and_reported(copy: Path) -> None:
    assert not open_bundle(copy).signed
    (copy / "signature").write_bytes(b"not checked here")
    assert open_bundle(copy).signed


@pytest.mark.parametrize("target", ["README.md", "/etc/hostname", "nowhere"])
def test_symbolic_link(copy: Path, target: str) -> None:
    (copy / "link").symlink_to(target)
    refused(copy, "'link'", "symbolic link")


def test_symbolic_link_instead_of_listed_file(copy: Path, tmp_path: Path) -> None:
    (copy / "README.md").rename(tmp_path / "README.md")
    (copy / "README.md").symlink_to(tmp_path / "README.md")
    refused(copy, "'README.md'", "symbolic link")


def test_symbolic_link_to_a_folder(copy: Path, tmp_path: Path) -> None:
    (copy / "golden").rename(tmp_path / "golden")
    (copy / "golden").symlink_to(tmp_path / "golden", target_is_directory=True)
    refused(copy, "'golden'", "symbolic link")


def test_pipe_is_not_waited_for(copy: Path) -> None:
    (copy / "README.md").unlink()
    os.mkfifo(copy / "README.md")
    refused(copy, "'README.md'", "neither a file nor a folder")


def test_newer_format(damage: Any, copy: Path) -> None:
    damage.manifest(lambda document: document.update(format=2))
    refused(copy, "format 2", "upgrade endcap")


@pytest.mark.parametrize(
    "name",
    ["../outside.txt", "/etc/hostname", "a/../../b", "a\\b", "C:x", "./README.md", "a//b", ""],
)
def test_path_that_leaves_the_bundle(damage: Any, copy: Path, name: str) -> None:
    record = {"sha256": "0" * 64, "bytes": 1}
    damage.manifest(lambda document: document["files"].update({name: record}))
    refused(copy, repr(name), "only relative paths")


def test_variant_outside_the_bundle(damage: Any, copy: Path) -> None:
    def change(document: dict[str, Any]) -> None:
        document["recommender"]["variants"]["fp32"]["file"] = "../fp32.onnx"

    damage.manifest(change)
    refused(copy, "'../fp32.onnx'")


def test_external_data(damage: Any, copy: Path) -> None:
    model = onnx.load(copy / GRAPH)
    tensor = next(t for t in model.graph.initializer if t.name == "shown_t")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/hostname")
    damage.replace(GRAPH, model.SerializeToString())
    refused(copy, GRAPH, "external data", "'shown_t'")


def test_custom_operator(damage: Any, copy: Path) -> None:
    model = onnx.load(copy / GRAPH)
    model.graph.node[0].domain = "my.shop"
    damage.replace(GRAPH, model.SerializeToString())
    refused(copy, GRAPH, "custom operator my.shop::Gather", "'user_vector'")


def test_local_function(damage: Any, copy: Path) -> None:
    model = onnx.load(copy / GRAPH)
    opset = [helper.make_opsetid("", 20)]
    node = helper.make_node("Identity", ["x"], ["y"])
    model.functions.append(helper.make_function("ai.onnx", "F", ["x"], ["y"], [node], opset))
    damage.replace(GRAPH, model.SerializeToString())
    refused(copy, GRAPH, "model-local function")


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x3a\xff", b"\x08\x0a"])
def test_graph_that_is_no_model(damage: Any, copy: Path, content: bytes) -> None:
    damage.replace(GRAPH, content)
    refused(copy, GRAPH, "not an ONNX model")


def test_pickled_array(damage: Any, copy: Path) -> None:
    stream = io.BytesIO()
    np.savez(stream, user=np.array([{"a": 1}], object))
    damage.replace("golden/recommender.npz", stream.getvalue())
    bundle = open_bundle(copy)
    with pytest.raises(UnusableInput, match=r"golden/recommender\.npz.*pickle"):
        bundle.arrays("golden/recommender.npz")


@pytest.mark.parametrize("content", [b"", b"PK\3\4 broken", b"\x93NUMPY\1\0v\0{'descr': '<i8'"])
def test_arrays_of_a_broken_file(damage: Any, copy: Path, content: bytes) -> None:
    damage.replace("users.npz", content)
    bundle = open_bundle(copy)
    with pytest.raises(UnusableInput, match=r"users\.npz.*export the bundle again"):
        bundle.arrays("users.npz")


def test_unlisted_names_are_not_read(tiny: Path) -> None:
    with pytest.raises(UnusableInput, match=r"holds no file '\.\./make_tiny_store\.py'"):
        open_bundle(tiny).read_bytes("../make_tiny_store.py")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, "no such folder"),
        (lambda path: path.mkdir(), "'manifest.json' is missing"),
        (lambda path: path.write_bytes(b""), "neither a folder nor a readable .zip"),
        (lambda path: path.write_bytes(b"text"), "neither a folder nor a readable .zip"),
        (os.mkfifo, "neither a folder nor a .zip"),
        (lambda path: path.symlink_to("nowhere"), "neither a folder nor a .zip"),
    ],
)
def test_what_is_no_bundle(tmp_path: Path, make: Any, said: str) -> None:
    make(tmp_path / "thing")
    refused(tmp_path / "thing", said)


def zipped(folder: Path, out: Path, top: str = "", method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(out, "w", method) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, top + file.relative_to(folder).as_posix())
    return out


@pytest.mark.parametrize("top", ["", "tiny-store/"])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_zip_is_the_same_bundle(tiny: Path, tmp_path: Path, top: str, method: int) -> None:
    of_zip = open_bundle(zipped(tiny, tmp_path / "tiny.zip", top, method))
    of_folder = open_bundle(tiny)
    assert of_zip.manifest == of_folder.manifest
    assert of_zip.manifest_sha256 == of_folder.manifest_sha256
    assert of_zip.manifest.files
    for name in of_zip.manifest.files:
        assert of_zip.read_bytes(name) == of_folder.read_bytes(name)


def test_zip_with_damaged_file(copy: Path, tmp_path: Path) -> None:
    (copy / "README.md").write_bytes(b"x" * (copy / "README.md").stat().st_size)
    refused(zipped(copy, tmp_path / "tiny.zip"), "'README.md'", "SHA-256")


def test_zip_with_flipped_byte(tiny: Path, tmp_path: Path) -> None:
    path = zipped(tiny, tmp_path / "tiny.zip")
    content = bytearray(path.read_bytes())
    place = content.index(b"# tiny-store")
    content[place] ^= 1
    path.write_bytes(content)
    refused(path, "'README.md'")


def test_zip_that_names_a_path_outside(tiny: Path, tmp_path: Path) -> None:
    path = zipped(tiny, tmp_path / "tiny.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../evil", "x")
    refused(path, "'../evil'")


def test_zip_with_symbolic_link(tiny: Path, tmp_path: Path) -> None:
    path = zipped(tiny, tmp_path / "tiny.zip")
    link = zipfile.ZipInfo("signature")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/hostname")
    refused(path, "'signature'", "symbolic link")


def test_zip_with_a_name_twice(tiny: Path, tmp_path: Path) -> None:
    path = zipped(tiny, tmp_path / "tiny.zip")
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("README.md", "other")
    refused(path, "'README.md'", "twice")


def test_huge_manifest_is_not_read(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.bundle._MAX_MANIFEST_BYTES", 100)
    refused(copy, "'manifest.json'", "longer than 100 bytes")


def test_manifest_is_json_for_people(tiny: Path) -> None:
    document = json.loads((tiny / "manifest.json").read_text(encoding="utf-8"))
    assert document["format"] == 1
    assert set(document["files"]["README.md"]) == {"sha256", "bytes"}

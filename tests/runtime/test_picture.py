"""Files that an image library reads back, pixels and text, and that are whole or absent."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from runtime.answer import BundleName
from runtime.errors import UnusableInput
from runtime.generator import GeneratedImages
from runtime.picture import encode_png, goes_into_sheet, sheet, write_pictures, write_sheet
from runtime.version import __version__


def pictures(
    n: int, channels: int = 3, category: str = "Tea", interpolate: int | None = None
) -> GeneratedImages:
    shape = (n, 4, 6, channels)
    images = np.random.Generator(np.random.PCG64(3)).integers(0, 256, shape).astype(np.uint8)
    bundle = BundleName("Läden 7", 12)
    return GeneratedImages(bundle, images, category, 7, "fp32", "cpu", "auto", 0.8, interpolate)


def text_of(file: str | Path) -> dict[str, str]:
    """Return the text by keyword as Pillow reads it; every chunk's CRC is right and it is iTXt."""
    with Image.open(file) as read:
        read.verify()
    with Image.open(file) as read:
        assert isinstance(read, PngImagePlugin.PngImageFile)
        assert all(type(value) is PngImagePlugin.iTXt for value in read.text.values())
        return {keyword: str(value) for keyword, value in read.text.items()}


@pytest.mark.parametrize("channels", [1, 3])
def test_png_reads_back(tmp_path: Path, channels: int) -> None:
    image = pictures(1, channels).images[0]
    text = {"Description": "generated", "category": "Thé vert 绿茶 🍵", "empty": ""}
    (tmp_path / "x.png").write_bytes(encode_png(image, text))
    with Image.open(tmp_path / "x.png") as read:
        assert read.mode == ("L" if channels == 1 else "RGB")
        np.testing.assert_array_equal(np.asarray(read).reshape(image.shape), image)
    assert text_of(tmp_path / "x.png") == text


def test_a_picture_says_that_it_was_generated_and_how(tmp_path: Path) -> None:
    files = write_pictures(pictures(3, category="绿茶 & Café"), tmp_path / "out")
    assert text_of(files[2]) == {
        "Description": "generated picture of 绿茶 & Café; not a photograph",
        "Software": f"endcap {__version__}",
        "bundle": "Läden 7",
        "version": "12",
        "category": "绿茶 & Café",
        "seed": "7",
        "n": "3",
        "index": "2",
        "truncation": "0.8",
        "variant": "fp32",
        "provider": "cpu",
    }


def test_a_sheet_says_what_all_its_pictures_are(tmp_path: Path) -> None:
    drawn = [pictures(3, category=category, interpolate=9) for category in ("Tea", "Brötchen")]
    (file,) = write_sheet(drawn, tmp_path / "out.png")
    text = text_of(file)
    assert text["Description"] == "generated picture of Tea, Brötchen; not a photograph"
    assert text["category"].split("\n") == ["Tea", "Brötchen"]
    assert (text["seed"], text["interpolate"], text["n"]) == ("7", "9", "3")
    assert "index" not in text


@pytest.mark.parametrize(
    ("n", "columns", "size"), [(1, 1, (4, 6)), (2, 2, (4, 14)), (3, 2, (10, 14)), (5, 3, (10, 22))]
)
def test_sheet_holds_every_picture(n: int, columns: int, size: tuple[int, int]) -> None:
    images = pictures(n).images
    result = sheet(images, columns)
    assert result.shape == (*size, 3)
    drawn = np.zeros(size, np.bool_)
    for index, image in enumerate(images):
        top, left = index // columns * 6, index % columns * 8
        np.testing.assert_array_equal(result[top : top + 4, left : left + 6], image)
        drawn[top : top + 4, left : left + 6] = True
    assert (result[~drawn] == 255).all()


@pytest.mark.parametrize(
    ("n", "categories", "width", "height"),
    [(1, 1, 1, 1), (2, 1, 2, 1), (5, 1, 3, 2), (9, 1, 3, 3), (5, 2, 5, 2), (1, 3, 1, 3)],
)
def test_one_category_is_near_square_and_several_have_rows(
    tmp_path: Path, n: int, categories: int, width: int, height: int
) -> None:
    (file,) = write_sheet([pictures(n)] * categories, tmp_path / "out.png")
    with Image.open(file) as read:
        assert read.size == (width * 8 - 2, height * 6 - 2)


def test_folder_of_files(tmp_path: Path) -> None:
    files = write_pictures(pictures(3, category="Bags / été 'x' ..\\"), tmp_path / "out")
    assert [Path(file).name for file in files] == [
        "Bags-été-x-7-000.png",
        "Bags-été-x-7-001.png",
        "Bags-été-x-7-002.png",
    ]
    assert sorted(str(path) for path in (tmp_path / "out").iterdir()) == sorted(files)


def test_folder_of_a_sheet(tmp_path: Path) -> None:
    (file,) = write_sheet([pictures(3)], tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == [Path(file)] == [tmp_path / "out" / "sheet.png"]


@pytest.mark.parametrize("category", ["../..", "", "...", "x" * 300, "字" * 300])
def test_file_names_are_safe(tmp_path: Path, category: str) -> None:
    (file,) = write_pictures(pictures(1, category=category), tmp_path / "out")
    assert Path(file).parent == tmp_path / "out"
    assert Path(file).is_file()


@pytest.mark.parametrize(
    ("out", "asked", "categories", "is_sheet"),
    [("x.png", False, 1, True), ("x.PNG", False, 2, True), ("x", False, 1, False),
     ("x", True, 1, True), ("x", True, 3, True), ("v1.2", False, 1, False)],
)  # fmt: skip
def test_what_goes_into_a_sheet(
    tmp_path: Path, out: str, asked: bool, categories: int, is_sheet: bool
) -> None:
    assert goes_into_sheet(tmp_path / out, asked, categories) is is_sheet


@pytest.mark.parametrize("name", ["out", "out.png"])
def test_existing_output_is_kept(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(UnusableInput, match="exists"):
        write_pictures(pictures(1), tmp_path / name)
    with pytest.raises(UnusableInput, match="exists"):
        write_sheet([pictures(1)], tmp_path / name)
    assert (tmp_path / name).read_text() == "mine"


def write(out: Path) -> None:
    """Write single pictures to ``out`` where it is called a folder, else a sheet."""
    if out.name == "folder":
        write_pictures(pictures(3), out)
    else:
        write_sheet([pictures(3)], out)


OUTPUTS = ["folder", "out.png", "new/out.PNG", "new/sheet"]


@pytest.mark.parametrize("name", OUTPUTS)
def test_full_disk_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UnusableInput, match="No space left"):
        write(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", OUTPUTS)
@pytest.mark.parametrize("nth_flush", [1, 2])
def test_interruption_leaves_nothing_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, nth_flush: int
) -> None:
    flushes = []

    def interrupted(_: int) -> None:
        flushes.append(1)
        if len(flushes) == nth_flush:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / name)
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    if left:  # it was in its place already when the folder was flushed
        assert nth_flush == 2
        assert [file.suffix.lower() for file in left] == [".png"]
        assert text_of(left[0])["n"] == "3"

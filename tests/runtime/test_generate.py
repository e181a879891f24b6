"""A seed gives the pictures that numpy gives, and files that an image library reads back."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from runtime.answer import BundleName
from runtime.errors import UnusableInput
from runtime.generator import GeneratedImages, draw_latents
from runtime.picture import encode_png, sheet, write_pictures
from runtime.store import Store


def pictures(n: int, channels: int = 3, category: str = "Tea") -> GeneratedImages:
    shape = (n, 4, 6, channels)
    images = np.random.Generator(np.random.PCG64(3)).integers(0, 256, shape).astype(np.uint8)
    return GeneratedImages(BundleName("b", 1), images, category, 7, "fp32", "cpu")


@pytest.mark.parametrize("n", [1, 5, 40])
def test_pictures_are_those_of_numpy(store: Store, maker: ModuleType, n: int) -> None:
    drawn = store.generate("Greeting card", n=n, seed=11)
    weights = maker.generator_weights()
    z = np.random.Generator(np.random.PCG64(11)).standard_normal((n, 8), dtype=np.float32)
    latent = np.concatenate([z, np.tile(weights["category_vectors"][2], (n, 1))], axis=1)
    tone = np.tanh(latent.astype(np.float64) @ weights["weight"] + weights["bias"])
    expected = np.round((tone + 1) * 127.5).reshape(n, 8, 8, 3)
    assert drawn.images.dtype == np.uint8
    assert drawn.images.shape == (n, 8, 8, 3)
    assert np.abs(drawn.images - expected).max() <= 1
    assert (drawn.category, drawn.seed, drawn.variant, drawn.provider) == (
        "Greeting card",
        11,
        "fp32",
        "cpu",
    )


def test_latents_of_a_seed_are_fixed() -> None:
    """Figures of numpy's PCG64, stated here so that no version may change them silently."""
    z = draw_latents(7, 2, 3)
    assert z.dtype == np.float32
    expected = [[1.5219693, -1.1441058, 1.1501616], [-1.7846532, -0.77149874, 1.0191615]]
    np.testing.assert_array_equal(z, np.array(expected, np.float32))
    np.testing.assert_array_equal(draw_latents(7, 5, 3)[:2], z)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"category": "Te"}, "'Te'; did you mean 'Tea'"),
        ({"category": "Tea", "n": 0}, "n is 0"),
        ({"category": "Tea", "n": -1}, "n is -1"),
        ({"category": "Tea", "n": 5000}, "from 1 to 4096"),
        ({"category": "Tea", "n": 1.5}, r"n is 1\.5"),
        ({"category": "Tea", "seed": -1}, "seed is -1"),
        ({"category": "Tea", "seed": "7"}, "seed is '7'"),
    ],
)
def test_wrong_arguments(store: Store, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(UnusableInput, match=said):
        store.generate(**arguments)


@pytest.mark.parametrize("channels", [1, 3])
def test_png_reads_back(tmp_path: Path, channels: int) -> None:
    image = pictures(1, channels).images[0]
    (tmp_path / "x.png").write_bytes(encode_png(image))
    with Image.open(tmp_path / "x.png") as read:
        assert read.mode == ("L" if channels == 1 else "RGB")
        np.testing.assert_array_equal(np.asarray(read).reshape(image.shape), image)


@pytest.mark.parametrize(("n", "size"), [(1, (4, 6)), (2, (4, 14)), (3, (10, 14)), (5, (10, 22))])
def test_sheet_holds_every_picture(n: int, size: tuple[int, int]) -> None:
    images = pictures(n).images
    result = sheet(images)
    assert result.shape == (*size, 3)
    columns = (size[1] + 2) // 8
    for index, image in enumerate(images):
        top, left = index // columns * 6, index % columns * 8
        np.testing.assert_array_equal(result[top : top + 4, left : left + 6], image)


def test_folder_of_files(tmp_path: Path) -> None:
    files = write_pictures(pictures(3, category="Bags / été 'x' ..\\"), tmp_path / "out")
    assert [Path(file).name for file in files] == [
        "Bags-été-x-7-000.png",
        "Bags-été-x-7-001.png",
        "Bags-été-x-7-002.png",
    ]
    assert sorted(str(path) for path in (tmp_path / "out").iterdir()) == sorted(files)


@pytest.mark.parametrize("category", ["../..", "", "...", "x" * 300, "字" * 300])
def test_file_names_are_safe(tmp_path: Path, category: str) -> None:
    (file,) = write_pictures(pictures(1, category=category), tmp_path / "out")
    assert Path(file).parent == tmp_path / "out"
    assert Path(file).is_file()


@pytest.mark.parametrize("name", ["out", "out.png"])
def test_existing_output_is_kept(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(UnusableInput, match="exists"):
        write_pictures(pictures(1), tmp_path / name)
    assert (tmp_path / name).read_text() == "mine"


@pytest.mark.parametrize("name", ["out", "out.png", "new/out.PNG"])
def test_full_disk_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UnusableInput, match="No space left"):
        write_pictures(pictures(2), tmp_path / name)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

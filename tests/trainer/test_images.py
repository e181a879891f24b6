from __future__ import annotations

import csv
import io
import json
import re
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from runtime.errors import UnusableInput
from trainer.generator.config import ImagesConfig
from trainer.images import ImageReport, ImageSet, read_images
from trainer.report_text import images_summary

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
COLOUR = ImagesConfig(image_size=32, channels=3)
GREY = ImagesConfig(image_size=28, channels=1)
RED, BLUE = (250, 20, 20), (20, 20, 250)


def encode(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=format, **options)
    return buffer.getvalue()


def picture(colour: tuple[int, ...] | int, size: tuple[int, int] = (40, 40)) -> bytes:
    return encode(Image.new("L" if isinstance(colour, int) else "RGB", size, colour))


def fill(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def two_categories() -> dict[str, bytes]:
    return {
        f"{category}/{index}.png": picture(colour)
        for category, colour in (("Bag", RED), ("Coat", BLUE))
        for index in range(3)
    }


def as_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def write_labels(path: Path, rows: list[list[str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(rows)
    return path


def one(tmp_path: Path, content: bytes, config: ImagesConfig) -> np.ndarray:
    """Read ``content`` beside a plain picture of its category."""
    fill(tmp_path / "one", {"A/a.png": content, "A/b.png": picture(RED)})
    images = read_images(tmp_path / "one", config)
    assert images.report.kept == 2, images.report
    return images.pixels[0]


def check_two_categories(images: ImageSet) -> None:
    assert images.categories == ("Bag", "Coat")
    assert images.pixels.shape == (6, 32, 32, 3)
    assert images.category.tolist() == [0, 0, 0, 1, 1, 1]
    assert (images.pixels[0] == RED).all()
    assert (images.pixels[5] == BLUE).all()
    assert images.report.per_category == {"Bag": 3, "Coat": 3}
    assert images.report.duplicates == 4


def test_folder_with_a_folder_per_category(tmp_path: Path) -> None:
    check_two_categories(read_images(fill(tmp_path, two_categories()), COLOUR))


@pytest.mark.parametrize("around", ["", "photos/"])
def test_zip_with_a_folder_per_category(tmp_path: Path, around: str) -> None:
    files = {around + name: content for name, content in two_categories().items()}
    check_two_categories(read_images(as_zip(tmp_path / "p.zip", files), COLOUR))


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_flat_pictures_with_labels(tmp_path: Path, kind: str) -> None:
    flat = {name.replace("/", "-"): content for name, content in two_categories().items()}
    rows = [["sku", "sort"], *([Path(name).stem, name.split("-")[0]] for name in flat)]
    labels = write_labels(tmp_path / "labels.csv", rows)
    if kind == "folder":
        source = fill(tmp_path / "flat", flat)
    else:
        source = as_zip(tmp_path / "flat.zip", flat)
    images = read_images(source, COLOUR, labels=labels, id_column="sku", label_column="sort")
    check_two_categories(images)


def test_labels_and_pictures_that_miss_each_other_are_reported(tmp_path: Path) -> None:
    files = {f"{name}.png": picture(RED) for name in "abcdef"}
    rows = [["id", "label"], ["a", "Bag"], ["b", "Bag"], ["c", ""], ["e", "Bag"], ["e", "Hat"]]
    labels = write_labels(tmp_path / "labels.csv", [*rows, ["ghost", "Bag"]])
    report = read_images(fill(tmp_path / "flat", files), COLOUR, labels=labels).report
    assert (report.found, report.kept, report.labels_without_picture) == (6, 2, 1)
    assert report.skipped == {"no label in the CSV": 3, "two different labels in the CSV": 1}
    assert ("e.png", "two different labels in the CSV") in report.examples
    said = images_summary(report).splitlines()
    assert said[:3] == [
        "6 pictures found, 2 kept (Bag 2)",
        "skipped 3: no label in the CSV",
        "skipped 1: two different labels in the CSV",
    ]
    assert "  c.png: no label in the CSV" in said
    assert said[-2:] == ["1 pictures are identical to another", "1 labels have no picture"]


@pytest.mark.parametrize("integers", [True, False])
@pytest.mark.parametrize(("pixels_name", "labels_name"), [("x", "y"), ("images", "labels")])
def test_npz(tmp_path: Path, integers: bool, pixels_name: str, labels_name: str) -> None:
    x = np.arange(4 * 28 * 28, dtype=np.uint32).reshape(4, 28, 28).astype(np.uint8)
    y = np.array([1, 0, 1, 0]) if integers else np.array(["Coat", "Bag", "Coat", "Bag"])
    np.savez(tmp_path / "p.npz", **{pixels_name: x, labels_name: y})
    config = ImagesConfig(image_size=28, channels=1, label_names=("Bag", "Coat"))
    images = read_images(tmp_path / "p.npz", config)
    assert images.categories == ("Bag", "Coat")
    assert images.category.tolist() == [1, 0, 1, 0]
    assert np.array_equal(images.pixels[..., 0], x)


def test_npz_grows_and_takes_colour_by_the_same_fit(tmp_path: Path) -> None:
    np.savez(tmp_path / "p.npz", x=np.full((4, 28, 28), 90, np.uint8), y=np.array([3, 3, 12, 12]))
    images = read_images(tmp_path / "p.npz", COLOUR)
    assert images.categories == ("3", "12")
    assert images.pixels.shape == (4, 32, 32, 3)
    assert (images.pixels == 90).all()


def test_chosen_categories_keep_their_order(tmp_path: Path) -> None:
    fill(tmp_path, two_categories() | {f"Hat/{i}.png": picture(9) for i in range(2)})
    images = read_images(tmp_path, ImagesConfig(image_size=32, categories=("Hat", "Bag")))
    assert images.categories == ("Hat", "Bag")
    assert images.report.per_category == {"Hat": 2, "Bag": 3}
    assert images.report.skipped == {"category not in images.categories": 3}


def test_a_frequent_reason_does_not_hide_a_rare_one(tmp_path: Path) -> None:
    files = two_categories() | {f"notes/{index:02d}.txt": b"" for index in range(30)}
    report = read_images(fill(tmp_path, files | {"z/broken.png": b"?"}), COLOUR).report
    assert report.skipped == {"not a picture file": 30, "not a picture that Pillow knows": 1}
    assert [name for name, _ in report.examples] == [
        *(f"notes/{index:02d}.txt" for index in range(5)),
        "z/broken.png",
    ]


def bomb() -> bytes:
    """A PNG header that promises a picture of 40,000 by 40,000 pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 100)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def test_broken_pictures_among_good_ones_are_left_out_and_named(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    photo = encode(Image.fromarray(rng.integers(0, 255, (90, 90, 3), dtype=np.uint8)), "JPEG")
    broken = {
        "Bag/cut.jpg": photo[: len(photo) // 2],
        "Bag/text.jpg": b"this is no picture",
        "Bag/empty.png": b"",
        "Bag/bomb.png": bomb(),
        "Bag/cut.png": picture(RED)[:60],
        "Bag/notes.txt": b"hello",
        "Bag/.hidden.png": b"\0",
        "loose.png": picture(RED),
    }
    report = read_images(fill(tmp_path, two_categories() | broken), COLOUR).report
    assert report.kept == 6
    assert report.found == 6 + len(broken)
    assert dict(report.examples) == {
        "Bag/cut.jpg": "broken or cut short",
        "Bag/text.jpg": "not a picture that Pillow knows",
        "Bag/empty.png": "not a picture that Pillow knows",
        "Bag/bomb.png": "larger than 89 million pixels",
        "Bag/cut.png": "broken or cut short",
        "Bag/notes.txt": "not a picture file",
        "Bag/.hidden.png": "not a picture file",
        "loose.png": "not in a category's folder",
    }
    assert sum(report.skipped.values()) == len(broken)
    assert json.loads(json.dumps(report.to_json()))["skipped"]["broken or cut short"] == 2


def test_damaged_zip_member_is_left_out(tmp_path: Path) -> None:
    path = as_zip(tmp_path / "p.zip", two_categories())
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("Bag/1.png").header_offset
    content[start + 60] ^= 0xFF
    path.write_bytes(content)
    report = read_images(path, COLOUR).report
    assert report.kept == 5
    assert report.examples == (("Bag/1.png", "cannot be opened"),)


def test_grey_picture_among_colour(tmp_path: Path) -> None:
    assert (one(tmp_path, picture(77), COLOUR) == 77).all()


def test_colour_picture_becomes_grey(tmp_path: Path) -> None:
    found = one(tmp_path, picture((255, 0, 0)), GREY)
    assert found.shape == (28, 28, 1)
    assert (found == 76).all()  # ITU-R 601: .299 * 255


def test_transparent_picture_lies_on_the_background(tmp_path: Path) -> None:
    image = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
    image.paste((10, 20, 30, 255), (0, 0, 16, 32))
    found = one(tmp_path, encode(image), ImagesConfig(image_size=32, background=200))
    assert (found[:, :16] == (10, 20, 30)).all()
    assert (found[:, 16:] == 200).all()


def test_palette_with_transparency(tmp_path: Path) -> None:
    image = Image.new("P", (32, 32), 0)
    image.putpalette([0, 0, 0, 9, 8, 7])
    image.paste(1, (0, 0, 32, 16))
    found = one(tmp_path, encode(image, transparency=0), COLOUR)
    assert (found[:16] == (9, 8, 7)).all()
    assert (found[16:] == 255).all()


def test_cmyk_jpeg(tmp_path: Path) -> None:
    image = Image.new("CMYK", (64, 64), (0, 255, 255, 0))  # no cyan, all magenta and yellow: red
    found = one(tmp_path, encode(image, "JPEG", quality=95), COLOUR).astype(int)
    assert abs(found - (255, 0, 0)).max() <= 6


def test_sixteen_bit_grey_keeps_its_range(tmp_path: Path) -> None:
    levels = np.full((28, 28), 257 * 100, dtype=np.uint16)
    assert (one(tmp_path, encode(Image.fromarray(levels)), GREY) == 100).all()


def test_exif_rotation_is_applied(tmp_path: Path) -> None:
    image = Image.new("RGB", (32, 32), RED)
    image.paste(BLUE, (0, 0, 32, 16))  # blue above
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise: blue ends up on the right
    found = one(tmp_path, encode(image, exif=exif), COLOUR)
    assert (found[:, 16:] == BLUE).all()
    assert (found[:, :16] == RED).all()


@pytest.mark.parametrize(
    ("fit", "check"),
    [
        ("letterbox", lambda p: (p[:8] == 255).all() and (p[8:24] == RED).all()),
        ("crop", lambda p: (p == RED).all()),
        ("stretch", lambda p: (p == RED).all()),
    ],
)
def test_fit(tmp_path: Path, fit: str, check: Callable[[np.ndarray], bool]) -> None:
    content = picture(RED, (80, 40))
    assert check(one(tmp_path, content, ImagesConfig(image_size=32, fit=fit)))


def test_crop_takes_the_middle(tmp_path: Path) -> None:
    image = Image.new("RGB", (96, 32), BLUE)
    image.paste(RED, (32, 0, 64, 32))
    found = one(tmp_path, encode(image), ImagesConfig(image_size=32, fit="crop"))
    assert (found == RED).all()


def test_shrinking_is_antialiased(tmp_path: Path) -> None:
    stripes = np.zeros((320, 320), dtype=np.uint8)
    stripes[:, ::2] = 255
    found = one(tmp_path, encode(Image.fromarray(stripes)), ImagesConfig(32, 1)).astype(int)
    assert abs(found - 127.5).max() < 8  # not the black or white that skipping pixels gives


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (5000, 40)])
def test_odd_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    assert one(tmp_path, picture(RED, size), COLOUR).shape == (32, 32, 3)


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    fill(tmp_path, two_categories())
    read_images(tmp_path, COLOUR, progress=lambda done, total: told.append((done, total)))
    assert told == [(6, 6)]


def test_reading_twice_gives_the_same_set(tmp_path: Path) -> None:
    fill(tmp_path, two_categories())
    first, second = read_images(tmp_path, COLOUR), read_images(tmp_path, COLOUR)
    assert first.fingerprint() == second.fingerprint()
    fill(tmp_path, {"Bag/0.png": picture((250, 20, 21))})
    assert read_images(tmp_path, COLOUR).fingerprint() != first.fingerprint()


def bad_sources(tmp: Path) -> dict[str, tuple[dict[str, object], str]]:
    """Every kind of unusable input, with what its sentence must say."""
    good = fill(tmp / "good", two_categories())
    flat = fill(tmp / "flat", {"1.png": picture(RED), "2.png": picture(RED)})
    labels = write_labels(tmp / "labels.csv", [["id", "subCategory"], ["1", "A"], ["2", "A"]])
    np.savez(tmp / "only-x.npz", x=np.zeros((2, 28, 28), np.uint8))
    np.savez(tmp / "float.npz", x=np.zeros((2, 28, 28)), y=np.zeros(2, int))
    np.savez(tmp / "flat.npz", x=np.zeros((2, 784), np.uint8), y=np.zeros(2, int))
    np.savez(tmp / "first.npz", x=np.zeros((2, 3, 28, 28), np.uint8), y=np.zeros(2, int))
    np.savez(tmp / "short.npz", x=np.zeros((2, 28, 28), np.uint8), y=np.zeros(3, int))
    np.savez(tmp / "none.npz", x=np.zeros((0, 28, 28), np.uint8), y=np.zeros(0, int))
    np.savez(tmp / "real.npz", x=np.zeros((2, 28, 28), np.uint8), y=np.zeros(2))
    np.savez(tmp / "object.npz", x=np.array([{}, None]), y=np.zeros(2, int))
    np.savez(tmp / "seven.npz", x=np.zeros((2, 28, 28), np.uint8), y=np.array([7, 7]))
    (tmp / "cut.npz").write_bytes((tmp / "real.npz").read_bytes()[:300])
    np.save(tmp / "one.npy", np.zeros((2, 28, 28), np.uint8))
    (tmp / "one.npy").rename(tmp / "one.npz")
    (tmp / "zero.npz").write_bytes(b"")
    (tmp / "text.npz").write_text("no npz")
    (tmp / "text.zip").write_text("no zip")
    archive = as_zip(tmp / "whole.zip", two_categories()).read_bytes()
    (tmp / "cut.zip").write_bytes(archive[: len(archive) // 2])
    (tmp / "empty").mkdir()
    (tmp / "empty.csv").write_bytes(b"")
    (tmp / "binary.csv").write_bytes(bytes(range(256)))
    blank = write_labels(tmp / "blank.csv", [["id", "label"], ["1", ""]])
    named = ImagesConfig(image_size=28, channels=1, label_names=("A", "B"))
    return {
        "missing": ({"source": tmp / "nowhere"}, "no pictures at .*nowhere"),
        "missing npz": ({"source": tmp / "nowhere.npz"}, "no pictures at .*nowhere.npz"),
        "empty folder": ({"source": tmp / "empty"}, "holds no pictures .*jpg"),
        "flat without labels": ({"source": flat}, "no folder per category.*--labels"),
        "text as zip": ({"source": tmp / "text.zip"}, "not a zip that can be read"),
        "cut zip": ({"source": tmp / "cut.zip"}, "not a zip that can be read"),
        "text as npz": ({"source": tmp / "text.npz"}, "not an npz"),
        "cut npz": ({"source": tmp / "cut.npz"}, "not an npz"),
        "npy as npz": ({"source": tmp / "one.npz"}, "is one array .*numpy.savez"),
        "empty npz": ({"source": tmp / "zero.npz"}, "not an npz"),
        "npz of objects": ({"source": tmp / "object.npz"}, "not an npz of plain arrays"),
        "npz without y": ({"source": tmp / "only-x.npz"}, "no array 'y' or 'labels'; .* 'x'"),
        "float pixels": ({"source": tmp / "float.npz"}, "float64; they must be uint8"),
        "flat pixels": ({"source": tmp / "flat.npz"}, r"shape \(2, 784\)"),
        "channels first": ({"source": tmp / "first.npz"}, r"\(2, 3, 28, 28\).*channels last"),
        "labels too many": ({"source": tmp / "short.npz"}, r"\(3,\) for 2 pictures"),
        "no rows": ({"source": tmp / "none.npz"}, "there is none"),
        "float labels": ({"source": tmp / "real.npz"}, "integers or text"),
        "label without name": (
            {"source": tmp / "seven.npz", "config": named},
            "label 7 .* images.label_names",
        ),
        "npz with labels": ({"source": tmp / "seven.npz", "labels": labels}, "leave --labels"),
        "columns without labels": ({"source": good, "label_column": "x"}, "need --labels"),
        "labels missing": ({"source": flat, "labels": tmp / "no.csv"}, "cannot read labels .*no"),
        "labels empty": ({"source": flat, "labels": tmp / "empty.csv"}, "is empty"),
        "labels binary": ({"source": flat, "labels": tmp / "binary.csv"}, "not a CSV in UTF-8"),
        "labels blank": ({"source": flat, "labels": blank}, "names no picture"),
        "wrong column": (
            {"source": flat, "labels": labels, "label_column": "subcategory"},
            "no column 'subcategory'; did you mean 'subCategory'.*--label-column",
        ),
        "wrong id column": (
            {"source": flat, "labels": labels, "id_column": "ID", "label_column": "subCategory"},
            "no column 'ID'; did you mean 'id'.*--id-column",
        ),
        "unknown category": (
            {"source": good, "config": ImagesConfig(categories=("Bagg",))},
            "no category 'Bagg' .*did you mean 'Bag'",
        ),
        "single picture": (
            {"source": fill(tmp / "single", {"A/1.png": picture(RED)})},
            "'A', has 1 usable pictures and images.min_per_category is 2",
        ),
        "one unreadable picture": (
            {"source": fill(tmp / "bad", {"A/1.png": b"?"})},
            "none of 1 files is usable, mostly: not a picture.*A/1.png",
        ),
        "nothing labelled": (
            {
                "source": fill(tmp / "other", {"x.png": picture(RED)}),
                "labels": labels,
                "label_column": "subCategory",
            },
            "mostly: no label in the CSV",
        ),
    }


def test_unusable_input_is_one_sentence(tmp_path: Path) -> None:
    cases = bad_sources(tmp_path)
    assert len(cases) == 31
    for name, (arguments, words) in cases.items():
        with pytest.raises(UnusableInput) as caught:
            read_images(**{"config": GREY, **arguments})  # type: ignore[arg-type]
        assert re.search(words, str(caught.value)), (name, str(caught.value))
        assert "\n" not in str(caught.value)


def test_one_picture_is_enough_when_the_config_says_so(tmp_path: Path) -> None:
    fill(tmp_path, {"A/1.png": picture(RED)})
    assert len(read_images(tmp_path, ImagesConfig(image_size=28, min_per_category=1))) == 1


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"image_size": 48}, "'image_size' is 48; it must be 28, 32, 64 or 128"),
        ({"channels": 2}, "'channels' is 2; it must be 1"),
        ({"fit": "lettrebox"}, "'fit' is 'lettrebox'; it must be 'letterbox'"),
        ({"background": 256}, "'background' is 256"),
        ({"categories": ("A", "A")}, "twice"),
    ],
)
def test_config_names_the_field(values: dict[str, object], words: str) -> None:
    with pytest.raises(UnusableInput, match=words):
        ImagesConfig(**values)  # type: ignore[arg-type]


REPORT = ImageReport("here", 2, 2, {}, (), 0, 0, {"A": 2})


@pytest.mark.parametrize(
    ("pixels", "category", "categories"),
    [
        (np.zeros((2, 4, 4, 3)), np.zeros(2, np.int64), ("A",)),
        (np.zeros((2, 4, 5, 3), np.uint8), np.zeros(2, np.int64), ("A",)),
        (np.zeros((2, 4, 4, 2), np.uint8), np.zeros(2, np.int64), ("A",)),
        (np.zeros((2, 4, 4, 3), np.uint8), np.zeros(3, np.int64), ("A",)),
        (np.zeros((2, 4, 4, 3), np.uint8), np.zeros(2, np.int32), ("A",)),
        (np.zeros((2, 4, 4, 3), np.uint8), np.array([0, 2]), ("A", "B", "C")),
        (np.zeros((2, 4, 4, 3), np.uint8), np.array([0, 1]), ("A", "A")),
        (np.zeros((0, 4, 4, 3), np.uint8), np.zeros(0, np.int64), ()),
    ],
)
def test_image_set_checks_itself(
    pixels: np.ndarray, category: np.ndarray, categories: tuple[str, ...]
) -> None:
    with pytest.raises(UnusableInput):
        ImageSet(pixels, category, categories, REPORT)


@pytest.mark.skipif(not DATA.exists(), reason="the real data folder is not here")
def test_real_product_pictures(tmp_path: Path) -> None:
    products = DATA / "product-images"
    config = ImagesConfig(image_size=64, channels=3, categories=("Belts", "Wallets"))
    shutil.copy(products / "labels.csv", tmp_path)
    images = read_images(
        products / "images.zip",
        config,
        labels=tmp_path / "labels.csv",
        label_column="subCategory",
    )
    assert images.report.per_category == {"Belts": 172, "Wallets": 197}
    assert images.report.found == 8119
    assert images.pixels[:, 0, 0].mean() > 240  # white background


@pytest.mark.skipif(not DATA.exists(), reason="the real data folder is not here")
def test_real_fashion_mnist() -> None:
    images = read_images(DATA / "fashion-mnist" / "test.npz", GREY)
    assert images.pixels.shape == (9680, 28, 28, 1)
    assert images.categories == tuple(str(digit) for digit in range(10))
    assert set(images.report.per_category.values()) == {968}

"""The sample pictures are whole, repeatable, varied, and can be told apart by category."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from runtime.errors import UnusableInput
from trainer.sample_canvas import Canvas, arc, box, ellipse, hsv, mix
from trainer.sample_departments import CATEGORIES
from trainer.sample_pictures import DRAWINGS, draw_picture, write_pictures
from trainer.sample_store import make_sample_store

N_DRAWN = 24  # pictures of each category drawn for the tests that compare them


@pytest.fixture(scope="module")
def pixels() -> npt.NDArray[np.float64]:
    """Pictures of every category, [n_categories, N_DRAWN, 64, 64, 3], 0 to 255."""
    drawn = [[draw_picture(c, 7, n) for n in range(N_DRAWN)] for c in CATEGORIES]
    return np.array([[np.asarray(p, dtype=np.float64) for p in row] for row in drawn])


def test_every_category_of_the_catalogue_can_be_drawn() -> None:
    assert tuple(DRAWINGS) == CATEGORIES
    assert len(CATEGORIES) >= 8


@pytest.mark.parametrize("size_px", [28, 64, 128])
def test_a_picture_is_colour_and_of_the_size_asked_for(size_px: int) -> None:
    for category in CATEGORIES:
        picture = draw_picture(category, 7, 0, size_px=size_px)
        assert picture.mode == "RGB"
        assert picture.size == (size_px, size_px)


def test_a_picture_depends_on_seed_category_and_number_only() -> None:
    first = draw_picture("Mug", 7, 3).tobytes()
    assert draw_picture("Mug", 7, 3).tobytes() == first
    others = [draw_picture(*a).tobytes() for a in (("Mug", 8, 3), ("Mug", 7, 4), ("Jam", 7, 3))]
    assert first not in others


def test_the_thing_stands_in_the_middle_of_a_light_backdrop(
    pixels: npt.NDArray[np.float64],
) -> None:
    border = np.concatenate([pixels[:, :, 0].reshape(-1), pixels[:, :, :, 0].reshape(-1)])
    assert np.quantile(border, 0.02) > 190
    top_row = pixels[:, :, :1, :, :].mean((2, 3), keepdims=True)
    differs = np.abs(pixels - top_row).max(-1) > 40  # [n_categories, N_DRAWN, 64, 64]
    covered = differs.mean((2, 3))
    assert covered.min() > 0.03
    assert covered.max() < 0.8
    assert differs[:, :, 16:48, 16:48].mean() > 3 * differs[:, :, :8].mean()


def test_pictures_of_one_category_vary(pixels: npt.NDArray[np.float64]) -> None:
    for category, pictures in zip(CATEGORIES, pixels, strict=True):
        assert pictures[:, 16:48, 16:48].std(0).mean() > 15, category
        assert len({picture.tobytes() for picture in pictures}) == N_DRAWN, category


def test_categories_can_be_told_apart(pixels: npt.NDArray[np.float64]) -> None:
    # How strongly each small patch differs from the backdrop: shape, not colour.
    backdrop = pixels[:, :, :1].mean((2, 3), keepdims=True)
    shape = np.abs(pixels - backdrop).max(-1)
    small = shape.reshape(len(CATEGORIES), N_DRAWN, 16, 4, 16, 4).mean((3, 5))
    small = np.minimum(small, 60).reshape(len(CATEGORIES), N_DRAWN, -1)
    half = N_DRAWN // 2
    means = small[:, :half].mean(1)  # [n_categories, 256]
    held_out = small[:, half:].reshape(-1, 1, 256)
    nearest = ((held_out - means) ** 2).sum(-1).argmin(1)
    truth = np.repeat(np.arange(len(CATEGORIES)), N_DRAWN - half)
    assert (nearest == truth).mean() > 0.6  # chance is 0.1


def test_pictures_are_written_by_category(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    n = write_pictures(
        tmp_path / "new", 7, 2, size_px=32, progress=lambda done, total: calls.append((done, total))
    )
    assert n == 2 * len(CATEGORIES)
    assert calls == [(done, n) for done in range(1, n + 1)]
    images = tmp_path / "new" / "images"
    assert sorted(path.name for path in images.iterdir()) == list(CATEGORIES)
    files = sorted(images.rglob("*.png"))
    assert len(files) == n
    assert files[0].relative_to(images).as_posix() == "Bottle/0.png"
    for path in files:
        with Image.open(path) as picture:
            assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (32, 32))
    with Image.open(images / "Plant" / "1.png") as picture:
        assert picture.tobytes() == draw_picture("Plant", 7, 1, size_px=32).tobytes()


def test_store_and_pictures_appear_together(tmp_path: Path) -> None:
    store = make_sample_store(n_shoppers=6, n_items=40, n_pairs=0, n_weeks=1)
    out = tmp_path / "shop"
    store.write(out, also=lambda folder: write_pictures(folder, per_category=1, size_px=16))
    assert [path.name for path in tmp_path.iterdir()] == ["shop"]
    names = sorted(path.name for path in out.iterdir())
    assert names == ["catalogue.csv", "images", "interactions.csv", "truth.json"]
    assert {path.parent.name for path in out.rglob("*.png")} == set(store.catalogue["category"])


def test_existing_pictures_are_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "mine.png").write_bytes(b"keep")
    with pytest.raises(UnusableInput, match="exists; choose another --out or remove it"):
        write_pictures(tmp_path, per_category=1)
    assert (tmp_path / "images" / "mine.png").read_bytes() == b"keep"


def test_an_interruption_while_drawing_leaves_no_pictures(tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_pictures(tmp_path, per_category=1, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("argument", "value"), [("seed", -1), ("per_category", 0), ("size_px", 7), ("size_px", 513)]
)
def test_arguments_out_of_range_are_refused(argument: str, value: Any, tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match=f"{argument} is {value}; it must be"):
        write_pictures(tmp_path, **{argument: value})
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_category_is_refused_with_the_nearest_names() -> None:
    with pytest.raises(UnusableInput, match=r"'Mugs'.*did you mean 'Mug'"):
        draw_picture("Mugs", 7, 0)


@pytest.mark.parametrize(
    ("hue", "saturation", "value", "colour"),
    [
        (0.0, 1.0, 1.0, (255, 0, 0)),
        (1 / 3, 1.0, 1.0, (0, 255, 0)),
        (2 / 3, 1.0, 1.0, (0, 0, 255)),
        (1.5, 1.0, 1.0, (0, 255, 255)),
        (0.7, 0.0, 0.6, (153, 153, 153)),
    ],
)
def test_hsv(hue: float, saturation: float, value: float, colour: tuple[int, int, int]) -> None:
    assert hsv(hue, saturation, value) == colour


def test_mix_goes_from_the_first_to_the_second() -> None:
    assert mix((0, 100, 200), (100, 0, 200), 0.0) == (0, 100, 200)
    assert mix((0, 100, 200), (100, 0, 200), 0.25) == (25, 75, 200)


def test_outlines_reach_as_far_as_they_say() -> None:
    for outline in (ellipse(0.5, 0.4, 0.2, 0.1), box(0.3, 0.3, 0.7, 0.5, 0.05)):
        assert outline.min(0) == pytest.approx([0.3, 0.3], abs=1e-3)
        assert outline.max(0) == pytest.approx([0.7, 0.5], abs=1e-3)
    assert arc(0.5, 0.5, 0.2, 0.1, 0.0, 0.25)[[0, -1]] == pytest.approx(
        np.array([[0.7, 0.5], [0.5, 0.6]])
    )


def test_opacity_blends_with_what_lies_below_and_not_with_black() -> None:
    canvas = Canvas(16)
    canvas.fill(box(0.25, 0.25, 0.75, 0.75), (255, 255, 255), "flat", opacity=0.5)
    picture = np.asarray(canvas.finish((250, 250, 250), (0.5, 2.0, 0.1)))
    assert picture[5:11, 5:11].min() > 200


def test_what_lies_outside_the_sheet_is_left_out() -> None:
    canvas = Canvas(16)
    empty = np.asarray(canvas.finish((240, 240, 240), (0.5, 2.0, 0.1)))
    canvas.fill(box(1.2, 0.2, 1.5, 0.5), (255, 0, 0))
    canvas.stroke(np.array([[-0.9, 0.5], [-0.5, 0.5]]), 0.05, (255, 0, 0))
    assert (np.asarray(canvas.finish((240, 240, 240), (0.5, 2.0, 0.1))) == empty).all()

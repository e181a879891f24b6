"""The whole evaluation of generators: on planted engines, the golden bundle, and by command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from runtime.bundle import open_bundle
from runtime.errors import UnusableInput
from runtime.session import open_session
from tests.command import complaint, run
from tests.conftest import Chain
from tests.trainer.test_classifier import bars
from trainer.generator import classifier
from trainer.generator.classifier import train_classifier
from trainer.generator.features import FeatureSpace, classifier_features
from trainer.generator.lookalikes import GAP_PX, lookalikes, side_by_side
from trainer.generator.quality import Examiner, Figures
from trainer.generator.real import RealPictures, without_twins
from trainer.generator.subject import Draw, session_draw
from trainer.images import ImageReport, ImageSet
from trainer.picture import Pixels

CPU = torch.device("cpu")
TINY = Path(__file__).parents[1] / "golden" / "tiny-store"
NAMES = ("upright", "level")


@pytest.fixture(autouse=True, scope="module")
def few_steps() -> Any:
    """Train classifiers for seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classifier, "MOST_STEPS", 60)
        yield


def real_bars() -> RealPictures:
    return RealPictures(*bars(600), *bars(200, seed=1), NAMES, "other bars")


@pytest.fixture(scope="module")
def examiner() -> Examiner:
    return Examiner(real_bars(), samples=400, seed=7, device=CPU)


@pytest.fixture(scope="module")
def floor(examiner: Examiner) -> Figures:
    return examiner.floor()


def examined(examiner: Examiner, draw: Draw) -> Figures:
    return examiner.examine("planted", draw, examiner.draw(draw))


def as_asked(pixels: Pixels, own: np.ndarray, category: np.ndarray) -> Pixels:
    """Give each asked category its own pictures in turn."""
    drawn = np.empty((len(category), *pixels.shape[1:]), np.uint8)
    for row in np.unique(category):
        mine = np.flatnonzero(category == row)
        drawn[mine] = np.resize(pixels[own == row], (len(mine), *pixels.shape[1:]))
    return drawn


def fresh(seed: int, category: np.ndarray) -> Pixels:
    """A perfect generator: new pictures of the same kind."""
    return as_asked(*bars(2 * len(category), seed=100 + seed), category)


def test_a_perfect_generator_is_at_the_floor(examiner: Examiner, floor: Figures) -> None:
    found = examined(examiner, fresh)
    assert found.frechet < 1.5 * floor.frechet
    assert abs(found.kernel) < 0.01 * abs(examined(examiner, black).kernel)
    for name in ("precision", "recall", "coverage"):
        assert getattr(found, name) > getattr(floor, name) - 0.1, name
        assert getattr(floor, name) > 0.8, name
    assert found.asked_category > 0.95
    assert found.trained_on > 0.95
    assert found.nearest_training == pytest.approx(1, abs=0.25)
    assert floor.nearest_training is None
    assert floor.trained_on == floor.asked_category == examiner.classifier_accuracy["held_out"]


def black(seed: int, category: np.ndarray) -> Pixels:
    return np.zeros((len(category), 8, 8, 1), np.uint8)


def test_a_collapsed_generator_covers_next_to_nothing(examiner: Examiner, floor: Figures) -> None:
    def collapsed(seed: int, category: np.ndarray) -> Pixels:
        pixels, own = bars(2, seed=5)
        return as_asked(pixels, own, category)

    found = examined(examiner, collapsed)
    assert found.coverage < 0.15 < floor.coverage
    assert found.frechet > 3 * floor.frechet
    assert found.asked_category == 1


def test_a_copying_generator_is_visible(examiner: Examiner) -> None:
    def copying(seed: int, category: np.ndarray) -> Pixels:
        real = examiner.real
        return as_asked(real.train, real.train_category, category)

    found = examined(examiner, copying)
    assert found.nearest_training == pytest.approx(0, abs=1e-3)
    grid = lookalikes(examiner, examiner.draw(copying))  # [4 * 8, 6 * 8 + gap, 1]
    assert grid.shape == (2 * 2 * 8, 6 * 8 + GAP_PX, 1)
    assert np.array_equal(grid[:, :8], grid[:, 8 + GAP_PX : 16 + GAP_PX])
    new = lookalikes(examiner, examiner.draw(fresh))
    assert not np.array_equal(new[:, :8], new[:, 8 + GAP_PX : 16 + GAP_PX])
    both = side_by_side([grid, new])
    assert both.shape == (32, 2 * grid.shape[1] + 2 * GAP_PX, 1)
    assert np.array_equal(both[:, -grid.shape[1] :], new)


def test_pictures_of_the_wrong_category_teach_and_say_the_wrong_thing(examiner: Examiner) -> None:
    found = examined(examiner, lambda seed, category: fresh(seed, 1 - category))
    assert found.asked_category < 0.05
    assert found.trained_on < 0.05
    assert found.per_category.keys() == set(NAMES)
    assert max(found.per_category.values()) < 0.1


def test_pictures_are_measured_by_another_classifier_than_chose_their_epoch(
    examiner: Examiner,
) -> None:
    pixels, category = bars(600)
    judge = train_classifier(pixels, category, len(NAMES), seed=7, device=CPU)
    theirs = classifier_features(judge, pixels, CPU).embed(pixels)
    assert not np.array_equal(examiner.space.embed(pixels), theirs)


def test_a_seed_gives_the_same_figures_again(examiner: Examiner) -> None:
    again = Examiner(real_bars(), samples=400, seed=7, device=CPU)
    assert examined(again, fresh) == examined(examiner, fresh)


def test_the_features_given_are_the_features_used() -> None:
    space = FeatureSpace("means", lambda p: p.reshape(len(p), -1).astype(np.float64))
    examiner = Examiner(real_bars(), samples=400, seed=7, device=CPU, space=space)
    assert examiner.space is space
    assert examiner.train_features.shape == (600, 64)
    assert examiner.floor().frechet > 0


def test_the_golden_bundles_noise_is_far_from_everything() -> None:
    bundle = open_bundle(TINY)
    section = bundle.manifest.generator
    assert section is not None
    session = open_session(bundle.read_bytes(section.variants["fp32"].file), "cpu")
    draw = session_draw(session, section.z_dim)
    category = np.repeat(np.arange(3), 30)
    drawn = draw(7, category)
    golden = bundle.arrays(section.golden)
    assert drawn.shape == (90, *golden["image"].shape[1:])
    alone = session.run({"z": golden["z"], "category": golden["category"]}, ["image"])[0]
    assert np.array_equal(alone, golden["image"])

    pixels, own = bars(300, channels=3)
    real = RealPictures(pixels, own, *bars(60, channels=3, seed=1), (*NAMES, "absent"), "bars")
    examiner = Examiner(real, samples=200, seed=7, device=CPU)
    found = examined(examiner, draw)
    floor = examiner.floor()
    assert found.frechet > 10 * floor.frechet
    assert found.coverage < 0.2 < floor.coverage
    assert "absent" not in found.per_category


# --- which real pictures


def image_set(pixels: Pixels, category: np.ndarray) -> ImageSet:
    report = ImageReport("here", len(pixels), len(pixels), {}, (), 0, 0, {})
    return ImageSet(pixels, category, NAMES, report)


def test_twins_of_training_pictures_are_never_held_out() -> None:
    pixels, category = bars(40)
    others, theirs = bars(20, seed=1)
    others[:4] = pixels[:4]
    images = image_set(pixels, category)
    real = without_twins(images, np.arange(30), image_set(others, theirs), "others")
    assert (real.twins, len(real.held_out), len(real.train)) == (4, 16, 30)
    assert np.array_equal(real.held_out, others[4:])
    assert real.facts()["identical_left_out"] == 4


def test_counts_follow_the_held_out_shares_and_what_training_has() -> None:
    train, held_out = bars(10)[0], bars(8, seed=1)[0]
    six_to_four = np.array([0] * 6 + [1] * 4)
    one_to_one = np.array([0, 1] * 4)
    real = RealPictures(train, six_to_four, held_out, one_to_one, NAMES, "bars")
    assert real.matched_counts(100).tolist() == [4, 4]
    assert real.matched_counts(7).tolist() == [3, 3]
    with pytest.raises(UnusableInput, match="more --samples"):
        real.matched_counts(5)
    all_upright = RealPictures(train, six_to_four, held_out, 0 * one_to_one, NAMES, "bars")
    assert all_upright.matched_counts(100).tolist() == [6, 0]


def test_too_few_held_out_pictures_are_refused() -> None:
    with pytest.raises(UnusableInput, match=r"^5 held-out.*--held-out"):
        RealPictures(*bars(20), *bars(5), NAMES, "bars")


# --- by command


@pytest.fixture(scope="module")
def store_pictures(chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Other pictures of the chain's categories, as a folder a category."""
    store = tmp_path_factory.mktemp("other") / "store"
    sizes = ["--shoppers", 40, "--items", 60, "--pictures", 6]
    assert run("data", "sample", "--out", store, "--seed", 8, *sizes).code == 0
    return store / "images"


def figures(chain: Chain, held_out: Path, *more: object) -> dict[str, Any]:
    said = run(
        "evaluate", chain.generator, chain.bundle, "--images", chain.pictures,
        "--held-out", held_out, "--samples", 12, *more, "--json",
    )  # fmt: skip
    assert said.code == 0, said.err
    found: dict[str, Any] = json.loads(said.out)
    return found


def test_a_run_and_its_bundle_side_by_side(
    chain: Chain, store_pictures: Path, tmp_path: Path
) -> None:
    grid = tmp_path / "nearest.png"
    found = figures(chain, store_pictures, "--grid", grid, "--beside", chain.generator)
    assert list(found["results"])[:2] == ["torch", "onnx fp32"]
    assert found["beside"] == "torch"
    assert found["training_pictures"] == 16
    assert found["held_out_pictures"] == 12
    assert found["samples"] == found["neighbourhoods"] == 12
    assert found["categories"] == ["Mug", "Fruit"]
    assert "penultimate layer" in found["features"]
    torch_row, onnx_row = found["results"]["torch"], found["results"]["onnx fp32"]
    assert onnx_row["frechet"] == pytest.approx(torch_row["frechet"], rel=0.05)
    assert onnx_row["frechet_over_beside"] == pytest.approx(1, rel=0.05)
    assert torch_row["frechet_over_floor"] == torch_row["frechet"] / found["floor"]["frechet"]
    with Image.open(grid) as picture:
        assert picture.height == 2 * 2 * 28


def test_only_the_variants_that_are_asked_for_draw(chain: Chain, store_pictures: Path) -> None:
    found = figures(chain, store_pictures, "--variant", "fp32")
    assert list(found["results"]) == ["torch", "onnx fp32"]
    wrong = ["--images", chain.pictures, "--variant", "int4"]
    assert "holds no variant 'int4'" in complaint(run("evaluate", chain.bundle, *wrong))


def test_figures_for_people_say_which_features_were_used(
    chain: Chain, store_pictures: Path
) -> None:
    said = run(
        "evaluate", chain.bundle, "--images", chain.pictures, "--held-out", store_pictures
    )  # fmt: skip
    assert said.code == 0, said.err
    assert "features: penultimate layer" in said.out
    assert "real training pictures" in said.out
    assert "/ beside" not in said.out
    assert "the classifier is right about" in said.err


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ([], "either --interactions"),
        (["--images", "x", "--interactions", "y"], "both are given"),
        (["--images", "x", "--protocol", "full"], "--protocol goes with --interactions"),
        (["--interactions", "x", "--samples", 50], "--samples goes with --images"),
    ],
)
def test_options_of_both_kinds_do_not_mix(options: list[object], wanted: str) -> None:
    assert wanted in complaint(run("evaluate", TINY, *options))


def test_what_does_not_fit_is_named(chain: Chain, store_pictures: Path, tmp_path: Path) -> None:
    images = ["--images", chain.pictures]
    assert "recommender run" in complaint(run("evaluate", chain.recommender, *images))
    assert "generator run" in complaint(
        run("evaluate", chain.generator, "--interactions", chain.log)
    )
    other = complaint(run("evaluate", chain.generator, "--images", store_pictures))
    assert "was trained on other pictures" in other
    none_left = complaint(run("evaluate", chain.generator, *images))
    assert "--held-out" in none_left
    assert "does not say how its pictures were read" in complaint(run("evaluate", TINY, *images))
    (tmp_path / "grid.png").touch()
    there = run("evaluate", chain.generator, *images, "--grid", tmp_path / "grid.png")
    assert "exists; choose another" in complaint(there)
    jpeg = run("evaluate", chain.generator, *images, "--grid", tmp_path / "grid.jpg")
    assert "must end in .png" in complaint(jpeg)
    assert "absent" in complaint(run("evaluate", chain.generator, *images, "--beside", "absent"))

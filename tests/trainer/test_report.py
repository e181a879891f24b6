from __future__ import annotations

import base64
import io
import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from runtime.errors import UnusableInput
from trainer.checkpoint import load_checkpoint
from trainer.config import DataConfig
from trainer.dataset import Dataset, load_dataset
from trainer.generator.config import DcganConfig, GeneratorConfig, ImagesConfig
from trainer.generator.samples import write_grid
from trainer.generator.train import train_generator
from trainer.images import ImageReport, ImageSet
from trainer.recommender.config import MlpConfig, RecommenderConfig, TrainingConfig, TwoStageConfig
from trainer.recommender.train import train_recommender
from trainer.report import metric_rows, write_generator_report, write_recommender_report
from trainer.report_curves import generator_curves, recommender_curves
from trainer.report_grids import grid_epochs, one_z, shown_grid
from trainer.run import Run

HOSTILE = "<script>alert('1')</script> & \"tea\""
SHOPPERS, ITEMS = 24, 12


class Page(HTMLParser):
    """What a browser would make of a page: its tags, what they refer to, and its words."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.ids: list[str] = []
        self.text = path.read_text("utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "srcset", "data", "action"):
                self.links.append(value or "")
            if name == "id":
                self.ids.append(value or "")

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def shown(self) -> str:
        return " ".join(" ".join(self.words).split())


def assert_self_contained(page: Page) -> None:
    assert page.links
    assert all(link.startswith(("data:", "#")) for link in page.links)
    assert not {"script", "iframe", "object", "embed"} & set(page.tags)
    assert "@import" not in page.text
    assert "@font-face" not in page.text
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", page.text))
    named = set(page.ids)
    assert len(named) == len(page.ids)
    assert all(link[1:] in named for link in page.links if link.startswith("#"))


def config(**changes: Any) -> RecommenderConfig:
    small = RecommenderConfig(
        data=DataConfig(title_column="title"),
        training=TrainingConfig(epochs=2, batch_size=32, device="cpu"),
        two_stage=TwoStageConfig(dim=8, max_basket=5, ranker_epochs=1, candidates=6),
        mlp=MlpConfig(dim=4, hidden=(8,), max_basket=5),
    )
    return replace(small, **changes)


def shop(
    folder: Path, wanted: RecommenderConfig, *, per_shopper: int = 5, **columns: Any
) -> Dataset:
    """A little log; item i0 has a hostile title, and one row lacks its item."""
    rng = np.random.Generator(np.random.PCG64(3))
    rows = [
        (f"u{user}", f"i{item}", HOSTILE if item == 0 else f"Title {item}", f"2024-01-{day:02d}")
        for user in range(SHOPPERS)
        for day, item in enumerate(rng.choice(ITEMS, per_shopper, replace=False), start=1)
    ]
    rows.append(("u<1>", "", "nothing", "2024-01-30"))
    log = pd.DataFrame(rows, columns=["user_id", "item_id", "title", "timestamp"]).assign(**columns)
    log.to_csv(folder / "log.csv", index=False)
    return load_dataset(folder / "log.csv", wanted.data)


@pytest.fixture(scope="module")
def recommender(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("shop")
    facts = {"command": "endcap train --interactions '<b>.csv'", "interactions": "<b>.csv"}
    return train_recommender(shop(folder, config()), config(), folder / "a<run>", facts=facts)


@pytest.fixture(scope="module")
def page(recommender: Run) -> Page:
    path = write_recommender_report(recommender)
    assert path == recommender.path / "report.html"
    return Page(path)


def test_recommender_report_needs_no_network(page: Page) -> None:
    assert_self_contained(page)
    assert not re.search(r"https?://", page.text)


def test_nothing_of_the_shop_is_markup(page: Page) -> None:
    assert "<script" not in page.text
    assert "<run>" not in page.text
    assert "<b>.csv" not in page.text
    assert "alert('1')" in page.shown  # shown as the words they are
    assert "endcap train --interactions '<b>.csv'" in page.shown


def test_figures_are_those_of_the_evaluation(recommender: Run, page: Page) -> None:
    evaluation = json.loads((recommender.path / "evaluation.json").read_text("utf-8"))
    results = evaluation["results"]
    assert evaluation["cases"] == SHOPPERS
    assert f"{SHOPPERS} cases set apart by leave-last-out" in page.shown
    assert f"every one of the {ITEMS} items competes" in page.shown
    for key in ("hr@10", "ndcg@10", "mrr@10", "recall@10", "coverage@10"):
        assert re.search(rf"(?i){key}", page.shown)
    assert set(results) == {
        *("user+basket", "basket", "short basket", "user", "popular", "popularity"),
    }
    for who, found in results.items():
        names = ("hr", "ndcg", "mrr", "recall", "precision", "coverage")
        figures = " ".join(f"{found[f'{name}@10']:.4f}" for name in names)
        figures += f" {found['popularity_rank@10']:.1f} {found['cases']}"
        assert f"{who} {figures}" in page.shown
    low, high = results["user+basket"]["interval"]["ndcg@10"]
    assert f"the first row's NDCG@10 lies between {low:.4f} and {high:.4f}." in page.shown
    ratio = results["user+basket"]["ndcg@10"] / results["popularity"]["ndcg@10"]
    assert f"{ratio:.1f}× popularity" in page.shown


def test_ratio_to_popularity_by_hand() -> None:
    figures = {"user+basket": {"hr@4": 0.5}, "basket": {"hr@4": 0.25}}
    results = {**figures, "popularity": {"hr@4": 0.2}}
    (row,) = metric_rows({"cases": 4, "results": results})
    assert row.name == "HR@4"
    assert row.figures == {"user+basket": 0.5, "basket": 0.25, "popularity": 0.2}
    assert row.model == 0.5
    assert row.ratio == pytest.approx(2.5)
    (row,) = metric_rows({"cases": 4, "results": {**figures, "popularity": {"hr@4": 0.0}}})
    assert row.ratio is None


def test_every_dropped_row_is_accounted_for(recommender: Run, page: Page) -> None:
    rows = SHOPPERS * 5
    assert f"read {rows + 1}" in page.shown
    assert f"dropped: missing item 1 0.83 % line {rows + 2}" in page.shown
    assert f"kept {rows}" in page.shown


def test_samples_show_what_was_taken_next(page: Page) -> None:
    assert "5 shoppers of the test" in page.shown
    assert page.shown.count("Really taken next:") == 5
    assert page.shown.count("Had 4 items") == 5
    # 12 items less the 4 each shopper has: the answer is among 5 of 8 for some, and marked there.
    assert page.text.count('class="taken"') == page.shown.count("✓ taken next")
    assert page.shown.count("In the basket") == 5
    assert not re.search(r"\bu\d+\b", page.shown)  # shoppers stay without their ids


def test_curves_have_axes_with_units(page: Page) -> None:
    for words in ("Loss, retrieval stage", "Loss, ranking stage", "mean training loss (nats)"):
        assert words in page.shown
    assert page.text.count('<svg class="curves"') == 1
    assert "var(--first)" in page.text
    assert "#0102" not in page.text  # every stand-in colour was replaced


def test_changed_settings_stand_out(page: Page) -> None:
    changed = re.findall(r'<tr class="changed" title="[^"]*"><td>(\w+)</td>', page.text)
    assert {"epochs", "batch_size", "title_column", "dim"} <= set(changed)
    assert "seed" not in changed
    assert "2 (default 20)" in page.shown


def test_a_second_report_replaces_the_first(recommender: Run, page: Page) -> None:
    before = dict(matplotlib.rcParams)
    write_recommender_report(recommender)
    assert dict(matplotlib.rcParams) == before
    assert [path.name for path in recommender.path.glob("*report*")] == ["report.html"]


def test_without_test_cases_the_report_says_so(recommender: Run, tmp_path: Path) -> None:
    wanted = config()
    dataset = shop(tmp_path, wanted, per_shopper=2)  # leave-last-out needs three purchases
    run = train_recommender(dataset, wanted, tmp_path / "run")
    page = Page(write_recommender_report(run))
    assert "Nothing could be tested." in page.shown
    assert "The split left no validation case" in page.shown
    assert "Really taken next" not in page.shown
    assert "In the basket" in page.shown
    assert_self_contained(page)


def test_labelled_log_with_the_mlp(tmp_path: Path) -> None:
    wanted = config(arch="mlp")
    label = np.arange(SHOPPERS * 5 + 1) % 4 != 3
    dataset = shop(tmp_path, wanted, label=label.astype(int))
    page = Page(write_recommender_report(train_recommender(dataset, wanted, tmp_path / "run")))
    assert "Recommender, mlp" in page.shown
    assert "Loss, mlp stage" in page.shown
    assert "Positive labels" in page.shown
    assert "ranker_hidden" not in page.shown
    assert_self_contained(page)


def test_unfinished_recommender_has_no_report(recommender: Run, tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", "recommender", config(), {})
    with pytest.raises(UnusableInput, match="no checkpoint"):
        write_recommender_report(run)
    assert not (run.path / "report.html").exists()


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Run:
    rng = np.random.Generator(np.random.PCG64(5))
    pixels = rng.integers(0, 256, (48, 28, 28, 1), dtype=np.uint8)
    category = np.repeat(np.arange(2), 24)
    reason = "cannot be opened"
    report = ImageReport(
        source="pictures<1>.zip",
        found=50,
        kept=48,
        skipped={reason: 2},
        examples=(("a<b>.jpg", reason), ("c.jpg", reason)),
        duplicates=3,
        labels_without_picture=0,
        per_category={"Bag": 24, "<i>Shoe": 24},
    )
    wanted = GeneratorConfig(
        images=ImagesConfig(image_size=28, channels=1, min_per_category=1),
        dcgan=DcganConfig(
            z_dim=8,
            category_dim=4,
            generator_width=4,
            discriminator_width=4,
            epochs=2,
            batch_size=16,
            device="cpu",
        ),
    )
    images = ImageSet(pixels, category, ("Bag", "<i>Shoe"), report)
    path = tmp_path_factory.mktemp("pictures") / "run"
    return train_generator(images, wanted, path, resume=False, facts={"images": "pictures<1>.zip"})


def test_generator_report(generator: Run) -> None:
    page = Page(write_generator_report(generator))
    assert_self_contained(page)
    assert "<i>" not in page.text
    assert "a<b>" not in page.text
    for words in (
        "pictures<1>.zip",
        "Pictures found 50",
        "Pictures kept 48",
        "Equal to another, pixel by pixel 3",
        "cannot be opened 2 a<b>.jpg , c.jpg",
        "Bag 24",
        "<i>Shoe 24",
        "real against real",
        "Fréchet distance of features",
        "mean loss (nats)",
        "image-rendering: pixelated",
    ):
        assert words in page.shown
    best = min(row["validation"] for row in generator.metrics())
    assert f"Fréchet distance {best:.4f}" in page.shown
    uris = [link for link in page.links if link.startswith("data:image/png;base64,")]
    assert len(uris) == 5  # drawn and real, both epochs side by side, one z over the epochs
    epoch = 1 if generator.metrics()[0]["validation"] == best else 2
    stored = [
        picture(generator.path / "samples" / name)
        for name in (f"epoch-{epoch:03d}.png", "real.png", "epoch-001.png", "epoch-002.png")
    ]
    shown = [picture(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) for uri in uris]
    assert np.array_equal(shown[0], stored[0])
    assert np.array_equal(shown[1], stored[1])
    assert np.array_equal(shown[4], np.hstack([stored[2][:, :28], stored[3][:, :28]]))
    ratios = generator.metrics()[epoch - 1]["diversity"]
    for name in ("Bag", "<i>Shoe"):
        assert f"{ratios[name]:.2f}" in page.shown


def picture(source: Path | io.BytesIO) -> np.ndarray:
    with Image.open(source) as opened:
        return np.asarray(opened)


def test_a_collapsed_run_says_so(generator: Run, tmp_path: Path) -> None:
    page = Page(write_generator_report(generator)).shown
    assert "Training was stopped" not in page
    path = tmp_path / "run"
    shutil.copytree(generator.path, path)
    run = Run.open(path, "generator")
    rows = [{**row, "diversity": {"Bag": 0.0124}} for row in run.metrics()]
    run.keep_metrics(rows)
    state = load_checkpoint(run.checkpoint)
    state["config"]["dcgan"].update(collapse_epochs=2, collapse_after=0)
    torch.save(state, run.checkpoint)
    page = Page(write_generator_report(run)).shown
    assert "Training was stopped: category 'Bag' has collapsed" in page
    assert "now by 0.012" in page


@pytest.mark.parametrize(
    ("epochs", "best", "shown"),
    [
        ([1], 1, [1]),
        ([1, 2, 3, 4], 2, [1, 2, 3, 4]),
        ([1, 2, 3, 4, 5, 6, 7], 7, [1, 3, 5, 7]),
        ([1, 2, 3, 4, 5, 6, 7], 6, [1, 3, 6, 7]),
        ([1, 2, 3, 4, 5, 6, 7], 2, [1, 2, 5, 7]),
    ],
)
def test_first_best_and_last_epoch_are_shown(
    tmp_path: Path, epochs: list[int], best: int, shown: list[int]
) -> None:
    for epoch in epochs:
        write_grid(tmp_path / f"epoch-{epoch:03d}.png", np.zeros((28, 28, 1), np.uint8))
    assert grid_epochs(tmp_path, best) == shown


def test_one_z_has_a_column_for_each_epoch(tmp_path: Path) -> None:
    for epoch, level in ((1, 10), (5, 200)):
        grid = np.full((2 * 64, 8 * 64, 3), 255, np.uint8)
        grid[:, :64] = level
        write_grid(tmp_path / f"epoch-{epoch:03d}.png", grid)
    found = one_z(tmp_path, [1, 5], 64)
    assert (found.width_px, found.height_px) == (2 * 64, 2 * 64)
    drawn = picture(io.BytesIO(base64.b64decode(found.source.partition(",")[2])))
    assert np.array_equal(np.unique(drawn[:, :64]), [10])
    assert np.array_equal(np.unique(drawn[:, 64:]), [200])


@pytest.mark.parametrize(("size", "columns"), [(28, 3), (32, 3), (64, 3), (128, 1)])
def test_grids_are_enlarged_by_whole_multiples(tmp_path: Path, size: int, columns: int) -> None:
    write_grid(tmp_path / "epoch-001.png", np.zeros((2 * size, 8 * size, 3), np.uint8))
    large = shown_grid(tmp_path, 1, size, strip=False)
    assert large.width_px % (8 * size) == 0
    assert large.width_px <= 1024
    assert large.height_px * 4 == large.width_px
    strip = shown_grid(tmp_path, 1, size, strip=True)
    assert strip.width_px % (columns * size) == 0
    assert strip.width_px <= 200


def test_curves_of_a_run_with_one_epoch_and_nothing_held_out() -> None:
    row = {"epoch": 1, "d_loss": 1.0, "g_loss": 2.0, "validation": -0.5, "real_against_real": None}
    drawn = generator_curves([{**row, "diversity": {}}], "bce")
    assert "real against real" not in drawn
    assert "Diversity" not in drawn
    assert drawn.startswith("<svg")
    assert "HR@10" not in recommender_curves([{"stage": "mlp", "epoch": 1, "loss": 0.7}])


def test_curves_of_a_hinge_loss_below_zero_and_of_diversity() -> None:
    row = {"epoch": 1, "d_loss": 1.0, "g_loss": -2.0, "validation": 0.5, "real_against_real": 0.1}
    drawn = generator_curves([{**row, "diversity": {"a": 0.5, "b": 1.5}}], "hinge")
    assert "mean hinge loss" in drawn
    assert "least of any category" in drawn


def test_curves_hold_a_stage_without_epochs_and_a_second_training() -> None:
    rows: list[dict[str, object]] = [
        {"stage": "retrieval", "epoch": n, "loss": 5.0 - n, "hr@10": 0.1 * n, "ndcg@10": 0.05 * n}
        for n in range(1, 10)
    ]
    rows += [{"stage": "item-item", "epoch": 0, "ndcg@10": 0.5}]
    rows += [{"stage": "retrieval, refit", "epoch": n, "loss": 4.0 - n} for n in range(1, 10)]
    curves = recommender_curves(rows)  # warnings are errors: nothing collapses
    assert "Loss, retrieval stage" in curves
    assert "again, on validation purchases too" in curves
    assert "Loss, item-item" not in curves
    assert "refit" not in curves

"""The collapse watch: its figure by hand, its rule, and a training that truly collapses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.command import run
from tests.trainer.test_generator import config, image_set
from tests.trainer.test_odd_pictures import COMMAND, write
from trainer.generator.config import DcganConfig
from trainer.generator.diversity import (
    TrainingCollapsed,
    collapse,
    diversity,
    real_spreads,
    spread,
)
from trainer.generator.model import build_generator
from trainer.generator.train import load_generator, train_generator
from trainer.images import ImageSet
from trainer.run import Run


def flat(*levels: int) -> np.ndarray:
    """One-pixel pictures, uint8 [n, 1, 1, 1]."""
    return np.array(levels, np.uint8).reshape(-1, 1, 1, 1)


def test_spread_by_hand() -> None:
    # Pairs of 10, 40 and 100 differ by 30, 90 and 60.
    assert spread(flat(10, 40, 100)) == pytest.approx(60)
    # Two pixels that differ by 6 and 8: the root of (36 + 64) / 2.
    two = np.array([[0, 0], [6, 8]], np.uint8).reshape(2, 1, 2, 1)
    assert spread(two) == pytest.approx(np.sqrt(50))
    assert spread(flat(7, 7, 7)) == pytest.approx(0)
    assert spread(flat(7)) == 0


def test_real_spreads_leave_out_categories_whose_pictures_are_alike() -> None:
    pixels = np.repeat(np.repeat(flat(10, 40, 90, 90, 200), 28, 1), 28, 2)
    images = image_set(pixels, [0, 0, 1, 1, 2], ("varied", "alike", "single"))
    assert real_spreads(images, np.arange(5)) == {0: pytest.approx(30)}
    assert real_spreads(images, np.array([0, 2, 3])) == {}


def test_diversity_is_the_ratio_to_real_pictures() -> None:
    torch.manual_seed(0)
    generator = build_generator(config(), 2)
    with torch.no_grad():
        generator.convolutions[-1].weight.mul_(20)  # type: ignore[operator]
    found = diversity(generator, {0: 0.1, 1: 0.2}, seed=7)
    assert found[0] > 1
    assert diversity(generator, {0: 0.4, 1: 0.2}, seed=7)[0] == pytest.approx(found[0] / 4)
    with torch.no_grad():
        generator.convolutions[0].weight[:8] = 0  # type: ignore[index]  # z is not looked at
    assert diversity(generator, {0: 10.0}, seed=7) == {0: pytest.approx(0)}


def rows(*ratios: float) -> list[dict[str, Any]]:
    """Epochs from 1 with these diversities of "b"; "a" is always well."""
    return [
        {"epoch": epoch, "diversity": {"a": 1.0, "b": ratio}}
        for epoch, ratio in enumerate(ratios, start=1)
    ]


@pytest.mark.parametrize(
    ("ratios", "stops"),
    [
        ((0.1, 0.1, 0.1, 0.1), False),  # the first two do not count
        ((0.1, 0.1, 0.1, 0.1, 0.1), True),
        ((0.9, 0.9, 0.9, 0.1, 0.1), False),
        ((0.9, 0.9, 0.9, 0.1, 0.1, 0.19), True),
        ((0.9, 0.9, 0.1, 0.1, 0.2, 0.1, 0.1), False),  # 0.2 is not below 0.2
        ((0.1, 0.1), False),
        ((), False),
    ],
)
def test_a_collapse_lasts_and_is_not_the_beginning(ratios: tuple[float, ...], stops: bool) -> None:
    dcgan = DcganConfig(collapse_below=0.2, collapse_epochs=3, collapse_after=2)
    assert bool(collapse(rows(*ratios), dcgan, 1)) == stops
    assert not collapse(rows(*ratios), DcganConfig(collapse_below=0.0), 1)


def test_a_collapse_is_named_with_its_figure_and_the_way_out() -> None:
    dcgan = DcganConfig(collapse_below=0.2, collapse_epochs=2, collapse_after=0)
    said = collapse(rows(0.9, 0.15, 0.1234), dcgan, 1)
    assert said.startswith("category 'b' has collapsed: in epochs 2 to 3")
    assert "by less than 0.2 of what real ones do (dcgan.collapse_below), now by 0.123" in said
    assert "epoch 1, the best, is kept" in said
    assert "--set dcgan.collapse_below=0" in said


def discs(count: int = 60) -> ImageSet:
    """Bright discs anywhere on black: no two are alike."""
    rng = np.random.default_rng(0)
    down, right = np.mgrid[:28, :28]
    pixels = np.zeros((count, 28, 28, 1), np.uint8)
    for one in pixels:
        y, x, radius = *rng.uniform(6, 22, 2), rng.uniform(3, 6)
        one[np.hypot(down - y, right - x) < radius] = rng.integers(100, 255)
    return image_set(pixels, [0] * count, ("disc",))


def test_a_training_that_collapses_is_stopped_and_its_best_epoch_kept(tmp_path: Path) -> None:
    # Two numbers of z beside four of the category: the plain DCGAN draws one picture at first.
    settings = config(
        preset="seed",
        z_dim=2,
        learning_rate=0.005,
        batch_size=16,
        epochs=30,
        collapse_after=3,
        collapse_epochs=3,
        mixed_precision=False,
    )
    with pytest.raises(TrainingCollapsed, match="category 'disc' has collapsed: in epochs 4 to 6"):
        train_generator(discs(), settings, tmp_path / "run", resume=False)
    run = Run.open(tmp_path / "run", "generator")
    rows = run.metrics()
    assert len(rows) == 6
    assert all(row["diversity"]["disc"] < 0.2 for row in rows)
    _, _, _, metrics = load_generator(run)
    assert metrics["value"] == min(row["validation"] for row in rows)
    # The figure once more, from the grid of the last epoch: its pictures really are all alike.
    with Image.open(run.path / "samples" / "epoch-006.png") as grid:
        drawn = np.asarray(grid).reshape(28, 8, 28).swapaxes(0, 1)[..., None]
    assert spread(drawn) < 0.2 * spread(discs().pixels)
    with pytest.raises(TrainingCollapsed):
        train_generator(discs(), settings, tmp_path / "run", resume=True)
    assert len(run.metrics()) == 6


def test_the_command_says_no_and_leaves_a_report(tmp_path: Path) -> None:
    for number in range(6):
        write(f"{tmp_path}/pictures/Hat/{number}.png", seed=number)
    # Of noise, one epoch's pictures are far from as diverse as the real ones.
    settings = ("dcgan.collapse_below=1", "dcgan.collapse_epochs=1", "dcgan.collapse_after=0")
    extra = [word for setting in settings for word in ("--set", setting)]
    out = tmp_path / "run"
    command = [*COMMAND, *extra, "--images", tmp_path / "pictures", "--out", out]
    said = run(*command)
    assert said.code == 1
    assert "endcap: error: category 'Hat' has collapsed: in epochs 1 to 1" in said.err
    assert "Training was stopped" in (out / "report.html").read_text("utf-8")
    assert run(*command, "--resume").code == 1
    assert run(*command, "--resume", "--set", "dcgan.collapse_below=0").code == 0

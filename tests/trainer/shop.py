"""A tiny shop whose structure is known, for tests of models and training."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from trainer.config import DataConfig
from trainer.dataset import Dataset, load_dataset
from trainer.options import from_mapping, with_overrides
from trainer.recommender.config import RecommenderConfig

FAST = ("training.epochs=2", "training.batch_size=64", "two_stage.dim=16", "two_stage.max_basket=8")
COLOURS = ("red", "blue|red", "", "green | blue")


def write_log(path: Path, *, users: int = 60, items: int = 24, seed: int = 0) -> Path:
    """Write purchases of two groups: even items for even shoppers, odd ones for odd shoppers."""
    rng = np.random.Generator(np.random.PCG64(seed))
    lines = ["user_id,item_id,timestamp"]
    for user in range(users):
        own = np.arange(user % 2, items, 2)
        chosen = rng.permutation(own)[: len(own) - 3]
        lines += [f"u{user},i{item},{1_600_000_000 + n}" for n, item in enumerate(chosen)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_catalogue(path: Path, *, items: int = 24) -> Path:
    """Write titles, two categories and prices of the items of :func:`write_log`."""
    lines = ["item_id,title,category,price"]
    lines += [
        f"i{item},Title {item},{'even' if item % 2 == 0 else 'odd'},{1 + item / 10}"
        for item in range(items)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_colours(path: Path) -> Path:
    """Write a catalogue of the tiny shop's 24 items with several values in a cell."""
    lines = ["item_id,title,category,colours,price"]
    lines += [
        f"i{n},{'Cup' if n % 4 else 'Red mug'} {n},k{n % 2},{COLOURS[n % 4]},{n or ''}"
        for n in range(24)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def shop(folder: Path, *, catalogue: bool = True) -> Dataset:
    """Load the tiny shop."""
    log = write_log(folder / "log.csv")
    items = write_catalogue(folder / "items.csv") if catalogue else None
    return load_dataset(log, DataConfig(), items)


def config(*settings: str) -> RecommenderConfig:
    """Return a config that trains in a moment, with further settings."""
    return from_mapping(RecommenderConfig, with_overrides({}, (*FAST, *settings)))

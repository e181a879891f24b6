"""The data sets of the benchmark: their files, recipes, peers, and what a seed varies."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.quality import peers
from benchmarks.quality.peers import Peer

RECIPES = Path("recipes")
RETAIL_L2 = (30.0, 100.0, 300.0, 1000.0, 3000.0)
COLD_SHARE = 0.05
BEAUTY_L2 = (100.0, 300.0, 1000.0)


@dataclass(frozen=True)
class Shop:
    """One data set and who competes on it.

    Attributes:
        name: as on the command line.
        title: the protocol in words.
        recipe: TOML of the endcap run, whose split makes the cases.
        interactions: the log, as ``endcap train`` reads it.
        catalogue: the catalogue likewise, or None.
        seeded: config fields that the seed of a trial is written to.
        resplit: whether the seed changes the cases; peers that draw nothing then differ too.
        peers: who competes.
        metrics: what the table shows, names of ``Trial.score``.
        settings: laid over the recipe, as ``--set`` takes them.
    """

    name: str
    title: str
    recipe: Path
    interactions: Path
    catalogue: Path | None
    seeded: tuple[str, ...]
    resplit: bool
    peers: tuple[Peer, ...]
    metrics: tuple[str, ...] = ("hr", "ndcg")
    settings: tuple[str, ...] = ()

    def with_cold_items(self) -> Shop:
        """Hide a share of the items from training, and ask for them."""
        return dataclasses.replace(
            self,
            name=f"{self.name}-cold",
            title=f"{self.title}; {COLD_SHARE:.0%} of the items hidden from training",
            settings=(f"split.cold_items={COLD_SHARE}",),
        )


def beauty(data: Path, build: Path) -> Shop:
    """Amazon Beauty: everybody's last purchase."""
    folder = data / "amazon-beauty"
    return Shop(
        name="beauty",
        title="Amazon Beauty, leave one out, full ranking, own past items hidden",
        recipe=RECIPES / "benchmarks" / "beauty.toml",
        interactions=folder / "Beauty.txt",
        catalogue=_beauty_catalogue(folder / "Beauty_item2attributes.json", build),
        seeded=("training.seed",),
        resplit=False,
        peers=(
            peers.POPULARITY,
            peers.KNN,
            peers.KNN_RECENCY,
            peers.als(factors=(128, 256, 512), l2=(0.1, 1.0), alpha=(1.0, 10.0)),
            peers.bpr(factors=(64, 128), rate=(0.01, 0.05), l2=(0.001, 0.01)),
            peers.ease(*BEAUTY_L2),
            peers.ease_recency(*BEAUTY_L2),
        ),
    )


def ml_100k(data: Path, build: Path) -> Shop:
    """MovieLens-100K: a random quarter of everybody's ratings."""
    folder = data / "ml-100k"
    interactions, catalogue = _movie_files(folder, build)
    return Shop(
        name="ml-100k",
        title="ML-100K, random 75/25 per user, ratings as clicks, seen removed",
        recipe=RECIPES / "benchmarks" / "ml-100k.toml",
        interactions=interactions,
        catalogue=catalogue,
        seeded=("split.seed", "training.seed"),
        resplit=True,
        peers=(
            peers.POPULARITY,
            peers.KNN,
            peers.PURE_SVD,
            peers.als(factors=(16, 32, 64), l2=(0.1, 1.0), alpha=(1.0, 5.0)),
            peers.ease(100.0, 200.0, 400.0, 800.0),
            peers.ease(400.0),  # the best on the test cases, which a fair choice may miss
        ),
        metrics=("ndcg", "precision", "recall"),
    )


def online_retail(data: Path, build: Path) -> Shop:
    """UCI Online Retail: every customer's last purchase, and some anonymous baskets."""
    return Shop(
        name="online-retail",
        title="UCI Online Retail, last purchase, full ranking, own past items hidden",
        recipe=RECIPES / "online-retail" / "recommender.toml",
        interactions=data / "uci-online-retail" / "online_retail_invoices.parquet",
        catalogue=None,
        seeded=("training.seed",),
        resplit=False,
        peers=(
            peers.POPULARITY,
            peers.KNN,
            peers.KNN_RECENCY,
            peers.ease(*RETAIL_L2),
            peers.ease_recency(*RETAIL_L2),
        ),
    )


def groceries(data: Path, build: Path) -> Shop:
    """A grocery's till baskets: one item of each held-out basket hidden."""
    return Shop(
        name="groceries",
        title="groceries, one item of each held-out basket hidden",
        recipe=RECIPES / "benchmarks" / "groceries.toml",
        interactions=data / "groceries" / "groceries.csv",
        catalogue=None,
        seeded=("split.seed", "training.seed"),
        resplit=True,
        peers=(peers.POPULARITY, peers.KNN, peers.ease(*RETAIL_L2)),
    )


SHOPS: dict[str, Callable[[Path, Path], Shop]] = {
    "beauty": beauty,
    "ml-100k": ml_100k,
    "online-retail": online_retail,
    "groceries": groceries,
}
COLD = {"beauty-cold": beauty, "online-retail-cold": online_retail}


def _beauty_catalogue(attributes: Path, build: Path) -> Path:
    """Write item_id and attributes, "a8|a9|a10": the ids are names and no numbers."""
    listed = json.loads(attributes.read_text("utf-8"))
    rows = [[item, "|".join(f"a{number}" for number in listed[item])] for item in listed]
    return _written(build / "beauty-catalogue.csv", ["item_id", "attributes"], rows)


def _movie_files(folder: Path, build: Path) -> tuple[Path, Path]:
    """Write the ratings with a header, and titles with genres ("Action|War") and the year."""
    names = [line.split("|")[0] for line in (folder / "u.genre").read_text().split("\n") if line]
    ratings = [line.split("\t") for line in (folder / "u.data").read_text().splitlines()]
    clicks = [[user, item, seconds] for user, item, _, seconds in ratings]
    header = ["user_id", "item_id", "timestamp"]
    interactions = _written(build / "ml-100k-interactions.csv", header, clicks)
    rows = []
    for line in (folder / "u.item").read_text("latin-1").splitlines():
        item, title, released, _, _, *flags = line.split("|")
        genres = [name for name, flag in zip(names, flags, strict=True) if flag == "1"]
        rows.append([item, title, "|".join(genres), released[-4:]])
    header = ["item_id", "title", "genres", "year"]
    return interactions, _written(build / "ml-100k-catalogue.csv", header, rows)


def _written(path: Path, header: list[str], rows: list[list[str]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path

"""The bundles that ship: whole, small, in tolerance on this machine, and sensible to a shopper."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from runtime import load
from runtime.bundle import open_bundle
from runtime.parity import check_bundle
from tests.command import run
from trainer.sample_store import make_sample_store

MODELS = Path(__file__).parent.parent / "models"
BUNDLES = ("corner-store", "online-retail")
NOT_PRODUCTS = {
    *("POST", "DOT", "C2", "M", "m", "S", "D", "B", "PADS", "BANK CHARGES", "AMAZONFEE"),
}


@pytest.mark.parametrize("name", BUNDLES)
def test_a_shipped_bundle_is_whole_small_and_in_tolerance(name: str) -> None:
    bundle = open_bundle(MODELS / name)
    assert bundle.manifest.name == name
    assert bundle.size_bytes < 26_000_000  # three variants of two models
    report = check_bundle(bundle, "cpu")
    assert report.passed, report.to_json()
    assert {check.model for check in report.checks} == {"recommender", "generator"}
    card = bundle.read_bytes("README.md").decode()
    for word in ("licence", "NDCG@10", "popularity", "endcap train", "endcap export"):
        assert word in card, word


@pytest.mark.parametrize("name", BUNDLES)
def test_a_shipped_recommender_beats_popularity_on_held_out_purchases(name: str) -> None:
    section = open_bundle(MODELS / name).manifest.recommender
    assert section is not None
    results = section.metrics["results"]
    assert section.metrics["protocol"] == "full"
    for who in results.keys() - {"user", "popular", "popularity"}:  # who tells earlier items
        assert results[who]["ndcg@10"] > 1.5 * results["popularity"]["ndcg@10"], who


def test_the_gift_shop_answers_with_titles() -> None:
    answer = load(MODELS / "online-retail").recommend(basket=["85123A", "71053"], k=5)
    assert answer.tier == "basket"
    assert answer.unknown == ()
    assert len({item.title for item in answer.items}) == 5
    assert all(item.title != item.item_id for item in answer.items)


def test_the_gift_shop_never_recommends_what_is_no_product() -> None:
    catalogue = load(MODELS / "online-retail").catalogue
    for item_id in NOT_PRODUCTS:
        assert catalogue.row(item_id) is None
    for row in range(1, catalogue.n_items + 1):
        assert not catalogue.item_id(row).startswith("gift_")
        assert "POSTAGE" not in catalogue.title(row).upper()
        assert "ADJUST" not in catalogue.title(row).upper()


def test_the_corner_store_found_what_was_planted() -> None:
    """The sample store's structure is known: half of a pair must recommend the other half."""
    truth = make_sample_store(7)
    store = load(MODELS / "corner-store")
    for first, second in truth.pairs:
        for held, partner in ((first, second), (second, first)):
            shown = [item.item_id for item in store.recommend(basket=[held], k=3).items]
            assert partner in shown, (held, partner, shown)


def test_the_corner_stores_taste_groups_get_their_items() -> None:
    truth = make_sample_store(7)
    store = load(MODELS / "corner-store")
    of_group: dict[str, list[float]] = {}
    for user in list(truth.taste_group)[::40]:
        group = truth.taste_group[user]
        shown = [item.item_id for item in store.recommend(user=user, k=10).items]
        of_group.setdefault(group, []).append(
            float(np.mean([item in truth.group_items[group] for item in shown]))
        )
    assert set(of_group) == set(truth.group_items)
    for group, shares in of_group.items():
        by_chance = len(truth.group_items[group]) / len(truth.catalogue)
        assert np.mean(shares) > 3 * by_chance, (group, np.mean(shares), by_chance)


def test_the_examples_of_the_command_line_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of those that ask a shipped bundle and need no file of a shop's."""
    monkeypatch.chdir(MODELS.parent)
    page = Path("docs", "cli.md").read_text("utf-8")
    examples = re.findall(
        r"^ +endcap ((?:recommend|similar|inspect) models/.*)$", page, re.MULTILINE
    )
    asked = [example for example in examples if "stock.csv" not in example]
    assert len(asked) >= 6
    for example in asked:
        said = run(*shlex.split(example))
        assert (said.code, bool(said.out)) == (0, True), f"{example}: {said.err}"


@pytest.mark.parametrize("name", BUNDLES)
def test_every_category_is_painted_with_variety(name: str) -> None:
    store = load(MODELS / name)
    section = store.bundle.manifest.generator
    assert section is not None
    assert len(section.categories) == 10
    means = []
    for category in section.categories:
        images = store.generate(category, n=16, seed=3).images.astype(float)
        assert images.std(axis=0).mean() > 8, category  # not one picture sixteen times
        means.append(images.mean(axis=0))
    distances = [np.abs(a - b).mean() for n, a in enumerate(means) for b in means[:n]]
    assert min(distances) > 3  # categories differ

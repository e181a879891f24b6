"""endcap's own rows come from the exported graph, and agree with what endcap evaluate says."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.quality.exported import Exported, rank_with_bundle
from benchmarks.quality.shops import SHOPS, Shop
from benchmarks.quality.trial import Trial
from runtime.bundle import open_bundle
from runtime.errors import UnusableInput
from tests.command import run
from tests.conftest import REPOSITORY, Chain
from tests.trainer.shop import write_log
from trainer.generator.config import GeneratorConfig
from trainer.options import from_mapping, read_toml
from trainer.recommender.config import RecommenderConfig


def trial_of(log: Path, recipe: Path, build: Path) -> Trial:
    shop = Shop(
        name="tiny",
        title="tiny",
        recipe=recipe,
        interactions=log,
        catalogue=None,
        seeded=(),
        resplit=False,
        peers=(),
    )
    return Trial(shop, 7, build)


def test_the_rows_agree_with_endcap_evaluate(chain: Chain, tmp_path: Path) -> None:
    log = ["--interactions", chain.log, "--catalogue", chain.catalogue]
    said = json.loads(run("evaluate", chain.bundle, *log, "--json").out)["results"]["onnx fp32"]
    trial = trial_of(chain.log, chain.recommender / "config.toml", tmp_path)
    exported = Exported(open_bundle(chain.bundle), train_s=0.0, export_s=0.0)
    ranked = rank_with_bundle(exported, "fp32", trial, anonymous=False)
    assert trial.score(ranked, trial.test)["ndcg"] == pytest.approx(max(known(said)))
    unnamed = rank_with_bundle(exported, "fp32", trial, anonymous=True)
    assert not np.array_equal(ranked, unnamed)
    for case in range(len(trial.test)):
        assert not np.isin(ranked[case], trial.test.context(case)).any()


def known(results: dict[str, dict[str, float]]) -> list[float]:
    """NDCG of the rows that are told id and basket, whichever name they go by."""
    return [found["ndcg@10"] for name, found in results.items() if name in ("model", "user+basket")]


def test_a_bundle_of_other_items_is_refused(chain: Chain, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.csv", items=30)
    trial = trial_of(log, chain.recommender / "config.toml", tmp_path)
    exported = Exported(open_bundle(chain.bundle), train_s=0.0, export_s=0.0)
    with pytest.raises(UnusableInput, match="does not know all of the log's 30 items"):
        rank_with_bundle(exported, "fp32", trial, anonymous=False)


def test_the_recipes_are_valid() -> None:
    recipes = sorted((REPOSITORY / "recipes").glob("*/*.toml"))
    assert len(recipes) >= 4
    for path in recipes:
        recipe = read_toml(path)
        config: type[Any] = GeneratorConfig if "images" in recipe else RecommenderConfig
        from_mapping(config, recipe)


@pytest.mark.parametrize("name", SHOPS)
def test_a_shop_can_be_asked_for_cold_items(
    name: str, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    shop = SHOPS[name](shared_data, tmp_path)
    assert shop.recipe.exists()
    assert shop.interactions.exists()
    assert shop.catalogue is None or shop.catalogue.exists()
    cold = shop.with_cold_items()
    assert cold.settings == ("split.cold_items=0.05",)
    assert dataclasses.replace(cold, name=shop.name, title=shop.title, settings=()) == shop

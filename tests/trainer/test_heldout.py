"""Evaluating runs on a log: whose cases they are, what each protocol needs, and what is hidden."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime.errors import UnusableInput
from tests.trainer.shop import config, write_catalogue, write_log
from trainer.dataset import load_dataset
from trainer.metrics import popularity_ranks
from trainer.recommender.heldout import SideBySide, evaluate_side_by_side
from trainer.recommender.saved import load_recommender
from trainer.recommender.train import train_recommender
from trainer.report_text import metrics_text
from trainer.run import Run
from trainer.split import Split, split_interactions

SETTINGS = {
    "last": (),
    "random": ("split.method=random", "split.test_fraction=0.25"),
    "cold": ("split.method=random", "split.cold_items=0.2"),
    "repeat": ("data.repeat_purchases=true",),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    log, items = write_log(folder / "log.csv"), write_catalogue(folder / "items.csv")
    for name, settings in SETTINGS.items():
        own = config("training.epochs=1", "two_stage.ranker_epochs=0", *settings)
        train_recommender(load_dataset(log, own.data, items), own, folder / name)
    return folder


def evaluated(runs: Path, *names: str, **options: Any) -> SideBySide:
    paths = [runs / name for name in names]
    return evaluate_side_by_side(paths, runs / "log.csv", runs / "items.csv", **options)


def split_of(runs: Path, name: str) -> Split:
    own = config(*SETTINGS[name])
    return split_interactions(load_dataset(runs / "log.csv", own.data).interactions, own.split)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_run_is_evaluated_as_when_it_was_trained(runs: Path, name: str) -> None:
    (table,) = evaluated(runs, name).tables.values()
    trained = Run.open(runs / name).read_json("evaluation.json")
    assert table == {key: trained[key] for key in table}


def test_engines_of_one_name_are_told_apart_by_their_paths(runs: Path) -> None:
    shutil.copytree(runs / "last", runs / "again")
    found = evaluated(runs, "last", "again")
    assert list(found.tables) == [f"{runs / 'last'} torch", f"{runs / 'again'} torch"]
    assert found.same_cases
    assert "do not compare" not in metrics_text(found.tables, same_cases=True)


def test_other_cases_are_said_to_be_others(runs: Path) -> None:
    found = evaluated(runs, "last", "random")
    assert not found.same_cases
    last, random = found.tables.values()
    text = metrics_text(found.tables, same_cases=False)
    assert text.startswith("full ranking\nthe cases differ, so figures do not compare: ")
    for table, name in ((last, "last"), (random, "random")):
        assert f"{runs / name} torch {table['cases']} cases, 24 items" in text
    facts = found.to_json()
    assert facts["same_cases"] is False
    assert [one["split"] for one in facts["engines"].values()] == ["leave-last-out", "random"]


def test_the_random_protocol_asks_for_a_random_part_of_what_known_shoppers_took(
    runs: Path,
) -> None:
    (table,) = evaluated(runs, "random", protocol="random", k=5).tables.values()
    split = split_of(runs, "random")
    assert table["protocol"] == "random"
    assert table["cases"] == len(split.test)
    assert table["answers"] == len(split.test.target_items) > len(split.test)
    # Even and odd items make two groups: a shopper's answers are found among the own group's.
    known = table["results"]["user+basket"]
    assert known["cases"] == len(split.test)
    assert 0 < known["precision@5"] < known["recall@5"] < known["hr@5"] <= 1


def test_the_random_protocol_needs_a_random_split(runs: Path) -> None:
    with pytest.raises(UnusableInput, match=r"'leave-last-out'.*has seen.*split.method=random"):
        evaluated(runs, "random", "last", protocol="random")


def test_hidden_items_train_nothing_and_have_results_of_their_own(runs: Path) -> None:
    trained = load_recommender(Run.open(runs / "cold"))
    split = split_of(runs, "cold")
    hidden = np.flatnonzero(split.hidden)
    assert len(hidden) == 5  # a fifth of 24, rounded up
    assert not trained.data.counts[hidden].any()
    (table,) = evaluated(runs, "cold").tables.values()
    among, whole = table["results"]["cold"], table["results"]["cold in whole catalogue"]
    assert among["cases"] == whole["cases"] == len(split.cold) > 0
    assert among["coverage@10"] <= 5 / 24 < whole["coverage@10"]
    # Nobody bought them before the test, so all share the last five places.
    assert among["popularity_rank@10"] == popularity_ranks(np.arange(25) * (np.arange(25) > 5))[1]
    assert "cold" not in evaluated(runs, "last").tables["torch"]["results"]


def test_hidden_items_need_the_catalogue_of_the_training(runs: Path) -> None:
    with pytest.raises(UnusableInput, match=r"column 'category'.*--catalogue"):
        evaluate_side_by_side([runs / "cold"], runs / "log.csv")
    (table,) = evaluate_side_by_side([runs / "last"], runs / "log.csv").tables.values()
    assert table["cases"] == 60


def test_what_a_shopper_had_competes_only_where_things_are_bought_again(runs: Path) -> None:
    hidden, again = (evaluated(runs, name).tables["torch"] for name in ("last", "repeat"))
    assert (hidden["seen_items_hidden"], again["seen_items_hidden"]) == (True, False)
    # The log repeats nothing: to let old items compete only makes popularity's answers worse.
    shown = [one["results"]["popularity"]["hr@10"] for one in (hidden, again)]
    assert shown[0] > shown[1]

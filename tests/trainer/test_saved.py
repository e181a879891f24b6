"""What a run keeps of its data comes back as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.trainer.shop import config, write_colours, write_log
from trainer.dataset import load_dataset
from trainer.recommender.heldout import evaluate_side_by_side
from trainer.recommender.saved import load_recommender
from trainer.recommender.train import train_recommender


def test_attributes_of_several_values_and_titles_words_come_back(tmp_path: Path) -> None:
    settings = config("training.epochs=1", "data.title_words=true")
    dataset = load_dataset(
        write_log(tmp_path / "log.csv"), settings.data, write_colours(tmp_path / "items.csv")
    )
    run = train_recommender(dataset, settings, tmp_path / "run")
    kept, original = load_recommender(run).data.items, dataset.items
    assert kept.frame().equals(original.frame())
    assert [a.kind for a in kept.attributes] == ["label", "labels", "number"]
    assert kept.attributes[1].values == ("blue", "green", "red")
    found, expected = kept.codes(4), original.codes(4)
    assert found.n_values == expected.n_values == 2 + 3 + 4 + 2  # and the words red and mug
    assert np.array_equal(found.values, expected.values)
    assert np.array_equal(found.weights, expected.weights)


def test_a_run_without_title_words_stays_without(tmp_path: Path) -> None:
    settings = config("training.epochs=1", "data.title_words=false")
    dataset = load_dataset(
        write_log(tmp_path / "log.csv"), settings.data, write_colours(tmp_path / "items.csv")
    )
    kept = load_recommender(train_recommender(dataset, settings, tmp_path / "run")).data.items
    assert kept.codes(4).n_values == 2 + 3 + 4


def test_evaluation_needs_no_catalogue_for_the_attributes_a_run_has(tmp_path: Path) -> None:
    settings = config("training.epochs=1", 'data.attributes=["colours"]')
    log, items = write_log(tmp_path / "log.csv"), write_colours(tmp_path / "items.csv")
    run = train_recommender(load_dataset(log, settings.data, items), settings, tmp_path / "run")
    assert [a.name for a in load_recommender(run).data.items.attributes] == ["category", "colours"]
    found = evaluate_side_by_side([run.path], log)
    assert [table["cases"] for table in found.tables.values()] == [60]

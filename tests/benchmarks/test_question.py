"""What peers are asked, how their scores become lists, and the one scorer."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality.question import Question, best_rows
from benchmarks.quality.shops import Shop
from benchmarks.quality.trial import Trial, question_of
from tests.benchmarks.planted import question
from trainer.interactions import Interactions
from trainer.split import Cases

LOG = Interactions(
    user_ids=("a", "b"),
    item_ids=("w", "x", "y", "z"),
    sequence=np.array([0, 0, 0, 1, 1, 2, 2]),
    user=np.array([1, 1, 1, 2, 2, 0, 0]),
    item=np.array([3, 1, 2, 2, 4, 4, 1]),
    time=np.arange(7),
    basket=np.arange(7),
    label=np.array([1, 1, 1, 0, 1, 1, 1], np.float32),
)
CASE = Cases(
    user=np.array([1]),
    context_offsets=np.array([0, 2]),
    context_items=np.array([3, 1]),
    target_offsets=np.array([0, 1]),
    target_items=np.array([2]),
)


def test_a_question_shows_known_purchases_only_and_no_answer() -> None:
    asked = question_of(LOG, np.array([True, True, False, True, True, True, True]), CASE)
    assert asked.train_user.tolist() == [1, 2, 0]
    assert asked.train_offsets.tolist() == [0, 2, 3, 5]
    assert asked.train_items.tolist() == [3, 1, 4, 4, 1]  # the refusal of item 2 is no purchase
    assert asked.train_sequences().tolist() == [0, 0, 1, 2, 2]
    assert asked.context_items.tolist() == [3, 1]
    assert "target_items" not in {field.name for field in dataclasses.fields(Question)}


def test_a_question_survives_its_file(tmp_path: Path) -> None:
    asked = question_of(LOG, np.ones(7, bool), CASE)
    asked.write(tmp_path / "question.npz")
    again = Question.read(tmp_path / "question.npz")
    for field in dataclasses.fields(Question):
        found, wanted = getattr(again, field.name), getattr(asked, field.name)
        assert np.array_equal(found, wanted), field.name
        assert type(found) is type(wanted), field.name


def test_the_best_rows_hide_the_context_and_break_ties_by_popularity() -> None:
    # Item 4 was bought three times, 3 twice, 1, 2 and 5 once.
    asked = question([[4, 3, 1], [4, 3, 2], [4, 5]], [[4], [1, 2]], n_rows=6)
    scores = np.array([[9, 0, 0, 0, 7, 1], [9, 8, 0, 0, 0, 0]], np.float32)
    ranked = best_rows(scores, asked, slice(0, 2), k=4)
    # Case 0: 5 by score, then 3 (two sales) before 1 and 2 (one each, lower row first).
    # Case 1: nothing is scored but the context, so 4, 3, 5 by sales, and then the list ends.
    assert ranked.tolist() == [[5, 3, 1, 2], [4, 3, 5, 0]]


def test_the_best_rows_of_a_batch_belong_to_its_cases() -> None:
    asked = question([[1, 2, 3]], [[1], [2], [3]], n_rows=4)
    scores = np.array([[0, 1, 2, 3]] * 2, np.float32)
    assert best_rows(scores, asked, slice(1, 3), k=3).tolist() == [[3, 1, 0], [2, 1, 0]]


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    (tmp_path / "recipe.toml").write_text('[data]\nformat = "sequences"\n', "utf-8")
    log = "\n".join(f"u{user} " + " ".join(f"i{n}" for n in range(5)) for user in range(3))
    (tmp_path / "log.txt").write_text(log + "\n", "utf-8")
    shop = Shop(
        name="tiny",
        title="tiny",
        recipe=tmp_path / "recipe.toml",
        interactions=tmp_path / "log.txt",
        catalogue=None,
        seeded=("training.seed",),
        resplit=False,
        peers=(),
    )
    return Trial(shop, 11, tmp_path / "build")


def test_a_trial_tunes_on_training_alone_and_reports_on_all_before_the_test(trial: Trial) -> None:
    assert trial.config.training.seed == 11
    assert trial.settings == ("training.seed=11",)
    tuned = Question.read(trial.validation_question())
    reported = Question.read(trial.test_question())
    assert tuned.train_items.tolist() == [1, 2, 3] * 3
    assert tuned.context_items.tolist() == [1, 2, 3] * 3
    assert reported.train_items.tolist() == [1, 2, 3, 4] * 3
    assert reported.context_items.tolist() == [1, 2, 3, 4] * 3
    assert trial.test.target_items.tolist() == [5, 5, 5]


def test_the_scorer(trial: Trial) -> None:
    ranked = np.zeros((3, 10), np.int64)
    ranked[0, 0], ranked[1, 2] = 5, 5  # ranks 1 and 3, and one miss
    found = trial.score(ranked, trial.test)
    assert found["hr"] == pytest.approx(2 / 3)
    assert found["ndcg"] == pytest.approx((1 + 1 / 2) / 3)  # 1 / log2(1 + 3) is a half
    assert found["precision"] == pytest.approx(2 / 30)
    with pytest.raises(ValueError, match="answer 3 cases"):
        trial.score(ranked[:2], trial.test)

"""Ranking metrics and their intervals against figures worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trainer.cases import Cases
from trainer.metrics import (
    bootstrap_intervals,
    hits,
    popularity_ranks,
    ranking_metrics,
    shown_popularity,
)


def cases(*targets: list[int]) -> Cases:
    sizes = [len(one) for one in targets]
    return Cases(
        user=np.zeros(len(targets), np.int64),
        context_offsets=np.zeros(len(targets) + 1, np.int64),
        context_items=np.zeros(0, np.int64),
        target_offsets=np.concatenate([[0], np.cumsum(sizes)]),
        target_items=np.concatenate(targets),
    )


def test_hits_are_of_the_own_case_and_never_padding() -> None:
    ranked = np.array([[3, 5, 0], [5, 3, 0]])
    assert hits(ranked, cases([5], [9]), 10).tolist() == [[False, True, False], [False] * 3]


def test_one_answer() -> None:
    ranked = np.array([[4, 5, 6], [5, 4, 6], [4, 6, 5], [4, 6, 7]])
    found = ranking_metrics(ranked, cases([5], [5], [5], [5]), 10)
    assert found["hr"].tolist() == [1, 1, 1, 0]
    assert found["recall"].tolist() == [1, 1, 1, 0]
    assert found["mrr"].tolist() == pytest.approx([1 / 2, 1, 1 / 3, 0])
    # 1 / log2(1 + rank): rank 2 gives 1 / log2(3), rank 3 gives 1 / 2.
    assert found["ndcg"].tolist() == pytest.approx([0.6309297535714575, 1, 0.5, 0])


def test_several_answers() -> None:
    # Answers 1, 2, 3, shown at ranks 2 and 4 of 4.
    found = ranking_metrics(np.array([[9, 1, 8, 3]]), cases([1, 2, 3]), 10)
    gained = 1 / math.log2(3) + 1 / math.log2(5)
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert found["hr"].tolist() == [1]
    assert found["recall"].tolist() == pytest.approx([2 / 3])
    assert found["precision"].tolist() == [0.5]
    assert found["mrr"].tolist() == [0.5]
    assert found["ndcg"].tolist() == pytest.approx([gained / ideal])


def test_more_answers_than_places() -> None:
    found = ranking_metrics(np.array([[1, 2]]), cases([1, 2, 3, 4]), 10)
    assert found["ndcg"].tolist() == pytest.approx([1.0])  # the ideal list has two places too
    assert found["recall"].tolist() == [0.5]
    assert found["precision"].tolist() == [1.0]


def test_a_short_list_is_padded() -> None:
    found = ranking_metrics(np.array([[7, 0, 0]]), cases([7]), 10)
    assert found["ndcg"].tolist() == [1.0]
    assert found["precision"].tolist() == pytest.approx([1 / 3])  # the empty places count


def test_several_answers_in_several_cases() -> None:
    # Places 1 and 3 of case one, none of case two, place 2 of case three, of 2, 1 and 4 answers.
    ranked = np.array([[1, 9, 2], [5, 6, 7], [9, 4, 8]])
    found = ranking_metrics(ranked, cases([1, 2], [3], [1, 2, 3, 4]), 10)
    place = [1.0, 1 / math.log2(3), 0.5]
    assert found["hr"].tolist() == [1, 0, 1]
    assert found["recall"].tolist() == [1, 0, 0.25]
    assert found["precision"].tolist() == pytest.approx([2 / 3, 0, 1 / 3])
    assert found["mrr"].tolist() == [1, 0, 0.5]
    assert found["ndcg"].tolist() == pytest.approx(
        [(place[0] + place[2]) / (place[0] + place[1]), 0, place[1] / sum(place)]
    )


def test_popularity_ranks_share_places_of_equal_sellers() -> None:
    ranks = popularity_ranks(np.array([0, 5, 9, 5, 0, 0]))
    assert ranks.tolist() == [0, 2.5, 1, 2.5, 4.5, 4.5]


def test_shown_popularity_by_hand() -> None:
    ranks = popularity_ranks(np.array([0, 40, 30, 20, 10]))
    ranked = np.array([[1, 2], [4, 3], [4, 0]])  # an empty place is no item
    assert shown_popularity(ranked, ranks).tolist() == [1.5, 3.5, 4]


def test_equal_cases_leave_no_doubt() -> None:
    assert bootstrap_intervals({"hr": np.full(9, 0.25)}) == {"hr": (0.25, 0.25)}


def test_an_interval_is_that_of_the_mean() -> None:
    rng = np.random.Generator(np.random.PCG64(1))
    values = {"hr": (rng.random(5000) < 0.2).astype(float), "mrr": rng.random(5000)}
    found = bootstrap_intervals(values)
    for name, of_cases in values.items():
        # The mean of 5,000 cases is near normal: 1.96 standard errors to either side.
        error = of_cases.std() / math.sqrt(5000)
        low, high = found[name]
        assert low == pytest.approx(of_cases.mean() - 1.96 * error, abs=0.2 * error)
        assert high == pytest.approx(of_cases.mean() + 1.96 * error, abs=0.2 * error)


def test_intervals_are_the_same_for_the_same_seed() -> None:
    values = {"hr": np.arange(50) / 50}
    assert bootstrap_intervals(values) == bootstrap_intervals(values)
    assert bootstrap_intervals(values, seed=1) != bootstrap_intervals(values, seed=2)


def test_intervals_hold_the_true_mean_as_often_as_they_say() -> None:
    rng = np.random.Generator(np.random.PCG64(2))
    draws = rng.random((200, 200)) < 0.3
    bounds = [bootstrap_intervals({"hr": row.astype(float)})["hr"] for row in draws]
    held = sum(low <= 0.3 <= high for low, high in bounds)
    assert 180 <= held <= 198

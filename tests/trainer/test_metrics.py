"""Ranking metrics and AUC against figures worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trainer.cases import Cases
from trainer.metrics import hits, ranking_metrics


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
    assert found["mrr"].tolist() == [0.5]
    assert found["ndcg"].tolist() == pytest.approx([gained / ideal])


def test_more_answers_than_places() -> None:
    found = ranking_metrics(np.array([[1, 2]]), cases([1, 2, 3, 4]), 10)
    assert found["ndcg"].tolist() == pytest.approx([1.0])  # the ideal list has two places too
    assert found["recall"].tolist() == [0.5]


def test_a_short_list_is_padded() -> None:
    found = ranking_metrics(np.array([[7, 0, 0]]), cases([7]), 10)
    assert found["ndcg"].tolist() == [1.0]

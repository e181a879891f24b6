"""Reasons: what lifts an item, told apart from what lifts every item; never more than is asked for.

Items of the tiny store by row: 1 BREAD-1, 2 BREAD-2 (Bakery), 3 BUTTER, 4 MILK, 5 CHEESE (Dairy),
6 COFFEE, 7 TEA, 8 COLA, 10 été-10 (Drinks), 9 CARD,9 without a category.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.questions import Question, Steps
from runtime.reasons import MAX_BASKET_ITEMS, Reasons
from runtime.request import ResolvedRequest
from runtime.store import Store

N_ITEMS, TOP_K = 10, 8
Context = tuple[int, Sequence[int]]
Scorer = Callable[[int, tuple[int, ...]], np.ndarray]


def resolved(basket: list[int], user: int = 0, history: tuple[int, ...] = ()) -> ResolvedRequest:
    allowed = np.ones(N_ITEMS + 1, np.bool_)
    return ResolvedRequest(user, np.array(basket), np.array(history, np.int64), allowed, ())


class Graph:
    """Answers as a graph would, from a scorer of float [n_items + 1], and remembers the batches."""

    def __init__(self, scorer: Scorer) -> None:
        self.scorer = scorer
        self.batches: list[int] = []

    def answer(self, steps: Steps[list[str]]) -> list[str]:
        """Answer the questions of ``steps`` until it says which reasons it found."""
        try:
            question = next(steps)
            while True:
                assert isinstance(question, Question)
                question = steps.send(self._reply(question.contexts, question.allowed))
        except StopIteration as end:
            return list(end.value)

    def _reply(self, contexts: Sequence[Context], allowed: np.ndarray) -> Any:
        self.batches.append(len(contexts))
        scores = np.array([self.scorer(user, tuple(rows)) for user, rows in contexts], np.float32)
        scores = np.where(allowed, scores, -np.inf)
        item = np.argsort(-scores, axis=1, kind="stable")[:, :TOP_K]
        score = np.take_along_axis(scores, item, axis=1)
        return np.where(np.isinf(score), 0, item), score


def sum_of(gains: dict[int, dict[int, float]], users: dict[int, float] | None = None) -> Scorer:
    """Make a scorer to which each basket item adds its own, and user 1 adds ``users``."""

    def score(user: int, rows: tuple[int, ...]) -> np.ndarray:
        scores = np.linspace(1, 0, N_ITEMS + 1)
        for extra in [*(gains.get(row, {}) for row in rows), (users or {}) if user else {}]:
            for row, gain in extra.items():
                scores[row] += gain
        return scores

    return score


def reasons(store: Store, scorer: Scorer, request: ResolvedRequest, rows: list[int]) -> list[str]:
    return Graph(scorer).answer(Reasons(store.catalogue, TOP_K).of(request, rows))


def test_the_basket_item_that_lifts_an_item_most_is_named(store: Store) -> None:
    scorer = sum_of({1: {3: 2.0, 4: 0.5}, 6: {4: 2.0}, 8: {3: 0.5}})
    found = reasons(store, scorer, resolved([6, 1, 8]), [3, 4])
    assert found == ["goes with White loaf", "goes with Ground coffee"]


def test_what_lifts_every_item_lifts_none(store: Store) -> None:
    """A context may score everything higher; only what it does beyond that is a reason."""
    everything = dict.fromkeys(range(1, N_ITEMS + 1), 10.0)
    scorer = sum_of({1: everything | {3: 12.0}})
    found = reasons(store, scorer, resolved([1]), [3, 4])
    assert found == ["goes with White loaf", "popular in Dairy"]


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ({4: 1.9}, "more from Dairy"),  # as good a reason as the first, of the same category
        ({4: 1.0}, "goes with Salted butter"),  # one item dominates
    ],
)
def test_a_category_that_several_items_point_to(
    store: Store, second: dict[int, float], expected: str
) -> None:
    scorer = sum_of({3: {4: 2.0}, 5: second})
    assert reasons(store, scorer, resolved([3, 5]), [4, 8])[0] == expected


def test_two_close_items_of_other_categories_are_no_category(store: Store) -> None:
    scorer = sum_of({6: {4: 2.0}, 5: {4: 1.9}})
    assert reasons(store, scorer, resolved([6, 5]), [4, 8])[0] == "goes with Ground coffee"


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ((7, 6), "more from Drinks"),
        ((7, 3, 6), "more from Drinks"),
        ((7, 3, 6, 4), "fits your earlier purchases"),
        ((6,), "fits your earlier purchases"),
        ((), "fits your earlier purchases"),
    ],
)
def test_a_known_users_purchases(store: Store, history: tuple[int, ...], expected: str) -> None:
    scorer = sum_of({}, users={8: 3.0})
    found = reasons(store, scorer, resolved([], 1, history), [8, 4])
    assert found == [expected, "popular in Dairy"]


def test_a_basket_that_the_model_does_not_look_at_is_no_reason(store: Store) -> None:
    """The seed's formula knows a user by id alone: a basket beside it changes nothing."""

    def by_id(user: int, rows: tuple[int, ...]) -> np.ndarray:
        return sum_of({1: {3: 2.0}}, users={3: 1.0})(user, () if user else rows)

    assert reasons(store, by_id, resolved([1]), [3, 8])[0] == "goes with White loaf"
    found = reasons(store, by_id, resolved([1], user=1), [3, 8])
    assert found == ["fits your earlier purchases", "popular in Drinks"]


def test_one_run_of_bounded_size_and_none_for_nobody(store: Store) -> None:
    graph = Graph(sum_of({}))
    steps = Reasons(store.catalogue, TOP_K).of

    def find(request: ResolvedRequest, rows: list[int]) -> list[str]:
        return graph.answer(steps(request, rows))

    assert find(resolved([]), [8, 4]) == ["popular in Drinks", "popular in Dairy"]
    assert find(resolved([1]), []) == []
    assert graph.batches == []
    find(resolved([1]), [8, 4])
    find(resolved([1, 1, 2], user=1, history=(6,)), [8, 4])
    find(resolved([1, 2, 3, 4, 5, 6, 7, 9, 10] * 2, user=1, history=(6,)), [8])
    assert graph.batches == [2, 5, MAX_BASKET_ITEMS + 3]


def test_an_answer_that_fills_the_graph_is_its_own_measure(store: Store) -> None:
    scorer = sum_of({1: {3: 5.0}})
    found = reasons(store, scorer, resolved([1]), [2, 3, 4, 5, 6, 7, 8, 9])
    assert found[1] == "goes with White loaf"
    assert "goes with White loaf" not in found[:1] + found[2:]


@given(
    basket=st.lists(st.sampled_from(["BREAD-1", "COFFEE", "TEA", "CARD,9", "été-10"]), max_size=6),
    user=st.sampled_from([None, "anna", "ben", "nobody"]),
    k=st.integers(1, 8),
)
def test_only_what_is_in_the_basket_is_named(
    store: Store, basket: list[str], user: str | None, k: int
) -> None:
    held = {store.catalogue.title(store.catalogue.row(item_id) or 0) for item_id in basket}
    for item in store.recommend(user=user, basket=basket, k=k).items:
        reason = item.reason or ""
        assert reason
        assert not reason.startswith("goes with") or reason.removeprefix("goes with ") in held


def test_reasons_cost_nothing_where_nobody_reads_them(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    session = store.recommender._session
    run = type(session).run

    def counted(self: Any, feeds: Any, outputs: Any = None) -> Any:
        batches.append(len(feeds["user"]))
        return run(self, feeds, outputs)

    monkeypatch.setattr(type(session), "run", counted)
    plain = store.recommend(basket=["BREAD-1", "COFFEE"], k=3, reasons=False)
    assert [item.reason for item in plain.items] == [None] * 3
    assert batches == [1]
    full = store.recommend(basket=["BREAD-1", "COFFEE"], k=3)
    assert [item.item_id for item in full.items] == [item.item_id for item in plain.items]
    assert batches == [1, 1, 4]
    store.recommend(k=3)
    assert batches == [1, 1, 4, 1]

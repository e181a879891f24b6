"""Tiers, candidates and yardsticks on cases small enough to work out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trainer.cases import Cases
from trainer.recommender.candidates import Candidates
from trainer.recommender.evaluate import evaluate_beside_popularity
from trainer.recommender.tiers import TIERS
from trainer.recommender.yardsticks import (
    ColdItems,
    category_recommend,
    expected_sales,
    popularity_recommend,
)

# A known shopper with a history, one without, and an anonymous basket.
CASES = Cases(
    user=np.array([3, 5, 0]),
    context_offsets=np.array([0, 5, 5, 7]),
    context_items=np.array([1, 2, 3, 4, 5, 6, 7]),
    target_offsets=np.array([0, 1, 3, 4]),
    target_items=np.array([8, 8, 9, 9]),
)
COUNTS = np.array([0, 2, 9, 4, 4, 1, 7, 3, 5, 6])


def request(name: str, max_basket: int = 6) -> tuple[list[int], list[list[int]]]:
    (tier,) = [one for one in TIERS if one.name == name]
    user, basket = tier.requests(CASES, max_basket)
    assert user.shape == (3, 1)
    return user[:, 0].tolist(), basket.tolist()


def test_what_each_tier_tells() -> None:
    nothing = [0] * 6
    whole = [[0, 1, 2, 3, 4, 5], nothing, [0, 0, 0, 0, 6, 7]]
    assert request("user+basket") == ([3, 5, 0], whole)
    assert request("basket") == ([0, 0, 0], whole)
    assert request("short basket") == ([0, 0, 0], [[0, 0, 0, 3, 4, 5], nothing, whole[2]])
    assert request("short basket", 2) == ([0, 0, 0], [[4, 5], [0, 0], [6, 7]])
    assert request("user") == ([3, 5, 0], [nothing] * 3)
    assert request("popular") == ([0, 0, 0], [nothing] * 3)


def test_a_tier_counts_the_cases_that_have_what_it_tells() -> None:
    assert {tier.name: tier.asks(CASES).tolist() for tier in TIERS} == {
        "user+basket": [0],
        "basket": [0, 2],
        "short basket": [0, 2],
        "user": [0, 1],
        "popular": [0, 1, 2],
    }


def competing(candidates: Candidates, cases: Cases = CASES) -> list[list[int]]:
    return [np.flatnonzero(row).tolist() for _, rows in candidates.batches(cases) for row in rows]


def test_where_nothing_is_bought_again_what_a_shopper_has_does_not_compete() -> None:
    everything = [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert competing(Candidates(10, hide_context=True)) == [
        [6, 7, 8, 9],
        everything,
        [1, 2, 3, 4, 5, 8, 9],
    ]


def test_where_things_are_bought_again_only_an_anonymous_basket_does_not_compete() -> None:
    everything = [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert competing(Candidates(10, hide_context=False)) == [
        everything,
        everything,
        [1, 2, 3, 4, 5, 8, 9],
    ]


def test_a_repeated_answer_competes_where_things_are_bought_again() -> None:
    again = replace(CASES, target_items=np.array([4, 8, 9, 9]))
    assert 4 in competing(Candidates(10, hide_context=False), again)[0]


@pytest.mark.parametrize("hide_context", [True, False])
def test_sampled_candidates_are_the_answers_and_99_that_the_shopper_never_took(
    hide_context: bool,
) -> None:
    candidates = Candidates(400, hide_context, sampled=True)
    found = competing(candidates)
    assert [len(rows) for rows in found] == [100, 101, 100]
    for case, rows in enumerate(found):
        assert set(CASES.targets(case)) <= set(rows)
        assert not set(CASES.context(case)) & set(rows)
        assert 0 not in rows
    assert competing(candidates) == found
    assert competing(replace(candidates, seed=8)) != found
    # A small catalogue has fewer than 99: all that the shopper never took compete.
    assert competing(Candidates(10, hide_context, sampled=True))[0] == [6, 7, 8, 9]


def test_candidates_can_be_some_items_only() -> None:
    only = np.zeros(10, bool)
    only[[0, 5, 7, 8, 9]] = True
    assert competing(Candidates(10, hide_context=True, only=only)) == [
        [7, 8, 9],
        [5, 7, 8, 9],
        [5, 8, 9],
    ]


def test_candidates_come_in_batches_in_the_cases_order() -> None:
    many = CASES.take(np.arange(600) % 3)
    batches = list(Candidates(10, hide_context=True).batches(many))
    assert [len(batch) for batch, _ in batches] == [256, 256, 88]
    assert np.concatenate([batch.user for batch, _ in batches]).tolist() == many.user.tolist()


def test_popularity_shows_the_best_sellers_among_the_allowed() -> None:
    recommend = popularity_recommend(COUNTS, 3)
    allowed = np.ones((3, 10), bool)
    allowed[1, [2, 9]] = False
    allowed[2] = False
    allowed[2, [5, 7]] = True
    basket = np.zeros((3, 4), np.int64)
    shown = recommend(basket[:, :1], basket, allowed)
    assert shown.tolist() == [[2, 6, 9], [6, 8, 3], [7, 5, 0]]


def test_popularity_agrees_with_sorting_whatever_is_allowed() -> None:
    rng = np.random.Generator(np.random.PCG64(3))
    counts = rng.integers(0, 40, 2000)
    counts[0] = 0
    recommend = popularity_recommend(counts, 10)
    for share in (0.99, 0.5, 0.01, 0.002):
        allowed = rng.random((20, 2000)) < share
        allowed[:, 0] = False
        shown = recommend(allowed[:, :1], allowed, allowed)
        for row, mask in zip(shown, allowed, strict=True):
            rows = np.flatnonzero(mask)
            best = sorted(rows, key=lambda item: (-counts[item], item))[:10]
            assert row.tolist() == best + [0] * (10 - len(best))


# Items 1 to 4 are sold, 5 to 8 hidden. Label 1 is on items 1, 2 and 5, label 2 on 3, 4 and 6,
# label 3 on 1, 3 and 7; nothing is known of item 8.
SOLD = np.array([0, 10, 20, 4, 2, 0, 0, 0, 0])
LABELS = np.array([[0, 0], [1, 3], [1, 0], [2, 3], [2, 0], [1, 0], [2, 3], [3, 0], [0, 0]])


def test_an_unsold_item_is_expected_to_sell_as_its_like() -> None:
    # Label 1 sold 15 an item, label 2 sold 3, label 3 sold 7; any item 9.
    assert expected_sales(SOLD, LABELS).tolist() == [9, 10, 20, 4, 2, 15, (3 + 7) / 2, 7, 9]


def test_without_labels_unsold_items_are_expected_to_sell_alike() -> None:
    assert expected_sales(SOLD, np.zeros((9, 0), np.int64)).tolist() == [9, 10, 20, 4, 2] + [9] * 4


def cold_items(category: np.ndarray) -> ColdItems:
    cases = Cases(
        user=np.array([1]),
        context_offsets=np.array([0, 2]),
        context_items=np.array([1, 3]),
        target_offsets=np.array([0, 1]),
        target_items=np.array([6]),
    )
    return ColdItems(cases, np.arange(9) > 4, category, LABELS)


def in_category(category: np.ndarray, basket: list[int], k: int = 8) -> list[int]:
    """Show what is expected to sell best in the category of the newest item."""
    allowed = np.ones((1, 9), bool)
    allowed[0, [0, *basket]] = False
    given = np.array([[0, 0, 0, *basket]])
    recommend = category_recommend(expected_sales(SOLD, LABELS), category, k)
    shown: list[int] = recommend(given[:, :1], given, allowed)[0].tolist()
    return shown


# Category 1: items 1, 2 and 5; category 2: items 3, 4, 6 and 7; item 8 has none.
CATEGORY = np.array([[0], [1], [1], [2], [2], [1], [2], [2], [0]])


def test_the_category_of_the_newest_item_comes_first() -> None:
    assert in_category(CATEGORY, [1, 3]) == [7, 6, 4, 2, 5, 8, 0, 0]
    assert in_category(CATEGORY, [3, 1]) == [2, 5, 8, 7, 6, 4, 0, 0]
    # Nothing in the basket, or nothing known of its newest item: by expected sales alone.
    assert in_category(CATEGORY, [])[:4] == [2, 5, 1, 8]
    assert in_category(CATEGORY, [8])[:4] == [2, 5, 1, 7]


def test_items_of_several_categories_count_by_what_they_share() -> None:
    # Item 3 has labels 2 and 3: item 6 has both, sold 5; items 7 and 1 one, sold 7 and 10; item 4
    # one, sold 2. Items 6 and 1 come to the same, and item 6 has more in common.
    assert in_category(LABELS, [3], 4) == [6, 1, 7, 4]


def test_of_items_without_sales_the_closest_come_first_and_luck_decides_between_equals() -> None:
    n_rows = 400
    category = np.zeros((n_rows, 2), np.int64)
    category[1:, 0] = 1  # all are of category 1
    category[1:4, 1] = 2  # three of category 2 as well
    given = np.zeros((1, 4), np.int64)
    given[0, -1] = 1
    allowed = np.ones((1, n_rows), bool)
    allowed[0, :2] = False
    shown = category_recommend(np.zeros(n_rows), category, 100)(given[:, :1], given, allowed)[0]
    assert set(shown[:2].tolist()) == {2, 3}
    assert 150 < shown[2:].mean() < 250  # and not the lowest rows, which have no merit


def first_allowed(user: np.ndarray, basket: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Show the two lowest rows that are allowed."""
    return np.argsort(~allowed, axis=1, kind="stable")[:, :2]


def test_hidden_items_are_ranked_among_themselves_and_in_the_whole_catalogue() -> None:
    warm = Cases(
        user=np.array([1]),
        context_offsets=np.array([0, 1]),
        context_items=np.array([3]),
        target_offsets=np.array([0, 1]),
        target_items=np.array([1]),
    )
    cold = cold_items(CATEGORY)
    found = evaluate_beside_popularity(
        first_allowed, warm, SOLD, max_basket=4, hide_context=True, k=2, cold=cold
    )
    ndcg = {who: one["ndcg@2"] for who, one in found["results"].items() if "cold" in who}
    second = pytest.approx(0.6309297535714575)  # 1 / log2(3)
    assert ndcg == {
        "cold": second,  # of 5 to 8 the model shows 5 and 6
        "cold, category expected sales": second,  # the newest item is of category 2: 7, then 6
        "cold in whole catalogue": 0,  # of 2 and 4 to 8 it shows 2 and 4
        "cold in whole catalogue, category expected sales": second,  # 7, then 6
        # Items 6 and 7 of category 2 sold nothing, and the draw prefers 6; item 4 sold, and comes
        # before both in the whole catalogue.
        "cold, category popularity": 1,
        "cold in whole catalogue, category popularity": second,
    }
    assert all(one["cases"] == 1 for one in found["results"].values())


def test_tiers_are_measured_apart_and_by_hand() -> None:
    def by_what_is_told(user: np.ndarray, basket: np.ndarray, allowed: np.ndarray) -> np.ndarray:
        best = np.where(user > 0, 8, 1)  # who is known gets item 8, who is not item 1
        second = np.where(basket[:, -1:] > 0, 9, 2)  # who holds something gets item 9, else 2
        return np.concatenate([best, second], axis=1)

    found = evaluate_beside_popularity(
        by_what_is_told, CASES, COUNTS, max_basket=6, hide_context=True, k=2
    )
    assert {key: found[key] for key in found if key != "results"} == {
        "protocol": "full",
        "k": 2,
        "cases": 3,
        "answers": 4,
        "items": 9,
        "seen_items_hidden": True,
        "resamples": 1000,
    }
    results = found["results"]
    told = {who: (one["cases"], one["hr@2"], one["recall@2"]) for who, one in results.items()}
    # The answers are 8; 8 and 9; and 9, of the known shoppers 3 and 5 and the basket.
    assert told == {
        "user+basket": (1, 1, 1),
        "basket": (2, 0.5, 0.5),  # 1 and 9 are shown twice
        "short basket": (2, 0.5, 0.5),
        "user": (2, 1, 0.75),  # 8 and 2 are shown twice
        "popular": (3, 0, 0),
        # 6, 9 hidden from nobody: 6 and 9; 2 and 6; 2 and 9, for the basket holds 6.
        "popularity": (3, pytest.approx(1 / 3), pytest.approx(1 / 3)),
    }
    ranks = [0, 8, 1, 5.5, 5.5, 9, 2, 7, 4, 3]  # COUNTS: items 3 and 4 share places 5 and 6
    assert results["user"]["popularity_rank@2"] == (ranks[8] + ranks[2]) / 2
    shown = [ranks[6] + ranks[9], ranks[2] + ranks[6], ranks[2] + ranks[9]]
    assert results["popularity"]["popularity_rank@2"] == pytest.approx(sum(shown) / 6)
    assert results["user"]["coverage@2"] == pytest.approx(2 / 9)
    assert results["popularity"]["coverage@2"] == pytest.approx(3 / 9)


def test_without_known_shoppers_two_kinds_of_tiers_are_left() -> None:
    anonymous = CASES.take(np.array([2]))
    found = evaluate_beside_popularity(
        first_allowed, anonymous, COUNTS, max_basket=6, hide_context=True, k=2
    )
    assert list(found["results"]) == ["basket", "short basket", "popular", "popularity"]


def test_without_cases_nothing_is_measured() -> None:
    none = CASES.take(np.array([], np.int64))
    found = evaluate_beside_popularity(
        first_allowed, none, COUNTS, max_basket=6, hide_context=True, k=2
    )
    assert (found["cases"], found["results"]) == (0, {})

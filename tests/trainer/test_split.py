"""Splits: deterministic, without leaks, and worked out by hand on logs small enough for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import UnusableInput
from trainer.cases import Cases
from trainer.config import SplitConfig
from trainer.interactions import Interactions
from trainer.split import Split, split_interactions

LAST = SplitConfig()
TIME = SplitConfig(method="time")
RANDOM = SplitConfig(method="random")


def log(
    shoppers: Sequence[Sequence[int]],
    baskets: Sequence[Sequence[int]] = (),
    *,
    times: Sequence[int] | None = None,
    labels: Sequence[int] | None = None,
    n_items: int = 9,
) -> Interactions:
    """Build a log from item rows: one list a known shopper, then one list an anonymous basket."""
    rows = [
        (sequence, item) for sequence, items in enumerate([*shoppers, *baskets]) for item in items
    ]
    sequence = np.array([one for one, _ in rows], np.int64)
    return Interactions(
        user_ids=tuple(f"u{number}" for number in range(len(shoppers))),
        item_ids=tuple(f"i{number}" for number in range(n_items)),
        sequence=sequence,
        user=np.where(sequence < len(shoppers), sequence + 1, 0),
        item=np.array([item for _, item in rows], np.int64),
        time=np.arange(len(rows)) if times is None else np.array(times, np.int64),
        basket=sequence,
        label=None if labels is None else np.array(labels, np.float32),
    )


def questions(cases: Cases) -> list[tuple[int, list[int], list[int]]]:
    """Spell cases as (user row, context, targets)."""
    return [
        (int(cases.user[case]), cases.context(case).tolist(), cases.targets(case).tolist())
        for case in range(len(cases))
    ]


def same(one: Split, other: Split) -> bool:
    return (
        bool(np.array_equal(one.train, other.train))
        and questions(one.validation) == questions(other.validation)
        and questions(one.test) == questions(other.test)
    )


def test_leave_last_out_by_hand() -> None:
    split = split_interactions(log([[1, 2, 3, 4], [5, 6], [7, 8, 9]]), LAST)
    assert split.train.tolist() == [True, True, False, False, True, True, True, False, False]
    assert questions(split.validation) == [(1, [1, 2], [3]), (3, [7], [8])]
    assert questions(split.test) == [(1, [1, 2, 3], [4]), (3, [7, 8], [9])]
    assert split.before_test.tolist() == [True] * 3 + [False] + [True] * 4 + [False]


def test_leave_last_out_with_a_repeat() -> None:
    split = split_interactions(log([[1, 2, 2, 1], [3, 3]]), LAST)
    assert questions(split.validation) == [(1, [1, 2], [2])]
    assert questions(split.test) == [(1, [1, 2, 2], [1])]


def test_a_refusal_is_neither_answer_nor_context_nor_learned_from_the_future() -> None:
    shopper = [1, 2, 3, 4, 5, 6]
    split = split_interactions(log([shopper, [1, 2]], labels=[1, 0, 1, 1, 0, 0, 1, 0]), LAST)
    assert questions(split.validation) == [(1, [1], [3])]
    assert questions(split.test) == [(1, [1, 3], [4])]
    assert split.train.tolist() == [True, True, False, False, False, False, True, True]
    assert split.before_test.tolist() == [True, True, True, False, False, False, True, True]


def test_refusals_alone_are_no_case() -> None:
    split = split_interactions(log([[1, 2, 3], [4, 5, 6]], labels=[0, 0, 0, 1, 1, 0]), LAST)
    assert len(split.test) == len(split.validation) == 0
    assert split.train.all()


def test_anonymous_baskets_are_held_out_whole() -> None:
    baskets = [[number % 9 + 1, (number + 3) % 9 + 1, (number + 5) % 9 + 1] for number in range(40)]
    data = log([[1, 2, 3]], [*baskets, [1]])
    split = split_interactions(data, SplitConfig(anonymous_fraction=0.5))
    assert len(split.validation) == 1 + 10
    assert len(split.test) == 1 + 10
    trained = {int(s): split.train[data.sequence == s] for s in range(1, 42)}
    assert all(part.all() or not part.any() for part in trained.values())
    assert sum(not part.any() for part in trained.values()) == 20
    assert trained[41].all()  # a lone item asks nothing
    for cases in (split.validation, split.test):
        for user, context, targets in questions(cases)[1:]:
            assert user == 0
            assert [*context, *targets] in baskets


def test_no_anonymous_basket_is_held_out_when_told_so() -> None:
    split = split_interactions(log([], [[1, 2]] * 30), SplitConfig(anonymous_fraction=0.0))
    assert split.train.all()


def test_by_time_by_hand() -> None:
    data = log([[1, 2, 3, 4], [5, 6, 7], [8, 9, 1]], times=[0, 3, 6, 9, 1, 4, 7, 2, 5, 8])
    split = split_interactions(data, SplitConfig(method="time", validation_fraction=0.25))
    # Of 10 moments the newest fifth is tested, 8 and 9; of the other 8 a quarter validates.
    assert questions(split.test) == [(1, [1, 2, 3], [4]), (3, [8, 9], [1])]
    assert questions(split.validation) == [(1, [1, 2], [3]), (2, [5, 6], [7])]
    assert split.train.tolist() == [True, True, False, False, True, True, False, True, True, False]


def test_by_time_one_moment_stays_together() -> None:
    config = SplitConfig(method="time", test_fraction=0.4)
    data = log([[1, 2], [3, 4]], [[5, 6, 7]], times=[0, 1, 2, 3, 4, 4, 4])
    ((user, context, target),) = questions(split_interactions(data, config).test)
    assert user == 0
    assert sorted([*context, *target]) == [5, 6, 7]
    data = log([[1, 2], [3, 4]], [[5, 6, 7]], times=[0, 2, 1, 2, 1, 1, 1])
    split = split_interactions(data, config)
    assert questions(split.test) == [(1, [1], [2]), (2, [3], [4])]
    assert questions(split.validation) == []
    data = log([[1, 2], [3, 4]], times=[5, 5, 5, 5])
    assert split_interactions(data, config).train.all()


def test_random_shares_are_exact_in_the_mean_for_shoppers_of_few_purchases() -> None:
    data = log([[1, 2, 3, 4]] * 1000)
    split = split_interactions(data, RANDOM)
    tested, validated = len(split.test.target_items), len(split.validation.target_items)
    assert 0.18 < tested / len(data) < 0.22
    assert 0.06 < validated / len(data) < 0.10
    starts = data.starts()
    assert all(split.train[starts[s] : starts[s + 1]].any() for s in range(1000))


def test_random_keeps_anonymous_baskets_whole() -> None:
    data = log([[1, 2, 3]], [[1, 2, 3]] * 20 + [[4]])
    split = split_interactions(data, RANDOM)
    anonymous = [case for case in questions(split.test) if case[0] == 0]
    assert anonymous == [(0, [1, 2], [3])] * 4
    assert split.train[data.sequence == 21].all()


@pytest.mark.parametrize("method", ["leave-last-out", "random"])
def test_any_item_of_a_basket_of_one_moment_is_asked_for(method: str) -> None:
    baskets = [[1, 2, 3, 4]] * 800
    config = SplitConfig(method=method, test_fraction=0.25, anonymous_fraction=0.5)
    one_moment = log([], baskets, times=[n // 4 for n in range(3200)])
    asked = [0] * 5
    for user, context, (target,) in questions(split_interactions(one_moment, config).test):
        assert user == 0
        assert sorted([*context, target]) == [1, 2, 3, 4]
        assert context == sorted(context)  # the file's order stays
        asked[target] += 1
    assert sum(asked) == 200
    assert all(30 < count < 70 for count in asked[1:])
    in_order = log([], baskets)
    assert {tuple(one[2]) for one in questions(split_interactions(in_order, config).test)} == {(4,)}


def test_a_known_shoppers_last_purchase_is_asked_for_even_of_one_moment() -> None:
    data = log([[1, 2, 3, 4]] * 50, times=[0] * 200)
    split = split_interactions(data, LAST)
    assert {tuple(case[2]) for case in questions(split.test)} == {(4,)}
    assert {tuple(case[2]) for case in questions(split.validation)} == {(3,)}


@pytest.mark.parametrize("method", ["leave-last-out", "time", "random"])
def test_hidden_items_train_nothing_and_are_asked_for_apart(method: str) -> None:
    rng = np.random.Generator(np.random.PCG64(4))
    shoppers = [rng.permutation(np.arange(1, 21))[:8].tolist() for _ in range(200)]
    baskets = [rng.permutation(np.arange(1, 21))[:3].tolist() for _ in range(100)]
    data = log(shoppers, baskets, n_items=25)
    whole = split_interactions(data, SplitConfig(method=method))
    split = split_interactions(data, SplitConfig(method=method, cold_items=0.25))
    hidden = set(np.flatnonzero(split.hidden).tolist())
    assert len(hidden) == 5  # a quarter of the 20 that were sold
    assert hidden <= set(range(1, 21))
    cold = split.hidden[data.item]
    assert np.array_equal(split.train, whole.train & ~cold)
    assert np.array_equal(split.before_test, whole.before_test & ~cold)
    for cases in (split.validation, split.test, split.cold):
        assert len(cases)
        assert not hidden & set(cases.context_items.tolist())
    assert not hidden & set(split.validation.target_items.tolist())
    assert not hidden & set(split.test.target_items.tolist())
    assert set(split.cold.target_items.tolist()) <= hidden
    # No question is lost: the answers of both kinds are those of the log without hidden items.
    asked = np.concatenate([split.test.target_items, split.cold.target_items])
    assert sorted(asked) == sorted(whole.test.target_items)


def test_nothing_is_hidden_unless_told_so() -> None:
    split = split_interactions(log([[1, 2, 3, 4]] * 9), LAST)
    assert not split.hidden.any()
    assert len(split.cold) == 0


@pytest.mark.parametrize("method", ["leave-last-out", "time", "random"])
def test_the_same_seed_gives_the_same_split(method: str) -> None:
    data = log([[1, 2, 3, 4, 5]] * 8, [[1, 2], [3, 4], [5, 6]] * 8)
    config = SplitConfig(method=method, seed=3)
    assert same(split_interactions(data, config), split_interactions(data, config))


@pytest.mark.parametrize("method", ["leave-last-out", "random"])
def test_another_seed_gives_another_split(method: str) -> None:
    data = log([[1, 2, 3, 4, 5]] * 8, [[1, 2], [3, 4], [5, 6]] * 20)
    one, other = (
        split_interactions(data, SplitConfig(method=method, seed=seed)) for seed in (1, 2)
    )
    assert not same(one, other)


def test_the_split_by_time_does_not_depend_on_the_seed() -> None:
    data = log([[1, 2, 3, 4, 5]] * 8)
    one, other = (
        split_interactions(data, SplitConfig(method="time", seed=seed)) for seed in (1, 2)
    )
    assert same(one, other)


def test_an_item_is_one_answer_however_often_it_was_taken() -> None:
    data = log([[1, 2, 3], [5] * 5 + [6] * 5], times=[0, 1, 2, *range(3, 13)])
    split = split_interactions(data, SplitConfig(method="time", test_fraction=0.7))
    (case,) = [one for one in questions(split.test) if one[0] == 2]
    assert case[2] == [5, 6]


@pytest.mark.parametrize("config", [LAST, RANDOM])
def test_a_log_too_small_for_cases_trains_whole(config: SplitConfig) -> None:
    split = split_interactions(log([[1], [2]]), config)
    assert split.train.all()
    for cases in (split.validation, split.test):
        assert len(cases) == 0
        assert cases.baskets(4).shape == (0, 4)
        assert len(cases.sample(3, seed=1)) == 0
        assert len(cases.take(np.array([], np.int64))) == 0


def test_nothing_left_to_train_on_is_said() -> None:
    # Of two moments the newer holds nine tenths of the log.
    data = log([[1, 2]], [[3, 4]], labels=[0, 0, 1, 1])
    config = SplitConfig(method="time", test_fraction=0.5)
    with pytest.raises(UnusableInput, match=r"'time' leaves no purchase.*test_fraction"):
        split_interactions(data, config)


sequences = st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=8), max_size=6)


@settings(max_examples=80, deadline=None)
@given(
    sequences,
    sequences,
    st.sampled_from(["leave-last-out", "time", "random"]),
    st.integers(0, 5),
    st.data(),
)
def test_no_purchase_is_in_two_parts(
    shoppers: list[list[int]], baskets: list[list[int]], method: str, seed: int, data: st.DataObject
) -> None:
    n = sum(map(len, shoppers + baskets))
    if n == 0:
        return
    labels = data.draw(st.none() | st.lists(st.sampled_from([0, 1, 1]), min_size=n, max_size=n))
    interactions = log(shoppers, baskets, labels=labels)
    # Distinct item rows let a case's items be traced to the purchases they came from.
    traced = Interactions(
        interactions.user_ids,
        tuple(f"i{number}" for number in range(n)),
        interactions.sequence,
        interactions.user,
        np.arange(1, n + 1),
        interactions.time,
        interactions.basket,
        interactions.label,
    )
    config = SplitConfig(method=method, seed=seed, anonymous_fraction=0.5)
    try:
        split = split_interactions(traced, config)
    except UnusableInput:
        assert labels is not None
        return
    train = set(traced.item[split.train].tolist())
    validation, test = set(split.validation.target_items), set(split.test.target_items)
    before_test = set(traced.item[split.before_test].tolist())
    assert train | validation <= before_test
    assert not before_test & test
    assert not train & validation
    assert not train & test
    assert not validation & test
    refused = set(traced.item[~traced.positive()].tolist())
    for name, cases in (("validation", split.validation), ("test", split.test)):
        for user, context, targets in questions(cases):
            assert targets
            assert not set(context) & set(targets)
            assert not refused & {*context, *targets}
            assert context == sorted(context)
            whose = {int(traced.user[item - 1]) for item in (*context, *targets)}
            assert whose == {user}
            assert len({int(traced.sequence[item - 1]) for item in (*context, *targets)}) == 1
            if name == "validation":
                assert not set(context) & test
            if method != "random":
                assert not context or max(context) < min(targets)
    if method == "leave-last-out":
        assert all(len(case[2]) == 1 for case in questions(split.test))


CASES = Cases(
    user=np.array([1, 0, 2, 3]),
    context_offsets=np.array([0, 5, 5, 6, 8]),
    context_items=np.array([1, 2, 3, 4, 5, 6, 7, 8]),
    target_offsets=np.array([0, 1, 3, 4, 5]),
    target_items=np.array([9, 8, 7, 6, 5]),
)


def test_baskets_hold_the_newest_items_at_the_right() -> None:
    assert CASES.baskets(3).tolist() == [[3, 4, 5], [0, 0, 0], [0, 0, 6], [0, 7, 8]]
    assert CASES.baskets(6)[0].tolist() == [0, 1, 2, 3, 4, 5]
    assert CASES.baskets(1).tolist() == [[5], [0], [6], [8]]


def test_taking_cases() -> None:
    taken = CASES.take(np.array([3, 1, 0]))
    assert questions(taken) == [(3, [7, 8], [5]), (0, [], [8, 7]), (1, [1, 2, 3, 4, 5], [9])]


def test_sampling_cases() -> None:
    assert CASES.sample(4, seed=1) is CASES
    for seed in range(5):
        sampled = CASES.sample(2, seed=seed)
        assert questions(sampled) == questions(CASES.sample(2, seed=seed))
        assert len(sampled) == 2
        assert all(case in questions(CASES) for case in questions(sampled))
    assert len({str(questions(CASES.sample(2, seed=seed))) for seed in range(9)}) > 1

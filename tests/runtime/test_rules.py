"""A shop's rules: never shown, adults only, promotions and diversity, against a walk by numpy.

The tiny store by row: 1 BREAD-1, 2 BREAD-2 (Bakery), 3 BUTTER, 4 MILK, 5 CHEESE (Dairy),
6 COFFEE, 7 TEA, 8 COLA, 10 été-10 (Drinks), 9 CARD,9 without a category.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.catalogue import Catalogue, Column, pack_catalogue
from runtime.errors import UnusableInput
from runtime.questions import Question
from runtime.rules import Rules, read_rules
from runtime.selection import Chosen, choose
from runtime.shelf import Shelf
from runtime.store import Store, load

Run = Callable[..., tuple[int, str, str]]
POPULAR = ["COLA", "MILK", "COFFEE", "BREAD-1", "été-10", "BUTTER", "CHEESE", "BREAD-2"]


def ids(answer: Any) -> list[str]:
    return [item.item_id for item in answer.items]


def with_rules(tiny: Path, stock: dict[str, float] | None = None, **rules: Any) -> Store:
    return load(tiny, "cpu", threads=1, rules=Rules(**rules), stock=stock)


# --- what may be shown at all


def test_never_show_hides_the_category_and_what_could_be_of_it(tiny: Path) -> None:
    store = with_rules(tiny, never_show=("Drinks",))
    answer = store.recommend(k=8, age_verified=True)
    assert ids(answer) == ["MILK", "BREAD-1", "BUTTER", "CHEESE", "BREAD-2"]  # no CARD,9 either
    assert answer.degraded == ("fewer_allowed",)
    assert ids(store.recommend(k=8, only=["COLA", "CARD,9"])) == []
    assert store.shelf.notes == (
        "items without a category (1) are not shown, since 'never_show' names categories",
    )


def test_age_restricted_is_shown_only_where_the_age_was_verified(tiny: Path) -> None:
    store = with_rules(tiny, age_restricted=("Drinks",))
    assert not {"COLA", "COFFEE", "TEA", "été-10", "CARD,9"} & set(ids(store.recommend(k=8)))
    assert ids(store.recommend(k=8, age_verified=True)) == POPULAR
    assert "CARD,9" in ids(store.recommend(k=8, only=["CARD,9"], age_verified=True))
    assert ids(store.similar("COFFEE", 3)) == ["MILK", "BREAD-1", "BUTTER"]
    assert "COLA" in ids(store.similar("COFFEE", 3, age_verified=True))


def test_never_show_wins_over_age(tiny: Path) -> None:
    store = with_rules(tiny, never_show=("Dairy",), age_restricted=("Dairy",))
    assert not {"BUTTER", "MILK", "CHEESE"} & set(ids(store.recommend(k=8, age_verified=True)))


@pytest.mark.parametrize("value", [1, "true", None])
def test_an_age_that_is_not_a_truth_value_is_refused(store: Store, value: Any) -> None:
    with pytest.raises(UnusableInput, match="age_verified is"):
        store.recommend(k=3, age_verified=value)


@pytest.mark.parametrize("rule", ["never_show", "age_restricted"])
def test_a_rule_for_an_unknown_category_refuses_to_show_anything(tiny: Path, rule: str) -> None:
    store = with_rules(tiny, **{rule: ("Drink",)})
    with pytest.raises(UnusableInput, match=rf"{rule}.*'Drink'.*did you mean 'Drinks'"):
        store.recommend(k=3)


def test_rules_without_categories_need_no_category(tiny: Path) -> None:
    store = with_rules(tiny, max_per_category=4)
    assert store.shelf.notes == ()
    assert "CARD,9" in ids(store.recommend(k=1, only=["CARD,9"]))


# --- stock


def test_stock_is_swapped_as_a_whole(tiny: Path) -> None:
    store = with_rules(tiny, {"TEA": 3, "COLA": 0, "nope": 2})
    assert (ids(store.recommend(k=8)), store.shelf.in_stock) == (["TEA"], 1)
    before = store.shelf
    store.set_stock({"COLA": 1, "MILK": 0.5})
    assert ids(store.recommend(k=8)) == ["COLA", "MILK"]
    assert before.in_stock == 1  # a request that began with it goes on with it
    assert ids(store.recommend(k=8, stock={"MILK": 2, "TEA": 2})) == ["MILK"]
    store.set_stock(None)
    assert ids(store.recommend(k=8)) == POPULAR
    store.set_stock({})
    assert ids(store.recommend(k=8)) == []


def test_many_ids_are_found_as_one_is(store: Store) -> None:
    catalogue = store.catalogue
    wanted = [catalogue.item_id(row) for row in range(1, 11)]
    asked = ["x", *wanted[::-1], "BREAD-", "", wanted[3]]
    found = catalogue.rows(asked)
    assert found.dtype == np.int64
    assert found.tolist() == [0, *range(10, 0, -1), 0, 0, 4]
    assert catalogue.rows(asked).tolist() == [catalogue.row(item) or 0 for item in asked]


# --- promotions and diversity, by hand


def test_a_promoted_item_gets_a_place_and_is_marked(tiny: Path) -> None:
    store = with_rules(tiny, promotions=("CHEESE", "CARD,9", "BREAD-2"), promotion_slots=1)
    answer = store.recommend(k=4)
    assert ids(answer) == ["COLA", "MILK", "COFFEE", "CHEESE"]
    assert [item.promoted for item in answer.items] == [False, False, False, True]
    assert [item.rank for item in answer.items] == [1, 2, 3, 4]
    assert answer.degraded == ()


def test_no_more_promotions_than_slots(tiny: Path) -> None:
    """Three of the best sellers are promoted; the answer holds two of them."""
    store = with_rules(tiny, promotions=("COLA", "MILK", "COFFEE"), promotion_slots=2)
    answer = store.recommend(k=4)
    assert ids(answer) == ["COLA", "MILK", "BREAD-1", "été-10"]
    assert [item.promoted for item in answer.items] == [True, True, False, False]


def test_slots_give_way_when_only_promotions_are_allowed(tiny: Path) -> None:
    store = with_rules(tiny, promotions=("COLA", "MILK", "COFFEE"))
    answer = store.recommend(k=3, only=["COLA", "MILK", "TEA"])
    assert ids(answer) == ["COLA", "MILK", "TEA"]
    assert [item.promoted for item in answer.items] == [True, True, False]
    assert answer.degraded == ("promotions_over_cap",)


def test_a_promotion_obeys_every_rule(tiny: Path) -> None:
    store = with_rules(tiny, {"COLA": 1, "MILK": 1}, promotions=("TEA", "COLA", "no such"))
    assert ids(store.recommend(k=2)) == ["COLA", "MILK"]
    assert ids(store.recommend(k=2, exclude=["COLA"])) == ["MILK"]
    assert store.shelf.notes == (
        "'promotions' names items that this bundle does not have: 'no such'",
    )


def test_diversity(tiny: Path) -> None:
    store = with_rules(tiny, max_per_category=1)
    assert ids(store.recommend(k=3)) == ["COLA", "MILK", "BREAD-1"]
    answer = store.recommend(k=4)
    assert ids(answer) == ["COLA", "MILK", "BREAD-1", "CARD,9"]  # of no category: never too many
    assert answer.degraded == ()
    answer = store.recommend(k=6)
    assert ids(answer) == ["COLA", "MILK", "COFFEE", "BREAD-1", "été-10", "CARD,9"]
    assert answer.degraded == ("diversity_relaxed",)


def test_who_asks_for_a_category_gets_it(tiny: Path) -> None:
    answer = with_rules(tiny, max_per_category=1).recommend(k=4, category="Drinks")
    assert (ids(answer), answer.degraded) == (["COLA", "COFFEE", "été-10", "TEA"], ())


# --- promotions and diversity, against a walk down the whole ranking


def walk(
    score: np.ndarray, group: np.ndarray, allowed: Iterable[int], k: int, rules: Rules,
    promoted: set[int],
) -> list[Chosen]:  # fmt: skip
    """Choose as docs/serving.md says, from the whole ranking at once."""
    ranking = sorted(allowed, key=lambda row: (-score[row], row))
    taken: Counter[int] = Counter()
    chosen: dict[int, bool] = {}

    def go(rows: list[int], wanted: int, promote: bool, cap: int | None) -> None:
        for row in rows:
            if wanted == 0:
                return
            full = cap is not None and group[row] >= 0 and taken[int(group[row])] >= cap
            if row not in chosen and not full:
                chosen[row] = promote
                taken[int(group[row])] += 1
                wanted -= 1

    first = [row for row in ranking if row in promoted]
    rest = [row for row in ranking if row not in promoted]
    cap = rules.max_per_category
    go(first, min(k, rules.promotion_slots), True, cap)
    go(rest, k - len(chosen), False, cap)
    go(rest, k - len(chosen), False, None)
    go(first, k - len(chosen), True, None)
    order = sorted(chosen, key=lambda row: (-score[row], row))
    return [Chosen(row, float(score[row]), chosen[row]) for row in order]


@given(data=st.data())
def test_the_choice_is_that_of_a_walk_down_the_whole_ranking(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 40))
    top_k = data.draw(st.integers(1, 6))
    k = data.draw(st.integers(1, top_k))
    categories = data.draw(st.lists(st.sampled_from([None, "a", "b", "c"]), min_size=n, max_size=n))
    ranks = data.draw(st.permutations(range(n)))
    promoted = data.draw(st.sets(st.integers(1, n), max_size=6))
    rules = Rules(
        promotions=tuple(f"i{row}" for row in promoted),
        promotion_slots=data.draw(st.integers(1, 4)),
        max_per_category=data.draw(st.none() | st.integers(1, 3)),
    )
    allowed = np.array([False, *data.draw(st.lists(st.booleans(), min_size=n, max_size=n))])
    arrays, columns = pack_catalogue(
        [
            Column("item_id", "text", [f"i{row}" for row in range(1, n + 1)]),
            Column("category", "label", categories),
        ]
    )
    catalogue = Catalogue(arrays, [(c["name"], c["kind"]) for c in columns])
    score = np.array([0, *ranks], np.float32) // 2  # every other two are equal

    def graph(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        best = sorted(np.flatnonzero(mask).tolist(), key=lambda row: (-score[row], row))[:top_k]
        item = np.array([best + [0] * (top_k - len(best))])
        return item, np.where(item == 0, -np.inf, score[item]).astype(np.float32)

    shelf = Shelf(catalogue, rules)
    steps = choose((0, []), allowed, k, shelf, mix=True)
    reply: Any = None
    runs = 0
    while True:
        try:
            question = steps.send(reply)
        except StopIteration as end:
            chosen, relaxed = end.value
            break
        assert isinstance(question, Question)
        runs += 1
        reply = graph(question.allowed)
    expected = walk(score, shelf.group, np.flatnonzero(allowed).tolist(), k, rules, promoted)
    assert chosen == expected
    assert len(chosen) == min(k, int(allowed.sum()))
    assert runs <= 2 * k + 4
    counts = Counter(int(shelf.group[item.row]) for item in chosen if shelf.group[item.row] >= 0)
    cap = rules.max_per_category
    assert ("diversity_relaxed" in relaxed) == (
        cap is not None and max([0, *counts.values()]) > cap
    )
    over = sum(item.promoted for item in chosen) > rules.promotion_slots
    assert ("promotions_over_cap" in relaxed) == over


# --- the file, and the command line


GOOD = """
never_show = ["Bakery"]
age_restricted = ["Drinks"]
max_per_category = 2

[promotions]
items = ["CHEESE"]
slots = 2
"""


def test_rules_file(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(GOOD)
    assert read_rules(str(path)) == Rules(("Bakery",), ("Drinks",), 2, ("CHEESE",), 2)
    path.write_text("")
    assert read_rules(str(path)) == Rules()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("never_shown = []", r"unknown rule 'never_shown'; did you mean 'never_show'"),
        ("[promotions]\nitem = []", r"unknown rule 'promotions.item'; did you mean 'items'"),
        ("[promotions]\nslots = 1", "promotions.items is missing"),
        ("promotions = []", "promotions must be a table"),
        ("never_show = 'Bakery'", "'never_show' is 'Bakery'; it must be a list"),
        ("age_restricted = [1]", "'age_restricted' holds 1"),
        ("age_restricted = ['']", "none empty"),
        ("max_per_category = 0", "'max_per_category' is 0; it must be a whole number from 1"),
        ("max_per_category = true", "'max_per_category' is True"),
        ("[promotions]\nitems = []\nslots = 1.5", "'promotion_slots' is 1.5"),
        ("never_show = [", "is not TOML"),
        ("a = '\\u0000", "is not TOML"),
    ],
)  # fmt: skip
def test_rules_that_cannot_be_read_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(text)
    with pytest.raises(UnusableInput, match=message) as refused:
        read_rules(str(path))
    assert str(path) in str(refused.value)


def test_a_rules_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="cannot read"):
        read_rules(str(tmp_path / "absent.toml"))
    (tmp_path / "rules.toml").write_bytes(b"never_show = ['\xff']")
    with pytest.raises(UnusableInput, match="not UTF-8"):
        read_rules(str(tmp_path / "rules.toml"))


def test_recommend_with_rules(endcap: Run, tiny: Path, tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(GOOD)
    command = ["recommend", tiny, "--rules", path, "--json"]
    code, out, err = endcap(*command, "-k", 3)
    document = json.loads(out)
    assert code == 0
    assert [item["item_id"] for item in document["items"]] == ["MILK", "BUTTER", "CHEESE"]
    assert [item["promoted"] for item in document["items"]] == [False, False, True]
    assert document["degraded"] == ["diversity_relaxed"]
    assert "items without a category (1) are not shown" in err
    assert "more of one category than the rules want" in err
    code, out, _ = endcap(*command, "-k", 3, "--age-verified")
    assert [i["item_id"] for i in json.loads(out)["items"]] == ["COLA", "MILK", "CHEESE"]
    stock = tmp_path / "stock.csv"
    stock.write_text("item_id,quantity\nMILK,1\nCOLA,1\n")
    similar = ["similar", tiny, "COFFEE", "--rules", path, "--stock", stock, "--age-verified"]
    code, out, _ = endcap(*similar, "--json")
    assert [i["item_id"] for i in json.loads(out)["items"]] == ["MILK", "COLA"]
    code, out, _ = endcap(*command[:-1], "-k", 3)
    assert "promoted" in out


def test_recommend_with_unusable_rules(endcap: Run, tiny: Path, tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text('never_show = ["Tobacco"]')
    code, out, err = endcap("recommend", tiny, "--rules", path)
    assert (code, out) == (2, "")
    assert "names the category 'Tobacco', which this bundle does not have" in err

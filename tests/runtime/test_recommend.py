"""Tiers, rules and reasons on the tiny store, whose structure is planted and known.

Items by row: 1 BREAD-1, 2 BREAD-2, 3 BUTTER, 4 MILK, 5 CHEESE, 6 COFFEE, 7 TEA, 8 COLA, 9 CARD,9,
10 été-10. Bread goes with butter, coffee with milk, anna likes tea and bought TEA and COFFEE.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from runtime.bundle import open_bundle
from runtime.errors import UnusableInput
from runtime.golden import RecommenderGolden
from runtime.store import Store, load

POPULAR = ["COLA", "MILK", "COFFEE", "BREAD-1", "été-10", "BUTTER", "CHEESE", "BREAD-2"]


def ids(answer: Any) -> list[str]:
    return [item.item_id for item in answer.items]


def test_nobody_gets_what_is_popular(store: Store) -> None:
    answer = store.recommend(k=8)
    assert answer.tier == "popular"
    assert ids(answer) == POPULAR
    assert [item.rank for item in answer.items] == list(range(1, 9))
    assert answer.items[0].reason == "popular in Drinks"
    assert answer.unknown == ()
    assert (answer.variant, answer.provider) == ("fp32", "cpu")
    assert (answer.bundle.name, answer.bundle.version) == ("tiny-store", 3)


@pytest.mark.parametrize(
    ("basket", "first", "reason"),
    [
        (["BREAD-1"], "BUTTER", "goes with White loaf"),
        (["COFFEE"], "MILK", "goes with Ground coffee"),
        (["COFFEE", "BREAD-1"], "BUTTER", "goes with White loaf"),
        (["BREAD-1", "COFFEE"], "MILK", "goes with Ground coffee"),
    ],
)
def test_basket(store: Store, basket: list[str], first: str, reason: str) -> None:
    answer = store.recommend(basket=basket, k=3)
    assert answer.tier == "basket"
    assert ids(answer)[0] == first
    assert answer.items[0].reason == reason
    assert not set(basket) & set(ids(answer))


def test_known_user(store: Store) -> None:
    answer = store.recommend(user="anna", k=5)
    assert answer.tier == "user"
    assert ids(answer)[0] == "MILK"  # she bought coffee last
    assert answer.items[0].reason == "fits your earlier purchases"
    assert not {"TEA", "COFFEE"} & set(ids(answer))


def test_known_user_with_basket(store: Store) -> None:
    answer = store.recommend(user="anna", basket=["BREAD-1"], k=5)
    assert answer.tier == "user+basket"
    assert ids(answer)[0] == "BUTTER"
    assert answer.items[0].reason == "goes with White loaf"
    by_id = {item.item_id: item.reason for item in answer.items}
    assert by_id["MILK"] == "fits your earlier purchases"


def test_user_without_history_or_preference(store: Store) -> None:
    answer = store.recommend(user="陈", k=8)
    assert answer.tier == "user"
    assert answer.unknown == ()


def test_unknown_user_is_anonymous_and_said_so(store: Store) -> None:
    answer = store.recommend(user="nobody", k=8)
    assert answer.tier == "popular"
    assert answer.unknown == ("nobody",)
    assert ids(answer) == POPULAR


def test_unknown_items_are_reported_once_in_order(store: Store) -> None:
    answer = store.recommend(
        user="zoe",
        basket=["y", "BREAD-1", "x", "y"],
        exclude=["w", "COLA"],
        only=["BUTTER", "x", "v"],
        k=3,
    )
    assert answer.unknown == ("zoe", "y", "x", "v", "w")
    assert answer.tier == "basket"
    assert ids(answer) == ["BUTTER"]


def test_basket_of_unknown_items_is_no_basket(store: Store) -> None:
    answer = store.recommend(basket=["nope"], k=8)
    assert answer.tier == "popular"
    assert ids(answer) == POPULAR


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({"category": "Dairy"}, ["MILK", "BUTTER", "CHEESE"]),
        ({"only": ["TEA", "CARD,9", "COLA"]}, ["COLA", "TEA", "CARD,9"]),
        ({"exclude": ["COLA", "MILK"], "k": 3}, ["COFFEE", "BREAD-1", "été-10"]),
        ({"category": "Bakery", "exclude": ["BREAD-1"]}, ["BREAD-2"]),
        ({"category": "Bakery", "only": ["MILK"]}, []),
        ({"only": []}, []),
        ({"stock": {"TEA": 1, "COLA": 0, "MILK": -1, "nope": 5, "BUTTER": 0.5}}, ["BUTTER", "TEA"]),
        ({"stock": {}}, []),
        ({"basket": ["COLA"], "stock": {"COLA": 9, "TEA": 9}}, ["TEA"]),
        ({"only": ["BREAD-1"], "exclude": ["BREAD-1"]}, []),
        ({"user": "anna", "only": ["TEA", "COFFEE", "CHEESE"]}, ["CHEESE"]),
    ],
)
def test_rules_act_before_top_k(store: Store, rules: dict[str, Any], expected: list[str]) -> None:
    assert ids(store.recommend(**{"k": 8, **rules})) == expected


def test_without_seen_filter_purchases_may_come_again(damage: Any, copy: Path) -> None:
    damage.manifest(lambda document: document["recommender"].update(seen_filter=False))
    answer = load(copy, "cpu").recommend(user="anna", k=8)
    assert ids(answer)[:2] == ["MILK", "TEA"]


def test_item_without_category(store: Store) -> None:
    answer = store.recommend(only=["CARD,9"], k=1)
    assert answer.items[0].category is None
    assert answer.items[0].reason == "popular"
    assert answer.items[0].title == "Birthday card"


@pytest.mark.parametrize("k", [0, -1, 9, 11, 10_000])
def test_k_out_of_range_names_the_limit(store: Store, k: int) -> None:
    with pytest.raises(UnusableInput, match=rf"k is {k}; .* 1 to 8 items"):
        store.recommend(k=k)


@pytest.mark.parametrize("k", ["3", 2.0, True, None])
def test_k_of_another_type(store: Store, k: Any) -> None:
    with pytest.raises(UnusableInput, match="whole number"):
        store.recommend(k=k)


@pytest.mark.parametrize("name", ["basket", "only", "exclude"])
@pytest.mark.parametrize("value", ["BREAD-1", [1]])
def test_ids_of_another_type(store: Store, name: str, value: Any) -> None:
    with pytest.raises(UnusableInput, match=name):
        store.recommend(**{name: value, "k": 3})


def test_other_wrong_values(store: Store) -> None:
    with pytest.raises(UnusableInput, match=r"'Dary'; did you mean 'Dairy'"):
        store.recommend(category="Dary", k=3)
    with pytest.raises(UnusableInput, match="user is 7"):
        store.recommend(user=7, k=3)  # type: ignore[arg-type]
    with pytest.raises(UnusableInput, match="stock of 'TEA' is nan"):
        store.recommend(stock={"TEA": float("nan")}, k=3)


def test_similar(store: Store) -> None:
    answer = store.similar("COFFEE", k=2)
    assert answer.tier == "basket"
    assert ids(answer)[0] == "MILK"
    assert "COFFEE" not in ids(answer)
    with pytest.raises(UnusableInput, match=r"unknown item 'COFFE'; did you mean 'COFFEE'"):
        store.similar("COFFE")


def test_long_basket_counts_its_latest(store: Store) -> None:
    """max_basket is 4: bread, the fifth from the end, does not reach the graph."""
    long = ["BREAD-1", "COLA", "TEA", "CHEESE", "BREAD-2"]
    assert store.recommend(basket=long, k=5).items[0].item_id != "BUTTER"
    assert "BREAD-1" not in ids(store.recommend(basket=long, k=5))


def test_scores_are_those_of_numpy(store: Store, maker: ModuleType) -> None:
    weights = {name: w.astype(np.float64) for name, w in maker.recommender_weights().items()}
    shopper = weights["users"][1]  # anna, who bought 7 then 6; BREAD-1 in the basket
    for weight, row in zip([0.6, 0.8, 1.0], [7, 6, 1], strict=True):
        shopper = shopper + weight * weights["held"][row]
    scores = weights["shown"] @ shopper + weights["popularity"]
    answer = store.recommend(user="anna", basket=["BREAD-1"], k=7)
    allowed = [row for row in range(1, 11) if row not in (7, 6, 1)]
    expected = sorted(allowed, key=lambda row: -scores[row])
    assert ids(answer) == [maker.ITEMS[row - 1][0] for row in expected]
    np.testing.assert_allclose([item.score for item in answer.items], scores[expected], atol=1e-5)


def test_golden_requests_through_the_shop_ids(store: Store, maker: ModuleType) -> None:
    """The whole way from ids to ids gives what the golden vectors say for the same rows."""
    bundle = open_bundle(Path(maker.__file__ or "").parent / "tiny-store")
    golden = RecommenderGolden.from_arrays(bundle.arrays("golden/recommender.npz"), "golden")
    compared = 0
    for i in range(len(golden)):
        if golden.user[i]:
            continue  # the engine would add the history
        rows = [int(row) for row in golden.basket[i] if row]
        allowed = np.flatnonzero(golden.allowed(i, 11))
        answer = store.recommend(
            basket=[maker.ITEMS[row - 1][0] for row in rows],
            only=[maker.ITEMS[row - 1][0] for row in allowed],
            k=8,
        )
        expected = [maker.ITEMS[row - 1][0] for row in golden.item[i] if row and row not in rows]
        assert ids(answer)[: len(expected)] == expected[: len(answer.items)]
        compared += 1
    assert compared == 6


def test_json_is_the_contract(store: Store) -> None:
    document = json.loads(json.dumps(store.recommend(basket=["BREAD-1"], k=1).to_json()))
    score = document["items"][0].pop("score")
    assert score == pytest.approx(2.19, abs=0.05)
    assert document == {
        "bundle": {"name": "tiny-store", "version": 3},
        "tier": "basket",
        "variant": "fp32",
        "provider": "cpu",
        "unknown": [],
        "items": [
            {
                "rank": 1,
                "item_id": "BUTTER",
                "title": "Salted butter",
                "category": "Dairy",
                "reason": "goes with White loaf",
                "promoted": False,
            }
        ],
        "requested_provider": "cpu",
        "degraded": [],
    }
    keys = list(store.recommend(k=1).to_json()["items"][0])
    assert keys == ["rank", "item_id", "title", "category", "score", "reason", "promoted"]


def test_from_runtime_import_load(tiny: Path) -> None:
    from runtime import load as public

    assert public is load
    assert ids(public(str(tiny)).recommend(k=1)) == ["COLA"]
    with pytest.raises(ImportError, match="nothing"):
        from runtime import nothing  # type: ignore[attr-defined] # noqa: F401

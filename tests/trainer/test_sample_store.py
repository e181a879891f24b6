"""The sample store holds what it promises: counts, skew, tastes, pairs, habits, and whole files."""

import json
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from runtime.errors import UnusableInput
from trainer.sample_departments import (
    CATEGORIES,
    DEPARTMENTS,
    PAIRED_CATEGORIES,
    TASTES,
)
from trainer.sample_store import SampleStore, make_sample_store


@pytest.fixture(scope="module")
def store() -> SampleStore:
    return make_sample_store()


@pytest.fixture(scope="module")
def small() -> SampleStore:
    return make_sample_store(3, n_shoppers=60, n_items=45, n_pairs=5, n_weeks=8)


def baskets(store: SampleStore) -> list[set[str]]:
    rows = store.interactions
    return [set(items) for _, items in rows.groupby("basket_id")["item_id"]]


def test_the_default_store_is_as_large_as_promised(store: SampleStore) -> None:
    assert store.interactions["user_id"].nunique() == 2_000
    assert len(store.catalogue) == 320
    assert store.catalogue["category"].nunique() == 10
    assert 40_000 <= len(store.interactions) <= 60_000
    assert len(store.pairs) == 12


def test_the_same_seed_makes_the_same_store(small: SampleStore) -> None:
    again = make_sample_store(3, n_shoppers=60, n_items=45, n_pairs=5, n_weeks=8)
    pd.testing.assert_frame_equal(small.interactions, again.interactions)
    pd.testing.assert_frame_equal(small.catalogue, again.catalogue)
    assert small.truth() == again.truth()


def test_another_seed_makes_another_store(small: SampleStore) -> None:
    other = make_sample_store(4, n_shoppers=60, n_items=45, n_pairs=5, n_weeks=8)
    assert small.pairs != other.pairs
    assert list(small.catalogue["title"]) != list(other.catalogue["title"])
    assert list(small.interactions["item_id"][:50]) != list(other.interactions["item_id"][:50])


def test_ids_and_titles_are_unique_and_prices_are_shop_prices(store: SampleStore) -> None:
    catalogue = store.catalogue
    assert catalogue["item_id"].is_unique
    assert catalogue["title"].is_unique
    assert catalogue["item_id"].str.fullmatch(r"CS-\d{4}").all()
    assert set(catalogue["category"]) == set(CATEGORIES)
    ranges = {d.category: d.prices for d in DEPARTMENTS}
    for category, price in zip(catalogue["category"], catalogue["price"], strict=True):
        low, high = ranges[category]
        assert 0 < low - 0.05 <= price <= high + 0.05
        assert price * 20 == pytest.approx(round(price * 20))
    assert not catalogue.isna().any().any()


def test_titles_stay_unique_in_a_catalogue_larger_than_the_words() -> None:
    catalogue = make_sample_store(1, n_shoppers=6, n_items=1_203, n_pairs=0, n_weeks=2).catalogue
    assert len(catalogue) == 1_203
    assert catalogue["title"].is_unique
    assert catalogue["item_id"].is_unique
    assert catalogue["title"].str.endswith("(No. 2)").any()


def test_every_line_names_a_known_item_and_a_known_shopper(store: SampleStore) -> None:
    rows = store.interactions
    assert rows["item_id"].isin(store.catalogue["item_id"]).all()
    assert set(rows["user_id"]) == set(store.taste_group)
    assert rows["user_id"].str.fullmatch(r"L-\d{6}").all()
    assert (rows["quantity"] >= 1).all()
    assert not rows.duplicated(["basket_id", "item_id"]).any()
    assert not rows.isna().any().any()


def test_a_basket_is_one_shopper_at_one_time(store: SampleStore) -> None:
    by_basket = store.interactions.groupby("basket_id")
    assert (by_basket["user_id"].nunique() == 1).all()
    assert (by_basket["timestamp"].nunique() == 1).all()


def test_times_are_sorted_iso_8601_within_opening_hours_over_a_year(store: SampleStore) -> None:
    text = store.interactions["timestamp"]
    assert text.str.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:00").all()
    assert text.is_monotonic_increasing
    times = pd.to_datetime(text)
    sunday = times.dt.day_of_week == 6
    hour = times.dt.hour + times.dt.minute / 60
    assert hour[~sunday].between(7, 21, inclusive="left").all()
    assert hour[sunday].between(9, 18, inclusive="left").all()
    assert times.min() >= pd.Timestamp("2025-01-06")
    assert times.max() < pd.Timestamp("2026-01-05")
    assert (times.max() - times.min()).days > 350
    by_day = times.dt.day_of_week.value_counts()
    assert by_day[5] > 1.3 * by_day[1]  # Saturdays are busier than Tuesdays


def test_a_tenth_of_the_items_holds_more_than_three_tenths_of_sales(store: SampleStore) -> None:
    sales = store.interactions["item_id"].value_counts()
    assert sales.iloc[:32].sum() / sales.sum() > 0.3
    assert sales.iloc[-32:].sum() / sales.sum() < 0.03


def test_planted_pairs_share_baskets_far_above_chance(store: SampleStore) -> None:
    held = baskets(store)
    singles = Counter(item for basket in held for item in basket)
    together = Counter(pair for basket in held for pair in combinations(sorted(basket), 2))
    category = dict(zip(store.catalogue["item_id"], store.catalogue["category"], strict=True))
    for first, second in store.pairs:
        both = together[min(first, second), max(first, second)]
        assert both * len(held) / (singles[first] * singles[second]) > 5
        assert both / singles[first] > 0.5
        assert both / singles[second] > 0.5
        assert (category[first], category[second]) in PAIRED_CATEGORIES
        # No other item is a better guess for the basket that holds the first.
        others = Counter(i for b in held if first in b for i in b if i != first)
        assert others.most_common(1)[0][0] == second


def test_no_item_is_in_two_pairs(store: SampleStore) -> None:
    paired = [item for pair in store.pairs for item in pair]
    assert len(paired) == len(set(paired)) == 24


def test_no_pairs_can_be_asked_for() -> None:
    assert make_sample_store(n_shoppers=10, n_items=40, n_pairs=0, n_weeks=2).pairs == ()


def test_groups_buy_what_they_favour_more_than_others_do(store: SampleStore) -> None:
    rows = store.interactions
    group = rows["user_id"].map(dict(store.taste_group))
    assert set(store.taste_group.values()) == {taste.group for taste in TASTES}
    for name, items in store.group_items.items():
        favoured = rows["item_id"].isin(items)
        assert len(items) >= 20
        assert favoured[group == name].mean() > 0.45
        assert favoured[group == name].mean() > 2.5 * favoured[group != name].mean()


def test_group_items_follow_the_groups_brands_and_categories(store: SampleStore) -> None:
    catalogue = store.catalogue.set_index("item_id")
    for taste in TASTES:
        rows = catalogue.loc[list(store.group_items[taste.group])]
        assert set(rows["category"]) == set(taste.categories)
        assert set(rows["brand"]) <= set(taste.brands)


def test_shoppers_return_for_their_staples_in_other_weeks(store: SampleStore) -> None:
    rows = store.interactions.assign(
        week=lambda t: pd.to_datetime(t["timestamp"]).dt.isocalendar().week
    )
    weeks = rows.groupby(["user_id", "item_id"])["week"].nunique()
    habits = weeks[weeks >= 3]
    assert habits.index.get_level_values("user_id").nunique() > 0.6 * 2_000
    # By chance alone, with everybody's lines dealt out anew, hardly anybody would have a habit.
    rng = np.random.Generator(np.random.PCG64(0))
    dealt = rows.assign(item_id=rng.permutation(rows["item_id"].to_numpy(dtype=object)))
    by_chance = dealt.groupby(["user_id", "item_id"])["week"].nunique()
    assert len(habits) > 2 * (by_chance >= 3).sum()


def test_the_words_agree_with_each_other() -> None:
    brands = {d.category: set(d.brands) for d in DEPARTMENTS}
    assert list(brands) == sorted(brands)
    assert sorted(c for pair in PAIRED_CATEGORIES for c in pair) == sorted(brands)
    for taste in TASTES:
        assert all(brands[category] & set(taste.brands) for category in taste.categories)
    for department in DEPARTMENTS:
        titles = {form.format(kind) for form in department.forms for kind in department.kinds}
        assert len(titles) == len(department.forms) * len(department.kinds) >= 32


@pytest.mark.parametrize(
    ("argument", "value", "way_out"),
    [
        ("seed", -1, "0 or more"),
        ("n_shoppers", 5, "6 or more"),
        ("n_shoppers", 10.5, "whole number"),
        ("n_items", 39, "40 or more"),
        ("n_items", True, "whole number"),
        ("n_pairs", -1, "0 to 105"),
        ("n_pairs", 106, "0 to 105"),
        ("n_weeks", 0, "1 or more"),
        ("mean_visits", 4.0, "above 4"),
        ("mean_visits", float("nan"), "above 4"),
    ],
)
def test_sizes_out_of_range_are_refused(argument: str, value: Any, way_out: str) -> None:
    with pytest.raises(UnusableInput) as caught:
        make_sample_store(**{argument: value})
    assert f"{argument} is {value!r}" in str(caught.value)
    assert way_out in str(caught.value)


def test_the_largest_number_of_pairs_fits_the_smallest_store() -> None:
    store = make_sample_store(n_shoppers=10, n_items=40, n_pairs=10, n_weeks=2)
    assert len({item for pair in store.pairs for item in pair}) == 20


def test_a_store_checks_its_tables(small: SampleStore) -> None:
    def remade(**changes: Any) -> SampleStore:
        parts = {name: getattr(small, name) for name in SampleStore.__dataclass_fields__}
        return SampleStore(**(parts | changes))

    with pytest.raises(UnusableInput, match="needs"):
        remade(interactions=small.interactions.drop(columns="quantity"))
    with pytest.raises(UnusableInput, match="comes twice"):
        remade(catalogue=pd.concat([small.catalogue, small.catalogue[:1]]))
    with pytest.raises(UnusableInput, match="above 0"):
        remade(catalogue=small.catalogue.assign(price=0.0))


def test_written_files_read_back_as_they_were(small: SampleStore, tmp_path: Path) -> None:
    small.write(tmp_path / "store")
    files = sorted(path.name for path in (tmp_path / "store").iterdir())
    assert files == ["catalogue.csv", "interactions.csv", "truth.json"]
    rows = pd.read_csv(tmp_path / "store" / "interactions.csv")
    pd.testing.assert_frame_equal(rows, small.interactions)
    catalogue = pd.read_csv(tmp_path / "store" / "catalogue.csv")
    pd.testing.assert_frame_equal(catalogue, small.catalogue)
    truth = json.loads((tmp_path / "store" / "truth.json").read_text("utf-8"))
    assert truth == small.truth()
    assert [tuple(pair) for pair in truth["pairs"]] == list(small.pairs)


def test_purchases_as_parquet_are_the_same_purchases(small: SampleStore, tmp_path: Path) -> None:
    small.write(tmp_path / "store", parquet=True)
    files = sorted(path.name for path in (tmp_path / "store").iterdir())
    assert files == ["catalogue.csv", "interactions.parquet", "truth.json"]
    rows = pd.read_parquet(tmp_path / "store" / "interactions.parquet")
    pd.testing.assert_frame_equal(rows, small.interactions)


def test_an_existing_folder_is_refused_and_left_alone(small: SampleStore, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "mine.txt").write_text("keep")
    with pytest.raises(UnusableInput, match="exists; choose another --out or remove it"):
        small.write(tmp_path / "store")
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["mine.txt"]


def test_an_interruption_while_writing_leaves_nothing(small: SampleStore, tmp_path: Path) -> None:
    def interrupted(folder: Path) -> None:
        assert (folder / "truth.json").exists()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        small.write(tmp_path / "store", also=interrupted)
    assert list(tmp_path.iterdir()) == []

"""Attributes: numbers in bands, labels in lists, the words of titles, and all of them as codes."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.attribute import MAX_ITEM_VALUES, Attribute
from trainer.catalogue import ItemTable
from trainer.item_codes import ItemCodes
from trainer.title_words import title_words


def number(*values: float) -> Attribute:
    return Attribute.of_numbers("price", np.array(values, np.float64))


def labels(*lists: list[str]) -> Attribute:
    return Attribute.of_lists("colours", "labels", lists)


def banded(attribute: Attribute, bands: int) -> tuple[list[int], int]:
    """Spell an attribute of one value an item as codes from 1, 0 where missing."""
    item, code, count = attribute.pairs(bands)
    codes = np.zeros(len(attribute.numbers), np.int64)
    codes[item] = code + 1
    return codes.tolist(), count


def test_bands_of_equal_count() -> None:
    assert banded(number(1, 2, 3, 4, 5, 6, 7, 8), 4) == ([1, 1, 2, 2, 3, 3, 4, 4], 4)
    numbers = number(5, np.nan, 1, 3, 4, 2, 6, np.nan)
    assert banded(numbers, 2) == ([2, 0, 1, 1, 2, 1, 2, 0], 2)


def test_bands_of_few_values_leave_none_empty() -> None:
    assert banded(number(3, 3, 3, np.nan), 8) == ([1, 1, 1, 0], 1)
    codes, count = banded(number(1, 1, 1, 1, 1, 9), 4)
    assert set(codes) == set(range(1, count + 1))
    assert banded(number(np.nan, np.nan), 4) == ([0, 0], 0)


def test_labels_keep_each_items_values_in_order() -> None:
    colours = labels(["red", "blue", "red"], [], ["azure"])
    assert colours.values == ("azure", "blue", "red")
    assert colours.offsets.tolist() == [0, 2, 2, 3]
    assert colours.codes.tolist() == [2, 1, 0]
    assert colours.lists() == [["red", "blue"], [], ["azure"]]
    assert labels([], []).lists() == [[], []]


def test_an_item_with_a_flood_of_values_keeps_the_first() -> None:
    flood = [f"v{n:03}" for n in range(MAX_ITEM_VALUES + 9)]
    assert labels(flood, ["v040"]).lists() == [flood[:MAX_ITEM_VALUES], ["v040"]]


def test_values_can_be_left_out() -> None:
    colours = labels(["red", "blue"], ["azure"], [], ["blue", "azure"])
    kept = colours.only(np.array([True, False, True]))  # azure, red
    assert kept.values == ("azure", "red")
    assert kept.lists() == [["red"], ["azure"], [], ["azure"]]


@pytest.mark.parametrize(
    ("titles", "expected"),
    [
        (
            ["Red-Spot BAG", "red: bag", "RED", "bag, BAG x", "cup", "cup"],
            "red bag|red bag|red|bag||",
        ),
        (["set of 12", "12 cups", "N.12", "a", "b", "c"], "12|12|12|||"),
        (["Café", "cafe\u0301", "CAFÉ", "", "x", "tea", "tea"], "café|café|café||||"),
        (["हिन्दी", "हिन्दी", "हिन्दी", "x", "y", "z"], "हिन्दी|हिन्दी|हिन्दी|||"),
        (["Tea绿茶", "绿茶叶", "大绿茶", "x", "y", "z"], "绿茶|绿茶|绿茶|||"),
        (["茶", "茶", "茶 x", "x", "y", "z"], "茶|茶|茶|||"),
        (["all", "all", "all", "all"], "|||"),
        (["", " ", ""], "||"),
    ],
)
def test_words_that_titles_share(titles: list[str], expected: str) -> None:
    assert [" ".join(words) for words in title_words(titles).lists()] == expected.split("|")


def test_the_half_counts_titles_and_not_items() -> None:
    assert title_words(["red", "red", "red", "a", "b", "c"]).values == ("red",)
    assert title_words(["red", "red", "red", "", "", ""]).values == ()


def test_codes_of_all_attributes_lie_in_one_table() -> None:
    size = Attribute.of_lists("size", "label", [["L"], [], ["S"]])
    colours = labels(["red", "blue"], ["red"], [])
    same = Attribute.of_lists("shop", "label", [["x"]] * 3)
    codes = ItemCodes.of([same, size, colours, number(1, 2, np.nan)], 3, 2)
    assert codes.n_values == 2 + 2 + 2  # L S, blue red, two bands
    assert codes.values.tolist() == [[0, 0, 0, 0], [1, 4, 3, 5], [4, 6, 0, 0], [2, 0, 0, 0]]
    assert codes.weights.tolist() == [[0, 0, 0, 0], [1, 0.5, 0.5, 1], [1, 1, 0, 0], [1, 0, 0, 0]]
    assert (codes.values.dtype, codes.weights.dtype) == (np.int64, np.float32)


def test_a_value_that_only_some_items_have_tells_something() -> None:
    organic = Attribute.of_lists("organic", "label", [["yes"], [], []])
    assert ItemCodes.of([organic], 3, 2).values.tolist() == [[0], [1], [0], [0]]


def test_codes_of_no_attributes_have_no_slots() -> None:
    codes = ItemCodes.of([], 3, 8)
    assert codes.values.shape == codes.weights.shape == (4, 0)
    assert codes.n_values == 0


def test_a_table_adds_the_words_of_real_titles() -> None:
    ids = tuple("abcdefgh")
    titles = ("red x", "red y", "red z", "d", "e", "f", "g", "h")  # d and so on have no title
    table = ItemTable(ids, titles, (), title_words=True)
    assert table.codes(8).n_values == 0  # "red" is on each of three titles
    titles = ("red x", "red y", "red z", "4 4", "5 5", "6 6", "g", "h")
    table = ItemTable(ids, titles, (), title_words=True)
    assert table.codes(8).values.tolist() == [[0], [1], [1], [1], [0], [0], [0], [0], [0]]
    assert ItemTable(ids, titles, ()).codes(8).n_values == 0

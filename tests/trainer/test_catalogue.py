"""The catalogue: read in any dialect, merged with the log, cut into attributes and bands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from runtime.errors import UnusableInput
from trainer.attribute import MAX_ITEM_VALUES, Attribute
from trainer.catalogue import (
    MAX_LABEL_VALUES,
    ItemTable,
    excluded_ids,
    item_table,
    read_catalogue,
)
from trainer.cleaning_report import CleaningReport
from trainer.config import DataConfig


def frame(**columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(columns, dtype=str)


def merge(
    log: pd.DataFrame, catalogue: pd.DataFrame | None = None, config: DataConfig | None = None
) -> tuple[ItemTable, list[str]]:
    report = CleaningReport(rows_read=len(log))
    return item_table(log, catalogue, config or DataConfig(), report), report.notes


def column(table: ItemTable, name: str) -> list[object]:
    return list(table.frame()[name])


def number(*values: float) -> Attribute:
    return Attribute.of_numbers("price", np.array(values, np.float64))


def test_a_log_alone_shows_items_by_their_ids() -> None:
    table, notes = merge(frame(item=["b", "a", "b", "007", " a "]))
    assert table.item_ids == (" a ", "007", "a", "b")
    assert table.titles == table.item_ids
    assert table.attributes == ()
    assert any("shown by their ids (--catalogue)" in note for note in notes)


def test_the_log_gives_the_commonest_title_and_category_and_the_median_price() -> None:
    table, _ = merge(
        frame(
            item=["a", "a", "a", "b", "b", "c", "a"],
            title=["Cup", "Mug", "Mug", "Zed", "Ant", " ", ""],
            category=["x", "x", "y", "", "y", "", ""],
            price=["1", "3", "2", "0", "-4", "inf", "free"],
        )
    )
    assert table.item_ids == ("a", "b", "c")
    assert table.titles == ("Mug", "Ant", "c")  # the first of the alphabet among equals
    assert column(table, "category") == ["x", "y", ""]
    price = table.attributes[1]
    assert (price.name, price.kind) == ("price", "number")
    assert np.array_equal(price.numbers, [2.0, np.nan, np.nan], equal_nan=True)


def test_a_log_without_one_usable_price_has_an_empty_attribute() -> None:
    table, _ = merge(frame(item=["a", "b"], price=["0", "x"]))
    (price,) = table.attributes
    assert price.values == ()
    assert price.pairs(4)[2] == 0


def test_nothing_usable_anywhere() -> None:
    catalogue = frame(item_id=["POST"], title=["Post"], category=["k"])
    config = DataConfig(exclude_items=("POST",))
    table, _ = merge(frame(item=["a", "b"], title=["", " "], category=["", ""]), catalogue, config)
    assert table.titles == ("a", "b")
    assert column(table, "category") == ["", ""]


def test_the_catalogue_wins_and_the_log_fills_its_gaps() -> None:
    table, notes = merge(
        frame(item=["a", "b", "c"], title=["log a", "log b", "log c"], price=["1", "2", "3"]),
        frame(
            item_id=["z", "b", "a", "", "a", " "],
            title=["Zed", "", "Ant", "Nobody", "Again", "Nobody"],
            category=["k", "", "l", "m", "n", "o"],
            size=["10", "x", "", "", "", ""],
        ),
    )
    assert table.item_ids == ("a", "b", "c", "z")
    assert table.titles == ("Ant", "log b", "log c", "Zed")
    assert [attribute.name for attribute in table.attributes] == ["category", "size", "price"]
    assert column(table, "category") == ["l", "", "", "k"]
    assert column(table, "size") == ["", "x", "", "10"]
    assert column(table, "price")[:3] == [1.0, 2.0, 3.0]
    assert any("1 catalogue rows repeat an item id, the first 'a'" in note for note in notes)
    assert any("2 catalogue rows have no item id" in note for note in notes)
    assert any("1 sold items are not in the catalogue, the first 'c'" in note for note in notes)
    assert any("1 catalogue items were never sold" in note for note in notes)


def test_exclusions_hold_for_unsold_items() -> None:
    catalogue = frame(item_id=["a", "POST", "GIFT1", "x"], title=["Ant", "Post", "Gift", "Fee!"])
    config = DataConfig(exclude_items=("POST", "GIFT?"), exclude_titles=("*!",))
    assert excluded_ids(catalogue, config) == {"POST", "GIFT1", "x"}
    table, _ = merge(frame(item=["a"]), catalogue, config)
    assert table.item_ids == ("a",)


def test_numbers_labels_and_a_category_of_digits() -> None:
    table, _ = merge(
        frame(item=["a", "b", "c"]),
        frame(
            item_id=["a", "b", "c"],
            category=["1", "2", "1"],
            weight=[" 1.5", "", "-2e3"],
            brand=["NA", "nan", ""],
            mixed=["1", "2", "three"],
            empty=["", " ", ""],
            endless=["inf", "1", "2"],
        ),
    )
    kinds = {attribute.name: attribute.kind for attribute in table.attributes}
    assert kinds == {
        "category": "label",
        "weight": "number",
        "brand": "label",
        "mixed": "label",
        "empty": "label",
        "endless": "label",
    }
    by_name = {attribute.name: attribute for attribute in table.attributes}
    assert by_name["category"].lists() == [["1"], ["2"], ["1"]]
    assert by_name["brand"].values == ("NA", "nan")
    assert by_name["brand"].lists() == [["NA"], ["nan"], []]
    assert np.array_equal(by_name["weight"].numbers, [1.5, np.nan, -2000.0], equal_nan=True)
    assert by_name["empty"].lists() == [[], [], []]


def test_a_column_of_too_many_texts_is_left_out_and_said() -> None:
    ids = [f"i{number}" for number in range(MAX_LABEL_VALUES + 1)]
    table, notes = merge(frame(item=ids), frame(item_id=ids, story=ids, category=["k"] * len(ids)))
    assert [attribute.name for attribute in table.attributes] == ["category"]
    assert any(f"'story' has {len(ids)} distinct texts and is left out" in note for note in notes)


def test_several_values_in_one_cell() -> None:
    catalogue = frame(
        item_id=["a", "b", "c"],
        category=["x|y", "z", ""],
        colours=["red|blue", " blue | ", "|"],
        sizes=["1|2", "3", ""],
        brand=["A/B", "C", ""],
    )
    table, _ = merge(frame(item=["a", "b", "c"]), catalogue)
    kinds = {attribute.name: attribute.kind for attribute in table.attributes}
    expected = {"category": "label", "colours": "labels", "sizes": "labels", "brand": "label"}
    assert kinds == expected
    assert column(table, "category") == ["x|y", "z", ""]
    assert column(table, "colours") == [["red", "blue"], ["blue"], []]
    assert column(table, "sizes") == [["1", "2"], ["3"], []]
    table, _ = merge(frame(item=["a"]), catalogue, DataConfig(value_separator="/"))
    assert column(table, "brand") == [["A", "B"], ["C"], []]
    assert column(table, "colours") == ["red|blue", "blue |", "|"]
    for never in ("", "none"):
        table, _ = merge(frame(item=["a"]), catalogue, DataConfig(value_separator=never))
        assert {attribute.kind for attribute in table.attributes} == {"label"}


def test_a_flood_of_values_in_one_cell_is_said() -> None:
    flood = "|".join(f"v{n}" for n in range(MAX_ITEM_VALUES + 1))
    table, notes = merge(frame(item=["a", "b"]), frame(item_id=["a", "b"], tags=[flood, "v1"]))
    assert len(table.attributes[0].lists()[0]) == MAX_ITEM_VALUES
    assert any("1 items have more than 32 values in catalogue column 'tags'" in n for n in notes)


def test_named_columns_are_the_attributes_and_category_always_is() -> None:
    log = frame(item=["a", "b"], price=["1", "2"])
    catalogue = frame(
        item_id=["a", "b"], title=["A", "B"], category=["x", "y"], brand=["m", "n"], url=["p", "q"]
    )
    for named, expected in (
        ((), ["category", "brand", "url", "price"]),
        (("price", "brand"), ["category", "brand", "price"]),
        (("category",), ["category"]),
    ):
        table, _ = merge(log, catalogue, DataConfig(attributes=named))
        assert [attribute.name for attribute in table.attributes] == expected
    for absent, hint in (("brnad", "did you mean 'brand'"), ("title", "known: 'category'")):
        with pytest.raises(UnusableInput, match=f"data.attributes' names {absent!r}.*{hint}"):
            merge(log, catalogue, DataConfig(attributes=("brand", absent)))
    with pytest.raises(UnusableInput, match=r"'brand'.*known: 'price'"):
        merge(log, None, DataConfig(attributes=("brand",)))


def test_a_table_checks_itself() -> None:
    with pytest.raises(UnusableInput, match="twice"):
        ItemTable(("a", "a"), ("A", "A"), ())
    with pytest.raises(UnusableInput, match="one length"):
        ItemTable(("a", "b"), ("A",), ())
    with pytest.raises(UnusableInput, match="one length"):
        ItemTable(("a", "b"), ("A", "B"), (number(1.0),))


def test_any_delimiter_encoding_and_parquet(tmp_path: Path) -> None:
    text = "item_id,title\n007,Café\n"
    path = tmp_path / "items.csv"
    for delimiter in (",", ";", "\t", "|"):
        path.write_bytes(text.replace(",", delimiter).encode())
        assert read_catalogue(path).iloc[0].tolist() == ["007", "Café"]
        assert read_catalogue(path, "latin-1").iloc[0].tolist() == ["007", "Café"]
    path.write_bytes(text.encode("latin-1"))
    assert read_catalogue(path, "latin-1").iloc[0].tolist() == ["007", "Café"]
    with pytest.raises(UnusableInput, match="is not utf-8 text"):
        read_catalogue(path)
    pd.DataFrame({"item_id": [7.0], "title": ["x"]}).to_parquet(tmp_path / "items.parquet")
    assert read_catalogue(tmp_path / "items.parquet").iloc[0].tolist() == ["7", "x"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"Item_ID,title\na,b\n", ["no column 'item_id'", "did you mean 'Item_ID'"]),
        (b"item_id,title\n", ["no rows"]),
        (b"", ["is empty"]),
        (b"item_id,title,title\na,b,c\n", ["two columns named 'title'"]),
        (b"\x89PNG\r\n\x1a\n\0\0", ["binary file"]),
    ],
)
def test_unusable_catalogues(tmp_path: Path, content: bytes, words: list[str]) -> None:
    path = tmp_path / "items.csv"
    path.write_bytes(content)
    for encoding in ("utf-8", "latin-1"):
        with pytest.raises(UnusableInput) as caught:
            read_catalogue(path, encoding)
        assert all(word in str(caught.value) for word in [*words, "items.csv"]), str(caught.value)
    with pytest.raises(UnusableInput, match="No such file"):
        read_catalogue(tmp_path / "absent.csv")

"""The catalogue while training: every item's title and attributes, in row order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from runtime.errors import UnusableInput, nearest
from trainer.attribute import MAX_ITEM_VALUES, Attribute
from trainer.cleaning import matches_any
from trainer.cleaning_report import CleaningReport
from trainer.config import DataConfig
from trainer.item_codes import ItemCodes
from trainer.log_reader import delimiter_before, read_table
from trainer.text_codes import is_blank, of_each, present
from trainer.title_words import title_words

MAX_LABEL_VALUES = 5000
_NO_ATTRIBUTES = ("item_id", "title")


@dataclass(frozen=True)
class ItemTable:
    """All items a bundle will know, sold or not, in row order (row 1 first).

    Attributes:
        item_ids: the shop's own ids, distinct.
        titles: what a person reads; the id where the shop gave no title.
        attributes: in the catalogue's column order.
        title_words: whether the words of the titles count as one more attribute, never shown.
    """

    item_ids: tuple[str, ...]
    titles: tuple[str, ...]
    attributes: tuple[Attribute, ...]
    title_words: bool = False

    def __post_init__(self) -> None:
        if len(set(self.item_ids)) != len(self.item_ids):
            raise UnusableInput("an item id occurs twice in the catalogue")
        n = len(self.item_ids)
        if len(self.titles) != n or any(len(a.numbers) != n for a in self.attributes):
            raise UnusableInput("catalogue columns need one length")

    def frame(self) -> pd.DataFrame:
        """Return the table with columns item_id, title and the attributes.

        A label is a text, "" where missing; of an attribute of several, a list of texts.
        """
        columns: dict[str, object] = {"item_id": list(self.item_ids), "title": list(self.titles)}
        for attribute in self.attributes:
            if attribute.kind == "number":
                columns[attribute.name] = attribute.numbers
            elif attribute.kind == "labels":
                columns[attribute.name] = attribute.lists()
            else:
                columns[attribute.name] = ["".join(values) for values in attribute.lists()]
        return pd.DataFrame(columns)

    def codes(self, price_bands: int) -> ItemCodes:
        """Return the attributes, and the titles' words, as codes for an embedding.

        Args:
            price_bands: equal-count bands that numbers are cut into.
        """
        attributes = list(self.attributes)
        if self.title_words:
            named = zip(self.item_ids, self.titles, strict=True)
            # An item without a title is shown by its id, which is no text to learn from.
            attributes.append(title_words(["" if t == name else t for name, t in named]))
        return ItemCodes.of(attributes, len(self.item_ids), price_bands)


def read_catalogue(path: Path, encoding: str = "utf-8") -> pd.DataFrame:
    """Read a catalogue file (CSV, CSV.gz or Parquet) with a column ``item_id``, all as text.

    The delimiter is the one of , ; | and tab that the header is written with.

    Args:
        path: the file.
        encoding: of a CSV file that is not UTF-8.

    Raises:
        UnusableInput: unreadable, or without the column ``item_id``.
    """
    delimiter = delimiter_before(path, "item_id")
    try:
        table = read_table(path, delimiter=delimiter)
    except UnusableInput:
        if encoding.lower() in {"utf-8", "utf8"}:
            raise
        table = read_table(path, encoding=encoding, delimiter=delimiter)
    if "item_id" not in table.columns:
        raise UnusableInput(
            f"catalogue {str(path)!r} has no column 'item_id'; {nearest('item_id', table.columns)}"
        )
    return table


def excluded_ids(catalogue: pd.DataFrame, config: DataConfig) -> frozenset[str]:
    """Return the ids of catalogue items that ``exclude_items`` or ``exclude_titles`` rule out."""
    mask = matches_any(catalogue["item_id"], config.exclude_items)
    if "title" in catalogue:
        mask |= matches_any(catalogue["title"], config.exclude_titles)
    return frozenset(catalogue.loc[mask, "item_id"])


def item_table(
    log: pd.DataFrame, catalogue: pd.DataFrame | None, config: DataConfig, report: CleaningReport
) -> ItemTable:
    """Merge what the log says of its items with the shop's catalogue, which wins.

    Args:
        log: cleaned rows, perhaps with title, category and price columns: the most frequent title
            and category of an item and its median price are taken.
        catalogue: columns item_id, title, category and any further ones, or None.
        config: whose ``exclude_items`` and ``exclude_titles`` hold for the catalogue too.
        report: receives notes about items without a title, and items never sold.

    Raises:
        UnusableInput: ``config.attributes`` names a column that there is not.
    """
    table = _from_log(log)
    if catalogue is not None:
        table = _merge(table, _listed(catalogue, config, report), report)
    if "title" in table:
        titles = table["title"].where(table["title"].str.strip() != "", table["item_id"])
    else:
        titles = table["item_id"]
        report.notes.append("no titles are known: items are shown by their ids (--catalogue)")
    attributes = [
        _attribute(name, table[name], config.value_separator, report)
        for name in _attribute_columns(table, config, listed=catalogue is not None)
    ]
    kept = tuple(a for a in attributes if len(a.values) <= MAX_LABEL_VALUES)
    for attribute in attributes:
        if attribute not in kept:
            report.notes.append(
                f"catalogue column {attribute.name!r} has {len(attribute.values)} distinct texts "
                f"and is left out: an attribute has at most {MAX_LABEL_VALUES}"
            )
    return ItemTable(tuple(table["item_id"]), tuple(titles), kept, config.title_words)


def _attribute_columns(table: pd.DataFrame, config: DataConfig, *, listed: bool) -> list[str]:
    columns = [name for name in table.columns if name not in _NO_ATTRIBUTES]
    for name in config.attributes:
        if name not in columns:
            where = "the catalogue or log" if listed else "the log, and there is no --catalogue"
            raise UnusableInput(
                f"config field 'data.attributes' names {name!r}, which is no attribute of {where}; "
                f"{nearest(name, columns)}"
            )
    # The kiosk filters by category, whatever the model learns from.
    named = {*config.attributes, "category"} if config.attributes else columns
    return [name for name in columns if name in named]


def _from_log(log: pd.DataFrame) -> pd.DataFrame:
    table = pd.DataFrame({"item_id": pd.Series(sorted(present(log["item"])), dtype=str)})
    for name in ("title", "category"):
        if name in log:
            named = log.loc[~is_blank(log[name]), ["item", name]]
            counted = named.groupby(["item", name], observed=True).size().reset_index(name="n")
            best = counted.astype({"item": str, name: str})
            best = best.sort_values(["n", name], ascending=[False, True], kind="stable")
            table[name] = _texts_of(table["item_id"], best.drop_duplicates("item"), "item", name)
    if "price" in log:
        price = of_each(log["price"], lambda texts: pd.to_numeric(texts, errors="coerce"))
        sold_at = pd.Series(price, index=log.index)[(price > 0) & np.isfinite(price)]
        median = sold_at.groupby(log["item"], observed=True).median().reset_index(name="price")
        median = median.astype({"item": str, "price": str})
        table["price"] = _texts_of(table["item_id"], median, "item", "price")
    return table


def _texts_of(ids: pd.Series, source: pd.DataFrame, key: str, name: str) -> pd.Series:
    """Look ``ids`` up in column ``key``, distinct, and return column ``name``, "" where absent."""
    texts = source.set_index(key)[name].astype(str)
    return texts.reindex(ids, fill_value="").set_axis(ids.index)


def _listed(catalogue: pd.DataFrame, config: DataConfig, report: CleaningReport) -> pd.DataFrame:
    nameless = catalogue["item_id"].str.strip() == ""
    if nameless.any():
        report.notes.append(
            f"{int(nameless.sum())} catalogue rows have no item id and are left out"
        )
    listed = catalogue[~nameless]
    repeated = listed.duplicated("item_id")
    if repeated.any():
        report.notes.append(
            f"{int(repeated.sum())} catalogue rows repeat an item id, the first "
            f"{listed[repeated].iloc[0]['item_id']!r}: the first row of each counts"
        )
    listed = listed[~repeated]
    return listed[~listed["item_id"].isin(list(excluded_ids(listed, config)))]


def _merge(table: pd.DataFrame, listed: pd.DataFrame, report: CleaningReport) -> pd.DataFrame:
    unlisted = ~table["item_id"].isin(listed["item_id"])
    if unlisted.any():
        report.notes.append(
            f"{int(unlisted.sum())} sold items are not in the catalogue, the first "
            f"{table[unlisted].iloc[0]['item_id']!r}"
        )
    unsold = ~listed["item_id"].isin(table["item_id"])
    if unsold.any():
        report.notes.append(f"{int(unsold.sum())} catalogue items were never sold in this log")
    names = list(dict.fromkeys([*listed.columns, *table.columns]))
    ids = sorted([*table["item_id"], *listed.loc[unsold, "item_id"]])
    merged = pd.DataFrame({"item_id": pd.Series(ids, dtype=str)})
    for name in [name for name in names if name != "item_id"]:
        column = pd.Series("", index=merged.index, dtype=str)
        for source in (listed, table):
            if name in source:
                texts = _texts_of(merged["item_id"], source, "item_id", name)
                column = column.where(column.str.strip() != "", texts)
        merged[name] = column
    return merged


def _attribute(name: str, texts: pd.Series, separator: str, report: CleaningReport) -> Attribute:
    stripped = texts.str.strip()
    missing = (stripped == "").to_numpy()
    numbers = pd.to_numeric(stripped, errors="coerce").to_numpy(np.float64)
    if name == "category":
        separator = ""  # an item is in one category: shops filter by it
    elif np.isfinite(numbers[~missing]).all() and (~missing).any():
        return Attribute.of_numbers(name, numbers)
    lists = [_values(text, separator) for text in stripped]
    most = max(map(len, lists), default=0)
    if most > MAX_ITEM_VALUES:
        long = sum(len(set(values)) > MAX_ITEM_VALUES for values in lists)
        report.notes.append(
            f"{long} items have more than {MAX_ITEM_VALUES} values in catalogue column {name!r}: "
            f"the first {MAX_ITEM_VALUES} of each count"
        )
    return Attribute.of_lists(name, "labels" if most > 1 else "label", lists)


def _values(text: str, separator: str) -> list[str]:
    parts = text.split(separator) if separator else [text]
    return [value for value in map(str.strip, parts) if value]

"""The catalogue while training: every item's title and attributes, in row order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from runtime.errors import UnusableInput, nearest
from trainer.cleaning import matches_any
from trainer.cleaning_report import CleaningReport
from trainer.config import DataConfig
from trainer.log_reader import delimiter_before, read_table
from trainer.text_codes import is_blank, of_each, present

MAX_LABEL_VALUES = 5000


@dataclass(frozen=True)
class Attribute:
    """One attribute of all items.

    Attributes:
        name: column name, such as "category", "brand" or "price".
        kind: "label" or "number".
        values: distinct labels, sorted; empty for numbers.
        codes: int64 [n_items], index into ``values``, -1 where missing; for numbers all -1.
        numbers: float64 [n_items], NaN where missing; for labels all NaN.
    """

    name: str
    kind: str
    values: tuple[str, ...]
    codes: np.ndarray
    numbers: np.ndarray

    def bands(self, count: int) -> tuple[np.ndarray, int]:
        """Cut into codes for an embedding: labels as they are, numbers into equal-count bands.

        Returns:
            int64 [n_items] with 0 where missing and 1 to n else, and n.
        """
        if self.kind == "label":
            return self.codes + 1, len(self.values)
        known = np.isfinite(self.numbers)
        if not known.any():
            return np.zeros(len(self.numbers), np.int64), 0
        edges = np.unique(np.quantile(self.numbers[known], np.linspace(0, 1, count + 1)[1:-1]))
        edges = edges[edges > self.numbers[known].min()]  # no band is empty
        codes = np.searchsorted(edges, np.nan_to_num(self.numbers), side="right") + 1
        return np.where(known, codes, 0).astype(np.int64), len(edges) + 1


@dataclass(frozen=True)
class ItemTable:
    """All items a bundle will know, sold or not, in row order (row 1 first).

    Attributes:
        item_ids: the shop's own ids, distinct.
        titles: what a person reads; the id where the shop gave no title.
        attributes: in the catalogue's column order.
    """

    item_ids: tuple[str, ...]
    titles: tuple[str, ...]
    attributes: tuple[Attribute, ...]

    def __post_init__(self) -> None:
        if len(set(self.item_ids)) != len(self.item_ids):
            raise UnusableInput("an item id occurs twice in the catalogue")
        n = len(self.item_ids)
        if len(self.titles) != n or any(len(a.codes) != n for a in self.attributes):
            raise UnusableInput("catalogue columns need one length")

    def frame(self) -> pd.DataFrame:
        """Return the table with columns item_id, title and the attributes."""
        columns: dict[str, object] = {"item_id": list(self.item_ids), "title": list(self.titles)}
        for attribute in self.attributes:
            columns[attribute.name] = (
                attribute.numbers
                if attribute.kind == "number"
                else [attribute.values[code] if code >= 0 else "" for code in attribute.codes]
            )
        return pd.DataFrame(columns)


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
        _attribute(name, table[name]) for name in table.columns if name not in {"item_id", "title"}
    ]
    kept = tuple(a for a in attributes if len(a.values) <= MAX_LABEL_VALUES)
    for attribute in attributes:
        if attribute not in kept:
            report.notes.append(
                f"catalogue column {attribute.name!r} has {len(attribute.values)} distinct texts "
                f"and is left out: an attribute has at most {MAX_LABEL_VALUES}"
            )
    return ItemTable(tuple(table["item_id"]), tuple(titles), kept)


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


def _attribute(name: str, texts: pd.Series) -> Attribute:
    stripped = texts.str.strip()
    missing = (stripped == "").to_numpy()
    numbers = pd.to_numeric(stripped, errors="coerce").to_numpy(np.float64)
    none = np.full(len(texts), -1, np.int64)
    if name != "category" and np.isfinite(numbers[~missing]).all() and (~missing).any():
        return Attribute(name, "number", (), none, numbers)
    values = tuple(sorted(stripped[~missing].unique()))
    codes = pd.Index(values).get_indexer(pd.Index(stripped)).astype(np.int64)
    return Attribute(name, "label", values, codes, np.full(len(texts), np.nan))

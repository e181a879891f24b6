"""A shop's log and catalogue, read, cleaned and turned into rows: where ids become rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from runtime.errors import UnusableInput
from trainer.catalogue import ItemTable, excluded_ids, item_table, read_catalogue
from trainer.cleaning import clean
from trainer.cleaning_report import CleaningReport
from trainer.config import DataConfig
from trainer.interactions import Interactions
from trainer.log_reader import read_log
from trainer.text_codes import of_each, present


@dataclass(frozen=True)
class Dataset:
    """Everything training knows of a shop.

    Attributes:
        interactions: the cleaned purchases.
        items: every item, in the row order that ``interactions`` uses.
        report: what cleaning did.
    """

    interactions: Interactions
    items: ItemTable
    report: CleaningReport


def check_log(path: Path, config: DataConfig, catalogue: Path | None = None) -> CleaningReport:
    """Clean a log and report, without training anything; errors are in the report.

    Raises:
        UnusableInput: a file cannot be read at all.
    """
    listed, frame, report = _cleaned(path, config, catalogue)
    if not report.errors:
        item_table(frame, listed, config, report)
    return report


def load_dataset(path: Path, config: DataConfig, catalogue: Path | None = None) -> Dataset:
    """Read and clean a log and its catalogue.

    Raises:
        UnusableInput: a file cannot be read, or the report holds an error; the first is told.
    """
    listed, frame, report = _cleaned(path, config, catalogue)
    if report.errors:
        raise UnusableInput(f"{str(path)!r}: {report.errors[0]}")
    items = item_table(frame, listed, config, report)
    return Dataset(_to_rows(frame, items.item_ids), items, report)


def _cleaned(
    path: Path, config: DataConfig, catalogue: Path | None
) -> tuple[pd.DataFrame | None, pd.DataFrame, CleaningReport]:
    if catalogue is None:
        return None, *clean(read_log(path, config), config)
    listed = read_catalogue(catalogue, config.encoding)
    return listed, *clean(read_log(path, config), config, excluded_ids(listed, config))


def _to_rows(frame: pd.DataFrame, item_ids: tuple[str, ...]) -> Interactions:
    user_ids = tuple(sorted(set(present(frame["user"])) - {""}))
    user, item = _rows_of(frame["user"], user_ids), _rows_of(frame["item"], item_ids)
    anonymous = user == 0
    basket_codes, _ = pd.factorize(frame["basket"].to_numpy()[anonymous])
    sequence = user - 1
    sequence[anonymous] = len(user_ids) + basket_codes
    time = frame["seconds"].to_numpy(np.int64)
    order = np.lexsort((time, sequence))
    label = frame["label"].to_numpy(np.float32)[order] if "label" in frame else None
    return Interactions(
        user_ids=user_ids,
        item_ids=item_ids,
        sequence=sequence[order],
        user=user[order],
        item=item[order],
        time=time[order],
        basket=frame["basket"].to_numpy(np.int64)[order],
        label=label,
    )


def _rows_of(column: pd.Series, ids: tuple[str, ...]) -> np.ndarray:
    """Return int64 [n]: the row of each id, from 1; 0 for a text that is no id."""
    rows = {name: row for row, name in enumerate(ids, start=1)}
    return of_each(column, lambda texts: np.array([rows.get(text, 0) for text in texts], np.int64))

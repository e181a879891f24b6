"""What is evaluated: a run (torch) or a bundle (each ONNX variant), and whose rows it speaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runtime.bundle import open_bundle
from runtime.catalogue import Catalogue
from runtime.errors import UnusableInput
from runtime.session import Session, open_session
from runtime.users import Users
from trainer.cases import Cases
from trainer.config import DataConfig, SplitConfig
from trainer.device import choose_device
from trainer.interactions import Interactions
from trainer.options import from_mapping
from trainer.recommender.evaluate import torch_recommend
from trainer.recommender.saved import load_recommender
from trainer.recommender.yardsticks import Recommend
from trainer.run import Run
from trainer.variants import wanted_variants


class RowsOf:
    """Translates a log's own rows into a model's.

    Args:
        items: model's row of each of the log's item rows, int64 [n_rows of the log], 0 = unknown.
        users: the same for users.
        n_rows: the model's item rows.
    """

    def __init__(self, items: np.ndarray, users: np.ndarray, n_rows: int) -> None:
        self.items, self.users, self.n_rows = items, users, n_rows

    def cases(self, cases: Cases) -> Cases:
        """Translate cases; unknown context items are left out, as are cases without an answer."""
        context_offsets, context = _translate(
            cases.context_offsets, self.items[cases.context_items]
        )
        target_offsets, targets = _translate(cases.target_offsets, self.items[cases.target_items])
        known = Cases(self.users[cases.user], context_offsets, context, target_offsets, targets)
        return known.take(np.flatnonzero(np.diff(target_offsets) > 0))

    def by_item(self, values: np.ndarray) -> np.ndarray:
        """Carry values from the log's item rows [n, ...] to the model's; 0 where it has none."""
        carried = np.zeros((self.n_rows, *values.shape[1:]), values.dtype)
        carried[self.items] = values
        carried[0] = 0
        return carried

    def known(self) -> RowsOf:
        """Return a translation into the log's own rows that knows only what the model knows."""
        items, users = (
            np.where(rows > 0, np.arange(len(rows)), 0) for rows in (self.items, self.users)
        )
        return RowsOf(items, users, len(items))


def _translate(offsets: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    known = rows > 0
    before = np.concatenate([[0], np.cumsum(known)])
    return before[offsets], rows[known]


@dataclass(frozen=True)
class Subject:
    """A finished run or a bundle.

    Attributes:
        path: its folder.
        data: how its log was read and cleaned.
        split: how its test purchases were set apart.
        max_basket: newest items that it looks at.
        labels: columns of labels that it knows of its items.
        rows: matches a log's items and users with its own.
        engines: "torch", or "onnx fp32" and so on -> what answers.
    """

    path: Path
    data: DataConfig
    split: SplitConfig
    max_basket: int
    labels: tuple[str, ...]
    rows: Callable[[Interactions], RowsOf]
    engines: Mapping[str, Recommend]


def open_subject(path: Path, provider: str, k: int, variants: Sequence[str] = ()) -> Subject:
    """Open a run or a bundle to ask it for k items at a time.

    Args:
        path: either's folder, or a bundle's zip.
        provider: where a bundle runs: "cpu", "cuda" or "auto".
        k: items in an answer.
        variants: of a bundle, which answer; all that it holds if none is named.

    Raises:
        UnusableInput: it is neither, unusable, holds no recommender or answers with fewer items.
        MissingCapability: the provider is not to be had.
    """
    if not path.exists():
        raise UnusableInput(f"{str(path)!r} does not exist; give a run or a bundle")
    if (path / "run.json").exists():
        return _run(path, k)
    return _bundle(path, provider, k, variants)


def _run(path: Path, k: int) -> Subject:
    trained = load_recommender(Run.open(path, "recommender"))
    config, data = trained.config, trained.data
    device = choose_device(config.training.device)

    def rows(log: Interactions) -> RowsOf:
        items, users = _rows_by_name(data.items.item_ids), _rows_by_name(data.user_ids)
        return _matched(log, items, users, data.n_rows)

    labels = tuple(a.name for a in data.items.attributes if a.kind != "number")
    engines = {"torch": torch_recommend(trained.model.to(device), device, k)}
    return Subject(path, config.data, config.split, trained.max_basket, labels, rows, engines)


def _rows_by_name(names: Sequence[str]) -> Callable[[str], int]:
    rows = {name: row for row, name in enumerate(names, start=1)}
    return lambda name: rows.get(name, 0)


def _matched(
    log: Interactions, item_row: Callable[[str], int], user_row: Callable[[str], int], n_rows: int
) -> RowsOf:
    return RowsOf(
        np.array([0, *map(item_row, log.item_ids)], np.int64),
        np.array([0, *map(user_row, log.user_ids)], np.int64),
        n_rows,
    )


def _bundle(path: Path, provider: str, k: int, variants: Sequence[str]) -> Subject:
    bundle = open_bundle(path)
    section = bundle.manifest.recommender
    if section is None:
        raise UnusableInput(f"bundle {str(path)!r} holds no recommender to evaluate")
    if section.top_k < min(k, section.n_items):
        raise UnusableInput(
            f"bundle {str(path)!r} answers with {section.top_k} items at most and evaluation looks "
            f"at {k}; export it with --top-k {k} or more"
        )

    def rows(log: Interactions) -> RowsOf:
        items, users = Catalogue.of(bundle), Users.of(bundle)
        return _matched(log, lambda name: items.row(name) or 0, users.row, section.n_items + 1)

    catalogue = bundle.manifest.catalogue
    columns = catalogue.columns if catalogue is not None else ()
    return Subject(
        path,
        from_mapping(DataConfig, section.evaluation.get("data", {})),
        from_mapping(SplitConfig, section.evaluation.get("split", {})),
        section.max_basket,
        tuple(n for n, kind in columns if kind != "number" and n not in {"item_id", "title"}),
        rows,
        {
            f"onnx {name}": _session_recommend(
                open_session(bundle.read_bytes(variant.file), provider), k
            )
            for name, variant in wanted_variants(path, section.variants, variants).items()
        },
    )


def _session_recommend(session: Session, k: int) -> Recommend:
    def recommend(user: np.ndarray, basket: np.ndarray, allowed: np.ndarray) -> np.ndarray:
        feeds = {"user": user, "basket": basket, "allowed": allowed}
        (item,) = session.run(feeds, ["item"])
        return item[:, :k]

    return recommend

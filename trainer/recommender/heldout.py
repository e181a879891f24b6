"""Evaluating a run (torch) or a bundle (each ONNX variant) on a log's held-out purchases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from runtime.bundle import open_bundle
from runtime.catalogue import Catalogue
from runtime.errors import UnusableInput
from runtime.session import Session, open_session
from runtime.users import Users
from trainer.cases import Cases
from trainer.config import DataConfig, SplitConfig
from trainer.dataset import load_dataset
from trainer.device import choose_device
from trainer.interactions import Interactions
from trainer.options import from_mapping
from trainer.recommender.evaluate import (
    K,
    Recommend,
    evaluate_beside_popularity,
    torch_recommend,
)
from trainer.recommender.saved import load_recommender
from trainer.run import Run
from trainer.split import split_interactions


@dataclass(frozen=True)
class HeldOut:
    """The test part of a log, in somebody else's rows.

    Attributes:
        cases: the test cases.
        counts: int64 [n_rows], training purchases of each item.
        hide_context: whether items that a shopper already has compete no more.
    """

    cases: Cases
    counts: np.ndarray
    hide_context: bool


class RowsOf:
    """Translates a log's own rows into a model's.

    Args:
        items: model's row of each of the log's item rows, int64 [n_rows of the log], 0 = unknown.
        users: the same for users.
        n_rows: the model's item rows.
    """

    def __init__(self, items: np.ndarray, users: np.ndarray, n_rows: int) -> None:
        self.items, self.users, self.n_rows = items, users, n_rows

    @classmethod
    def by_lists(
        cls, theirs: tuple[Sequence[str], Sequence[str]], ours: tuple[Sequence[str], Sequence[str]]
    ) -> RowsOf:
        """Match (item ids, user ids) of the log with the model's by name."""
        items, users = (
            _places(log_ids, {name: row for row, name in enumerate(model_ids, start=1)})
            for log_ids, model_ids in zip(theirs, ours, strict=True)
        )
        return cls(items, users, len(ours[0]) + 1)

    def cases(self, cases: Cases) -> Cases:
        """Translate cases; unknown context items are left out, as are cases without an answer."""
        context_offsets, context = _translate(
            cases.context_offsets, self.items[cases.context_items]
        )
        target_offsets, targets = _translate(cases.target_offsets, self.items[cases.target_items])
        known = Cases(self.users[cases.user], context_offsets, context, target_offsets, targets)
        return known.take(np.flatnonzero(np.diff(target_offsets) > 0))

    def count(self, item_rows: np.ndarray) -> np.ndarray:
        """Count a log's purchases by the model's rows."""
        counts = np.bincount(self.items[item_rows], minlength=self.n_rows)
        counts[0] = 0
        return counts


def _places(names: Sequence[str], rows: dict[str, int]) -> np.ndarray:
    return np.array([0, *(rows.get(name, 0) for name in names)], np.int64)


def _translate(offsets: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    known = rows > 0
    before = np.concatenate([[0], np.cumsum(known)])
    return before[offsets], rows[known]


def evaluate_run(
    path: Path, interactions: Path, catalogue: Path | None, protocol: str
) -> dict[str, Any]:
    """Evaluate a finished run with torch.

    Raises:
        UnusableInput: the run or the log is unusable, or no held-out case is left.
    """
    trained = load_recommender(Run.open(path, "recommender"))
    config, data = trained.config, trained.data
    log = _read(interactions, config.data, catalogue)
    rows = RowsOf.by_lists((log.item_ids, log.user_ids), (data.items.item_ids, data.user_ids))
    held_out = _held_out(log, config.data, config.split, rows)
    device = choose_device(config.training.device)
    recommend = torch_recommend(trained.model.to(device), device)
    return _table(recommend, held_out, trained.max_basket, protocol)


def evaluate_bundle(
    path: Path, interactions: Path, catalogue: Path | None, protocol: str, provider: str
) -> dict[str, dict[str, Any]]:
    """Evaluate each variant of a bundle with onnxruntime: "onnx fp32" and so on -> table.

    Raises:
        UnusableInput: the bundle or the log is unusable, or no held-out case is left.
        MissingCapability: the provider is not to be had.
    """
    bundle = open_bundle(path)
    section = bundle.manifest.recommender
    if section is None:
        raise UnusableInput(f"bundle {str(path)!r} holds no recommender to evaluate")
    data_config = from_mapping(DataConfig, section.evaluation.get("data", {}))
    split_config = from_mapping(SplitConfig, section.evaluation.get("split", {}))
    log = _read(interactions, data_config, catalogue)
    if section.top_k < min(K, section.n_items):
        raise UnusableInput(
            f"bundle {str(path)!r} answers with {section.top_k} items at most and evaluation looks "
            f"at {K}; export it with --top-k {K} or more"
        )
    items, users = Catalogue.of(bundle), Users.of(bundle)
    rows = RowsOf(
        np.array([0, *(items.row(name) or 0 for name in log.item_ids)], np.int64),
        np.array([0, *(users.row(name) for name in log.user_ids)], np.int64),
        section.n_items + 1,
    )
    held_out = _held_out(log, data_config, split_config, rows)
    return {
        f"onnx {name}": _table(
            _session_recommend(open_session(bundle.read_bytes(variant.file), provider)),
            held_out,
            section.max_basket,
            protocol,
        )
        for name, variant in section.variants.items()
    }


def _read(path: Path, config: DataConfig, catalogue: Path | None) -> Interactions:
    # The model has its attributes already: a catalogue without them, or none, will do.
    return load_dataset(path, replace(config, attributes=()), catalogue).interactions


def _held_out(
    log: Any, data_config: DataConfig, split_config: SplitConfig, rows: RowsOf
) -> HeldOut:
    split = split_interactions(log, split_config)
    cases = rows.cases(split.test)
    if len(cases) == 0:
        raise UnusableInput(
            f"the log leaves no held-out purchase that the model knows ({len(split.test)} before "
            "matching its items); give the log it was trained on, or one with longer histories"
        )
    counts = rows.count(log.item[split.train & log.positive()])
    return HeldOut(cases, counts, not data_config.repeat_purchases)


def _table(
    recommend: Recommend, held_out: HeldOut, max_basket: int, protocol: str
) -> dict[str, Any]:
    return evaluate_beside_popularity(
        recommend,
        held_out.cases,
        held_out.counts,
        max_basket=max_basket,
        hide_context=held_out.hide_context,
        protocol=protocol,
    )


def _session_recommend(session: Session) -> Recommend:
    def recommend(user: np.ndarray, basket: np.ndarray, allowed: np.ndarray) -> np.ndarray:
        feeds = {"user": user, "basket": basket, "allowed": allowed}
        (item,) = session.run(feeds, ["item"])
        return item[:, :K]

    return recommend

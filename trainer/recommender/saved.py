"""A trained recommender in its run folder: what export and evaluation load."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from runtime.errors import UnusableInput
from trainer.attribute import Attribute
from trainer.cases import Cases
from trainer.catalogue import ItemTable
from trainer.checkpoint import load_checkpoint
from trainer.dataset import Dataset
from trainer.recommender.config import RecommenderConfig
from trainer.recommender.mlp import Mlp
from trainer.recommender.two_stage import TwoStage
from trainer.run import Run, json_bytes
from trainer.split import Split


@dataclass(frozen=True)
class SavedData:
    """What a run keeps of its data, so that export needs no log.

    Attributes:
        items: the catalogue in row order.
        user_ids: known shoppers in row order.
        history_offsets: int64 [n_users + 2], by user row; row 0 is empty.
        history_items: int64, every purchase of the known shoppers, oldest first.
        n_sequences: known shoppers and anonymous baskets.
        counts: int64 [n_rows], training purchases of each item.
        test: the held-out cases.
        fingerprint: sha256 of the cleaned log.
    """

    items: ItemTable
    user_ids: tuple[str, ...]
    history_offsets: np.ndarray
    history_items: np.ndarray
    n_sequences: int
    counts: np.ndarray
    test: Cases
    fingerprint: str

    @property
    def n_rows(self) -> int:
        """Number of item rows, padding counted."""
        return len(self.items.item_ids) + 1

    def history(self, user_row: int) -> np.ndarray:
        """Return the item rows one known shopper bought, oldest first."""
        start, end = self.history_offsets[user_row : user_row + 2]
        return self.history_items[start:end]


def fingerprint(dataset: Dataset) -> str:
    """Hash a cleaned log and its items, so that a resumed run can tell other ones."""
    log = dataset.interactions
    digest = hashlib.sha256()
    for ids in (log.user_ids, log.item_ids):
        digest.update("\0".join(ids).encode("utf-8", "surrogatepass"))
    for column in (log.sequence, log.item, log.time, log.label):
        if column is not None:
            digest.update(np.ascontiguousarray(column).data)
    items = pd.util.hash_pandas_object(dataset.items.frame().astype(str), index=False)
    digest.update(items.to_numpy().data)
    return digest.hexdigest()


def keep_data(dataset: Dataset, split: Split, trained_on: np.ndarray) -> SavedData:
    """Collect what a run keeps of its data.

    Args:
        dataset: the shop's.
        split: of its log.
        trained_on: bool [n interactions], what the final model is trained on.
    """
    log = dataset.interactions
    known = (log.user > 0) & log.positive()
    return SavedData(
        items=dataset.items,
        user_ids=log.user_ids,
        history_offsets=np.searchsorted(log.user[known], np.arange(log.n_users + 2)),
        history_items=log.item[known],
        n_sequences=log.n_sequences,
        counts=log.purchases(trained_on),
        test=split.test,
        fingerprint=fingerprint(dataset),
    )


def data_files(data: SavedData) -> dict[str, bytes]:
    """Return the files of the run folder that hold the kept data, by name."""
    arrays = {
        "history_offsets": data.history_offsets,
        "history_items": data.history_items,
        "counts": data.counts,
        "user": data.test.user,
        "context_offsets": data.test.context_offsets,
        "context_items": data.test.context_items,
        "target_offsets": data.test.target_offsets,
        "target_items": data.test.target_items,
    }
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    kinds = {attribute.name: attribute.kind for attribute in data.items.attributes}
    facts = {
        "attributes": kinds,
        "title_words": data.items.title_words,
        "n_sequences": data.n_sequences,
        "fingerprint": data.fingerprint,
    }
    return {
        "items.parquet": _parquet(data.items.frame()),
        "users.parquet": _parquet(pd.DataFrame({"user_id": list(data.user_ids)}, dtype=str)),
        "kept.npz": buffer.getvalue(),
        "kept.json": json_bytes(facts),
    }


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def load_data(run: Run) -> SavedData:
    """Read back what :func:`data_files` spelled.

    Raises:
        UnusableInput: the run folder is incomplete.
    """
    facts = run.read_json("kept.json")
    try:
        table = pd.read_parquet(run.path / "items.parquet")
        users = pd.read_parquet(run.path / "users.parquet")
        with np.load(run.path / "kept.npz", allow_pickle=False) as stored:
            arrays = dict(stored)
    except (OSError, ValueError) as error:
        raise UnusableInput(f"run {str(run.path)!r} is incomplete: {error}; train again") from error
    attributes = tuple(
        _attribute(name, kind, table[name]) for name, kind in facts["attributes"].items()
    )
    items = ItemTable(
        tuple(table["item_id"]), tuple(table["title"]), attributes, facts["title_words"]
    )
    names = ("user", "context_offsets", "context_items", "target_offsets", "target_items")
    return SavedData(
        items=items,
        user_ids=tuple(users["user_id"]),
        history_offsets=arrays["history_offsets"],
        history_items=arrays["history_items"],
        n_sequences=facts["n_sequences"],
        counts=arrays["counts"],
        test=Cases(*(arrays[name] for name in names)),
        fingerprint=facts["fingerprint"],
    )


def _attribute(name: str, kind: str, column: pd.Series) -> Attribute:
    if kind == "number":
        return Attribute.of_numbers(name, column.to_numpy(np.float64))
    if kind == "labels":
        return Attribute.of_lists(name, kind, column)
    return Attribute.of_lists(name, kind, [[value] if value else [] for value in column])


def build_model(config: RecommenderConfig, data: SavedData) -> Mlp | TwoStage:
    """Build the untrained model of a config over the kept data."""
    n_users, n_items = len(data.user_ids), data.n_rows - 1
    if config.arch == "mlp":
        return Mlp(config.mlp, n_users, data.n_sequences, n_items)
    codes = data.items.codes(config.two_stage.price_bands)
    counts = torch.from_numpy(data.counts)
    return TwoStage(config.two_stage, n_users, codes, counts, ordered=config.ordered)


@dataclass(frozen=True)
class TrainedRecommender:
    """A finished run's best model in evaluation mode, with its data, config and test figures."""

    model: Mlp | TwoStage
    data: SavedData
    config: RecommenderConfig
    evaluation: dict[str, Any]

    @property
    def max_basket(self) -> int:
        """Newest items that the model looks at."""
        return self.model.config.max_basket


def load_recommender(run: Run) -> TrainedRecommender:
    """Load the best weights of a run that has finished.

    Raises:
        UnusableInput: the run is not finished, incomplete, or not a recommender's.
    """
    config = run.config(RecommenderConfig)
    state = load_checkpoint(run.checkpoint)
    if not state["finished"]:
        raise UnusableInput(
            f"run {str(run.path)!r} has not finished training; continue it with --resume, or end "
            "it at its best epoch so far with --resume --set training.epochs=1"
        )
    data = load_data(run)
    model = build_model(config, data)
    model.load_state_dict(state["model"])
    return TrainedRecommender(model.eval(), data, config, run.read_json("evaluation.json"))

"""Evaluating runs (torch) and bundles (each ONNX variant) side by side on a log's test part."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from runtime.errors import UnusableInput
from trainer.cases import Cases
from trainer.config import DataConfig
from trainer.dataset import Dataset, load_dataset
from trainer.progress import TrainingProgress
from trainer.recommender.candidates import BATCH
from trainer.recommender.evaluate import K, evaluate_beside_popularity
from trainer.recommender.subject import RowsOf, Subject, open_subject
from trainer.recommender.yardsticks import ColdItems
from trainer.split import split_interactions


@dataclass(frozen=True)
class SideBySide:
    """What several engines were found to be worth.

    Attributes:
        tables: engine -> what :func:`evaluate_beside_popularity` returned, and "split".
        same_cases: whether all were asked the same cases, among equally many items.
    """

    tables: dict[str, dict[str, Any]]
    same_cases: bool

    def to_json(self) -> dict[str, Any]:
        """Return the first engine's facts, whether they hold for all, each one's, and results."""
        facts = {
            engine: {key: value for key, value in table.items() if key != "results"}
            for engine, table in self.tables.items()
        }
        return {
            **next(iter(facts.values())),
            "same_cases": self.same_cases,
            "engines": {
                engine: {key: own[key] for key in ("split", "cases", "answers", "items")}
                for engine, own in facts.items()
            },
            "results": {engine: table["results"] for engine, table in self.tables.items()},
        }


@dataclass(frozen=True)
class _HeldOut:
    """The test part of a log, in a model's rows.

    Attributes:
        cases: the test cases.
        cold: the hidden items and their cases, where there are any.
        counts: int64 [n_rows], purchases of each item before the test.
        fingerprint: equal for equal cases, whatever the rows.
    """

    cases: Cases
    cold: ColdItems | None
    counts: np.ndarray
    fingerprint: str


def evaluate_side_by_side(
    paths: Sequence[Path],
    interactions: Path,
    catalogue: Path | None = None,
    *,
    protocol: str = "full",
    provider: str = "cpu",
    k: int = K,
    variants: Sequence[str] = (),
) -> SideBySide:
    """Evaluate runs and bundles on the test purchases of a log, split as each one's config says.

    Args:
        paths: runs and bundles; an engine that several have is named with its path.
        interactions: the log.
        catalogue: the shop's catalogue, or None.
        protocol: "full", "sampled", or "random", which asks known shoppers for a random part of
            their items and needs a model that was trained without it.
        provider: where bundles run.
        k: items that are looked at.
        variants: of bundles, which are evaluated; all that each holds if none is named.

    Raises:
        UnusableInput: a run, a bundle or the log is unusable, the protocol does not fit, or no
            held-out case is left.
        MissingCapability: the provider is not to be had.
    """
    subjects = [open_subject(path, provider, k, variants) for path in paths]
    for subject in subjects:
        _require_split(subject, protocol)
    named = Counter(engine for subject in subjects for engine in subject.engines)
    logs: dict[DataConfig, Dataset] = {}
    tables: dict[str, dict[str, Any]] = {}
    fingerprints = set()
    for subject in subjects:
        read = subject.data
        if not subject.split.cold_items:
            # The model has its attributes already: a catalogue without them, or none, will do.
            read = replace(read, attributes=())
        if read not in logs:
            logs[read] = load_dataset(interactions, read, catalogue)
        held_out = _held_out(logs[read], subject, protocol)
        fingerprints.add(held_out.fingerprint)
        for engine, recommend in subject.engines.items():
            name = engine if named[engine] == 1 else f"{subject.path} {engine}"
            cold_cases = 0 if held_out.cold is None else len(held_out.cold.cases)
            batches = -(-len(held_out.cases) // BATCH) + 2 * -(-cold_cases // BATCH)
            with TrainingProgress(f"evaluating {name}", batches, unit="cases") as progress:
                table = evaluate_beside_popularity(
                    recommend,
                    held_out.cases,
                    held_out.counts,
                    max_basket=subject.max_basket,
                    hide_context=not subject.data.repeat_purchases,
                    protocol=protocol,
                    k=k,
                    cold=held_out.cold,
                    advance=progress.advance,
                )
            tables[name] = {"split": subject.split.method, **table}
    return SideBySide(tables, same_cases=len(fingerprints) == 1)


def _require_split(subject: Subject, protocol: str) -> None:
    if protocol == "random" and subject.split.method != "random":
        raise UnusableInput(
            f"{str(subject.path)!r} was trained with split method {subject.split.method!r}, so it "
            "has seen the purchases that protocol 'random' asks for; train with "
            "--set split.method=random, or choose another --protocol"
        )


def _require_labels(dataset: Dataset, subject: Subject) -> None:
    """Refuse to set a model that knows labels beside a category popularity that does not."""
    known = {attribute.name for attribute in dataset.items.attributes}
    for name in subject.labels if subject.split.cold_items else ():
        if name not in known:
            raise UnusableInput(
                f"{str(subject.path)!r} was trained with the catalogue column {name!r}, which the "
                "yardstick of its hidden items needs too; give the same --catalogue"
            )


def _held_out(dataset: Dataset, subject: Subject, protocol: str) -> _HeldOut:
    log = dataset.interactions
    split = split_interactions(log, subject.split)
    rows = subject.rows(log)
    cases, test = rows.cases(split.test), rows.known().cases(split.test)
    if protocol == "random":
        chosen = np.flatnonzero(cases.user > 0)
        cases, test = cases.take(chosen), test.take(chosen)
    if len(cases) == 0:
        raise UnusableInput(
            f"the log leaves no held-out purchase that the model knows ({len(split.test)} before "
            "matching its items); give the log it was trained on, or one with longer histories"
        )
    _require_labels(dataset, subject)
    cold = ColdItems.of(dataset, split)
    if cold is not None:
        cold = ColdItems(
            rows.cases(cold.cases),
            rows.by_item(cold.hidden),
            rows.by_item(cold.category),
            rows.by_item(cold.labels),
        )
    return _HeldOut(
        cases=cases,
        cold=cold,
        counts=rows.by_item(log.purchases(split.before_test)),
        fingerprint=_fingerprint(dataset, test, rows),
    )


def _fingerprint(dataset: Dataset, test: Cases, rows: RowsOf) -> str:
    """Hash cases in the log's own rows, the names of its rows, and how many items compete."""
    log = dataset.interactions
    digest = hashlib.sha256(str(rows.n_rows).encode())
    for ids in (log.user_ids, log.item_ids):
        digest.update("\0".join(ids).encode("utf-8", "surrogatepass"))
    for column in (
        test.user,
        test.context_offsets,
        test.context_items,
        test.target_offsets,
        test.target_items,
    ):
        digest.update(column.tobytes())
    return digest.hexdigest()

"""One data set under one seed: the cases, what may be learned before them, and the one scorer."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from benchmarks.quality.question import K, Question
from benchmarks.quality.shops import Shop
from trainer.dataset import load_dataset
from trainer.interactions import Interactions
from trainer.metrics import hits, ranking_metrics
from trainer.options import from_mapping, read_toml, with_overrides
from trainer.recommender.config import RecommenderConfig
from trainer.split import Cases, Split, split_interactions

VALIDATION_CASES = 5000  # of which peers' settings are chosen, a seeded sample as in training


@dataclass(frozen=True)
class Trial:
    """A shop's log, cut by the recipe of its endcap run, so that all answer the same cases.

    Attributes:
        shop: the data set.
        seed: given to what the shop varies from trial to trial.
        folder: where files of the trial go.
        config: the recipe under this seed.
        log: the cleaned log.
        split: its parts.
    """

    shop: Shop
    seed: int
    folder: Path
    config: RecommenderConfig = field(init=False)
    log: Interactions = field(init=False)
    split: Split = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        recipe = with_overrides(read_toml(self.shop.recipe), self.settings)
        config = from_mapping(RecommenderConfig, recipe)
        log = load_dataset(self.shop.interactions, config.data, self.shop.catalogue).interactions
        object.__setattr__(self, "config", config)
        object.__setattr__(self, "log", log)
        object.__setattr__(self, "split", split_interactions(log, config.split))

    @property
    def settings(self) -> tuple[str, ...]:
        """What ``endcap train recommender --set`` is told on top of the recipe."""
        return (*self.shop.settings, *(f"{name}={self.seed}" for name in self.shop.seeded))

    @cached_property
    def validation(self) -> Cases:
        """The cases that choose settings."""
        return self.split.validation.sample(VALIDATION_CASES, self.config.split.seed)

    @property
    def test(self) -> Cases:
        """The cases that are reported, once."""
        return self.split.test

    def validation_question(self) -> Path:
        """Write what is asked to choose settings: learn from the training purchases alone."""
        return self._written("validation", self.split.train, self.validation)

    def test_question(self) -> Path:
        """Write what is asked to report: learn from everything before the test purchases."""
        return self._written("test", self.split.before_test, self.test)

    def score(self, ranked: np.ndarray, cases: Cases) -> dict[str, float]:
        """Average HR, NDCG, MRR, recall and precision at 10 of ranked lists, int64 [n, 10]."""
        n_rows = self.log.n_items + 1
        if ranked.shape != (len(cases), K):
            raise ValueError(f"ranked lists of shape {ranked.shape} answer {len(cases)} cases")
        found = ranking_metrics(ranked, cases, n_rows)
        found["precision"] = hits(ranked, cases, n_rows).mean(axis=1)
        return {name: float(values.mean()) for name, values in found.items()}

    def _written(self, name: str, known: np.ndarray, cases: Cases) -> Path:
        path = self.folder / f"{name}.npz"
        question_of(self.log, known, cases).write(path)
        return path


def question_of(log: Interactions, known: np.ndarray, cases: Cases) -> Question:
    """Ask ``cases`` after showing the purchases among ``known``, bool [n interactions]."""
    shown = np.flatnonzero(known & log.positive())
    sequences, first, sizes = np.unique(log.sequence[shown], return_index=True, return_counts=True)
    return Question(
        n_rows=log.n_items + 1,
        n_users=log.n_users,
        train_user=log.user[shown[first]] if len(sequences) else np.zeros(0, np.int64),
        train_offsets=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        train_items=log.item[shown],
        user=cases.user,
        context_offsets=cases.context_offsets,
        context_items=cases.context_items,
    )

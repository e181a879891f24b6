"""The two phases of a run, and the models, stages and cases that belong to each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from trainer.cases import Cases
from trainer.dataset import Dataset
from trainer.recommender.config import RecommenderConfig
from trainer.recommender.evaluate import K, rank_cases, summarise, torch_recommend
from trainer.recommender.losses import MlpStage, Stage
from trainer.recommender.mlp import Mlp
from trainer.recommender.neighbours import ItemItemStage
from trainer.recommender.requests import ShopperRequests
from trainer.recommender.rerank import RankingStage
from trainer.recommender.retrieval import RetrievalStage
from trainer.recommender.sampling import TrainingRows
from trainer.recommender.saved import SavedData, build_model
from trainer.recommender.two_stage import TwoStage
from trainer.split import Split


@dataclass(frozen=True)
class Phase:
    """Which purchases a model is trained on, bool [n], and whether validation watches."""

    known: np.ndarray
    validated: bool


@dataclass(frozen=True)
class Shop:
    """What the phases of one run share."""

    dataset: Dataset
    split: Split
    data: SavedData
    config: RecommenderConfig
    device: torch.device

    @property
    def hide_context(self) -> bool:
        """Whether what a shopper has bought is not shown to them again."""
        return not self.config.data.repeat_purchases

    def model(self, phase: Phase) -> Mlp | TwoStage:
        """Build the untrained model of a phase; all begin with the same weights."""
        counts = self.dataset.interactions.purchases(phase.known)
        torch.manual_seed(self.config.training.seed)
        return build_model(self.config, replace(self.data, counts=counts)).to(self.device)

    def stages(self, phase: Phase, model: Mlp | TwoStage) -> list[Stage | ItemItemStage]:
        """List what is trained one after the other."""
        log, config = self.dataset.interactions, self.config
        rows = TrainingRows.of(log, phase.known, self.device)
        if isinstance(model, Mlp):
            return [MlpStage(model, rows, labelled=log.label is not None)]
        bought = rows.positives()
        requests = ShopperRequests(config.two_stage, bought, ordered=config.ordered)
        retrieval = RetrievalStage(
            model,
            bought,
            requests,
            mixed_precision=config.training.mixed_precision,
        )
        stages: list[Stage | ItemItemStage] = [retrieval]
        if model.neighbours.shape[1]:
            stages.append(ItemItemStage(model, bought, ordered=config.ordered))
        if config.two_stage.ranker_epochs:
            stages.append(RankingStage(model, bought, requests))
        return stages

    def validator(self, phase: Phase, model: Mlp | TwoStage) -> Callable[[], dict[str, float]]:
        """Return what ranks the validation cases: HR and NDCG at 10, full ranking."""
        cases = self.validation(phase)

        def validate() -> dict[str, float]:
            if len(cases) == 0:
                return {}
            ranked = rank_cases(
                torch_recommend(model.eval(), self.device),
                cases,
                n_rows=self.data.n_rows,
                max_basket=model.config.max_basket,
                hide_context=self.hide_context,
            )
            summary = summarise(ranked, cases, self.data.n_rows)
            return {name: summary[name] for name in (f"hr@{K}", f"ndcg@{K}")}

        return validate

    def validation(self, phase: Phase) -> Cases:
        """Return the cases that choose; none in a phase that is trained on them."""
        cases = self.split.validation
        return cases if phase.validated else cases.take(np.zeros(0, np.int64))

    def epochs(self, stage: Stage, phase: Phase, chosen: dict[str, Any]) -> int:
        """Return how many epochs a stage has at most, or where they are chosen, in all."""
        if not phase.validated:
            return int(chosen[stage.name])
        ranking = isinstance(stage, RankingStage)
        return self.config.two_stage.ranker_epochs if ranking else self.config.training.epochs

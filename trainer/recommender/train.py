"""Training a recommender: stages, epochs and steps, with checkpoints that resume exactly."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from runtime.errors import UnusableInput
from trainer.cases import Cases
from trainer.checkpoint import checkpoint_bytes, load_checkpoint, save_checkpoint
from trainer.config import RecommenderConfig, TrainingConfig
from trainer.dataset import Dataset
from trainer.device import autocast, choose_device, describe_device, seed_step
from trainer.interrupt import StopRequest, TrainingStopped
from trainer.progress import TrainingProgress
from trainer.recommender.evaluate import (
    K,
    evaluate_beside_popularity,
    rank_cases,
    summarise,
    torch_recommend,
)
from trainer.recommender.losses import MlpStage, RankingStage, RetrievalStage, Stage
from trainer.recommender.mlp import Mlp
from trainer.recommender.row_adam import RowAdam
from trainer.recommender.sampling import TrainingRows
from trainer.recommender.saved import build_model, data_files, fingerprint, keep_data
from trainer.recommender.two_stage import TwoStage
from trainer.run import Run, json_bytes, require_same_config
from trainer.split import split_interactions

FREE_ON_RESUME = (
    "training.epochs",
    "training.patience",
    "training.checkpoint_every_s",
    "training.device",
    "card.",
)


def train_recommender(
    dataset: Dataset,
    config: RecommenderConfig,
    run_path: Path,
    *,
    resume: bool = False,
    facts: dict[str, Any] | None = None,
) -> Run:
    """Train, evaluate on the held-out test cases, and leave a run folder that export can use.

    Args:
        dataset: the shop's cleaned log and catalogue.
        config: everything else.
        run_path: the run folder; new, or with ``resume`` an existing one.
        resume: continue from the folder's checkpoint; on the CPU the weights come out the same, bit
            for bit, as without the interruption.
        facts: what run.json should remember, such as the command line.

    Raises:
        UnusableInput: the folder exists (or does not, with ``resume``), or config or log differ
            from the run's own.
        TrainingStopped: Ctrl-C or SIGTERM; the checkpoint is saved.
    """
    device = choose_device(config.training.device)
    split = split_interactions(dataset.interactions, config.split)
    rows = TrainingRows.of(dataset.interactions, split.train, device)
    if len(rows.positives().item) == 0:
        raise UnusableInput("no purchase is left to train on; lower test_fraction")
    data = keep_data(dataset, split)
    torch.manual_seed(config.training.seed)
    model = build_model(config, data).to(device)
    if resume:
        run = _reopen(run_path, config, fingerprint(dataset.interactions))
        state = load_checkpoint(run.checkpoint)
    else:
        on = describe_device(device, mixed_precision=config.training.mixed_precision)
        state = _fresh_state(model)
        files = {
            "data.json": json_bytes(dataset.report.to_json()),
            "checkpoint.pt": checkpoint_bytes(state),
            **data_files(data),
        }
        facts = {**(facts or {}), "device": on}
        run = Run.create(run_path, "recommender", config, facts, files)
    stages = _stages(model, rows, config, labelled=dataset.interactions.label is not None)
    validation = split.validation.sample(config.training.validation_cases, config.split.seed)
    validator = _Validator(model, validation, data.n_rows, device, config)
    _train(run, model, stages, state, validator, config.training, device)
    evaluation = evaluate_beside_popularity(
        torch_recommend(model.eval(), device),
        split.test,
        data.counts,
        max_basket=model.config.max_basket,
        hide_context=not config.data.repeat_purchases,
    )
    run.write_json("evaluation.json", {"split": config.split.method, **evaluation})
    return run


def _reopen(path: Path, config: RecommenderConfig, log: str) -> Run:
    run = Run.open(path, "recommender")
    require_same_config(run.config(RecommenderConfig), config, free=FREE_ON_RESUME)
    if run.read_json("kept.json")["fingerprint"] != log:
        raise UnusableInput(
            f"the log or catalogue differs from what run {str(path)!r} was trained on; give the "
            "same files, or start another run with another --out"
        )
    return run


def _fresh_state(model: Mlp | TwoStage) -> dict[str, Any]:
    return {
        "model": model.state_dict(),
        "optimiser": None,
        "stage": 0,
        "epoch": 0,  # epochs finished in this stage
        "step": 0,  # steps finished in the running epoch
        "loss_sum": 0.0,
        "best": None,
        "best_metric": None,
        "best_epoch": 0,
        "metrics": [],
        "finished": False,
    }


def _stages(
    model: Mlp | TwoStage, rows: TrainingRows, config: RecommenderConfig, *, labelled: bool
) -> list[Stage]:
    if isinstance(model, Mlp):
        return [MlpStage(model, rows, config.training.epochs, labelled=labelled)]
    bought = rows.positives()
    stages: list[Stage] = [RetrievalStage(model, bought, config.training.epochs)]
    if model.config.ranker_epochs:
        stages.append(RankingStage(model, bought))
    return stages


class _Validator:
    """Ranks the validation cases with the model as it stands."""

    def __init__(
        self,
        model: Mlp | TwoStage,
        cases: Cases,
        n_rows: int,
        device: torch.device,
        config: RecommenderConfig,
    ) -> None:
        self.model, self.cases, self.n_rows, self.device = model, cases, n_rows, device
        self.hide_context = not config.data.repeat_purchases

    def __call__(self) -> dict[str, float]:
        """Return HR and NDCG at 10, full ranking; empty when the split left no cases."""
        if len(self.cases) == 0:
            return {}
        ranked = rank_cases(
            torch_recommend(self.model.eval(), self.device),
            self.cases,
            n_rows=self.n_rows,
            max_basket=self.model.config.max_basket,
            hide_context=self.hide_context,
        )
        summary = summarise(ranked, self.cases, self.n_rows)
        return {name: summary[name] for name in (f"hr@{K}", f"ndcg@{K}")}


@dataclass(frozen=True)
class _Loop:
    """What every stage of one run shares."""

    run: Run
    model: Mlp | TwoStage
    validator: _Validator
    config: TrainingConfig
    device: torch.device
    stop: StopRequest
    progress: TrainingProgress


def _train(
    run: Run,
    model: Mlp | TwoStage,
    stages: list[Stage],
    state: dict[str, Any],
    validator: _Validator,
    config: TrainingConfig,
    device: torch.device,
) -> None:
    """Run the stages from where ``state`` stands; the model ends with each stage's best weights."""
    model.load_state_dict(state["model"])
    batches = [-(-stage.examples // config.batch_size) for stage in stages]
    total = sum(stage.epochs * count for stage, count in zip(stages, batches, strict=True))
    done = sum(s.epochs * n for s, n in zip(stages[: state["stage"]], batches, strict=False))
    if not state["finished"]:
        done += state["epoch"] * batches[state["stage"]] + state["step"]
    progress = TrainingProgress("recommender", total, done_steps=done, unit="purchases")
    with StopRequest() as stop, progress:
        loop = _Loop(run, model, validator, config, device, stop, progress)
        progress.say(describe_device(device, mixed_precision=config.mixed_precision))
        if state["finished"]:
            progress.say("this run has already finished; its best weights are evaluated again")
        while not state["finished"]:
            _fit(loop, stages[state["stage"]], state)
            model.load_state_dict(state["best"])
            after = {"metrics": state["metrics"], "stage": state["stage"] + 1}
            state.update(_fresh_state(model) | after)
            state["finished"] = state["stage"] == len(stages)
            save_checkpoint(run.checkpoint, state)


def _fit(loop: _Loop, stage: Stage, state: dict[str, Any]) -> None:
    """Train one stage until its epochs are over or validation stops improving."""
    config, progress = loop.config, loop.progress
    optimiser = RowAdam(stage.groups(config.learning_rate), weight_decay=config.weight_decay)
    if state["optimiser"] is not None:
        optimiser.load_state_dict(state["optimiser"])
    if state["best"] is None:
        # The starting point competes too: a stage that never improves on it leaves no trace.
        stage.after_epoch()
        _keep_best(loop, stage, state, loop.validator(), {"epoch": 0})
    while state["epoch"] < stage.epochs:
        if state["epoch"] - state["best_epoch"] >= config.patience:
            progress.say(f"{stage.name}: no better for {config.patience} epochs, stopping early")
            break
        mean_loss = _run_epoch(loop, stage, state, optimiser)
        stage.after_epoch()
        state.update(epoch=state["epoch"] + 1, step=0, loss_sum=0.0)
        found = loop.validator()
        _keep_best(loop, stage, state, found, {"epoch": state["epoch"], "loss": mean_loss})
        shown = " ".join(f"{name} {value:.4f}" for name, value in found.items())
        epoch = f"{stage.name} epoch {state['epoch']}/{stage.epochs}"
        progress.say(f"{epoch}: loss {mean_loss:.4f} {shown}")
        if found:
            progress.metric(f"ndcg@{K}", found[f"ndcg@{K}"])
        _save(loop, state, optimiser)


def _run_epoch(
    loop: _Loop, stage: Stage, state: dict[str, Any], optimiser: torch.optim.Optimizer
) -> float:
    """Take the steps of an epoch that are still to be taken, and return its mean loss."""
    config, epoch = loop.config, state["epoch"] + 1
    seed = config.seed * 10 + state["stage"]
    seed_step(seed, epoch, 0)
    order = torch.randperm(stage.examples, device=loop.device)
    steps = order.split(config.batch_size)
    saved = time.monotonic()
    loop.model.train()
    for number in range(state["step"], len(steps)):
        seed_step(seed, epoch, number + 1)
        optimiser.zero_grad()
        with autocast(loop.device, mixed_precision=config.mixed_precision):
            loss: Tensor = stage.loss(steps[number])
        loss.backward()
        optimiser.step()
        state["step"], state["loss_sum"] = number + 1, state["loss_sum"] + loss.item()
        if not math.isfinite(state["loss_sum"]):
            raise UnusableInput(
                f"training broke down in epoch {epoch} of stage {stage.name}: the loss is "
                f"{loss.item()}; lower training.learning_rate ({config.learning_rate:g}) and "
                "train again"
            )
        loop.progress.advance(len(steps[number]), loss.item())
        if loop.stop.requested or time.monotonic() - saved >= config.checkpoint_every_s:
            _save(loop, state, optimiser)
            saved = time.monotonic()
        if loop.stop.requested:
            raise TrainingStopped(
                f"stopped in epoch {epoch} of stage {stage.name}; the checkpoint is saved, "
                "continue with --resume"
            )
    return float(state["loss_sum"] / len(steps))


def _save(loop: _Loop, state: dict[str, Any], optimiser: torch.optim.Optimizer) -> None:
    state.update(model=loop.model.state_dict(), optimiser=optimiser.state_dict())
    save_checkpoint(loop.run.checkpoint, state)
    loop.run.keep_metrics(state["metrics"])


def _keep_best(
    loop: _Loop,
    stage: Stage,
    state: dict[str, Any],
    found: dict[str, float],
    row: dict[str, Any],
) -> None:
    """Add a metrics row, and keep the weights when NDCG rose or there is nothing to go by."""
    state["metrics"] = [*state["metrics"], {"stage": stage.name, **row, **found}]
    metric = found.get(f"ndcg@{K}")
    if metric is None or state["best_metric"] is None or metric > state["best_metric"]:
        weights = loop.model.state_dict().items()
        copies = {name: value.detach().cpu().clone() for name, value in weights}
        state.update(best=copies, best_metric=metric, best_epoch=state["epoch"])

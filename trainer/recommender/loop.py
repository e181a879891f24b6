"""The loop of one training stage: epochs and steps, with checkpoints that resume exactly."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from runtime.errors import UnusableInput
from trainer.checkpoint import save_checkpoint
from trainer.device import autocast, seed_step
from trainer.interrupt import StopRequest, TrainingStopped
from trainer.progress import TrainingProgress
from trainer.recommender.config import TrainingConfig
from trainer.recommender.evaluate import K
from trainer.recommender.losses import Stage
from trainer.recommender.mlp import Mlp
from trainer.recommender.row_adam import RowAdam
from trainer.recommender.two_stage import TwoStage
from trainer.run import Run

REFIT = ", refit"
"""What a stage's name ends with in metrics.jsonl where it was trained a second time."""

Validate = Callable[[], dict[str, float]]
"""Ranks the validation cases with the model as it stands; empty where there are none."""


@dataclass(frozen=True)
class Loop:
    """What the stages of one model share.

    Attributes:
        run: where checkpoints and metrics go.
        model: what is trained.
        validate: picks the best epoch; where it returns nothing, the last epoch is the best.
        config: of the run.
        device: where the model is.
        stop: whether somebody asked to stop.
        progress: shows how far training is.
    """

    run: Run
    model: Mlp | TwoStage
    validate: Validate
    config: TrainingConfig
    device: torch.device
    stop: StopRequest
    progress: TrainingProgress


def fresh_stage(model: Mlp | TwoStage) -> dict[str, Any]:
    """Return the part of a checkpoint that describes a stage about to begin."""
    return {
        "model": model.state_dict(),
        "optimiser": None,
        "epoch": 0,  # epochs finished in this stage
        "step": 0,  # steps finished in the running epoch
        "loss_sum": 0.0,
        "best": None,
        "best_metric": None,
        "best_epoch": 0,
    }


def fit(loop: Loop, stage: Stage, epochs: int, state: dict[str, Any]) -> None:
    """Train one stage until its epochs are over or validation stops improving.

    Args:
        loop: the model and its surroundings.
        stage: what is minimised.
        epochs: at most.
        state: the checkpoint, brought up to date; ``best`` holds the best weights.

    Raises:
        TrainingStopped: somebody asked to stop; the checkpoint is saved.
        UnusableInput: the loss is no number any more.
    """
    config, progress = loop.config, loop.progress
    optimiser = RowAdam(stage.groups(config.learning_rate), weight_decay=config.weight_decay)
    if state["optimiser"] is not None:
        optimiser.load_state_dict(state["optimiser"])
    if state["best"] is None:
        # The starting point competes too: a stage that never improves on it leaves no trace.
        stage.after_epoch()
        _keep_best(loop, stage, state, loop.validate(), {"epoch": 0})
    while state["epoch"] < epochs:
        if state["epoch"] - state["best_epoch"] >= config.patience:
            progress.say(f"{stage.name}: no better for {config.patience} epochs, stopping early")
            break
        mean_loss = _run_epoch(loop, stage, state, optimiser)
        stage.after_epoch()
        state.update(epoch=state["epoch"] + 1, step=0, loss_sum=0.0)
        found = loop.validate()
        _keep_best(loop, stage, state, found, {"epoch": state["epoch"], "loss": mean_loss})
        shown = " ".join(f"{name} {value:.4f}" for name, value in found.items())
        epoch = f"{stage.name} epoch {state['epoch']}/{epochs}"
        progress.say(f"{epoch}: loss {mean_loss:.4f} {shown}")
        if found:
            progress.metric(f"ndcg@{K}", found[f"ndcg@{K}"])
        _save(loop, state, optimiser)


def _run_epoch(
    loop: Loop, stage: Stage, state: dict[str, Any], optimiser: torch.optim.Optimizer
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


def _save(loop: Loop, state: dict[str, Any], optimiser: torch.optim.Optimizer) -> None:
    state.update(model=loop.model.state_dict(), optimiser=optimiser.state_dict())
    save_checkpoint(loop.run.checkpoint, state)
    loop.run.keep_metrics(state["metrics"])


def _keep_best(
    loop: Loop, stage: Stage, state: dict[str, Any], found: dict[str, float], row: dict[str, Any]
) -> None:
    """Add a metrics row, and keep the weights when NDCG rose or there is nothing to go by."""
    name = stage.name + REFIT if state["phase"] else stage.name
    row = {"stage": name, **row, **found}
    state["metrics"] = [*state["metrics"], row]
    metric = found.get(f"ndcg@{K}")
    if metric is None or state["best_metric"] is None or metric > state["best_metric"]:
        weights = loop.model.state_dict().items()
        copies = {name: value.detach().cpu().clone() for name, value in weights}
        state.update(best=copies, best_metric=metric, best_epoch=state["epoch"])

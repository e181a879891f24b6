"""Training a recommender: phases and stages, each of which a checkpoint can resume."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from runtime.errors import UnusableInput
from trainer.checkpoint import checkpoint_bytes, load_checkpoint, save_checkpoint
from trainer.dataset import Dataset
from trainer.device import choose_device, describe_device
from trainer.interrupt import StopRequest
from trainer.progress import TrainingProgress
from trainer.recommender.config import RecommenderConfig
from trainer.recommender.evaluate import (
    K,
    evaluate_beside_popularity,
    torch_recommend,
)
from trainer.recommender.item_item import ItemItemChoice
from trainer.recommender.loop import Loop, fit, fresh_stage
from trainer.recommender.losses import Stage
from trainer.recommender.mlp import Mlp
from trainer.recommender.neighbours import OFF, ItemItemStage
from trainer.recommender.phases import Phase, Shop
from trainer.recommender.saved import data_files, keep_data
from trainer.recommender.two_stage import TwoStage
from trainer.recommender.yardsticks import ColdItems
from trainer.run import Run, json_bytes, require_same_config
from trainer.split import Split, split_interactions

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

    First the stages are trained on the training purchases, and validation chooses their epochs and
    settings. With ``training.refit`` a fresh model is then trained with what was chosen on all
    purchases before the test.

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
    log = dataset.interactions
    split = split_interactions(log, config.split)
    held_out = len(split.test)
    split = _bounded(split, config)
    if not np.any(split.train & log.positive()):
        raise UnusableInput("no purchase is left to train on; lower test_fraction")
    phases = [Phase(split.train, validated=True)]
    if config.training.refit and len(split.validation):
        phases.append(Phase(split.before_test, validated=False))
    data = keep_data(dataset, split, phases[-1].known)
    if resume:
        run = _reopen(run_path, config, data.fingerprint)
        state = load_checkpoint(run.checkpoint)
    else:
        on = describe_device(device, mixed_precision=config.training.mixed_precision)
        state = _fresh_state()
        facts = {**(facts or {}), "device": on}
        files = {
            "data.json": json_bytes(dataset.report.to_json()),
            "checkpoint.pt": checkpoint_bytes(state),
            **data_files(data),
        }
        run = Run.create(run_path, "recommender", config, facts, files)
        del files  # gigabytes that the loop needs for itself
    model = _train(run, phases, state, Shop(dataset, split, data, config, device))
    evaluation = evaluate_beside_popularity(
        torch_recommend(model.eval(), device),
        split.test,
        dataset.interactions.purchases(split.before_test),
        max_basket=model.config.max_basket,
        hide_context=not config.data.repeat_purchases,
        cold=ColdItems.of(dataset, split),
    )
    facts = {
        "split": config.split.method,
        "held_out": held_out,
        "chosen": state["chosen"],
        "stages": _by_stage(state["metrics"]),
    }
    run.write_json("evaluation.json", {**facts, **evaluation})
    return run


def _bounded(split: Split, settings: RecommenderConfig) -> Split:
    """Draw the cases that are ranked: to rank a million takes longer than to train on them."""
    config, seed = settings.training, settings.split.seed
    split = replace(split, validation=split.validation.sample(config.validation_cases, seed))
    if config.test_cases == 0:
        return split
    test, cold = (cases.sample(config.test_cases, seed) for cases in (split.test, split.cold))
    return replace(split, test=test, cold=cold)


def _reopen(path: Path, config: RecommenderConfig, log: str) -> Run:
    run = Run.open(path, "recommender")
    require_same_config(run.config(RecommenderConfig), config, free=FREE_ON_RESUME)
    if run.read_json("kept.json")["fingerprint"] != log:
        raise UnusableInput(
            f"the log or catalogue differs from what run {str(path)!r} was trained on; give the "
            "same files, or start another run with another --out"
        )
    return run


def _fresh_state() -> dict[str, Any]:
    return {
        "phase": 0,
        "stage": 0,
        "metrics": [],
        "chosen": {},  # stage -> what validation chose
        "model": None,  # None where a phase is about to begin
        "finished": False,
    }


def _by_stage(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Return the best validation NDCG that each stage reached, the stages before it included."""
    best: dict[str, float] = {}
    for row in rows:
        if f"ndcg@{K}" in row:
            best[row["stage"]] = max(row[f"ndcg@{K}"], best.get(row["stage"], 0.0))
    return best


def _train(run: Run, phases: list[Phase], state: dict[str, Any], shop: Shop) -> Mlp | TwoStage:
    """Run the phases from where ``state`` stands, and return the model with its best weights."""
    config = shop.config.training
    with StopRequest() as stop, _progress(phases, state, shop) as progress:
        progress.say(describe_device(shop.device, mixed_precision=config.mixed_precision))
        if state["finished"]:
            progress.say("this run has already finished; its best weights are evaluated again")
        while True:
            phase = phases[state["phase"]]
            model = shop.model(phase)
            stages = shop.stages(phase, model)
            if state["model"] is None:
                state.update(fresh_stage(model))
            model.load_state_dict(state["model"])
            validate = shop.validator(phase, model)
            loop = Loop(run, model, validate, config, shop.device, stop, progress)
            while state["stage"] < len(stages):
                _run_stage(loop, stages[state["stage"]], phase, state, shop)
                save_checkpoint(run.checkpoint, state)
            if state["phase"] == len(phases) - 1:
                state["finished"] = True
                save_checkpoint(run.checkpoint, state)
                run.keep_metrics(state["metrics"])
                return model
            state.update(phase=state["phase"] + 1, stage=0, model=None)
            save_checkpoint(run.checkpoint, state)
            progress.say("training again, as chosen, on all purchases before the test")


def _progress(phases: list[Phase], state: dict[str, Any], shop: Shop) -> TrainingProgress:
    """Count the steps of all phases, early stopping apart, and those that are done."""
    epochs, ranker_epochs = shop.config.training.epochs, shop.config.two_stage.ranker_epochs
    if shop.config.arch == "mlp":
        ranker_epochs = 0
    size = shop.config.training.batch_size
    batches = [-(-int(phase.known.sum()) // size) for phase in phases]
    total = (epochs + ranker_epochs) * sum(batches)
    done = (epochs + ranker_epochs) * sum(batches[: state["phase"]])
    done += state.get("epoch", 0) * batches[state["phase"]] + state.get("step", 0)
    return TrainingProgress("recommender", total, done_steps=done, unit="purchases")


def _run_stage(
    loop: Loop, stage: Stage | ItemItemStage, phase: Phase, state: dict[str, Any], shop: Shop
) -> None:
    """Run one stage to its end, note what was chosen, and set ``state`` before the next."""
    chosen = dict(state["chosen"])
    if isinstance(stage, ItemItemStage):
        if phase.validated:
            chosen[stage.name] = asdict(_choose_weights(loop, stage, state, shop, phase))
        stage.apply(ItemItemChoice(**chosen[stage.name]))
    else:
        fit(loop, stage, shop.epochs(stage, phase, chosen), state)
        if phase.validated:
            chosen[stage.name] = state["best_epoch"]
        loop.model.load_state_dict(state["best"])
    state.update(fresh_stage(loop.model) | {"stage": state["stage"] + 1, "chosen": chosen})


def _choose_weights(
    loop: Loop, stage: ItemItemStage, state: dict[str, Any], shop: Shop, phase: Phase
) -> ItemItemChoice:
    cases = shop.validation(phase)
    if len(cases) == 0:
        return OFF
    loop.progress.say("item-item weights: choosing penalty, decay and scale")
    choice, found = stage.choose(cases, hide_context=shop.hide_context)
    row = {"stage": stage.name, "epoch": 0, **asdict(choice), f"ndcg@{K}": found}
    state["metrics"] = [*state["metrics"], row]
    loop.progress.say(
        f"item-item weights: l2 {choice.l2:g}, decay {choice.decay:g}, scale {choice.scale:g}, "
        f"ndcg@{K} {found:.4f}"
    )
    return choice

"""The generator's loop: alternating discriminator and generator steps, resumable to the bit."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from runtime.errors import UnusableInput
from trainer.checkpoint import load_checkpoint
from trainer.device import choose_device, describe_device, seed_step
from trainer.generator.batches import Rows, epoch_rows
from trainer.generator.classifier import Classifier, Guide, train_classifier_shown
from trainer.generator.config import GeneratorConfig
from trainer.generator.diversity import TrainingCollapsed, diversity, real_spreads
from trainer.generator.ema import refresh_statistics
from trainer.generator.evaluate import SCALE_PICTURES, Validation
from trainer.generator.held_out import HeldOut, hold_out
from trainer.generator.model import Generator, build_generator, to_image
from trainer.generator.samples import real_grid, sample_grid, write_grid
from trainer.generator.state import Training, begin
from trainer.generator.step import train_step
from trainer.generator.textures import Textures
from trainer.images import ImageSet
from trainer.interrupt import StopRequest, TrainingStopped
from trainer.options import from_mapping
from trainer.progress import TrainingProgress
from trainer.run import Run

KEPT_WITHIN = 1.1  # times the lowest validation
LOSS_EVERY = 20  # steps between readings of the loss: each one waits for the GPU
STATISTICS_BATCHES = 40  # that batch norm's statistics are measured on, for the average's weights


def train_generator(
    images: ImageSet,
    config: GeneratorConfig,
    run_path: Path,
    *,
    resume: bool,
    facts: dict[str, Any] | None = None,
) -> Run:
    """Train the conditional DCGAN on labelled pictures, in a run folder.

    A tenth of the pictures is held out; after each epoch the generator (its moving average, where
    there is one) is compared with them by a classifier that is trained first
    (:mod:`trainer.generator.evaluate`), and the weights of the best epoch, see :func:`is_kept`, are
    what ``load_generator`` gives. Every step draws its random numbers from (seed, epoch, step)
    alone, so that a run which was stopped and resumed on the CPU ends with the same weights.

    Args:
        images: pictures of the config's size and channels.
        config: what to train, and for how long.
        run_path: a new folder, or with ``resume`` the one to continue.
        resume: continue from the folder's checkpoint; does nothing when the run is finished.
        facts: what run.json is to say beside the kind (the command, the data's name).

    Raises:
        UnusableInput: the folder exists (or does not, with ``resume``), or the run to resume had
            another config or other pictures, or a loss stopped being finite.
        TrainingCollapsed: a category's pictures became all alike; the best epoch is saved.
        TrainingStopped: Ctrl-C or SIGTERM came; the checkpoint is saved.
    """
    _check_pictures(images, config)
    dcgan = config.dcgan
    device = choose_device(dcgan.device)
    run, training = begin(images, config, run_path, device, resume, facts or {})
    split = hold_out(images, dcgan.seed)
    spreads = real_spreads(images, split.train)

    def taught(title: str, kind: type[Classifier], seed: int) -> Classifier:
        of_train = images.pixels[split.train], images.category[split.train]
        n_categories = len(images.categories)
        return train_classifier_shown(
            title, *of_train, n_categories, seed=seed, device=device, kind=kind
        )

    if training.judge is None:
        training.judge = taught("classifier that judges epochs", Classifier, dcgan.seed)
    if dcgan.classifier_matching and training.guide is None:
        clock = time.monotonic()
        # Other batches than the judge's, whose figures it would flatter.
        training.guide = taught("classifier whose features are matched", Guide, dcgan.seed + 1)
        training.seconds += time.monotonic() - clock
    if dcgan.texture_matching:
        some = np.linspace(0, len(split.train) - 1, min(SCALE_PICTURES, len(split.train)))
        rows = split.train[some.astype(np.int64)]
        training.textures = Textures(images.pixels[rows], device)
    validation = Validation(images, split, training.judge, dcgan.seed, device)
    write_grid(run.path / "samples" / "real.png", real_grid(images, split.train))
    batch = min(dcgan.batch_size, len(split.train))
    steps = len(split.train) // batch  # the pictures left over meet another epoch's batches
    done, total = training.epoch * steps + training.step, dcgan.epochs * steps
    progress = TrainingProgress("generator", total, done_steps=done, unit="images")
    with StopRequest() as stop, progress as bar:
        bar.say(describe_device(device, mixed_precision=dcgan.mixed_precision, native=True))
        bar.say(_describe_pictures(images, split, validation))
        saved = time.monotonic()
        while not (reason := training.finished(config)):
            order = epoch_rows(
                split.train, images.category, dcgan.seed, training.epoch, balance=dcgan.balance
            )
            seen, seconds_before, loss = 0, training.seconds, 0.0
            clock = time.monotonic()
            while training.step < steps:
                seed_step(dcgan.seed, training.epoch + 1, training.step)
                rows = order[training.step * batch :][:batch]
                real, category = to_tensors(images, rows, device)
                z = torch.randn(batch, dcgan.z_dim).to(device)
                past = (training.epoch * steps + training.step) / total
                training.set_learning_rate(dcgan, past)
                losses = train_step(training, real, category, z, dcgan, past)
                training.loss_sums += losses
                training.step += 1
                if seen == 0 or training.step % LOSS_EVERY == 0:
                    loss = float(losses[1])
                seen += batch
                bar.advance(batch, loss)
                now = time.monotonic()
                training.seconds, clock = training.seconds + now - clock, now
                if stop.requested or now - saved >= dcgan.checkpoint_every_s:
                    training.save(run, config)
                    saved = now
                if stop.requested:
                    raise TrainingStopped(
                        f"stopped in epoch {training.epoch + 1} after step {training.step} of "
                        f"{steps}; continue with --resume --out {run.path}"
                    )
            rate = seen / max(training.seconds - seconds_before, 1e-9)
            if training.average is not None:
                seed_step(dcgan.seed, training.epoch + 1, steps)
                batches = _statistics_batches(images, order, batch, dcgan.z_dim, device)
                refresh_statistics(training.shown, batches)
            row = _close_epoch(training, validation, config, steps, rate, spreads)
            write_grid(
                run.path / "samples" / f"epoch-{training.epoch:03d}.png",
                sample_grid(training.shown, dcgan.sample_seed),
            )
            training.save(run, config)
            run.keep_metrics(training.rows)
            bar.metric("validation", row["validation"])
            bar.say(_describe_epoch(row))
        bar.say(f"finished: {reason}; epoch {training.kept_epoch} is kept")
    if collapsed := training.collapsed(config):
        raise TrainingCollapsed(collapsed)
    return run


def _statistics_batches(
    images: ImageSet, order: Rows, batch: int, z_dim: int, device: torch.device
) -> Iterator[tuple[Tensor, Tensor]]:
    """Draw z for the categories of an epoch's first batches, as its steps did."""
    for first in range(0, min(STATISTICS_BATCHES * batch, len(order) - batch + 1), batch):
        category = torch.from_numpy(images.category[order[first:][:batch]])
        yield torch.randn(batch, z_dim).to(device), category.to(device)


def _close_epoch(
    training: Training,
    validation: Validation,
    config: GeneratorConfig,
    steps: int,
    images_per_s: float,
    spreads: dict[int, float],
) -> dict[str, Any]:
    """Validate, keep the weights if they are the best so far, and give the epoch's metrics."""
    training.check_losses(config)
    training.epoch, training.step = training.epoch + 1, 0
    d_loss, g_loss = (training.loss_sums / steps).tolist()
    training.loss_sums.zero_()
    metrics = validation.evaluate(training.shown, config.dcgan.sample_seed)
    ratios = diversity(training.shown, spreads, config.dcgan.sample_seed)
    row = {
        "epoch": training.epoch,
        "step": training.epoch * steps,
        "d_loss": d_loss,
        "g_loss": g_loss,
        "validation": metrics["value"],
        "real_against_real": validation.floor,
        "diversity": {training.categories[row]: ratio for row, ratio in ratios.items()},
        "images_per_s": images_per_s,
        "seconds": training.seconds,
    }
    training.rows.append(row)
    if is_kept(training.rows, config.dcgan.collapse_below):
        training.best_metrics = {**metrics, "epoch": training.epoch}
        training.best = {
            name: value.detach().cpu().clone()
            for name, value in training.shown.state_dict().items()
        }
    return row


def is_kept(rows: Sequence[dict[str, Any]], collapse_below: float) -> bool:
    """Say whether the newest epoch's weights replace those that were kept before.

    The lowest validation of many epochs is low by luck too: another classifier would find another
    epoch the best. So a later one is kept wherever its validation is within a tenth of the lowest:
    the step size falls over the cooldown, and the last weights are where training meant to come.
    That holds for no epoch in which a category has collapsed, unless it is the lowest itself.

    Args:
        rows: metrics.jsonl's, the newest last, each with validation and diversity by category.
        collapse_below: diversity below which a category has collapsed.
    """
    newest, lowest = rows[-1], min(row["validation"] for row in rows)
    within = newest["validation"] <= KEPT_WITHIN * lowest
    varied = all(ratio >= collapse_below for ratio in newest["diversity"].values())
    return newest["validation"] == lowest or (within and varied)


def _check_pictures(images: ImageSet, config: GeneratorConfig) -> None:
    size, channels = images.pixels.shape[2:]
    if (size, channels) != (config.images.image_size, config.images.channels):
        raise UnusableInput(
            f"the pictures are {size} px with {channels} channels and the config says "
            f"{config.images.image_size} px with {config.images.channels}; read them with it"
        )


def to_tensors(images: ImageSet, rows: Rows, device: torch.device) -> tuple[Tensor, Tensor]:
    """Give float32 [batch, channels, size, size] from -1 to 1, and int64 [batch]."""
    return to_image(images.pixels[rows], device), torch.from_numpy(images.category[rows]).to(device)


def _describe_pictures(images: ImageSet, split: HeldOut, validation: Validation) -> str:
    return (
        f"{len(split.train)} pictures in {len(images.categories)} categories train, "
        f"{len(split.held_out)} are held out; validation is against {validation.against}"
    )


def _describe_epoch(row: dict[str, Any]) -> str:
    floor = row["real_against_real"]
    beside = "" if floor is None else f" (real against real {floor:.4f})"
    diverse = min(row["diversity"].items(), key=lambda one: one[1], default=None)
    least = "" if diverse is None else f", least diversity {diverse[1]:.2f} ({diverse[0]})"
    return (
        f"epoch {row['epoch']}: discriminator loss {row['d_loss']:.3f}, generator loss "
        f"{row['g_loss']:.3f}, validation {row['validation']:.4f}{beside}{least}, "
        f"{row['images_per_s']:,.0f} images/s"
    )


def load_generator(run: Run) -> tuple[Generator, GeneratorConfig, tuple[str, ...], dict[str, Any]]:
    """Rebuild the best epoch's generator from a run, on the CPU and in evaluation mode.

    Returns:
        The generator, the config, the category names in row order, and the held-out metrics with
        protocol and counts (see :meth:`trainer.generator.evaluate.Validation.evaluate`).

    Raises:
        UnusableInput: no checkpoint, none of a finished epoch, or one of an endcap whose networks
            had other layers.
    """
    state = load_checkpoint(run.checkpoint)
    if state.get("kind") != "generator":
        raise UnusableInput(f"{str(run.checkpoint)!r} is no generator's checkpoint")
    if state["best"] is None:
        raise UnusableInput(
            f"{str(run.path)!r} has not finished its first epoch; continue it with --resume"
        )
    config = from_mapping(GeneratorConfig, state["config"])
    categories = tuple(state["categories"])
    generator = build_generator(config, len(categories))
    try:
        generator.load_state_dict(state["best"])
    except RuntimeError as error:
        raise UnusableInput(
            f"{str(run.checkpoint)!r} holds a generator of other layers than this endcap makes at "
            f"{config.images.image_size} px; train it again"
        ) from error
    metrics = {**state["best_metrics"], "epochs": state["epoch"]}
    return generator.eval(), config, categories, metrics

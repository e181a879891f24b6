"""What a generator run has come to: networks, optimisers, average, its place, the best weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli_w
import torch
from torch import Tensor

from runtime.durable import write_file
from runtime.errors import UnusableInput
from trainer.checkpoint import checkpoint_bytes, load_checkpoint, save_checkpoint
from trainer.generator.classifier import Classifier, Guide
from trainer.generator.config import DcganConfig, GeneratorConfig
from trainer.generator.discriminator import Discriminator, build_discriminator
from trainer.generator.diversity import collapse
from trainer.generator.ema import MovingAverage
from trainer.generator.model import Generator, build_generator
from trainer.generator.textures import Textures
from trainer.images import ImageSet
from trainer.options import from_mapping, to_mapping
from trainer.run import Run, json_bytes, require_same_config

# What a resumed run may be told anew; everything else would make it another run.
MAY_CHANGE = (
    "dcgan.epochs",
    "dcgan.checkpoint_every_s",
    "dcgan.collapse_",
    "dcgan.device",
    "card.",
)


@dataclass
class Training:
    """What one run has come to; a checkpoint holds all of it but the textures' scale."""

    generator: Generator
    discriminator: Discriminator
    generator_optimiser: torch.optim.Adam
    discriminator_optimiser: torch.optim.Adam
    average: MovingAverage | None
    categories: tuple[str, ...]
    pictures: str  # fingerprint of the image set
    loss_sums: Tensor  # float64 [2]: discriminator and generator, summed over this epoch's steps
    epoch: int = 0  # epochs done
    step: int = 0  # steps done in the epoch after them
    rows: list[dict[str, Any]] = field(default_factory=list)
    best: dict[str, Tensor] | None = None
    best_metrics: dict[str, Any] | None = None
    judge: Classifier | None = None  # whose features compare pictures; None until it is trained
    guide: Classifier | None = None  # whose features are matched, where they are
    textures: Textures | None = None  # that are matched; they follow from the pictures alone
    seconds: float = 0.0

    @classmethod
    def new(cls, config: GeneratorConfig, images: ImageSet, device: torch.device) -> Training:
        """Start from fresh weights of the config's seed."""
        dcgan, n_categories = config.dcgan, len(images.categories)
        torch.manual_seed(dcgan.seed)
        # Channels last is the layout the uint8 pictures come in; on a CPU it is a fifth faster at
        # 64 px and no slower at 28.
        generator = build_generator(config, n_categories)
        generator = generator.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        discriminator = build_discriminator(config, n_categories)
        discriminator = discriminator.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        rates: dict[str, Any] = {
            "lr": dcgan.learning_rate,
            "betas": (dcgan.beta1, dcgan.beta2),
            "fused": True,
        }
        return cls(
            generator,
            discriminator,
            torch.optim.Adam(generator.parameters(), **rates),
            torch.optim.Adam(discriminator.parameters(), **rates),
            MovingAverage(generator, dcgan.ema_decay) if dcgan.ema_decay else None,
            images.categories,
            images.fingerprint(),
            torch.zeros(2, dtype=torch.float64, device=device),
        )

    @property
    def shown(self) -> Generator:
        """The generator that is validated, sampled and exported: the average where there is one."""
        return self.generator if self.average is None else self.average.generator

    @property
    def kept_epoch(self) -> int:
        """The epoch, from 1, whose weights are kept; 0 before any."""
        return int(self.best_metrics["epoch"]) if self.best_metrics else 0

    def finished(self, config: GeneratorConfig) -> str:
        """Say why there is nothing left to do; empty while there is."""
        if self.collapsed(config):
            return "training has collapsed"
        if (patience := config.dcgan.patience) and self.rows:
            lowest = min(self.rows, key=lambda row: row["validation"])["epoch"]
            if self.epoch - lowest >= patience:
                return f"no better validation since epoch {lowest}"
        return f"all {self.epoch} epochs are done" if self.epoch >= config.dcgan.epochs else ""

    def collapsed(self, config: GeneratorConfig) -> str:
        """Say which category has collapsed and what to do; empty while none has."""
        return collapse(self.rows, config.dcgan, self.kept_epoch)

    def set_learning_rate(self, dcgan: DcganConfig, done: float) -> None:
        """Give both optimisers the step size after a share ``done`` of all steps, 0 to 1.

        It is the config's until the cooldown, and falls evenly from there to 0 at the end: the two
        networks circle around what they are looking for, and smaller steps bring them closer.
        """
        left = 1 - done
        share = min(1.0, left / dcgan.cooldown) if dcgan.cooldown else 1.0
        for optimiser in (self.generator_optimiser, self.discriminator_optimiser):
            for group in optimiser.param_groups:
                group["lr"] = dcgan.learning_rate * share

    def check_losses(self, config: GeneratorConfig) -> None:
        """Raise :class:`UnusableInput` when a loss of this epoch is no longer finite."""
        if not bool(torch.isfinite(self.loss_sums).all()):
            raise UnusableInput(
                f"training broke down in epoch {self.epoch + 1}: a loss is not a finite number; "
                f"lower dcgan.learning_rate ({config.dcgan.learning_rate:g}) and train again"
            )

    def save(self, run: Run, config: GeneratorConfig) -> None:
        """Write the checkpoint; the old one stays until the new one is whole.

        Raises:
            UnusableInput: a loss is not finite, so that the weights are worthless; or the disk.
        """
        self.check_losses(config)
        save_checkpoint(run.checkpoint, self.state(config))

    def state(self, config: GeneratorConfig) -> dict[str, Any]:
        """Return what a checkpoint holds."""
        return {
            "kind": "generator",
            "config": to_mapping(config),
            "categories": list(self.categories),
            "pictures": self.pictures,
            "epoch": self.epoch,
            "step": self.step,
            "loss_sums": self.loss_sums.tolist(),
            "generator": self.generator.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "generator_optimiser": self.generator_optimiser.state_dict(),
            "discriminator_optimiser": self.discriminator_optimiser.state_dict(),
            "average": self.average and self.average.state_dict(),
            "rows": self.rows,
            "best": self.best,
            "best_metrics": self.best_metrics,
            "judge": self.judge and self.judge.state_dict(),
            "guide": self.guide and self.guide.state_dict(),
            "seconds": self.seconds,
        }

    def restore(self, state: dict[str, Any], config: GeneratorConfig, run: Run) -> None:
        """Continue from a checkpoint's state.

        Raises:
            UnusableInput: it is of another config or other pictures than this run, or of a version
                that judged epochs by pixels.
        """
        if "judge" not in state:
            raise UnusableInput(
                f"{str(run.path)!r} was begun by an older endcap, whose generator runs cannot be "
                "continued; start another run with another --out"
            )
        _check_config(state, config, run)
        if state["pictures"] != self.pictures:
            raise UnusableInput(
                f"{str(run.path)!r} was begun with other pictures than these in "
                f"{len(self.categories)} categories; name the same ones or choose another --out"
            )
        self.generator.load_state_dict(state["generator"])
        self.discriminator.load_state_dict(state["discriminator"])
        self.generator_optimiser.load_state_dict(state["generator_optimiser"])
        self.discriminator_optimiser.load_state_dict(state["discriminator_optimiser"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.judge = self._classifier(Classifier, state["judge"], config)
        self.guide = self._classifier(Guide, state.get("guide"), config)  # None before it existed
        self.loss_sums.copy_(torch.tensor(state["loss_sums"], dtype=torch.float64))
        for name in ("epoch", "step", "rows", "best", "best_metrics", "seconds"):
            setattr(self, name, state[name])

    def _classifier(
        self, kind: type[Classifier], weights: dict[str, Tensor] | None, config: GeneratorConfig
    ) -> Classifier | None:
        """Make a classifier of these weights, if there are any."""
        if weights is None:
            return None
        made = kind(
            n_categories=len(self.categories),
            image_size=config.images.image_size,
            channels=config.images.channels,
        )
        made.load_state_dict(weights)
        made = made.to(self.loss_sums.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return made.eval().requires_grad_(False)


def begin(
    images: ImageSet,
    config: GeneratorConfig,
    run_path: Path,
    device: torch.device,
    resume: bool,
    facts: dict[str, Any],
) -> tuple[Run, Training]:
    """Make the run folder with a first checkpoint, or continue from the folder's checkpoint."""
    training = Training.new(config, images, device)
    if not resume:
        files = {
            "data.json": json_bytes(images.report.to_json()),
            "checkpoint.pt": checkpoint_bytes(training.state(config)),
        }
        return Run.create(run_path, "generator", config, facts, files), training
    run = Run.open(run_path, "generator")
    training.restore(load_checkpoint(run.checkpoint), config, run)
    write_file(run.path / "config.toml", tomli_w.dumps(to_mapping(config)).encode())
    run.keep_metrics(training.rows)
    return run, training


def _check_config(state: dict[str, Any], config: GeneratorConfig, run: Run) -> None:
    """Refuse to resume under another config, naming the first field that differs."""
    # Through the dataclass, so that a field younger than the checkpoint counts with its default.
    begun = from_mapping(GeneratorConfig, state["config"])
    require_same_config(begun, config, free=MAY_CHANGE)
    if config.dcgan.epochs < state["epoch"]:
        raise UnusableInput(
            f"dcgan.epochs is {config.dcgan.epochs} and {str(run.path)!r} has done "
            f"{state['epoch']}; give at least as many"
        )

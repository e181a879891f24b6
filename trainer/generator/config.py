"""Configs of a generator run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from runtime.errors import UnusableInput, nearest
from trainer.config import MAX_SEED, CardConfig
from trainer.options import Options, option, section

IMAGE_SIZES = (28, 32, 64, 128)  # pixels on a side
AUGMENTATIONS = ("colour", "translation", "cutout")


@dataclass(frozen=True)
class ImagesConfig(Options):
    """How pictures are read (TOML table ``images``)."""

    image_size: int = option(64, "Pixels on a side: 28, 32, 64 or 128.", low=28, high=128)
    channels: int = option(3, "1 for grey, 3 for colour.", low=1, high=3)
    fit: str = option(
        "letterbox",
        "letterbox: the picture on a padded square; crop: its middle square; stretch: both sides.",
        choices=("letterbox", "crop", "stretch"),
    )
    background: int = option(255, "Grey level of letterbox padding, 0 to 255.", low=0, high=255)
    categories: tuple[str, ...] = option(
        (), "Categories to keep, in this order; all of them if empty."
    )
    label_names: tuple[str, ...] = option(
        (), "Names of an npz's integer labels, label 0 first; the numbers themselves without."
    )
    min_per_category: int = option(2, "Categories with fewer pictures are left out.", low=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.image_size not in IMAGE_SIZES:
            raise UnusableInput(
                f"config field 'image_size' is {self.image_size}; it must be 28, 32, 64 or 128"
            )
        if self.channels not in (1, 3):
            raise UnusableInput(
                f"config field 'channels' is {self.channels}; it must be 1 (grey) or 3 (colour)"
            )
        for name in ("categories", "label_names"):
            values = getattr(self, name)
            if len(set(values)) != len(values):
                raise UnusableInput(f"config field {name!r} names a category twice: {values!r}")


# What dcgan.preset stands for: "seed" is the plain DCGAN of the seed, the baseline.
PRESETS: dict[str, dict[str, Any]] = {
    "default": {
        "learning_rate": 2e-4,
        "beta2": 0.999,
        "detail_width": 0,
        "loss": "bce",
        "discriminator_norm": "batch",
        "auxiliary": 0.0,
        "diversity": 0.5,
        "feature_matching": 0.0,
        "texture_matching": 0.0,
        "classifier_matching": 0.0,
        "r1": 0.1,
        "augment": ("translation", "cutout"),
        "augment_share": 1.0,
        "augment_ramp": 0.0,
        "ema_decay": 0.999,
        "balance": True,
        "cooldown": 0.4,
    },
    "seed": {
        "learning_rate": 2e-4,
        "beta2": 0.999,
        "detail_width": 0,
        "loss": "bce",
        "discriminator_norm": "batch",
        "auxiliary": 0.0,
        "diversity": 0.0,
        "feature_matching": 0.0,
        "texture_matching": 0.0,
        "classifier_matching": 0.0,
        "r1": 0.0,
        "augment": (),
        "augment_share": 1.0,
        "augment_ramp": 0.0,
        "ema_decay": 0.0,
        "balance": False,
        "cooldown": 0.0,
    },
}


def _by_preset(name: str, doc: str, **rules: Any) -> Any:
    """Declare a field that the preset fills unless it is given; its sentence names the seed's."""
    return option(None, f"{doc} Preset seed: {json.dumps(PRESETS['seed'][name])}.", **rules)


@dataclass(frozen=True)
class DcganConfig(Options):
    """The DCGAN and its loop (TOML table ``dcgan``).

    Fields that a preset fills are filled when the config is made: nothing sees them empty.
    """

    preset: str = option(
        "default",
        "default: made for small sets; seed: the plain DCGAN, the baseline. Fields below that name "
        "a preset are filled by it, unless they are given.",
        choices=("default", "seed"),
    )
    z_dim: int = option(100, "Numbers in the latent vector z.", low=1, high=4096)
    category_dim: int = option(16, "Numbers in a category's embedding.", low=1, high=1024)
    generator_width: int = option(
        64, "Channels of the generator's last hidden layer, detail_width's aside.", low=4, high=512
    )
    detail_width: int = _by_preset(
        "detail_width",
        "Channels of one more layer of the generator, at the picture's own size, for fine "
        "textures; 0 leaves it out.",
        low=0,
        high=512,
    )
    discriminator_width: int = option(
        64, "Channels of the discriminator's first layer.", low=4, high=512
    )
    epochs: int = option(25, "Passes over the pictures.", low=1)
    batch_size: int = option(64, "Pictures in one step.", low=2)
    learning_rate: float = _by_preset(
        "learning_rate", "Adam's step size for both networks.", low=1e-8, high=1.0
    )
    beta1: float = option(0.5, "Adam's first momentum.", low=0.0, high=0.999)
    beta2: float = _by_preset(
        "beta2",
        "Adam's second momentum; smaller, steps follow sooner what the other network does.",
        low=0.0,
        high=0.99999,
    )
    loss: str = _by_preset(
        "loss",
        "bce: binary cross-entropy; hinge: scores beyond 1 and -1 are enough.",
        choices=("bce", "hinge"),
    )
    discriminator_norm: str = _by_preset(
        "discriminator_norm",
        "batch: batch norm in the discriminator; spectral: spectral norm; none: neither, for R1.",
        choices=("batch", "spectral", "none"),
    )
    auxiliary: float = _by_preset(
        "auxiliary",
        "Weight of the auxiliary classifier, which keeps pictures within their category, and makes "
        "those of one category more alike; 0 leaves it out.",
        low=0.0,
        high=100.0,
    )
    diversity: float = _by_preset(
        "diversity",
        "Weight of the generator's loss for pictures of a category that differ less than real ones "
        "do; 0 leaves it out.",
        low=0.0,
        high=100.0,
    )
    feature_matching: float = _by_preset(
        "feature_matching",
        "Weight of the generator's loss for pictures of a category that the discriminator's last "
        "map finds elsewhere than real ones (energy distance); 0 leaves it out.",
        low=0.0,
        high=1000.0,
    )
    texture_matching: float = _by_preset(
        "texture_matching",
        "The same for how rough pictures are, by direction, scale and place, over the cooldown, or "
        "all the time where there is none; 0 leaves it out.",
        low=0.0,
        high=1000.0,
    )
    classifier_matching: float = _by_preset(
        "classifier_matching",
        "The same, over the cooldown too, for the features of a classifier of the categories that "
        "is trained first; 0 leaves it out.",
        low=0.0,
        high=1000.0,
    )
    r1: float = _by_preset(
        "r1",
        "Weight of the R1 penalty on the discriminator's slope at real pictures; 0 leaves it out.",
        low=0.0,
        high=1000.0,
    )
    augment: tuple[str, ...] = _by_preset(
        "augment",
        "Random changes to real and drawn pictures before the discriminator sees them: colour, "
        "translation, cutout.",
    )
    augment_share: float = _by_preset(
        "augment_share",
        "Probability with which a picture gets each of these changes; the more pictures, the fewer "
        "need any.",
        low=0.01,
        high=1.0,
    )
    augment_ramp: float = _by_preset(
        "augment_ramp",
        "Share of the epochs, the first ones, over which that probability rises evenly from 0; the "
        "discriminator learns pictures by heart late.",
        low=0.0,
        high=1.0,
    )
    ema_decay: float = _by_preset(
        "ema_decay",
        "Share of the generator's moving average that a step keeps; the average is what is shown "
        "and exported; 0 shows the trained weights.",
        low=0.0,
        high=0.99999,
    )
    balance: bool = _by_preset(
        "balance", "Whether every category comes equally often, small ones by repetition."
    )
    cooldown: float = _by_preset(
        "cooldown",
        "Share of the epochs, the last ones, over which both step sizes fall evenly to 0.",
        low=0.0,
        high=1.0,
    )
    collapse_below: float = option(
        0.2,
        "Diversity, the mean difference of a category's pictures over that of real ones, below "
        "which it counts as collapsed; 0 never stops training.",
        low=0.0,
        high=1.0,
    )
    collapse_epochs: int = option(
        5, "Epochs in a row that a category stays collapsed before training is stopped.", low=1
    )
    collapse_after: int = option(5, "First epochs in which a collapse does not count yet.", low=0)
    patience: int = option(
        0, "Epochs without a better validation metric before stopping; 0 runs every epoch.", low=0
    )
    sample_seed: int = option(
        7, "Seed of the fixed z behind the sample grids.", low=0, high=MAX_SEED
    )
    checkpoint_every_s: float = option(
        60.0, "Seconds between checkpoints within an epoch.", low=0.0
    )
    seed: int = option(7, "Seed of initial weights, batches and noise.", low=0, high=MAX_SEED)
    device: str = option("auto", "auto, cpu or cuda.", choices=("auto", "cpu", "cuda"))
    mixed_precision: bool = option(
        True, "bfloat16 forward passes where they are faster: CUDA, and some CPUs."
    )

    def augment_share_at(self, done: float) -> float:
        """Give the probability of a change after a share ``done`` of all steps, 0 to 1."""
        return self.augment_share * (min(1.0, done / self.augment_ramp) if self.augment_ramp else 1)

    def cools_at(self, done: float) -> bool:
        """Say whether details are matched after a share ``done`` of all steps, 0 to 1.

        Large steps undo at once what is matched of textures and of a classifier's features.
        """
        return not self.cooldown or done >= 1 - self.cooldown

    def __post_init__(self) -> None:
        for name, value in PRESETS.get(self.preset, {}).items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        super().__post_init__()
        for change in self.augment:
            if change not in AUGMENTATIONS:
                raise UnusableInput(
                    f"config field 'augment' names {change!r}; {nearest(change, AUGMENTATIONS)}"
                )


@dataclass(frozen=True)
class GeneratorConfig(Options):
    """A whole generator run."""

    images: ImagesConfig = section(ImagesConfig)
    dcgan: DcganConfig = section(DcganConfig)
    card: CardConfig = section(CardConfig)

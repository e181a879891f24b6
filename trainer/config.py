"""What a run can be told: a frozen dataclass per TOML table, a sentence and a unit per field."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from runtime.errors import UnusableInput, nearest
from trainer.options import Options, option, section

MAX_SEED = 2**32 - 1
AUGMENTATIONS = ("colour", "translation", "cutout")


@dataclass(frozen=True)
class DataConfig(Options):
    """How to read and clean a purchase log (TOML table ``data``)."""

    format: str = option(
        "rows",
        "rows: one purchase a line under a header; baskets: one basket a line, without shoppers; "
        "sequences: a shopper's id and then the items, oldest first, a line.",
        choices=("rows", "baskets", "sequences"),
    )
    user_column: str = option("user_id", "Column that names the shopper.")
    item_column: str = option("item_id", "Column that names the item.")
    time_column: str = option("timestamp", "Column with the time; row order counts without one.")
    label_column: str = option("label", "Column with 0 or 1, where the log has one.")
    quantity_column: str = option(
        "quantity", "Column with the number of pieces, where there is one."
    )
    basket_column: str | None = option(
        None,
        "Column that names the receipt; rows without a shopper are then kept as anonymous baskets.",
    )
    title_column: str | None = option(None, "Column of the log that holds the item's title.")
    category_column: str | None = option(None, "Column of the log that holds the item's category.")
    price_column: str | None = option(None, "Column of the log that holds the price of one piece.")
    attributes: tuple[str, ...] = option(
        (),
        "Catalogue columns that are attributes, beside category, which always is; every column "
        "but item_id and title if empty.",
    )
    value_separator: str = option(
        "|",
        "What separates the values of an attribute with several, such as red|blue; none: texts are "
        "never split. A category is one value always.",
    )
    title_words: bool = option(
        True, "true: words that titles share are attributes too, so that unsold items have some."
    )
    time_format: str | None = option(
        None, "strptime format of the time column; detected, and must be one format, without it."
    )
    missing_user: tuple[str, ...] = option(
        (), "Values of the shopper column that stand for nobody, beside the empty one."
    )
    exclude_items: tuple[str, ...] = option(
        (), "Item ids, or patterns with * and ?, that are no products: postage, fees, test codes."
    )
    exclude_titles: tuple[str, ...] = option(
        (), "Titles, or patterns with * and ?, of items that are no products (case matters)."
    )
    min_item_interactions: int = option(1, "Items with fewer interactions are dropped.", low=1)
    min_user_interactions: int = option(1, "Shoppers with fewer interactions are dropped.", low=1)
    repeat_purchases: bool = option(
        False,
        "true where shoppers buy the same item again (groceries): repeats are kept and bought "
        "items shown again; false (gifts): first purchases count and bought items are hidden.",
    )
    encoding: str = option("utf-8", "Text encoding of CSV files.")
    delimiter: str = option(
        ",", "Column delimiter of CSV files, and of baskets and sequences; \\t is a tab."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.value_separator == "none":
            object.__setattr__(self, "value_separator", "")
        if self.delimiter == "\\t":
            object.__setattr__(self, "delimiter", "\t")
        if len(self.delimiter) != 1 or self.delimiter in '"\r\n':
            raise UnusableInput(
                f"config field 'delimiter' is {self.delimiter!r}; it must be one character, such "
                "as , or ; or \\t"
            )


@dataclass(frozen=True)
class SplitConfig(Options):
    """How validation and test purchases are set apart (TOML table ``split``)."""

    method: str = option(
        "leave-last-out",
        "leave-last-out: each shopper's last item is tested, the one before validates; time: the "
        "newest part of the log; random: a random part of each shopper's items.",
        choices=("leave-last-out", "time", "random"),
    )
    test_fraction: float = option(
        0.2,
        "Share of purchases (time, random) that is tested; a fifth is the classic 80/20.",
        low=0.001,
        high=0.9,
    )
    validation_fraction: float = option(
        0.1, "Share of the training purchases that validates (time, random).", low=0.001, high=0.9
    )
    anonymous_fraction: float = option(
        0.1,
        "Share of anonymous baskets set apart under leave-last-out, half of it for each purpose.",
        low=0.0,
        high=0.9,
    )
    cold_items: float = option(
        0.0,
        "Share of the sold items that is hidden from training and validation, to measure how items "
        "without sales are ranked; 0 except to measure that.",
        low=0.0,
        high=0.9,
    )
    seed: int = option(7, "Seed of every random choice in the split.", low=0, high=MAX_SEED)


@dataclass(frozen=True)
class TrainingConfig(Options):
    """The training loop of the recommender (TOML table ``training``)."""

    epochs: int = option(20, "Passes over the training purchases, at most.", low=1)
    batch_size: int = option(512, "Purchases in one optimiser step.", low=1)
    learning_rate: float = option(0.002, "Adam's step size.", low=1e-8, high=1.0)
    weight_decay: float = option(0.0, "Adam's L2 penalty on the weights.", low=0.0, high=1.0)
    refit: bool = option(
        True,
        "true: what validation has chosen is trained again on training and validation purchases.",
    )
    patience: int = option(3, "Epochs without a better validation metric before stopping.", low=1)
    validation_cases: int = option(
        5000, "Validation cases ranked after each epoch, a seeded sample of them.", low=1
    )
    test_cases: int = option(
        50_000,
        "Test cases ranked when training ends, a seeded sample of them; 0 ranks them all.",
        low=0,
    )
    checkpoint_every_s: float = option(
        60.0, "Seconds between checkpoints within an epoch.", low=0.0
    )
    seed: int = option(
        7, "Seed of initial weights, batches, negatives and dropout.", low=0, high=MAX_SEED
    )
    device: str = option("auto", "auto, cpu or cuda.", choices=("auto", "cpu", "cuda"))
    mixed_precision: bool = option(
        True, "bfloat16 products where the device has them: CUDA, and the softmax on newer CPUs."
    )


@dataclass(frozen=True)
class TwoStageConfig(Options):
    """The default recommender (TOML table ``two_stage``)."""

    dim: int = option(128, "Numbers in a shopper or item vector.", low=2, high=4096)
    max_basket: int = option(
        50, "Newest items of a shopper that the model looks at.", low=1, high=1000
    )
    context: str = option(
        "auto",
        "What stands for a shopper in training: earlier, what was bought before; others, whatever "
        "else was bought, in no order; auto: others for baskets and random splits, else earlier.",
        choices=("auto", "earlier", "others"),
    )
    encoder_hidden: int = option(
        256,
        "Width of the network that bends the pooled basket by its newest item; 0 leaves it out.",
        low=0,
        high=8192,
    )
    encoder_dropout: float = option(
        0.4, "Share of that network's inputs and hidden units zeroed in training.", low=0, high=0.95
    )
    loss: str = option(
        "auto",
        "softmax: all items compete; sampled-softmax: a sample does, corrected by the log of its "
        "probability; auto: the whole catalogue up to full_softmax_items.",
        choices=("auto", "softmax", "sampled-softmax"),
    )
    basket_competes: bool = option(
        True,
        "Whether what is in a basket competes with the answer in the softmax; on sparse logs it "
        "should, though it is never shown.",
    )
    label_smoothing: float = option(
        0.0,
        "Share of an answer's weight that all items get evenly in the softmax.",
        low=0,
        high=0.9,
    )
    temperature: float = option(
        0.07, "Divides the cosine of shopper and item vectors in the softmax.", low=1e-3, high=10.0
    )
    dropout: float = option(
        0.4, "Share of the shopper vector zeroed in training.", low=0.0, high=0.95
    )
    item_dropout: float = option(
        0.0, "Share of basket items left out in training, the newest apart.", low=0.0, high=0.95
    )
    user_dropout: float = option(
        0.5, "Share of training shoppers treated as anonymous.", low=0.0, high=1.0
    )
    basket_dropout: float = option(
        0.1,
        "Share of training baskets emptied, so that nobody's tastes are learned too.",
        low=0.0,
        high=1.0,
    )
    short_baskets: float = option(
        0.2, "Share of training baskets cut to a random number of newest items.", low=0.0, high=1.0
    )
    user_rate: float = option(
        0.03,
        "Step size of user vectors as a share of learning_rate; fast ones overfit.",
        low=0.0,
        high=1.0,
    )
    user_scale: float = option(
        0.1,
        "Standard deviation of a new user vector, in units of an item vector's.",
        low=0.0,
        high=10.0,
    )
    price_bands: int = option(8, "Equal-count bands that a price is cut into.", low=2, high=256)
    full_softmax_items: int = option(
        20000, "Catalogues up to this many items compete whole; larger ones by sampling.", low=0
    )
    sampled_negatives: int = option(
        4096, "Items drawn by popularity that compete in each step on a larger catalogue.", low=1
    )
    neighbours: int = option(
        200, "Item-item weights kept for each item; 0 leaves them out.", low=0, high=10000
    )
    neighbour_items: int = option(
        8000,
        "Catalogues up to this many items get item-item weights, at a cost that grows with the "
        "third power.",
        low=0,
        high=50000,
    )
    item_item_l2: tuple[float, ...] = option(
        (30.0, 100.0, 300.0), "Ridge penalties that validation chooses from.", low=1e-3
    )
    item_item_dropout: float = option(
        0.5, "Share of a basket that the item-item weights do without.", low=0.0, high=0.95
    )
    candidates: int = option(
        200, "Items that retrieval hands to the ranking stage.", low=2, high=10000
    )
    ranker_epochs: int = option(
        1, "Passes of the ranking stage; 0 leaves retrieval's order.", low=0
    )
    ranker_negatives: int = option(
        31, "Hard negatives, drawn from retrieval's candidates, per purchase.", low=1
    )
    ranker_hidden: tuple[int, ...] = option(
        (64, 32), "Widths of the ranking MLP's hidden layers.", low=1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.item_item_l2:
            raise UnusableInput("config field 'item_item_l2' is empty; give one penalty or more")

    def full_softmax(self, n_items: int) -> bool:
        """Say whether a catalogue of ``n_items`` competes whole in training."""
        if self.loss == "auto":
            return n_items <= self.full_softmax_items
        return self.loss == "softmax"


@dataclass(frozen=True)
class MlpConfig(Options):
    """The seed's recommender (TOML table ``mlp``)."""

    dim: int = option(50, "Numbers in a user or item embedding.", low=1, high=4096)
    hidden: tuple[int, ...] = option((64, 32), "Widths of the hidden layers.", low=1)
    negatives: int = option(4, "Sampled negatives per purchase when the log has no labels.", low=1)
    max_basket: int = option(50, "Newest items of a basket that are looked at.", low=1, high=1000)


@dataclass(frozen=True)
class CardConfig(Options):
    """What the model card says of the data (TOML table ``card``)."""

    source: str = option("", "Where the data comes from.")
    licence: str = option("", "The data's licence.")
    citation: str = option("", "How the data's authors ask to be cited.")
    notes: str = option("", "Anything a user of the model should know.")


@dataclass(frozen=True)
class RecommenderConfig(Options):
    """A whole recommender run."""

    arch: str = option(
        "two-stage",
        "two-stage: the default; mlp: the seed's reference model.",
        choices=("two-stage", "mlp"),
    )
    data: DataConfig = section(DataConfig)
    split: SplitConfig = section(SplitConfig)
    training: TrainingConfig = section(TrainingConfig)
    two_stage: TwoStageConfig = section(TwoStageConfig)
    mlp: MlpConfig = section(MlpConfig)
    card: CardConfig = section(CardConfig)

    @property
    def ordered(self) -> bool:
        """Whether training tells the model what was bought before, or whatever else was."""
        if self.two_stage.context == "auto":
            return self.data.format != "baskets" and self.split.method != "random"
        return self.two_stage.context == "earlier"


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
        if self.image_size not in (28, 32, 64, 128):
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
        "loss": "bce",
        "discriminator_norm": "batch",
        "r1": 1.0,
        "augment": ("translation", "cutout"),
        "ema_decay": 0.999,
        "balance": True,
    },
    "seed": {
        "loss": "bce",
        "discriminator_norm": "batch",
        "r1": 0.0,
        "augment": (),
        "ema_decay": 0.0,
        "balance": False,
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
        64, "Channels of the generator's last hidden layer.", low=4, high=512
    )
    discriminator_width: int = option(
        64, "Channels of the discriminator's first layer.", low=4, high=512
    )
    epochs: int = option(25, "Passes over the pictures.", low=1)
    batch_size: int = option(64, "Pictures in one step.", low=2)
    learning_rate: float = option(2e-4, "Adam's step size for both networks.", low=1e-8, high=1.0)
    beta1: float = option(0.5, "Adam's first momentum.", low=0.0, high=0.999)
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
        True, "bfloat16 forward passes where the device has them: CUDA, and newer CPUs."
    )

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

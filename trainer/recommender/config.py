"""Configs of a recommender run."""

from __future__ import annotations

from dataclasses import dataclass

from runtime.errors import UnusableInput
from trainer.config import MAX_SEED, CardConfig, DataConfig, SplitConfig
from trainer.options import Options, option, section


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
        True, "bfloat16 products where they are faster: CUDA, and the softmax on some CPUs."
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

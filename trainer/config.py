"""Configs that both models share; every field has one sentence with its unit."""

from __future__ import annotations

from dataclasses import dataclass

from runtime.errors import UnusableInput
from trainer.options import Options, option

MAX_SEED = 2**32 - 1


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
class CardConfig(Options):
    """What the model card says of the data (TOML table ``card``)."""

    source: str = option("", "Where the data comes from.")
    licence: str = option("", "The data's licence.")
    citation: str = option("", "How the data's authors ask to be cited.")
    notes: str = option("", "Anything a user of the model should know.")

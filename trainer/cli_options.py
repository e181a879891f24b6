"""Options that the trainer's commands share; light to import, so that ``--help`` is quick."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from runtime.errors import MissingCapability

if TYPE_CHECKING:
    from trainer.generator.config import GeneratorConfig
    from trainer.recommender.config import RecommenderConfig

F = TypeVar("F", bound=Callable[..., Any])

FILE = click.Path(path_type=Path)

_COLUMNS = {
    "format": ("log_format", "rows, baskets (one a line, no shoppers) or sequences (user item …)."),
    "user_column": ("user_column", "Column of the shopper  [default: user_id]."),
    "item_column": ("item_column", "Column of the item  [default: item_id]."),
    "time_column": ("time_column", "Column of the time  [default: timestamp, if there is one]."),
    "label_column": ("label_column", "Column of 0/1 labels  [default: label, if there is one]."),
    "quantity_column": ("quantity_column", "Column of the pieces  [default: quantity, if any]."),
    "basket_column": ("basket_column", "Column of the receipt; keeps anonymous baskets."),
    "title_column": ("title_column", "Column of the item's title, where the log has one."),
    "category_column": ("category_column", "Column of the item's category, likewise."),
    "price_column": ("price_column", "Column of the price, likewise."),
    "time_format": ("time_format", "strptime format of the time, such as '%d/%m/%Y'."),
    "encoding": ("encoding", "Text encoding of the file  [default: utf-8]."),
    "delimiter": ("delimiter", "Column delimiter  [default: ,]."),
}
_LISTS = {
    "missing_user": "A value of the shopper column that means nobody; may be repeated.",
    "exclude_items": "An item id, or pattern with *, that is no product; may be repeated.",
}


def column_options(command: F) -> F:
    """Add the options that say how to read a purchase log; they win over ``--config``."""
    for field, text in reversed(_LISTS.items()):
        flag = "--" + field.replace("_", "-").removesuffix("s")
        command = click.option(flag, field, multiple=True, metavar="VALUE", help=text)(command)
    for field, (parameter, text) in reversed(_COLUMNS.items()):
        flag = "--" + field.replace("_", "-")
        kind: Any = click.Choice(["rows", "baskets", "sequences"]) if field == "format" else str
        command = click.option(flag, parameter, type=kind, help=text)(command)
    return command


config_option = click.option(
    "--config", "config_path", type=FILE, metavar="TOML", help="Settings; see docs/config.md."
)

set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Set one config field, such as training.epochs=5; may be repeated and wins over --config.",
)


def interactions_option(*, required: bool) -> Callable[[F], F]:
    """Add ``--interactions``, which ``endcap evaluate`` may do without."""
    return click.option(
        "--interactions",
        type=FILE,
        required=required,
        metavar="FILE",
        help="The purchase log: CSV, CSV.gz or Parquet.",
    )


def images_option(*, required: bool) -> Callable[[F], F]:
    """Add ``--images``, which ``endcap evaluate`` may do without."""
    return click.option(
        "--images",
        type=FILE,
        required=required,
        metavar="DIR|ZIP|NPZ",
        help="Pictures: one folder a category, or any layout with --labels, or an npz with x and "
        "y.",
    )


def labels_options(command: F) -> F:
    """Add the options that say which file holds the categories of pictures."""
    options = [
        click.option("--labels", type=FILE, metavar="CSV", help="Category of each picture."),
        click.option("--id-column", help="Column of --labels with the file name  [default: id]."),
        click.option(
            "--label-column", help="Column of --labels with the category  [default: label]."
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


catalogue_option = click.option(
    "--catalogue", type=FILE, metavar="FILE", help="Items: item_id, title, category, attributes."
)


def needs_training_extra() -> None:
    """Make sure that what training needs is installed, before a command starts to work.

    Raises:
        MissingCapability: it is not; the message holds the command that installs it.
    """
    import importlib.util

    for module in ("torch", "pandas", "pyarrow", "onnx", "rich", "matplotlib", "PIL", "jinja2"):
        if importlib.util.find_spec(module) is None:
            raise MissingCapability(
                f"this command needs {module!r}, which is not installed; "
                "pip install 'endcap[train,cpu]'"
            )


def recommender_config(
    config_path: Path | None, settings: tuple[str, ...], columns: Mapping[str, Any]
) -> RecommenderConfig:
    """Build a recommender's config from TOML, column options and ``--set``, the later winning."""
    from trainer.options import from_mapping, read_toml, with_overrides
    from trainer.recommender.config import RecommenderConfig

    values = with_overrides(read_toml(config_path) if config_path else {}, ())
    data = values.setdefault("data", {})
    for field, (parameter, _) in _COLUMNS.items():
        if columns[parameter] is not None:
            data[field] = columns[parameter]
    for field in _LISTS:
        if columns[field]:
            data[field] = list(columns[field])
    return from_mapping(RecommenderConfig, with_overrides(values, settings))


def generator_config(config_path: Path | None, settings: tuple[str, ...]) -> GeneratorConfig:
    """Build a generator's config from TOML and ``--set``, the latter winning."""
    from trainer.generator.config import GeneratorConfig
    from trainer.options import from_mapping, read_toml, with_overrides

    values = read_toml(config_path) if config_path else {}
    return from_mapping(GeneratorConfig, with_overrides(values, settings))


def this_command() -> str:
    """Return the running command line as one would type it, for cards and reports."""
    import shlex

    return shlex.join(["endcap", *click.get_current_context().find_root().obj["arguments"]])

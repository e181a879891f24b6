"""What every endcap command shares: its class with --debug, common options, how answers leave."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from typing import Any

import click


def _set_debug(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        context.find_root().ensure_object(dict)["debug"] = True


def _debug_option() -> click.Option:
    return click.Option(
        ["--debug"],
        is_flag=True,
        expose_value=False,
        callback=_set_debug,
        help="Show the traceback of an error.",
    )


class Command(click.Command):
    """A click command that also takes --debug, so that it may stand after the subcommand."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(_debug_option())


class Group(click.Group):
    """A click group that also takes --debug; its commands are :class:`Command` by default."""

    command_class = Command
    group_class = type

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(_debug_option())


bundle_argument = click.argument("bundle", type=click.Path())

json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON document on standard output and nothing else there.",
)

provider_option = click.option(
    "--provider",
    type=click.Choice(["cpu", "cuda", "auto"]),
    default="auto",
    show_default=True,
    help="Where to run; 'cuda' fails when it is not to be had, 'auto' takes it where it is.",
)

variant_option = click.option(
    "--variant",
    default="auto",
    show_default=True,
    metavar="V",
    help="Which exported form to run, such as fp32; 'auto' takes the bundle's choice.",
)

threads_option = click.option(
    "--threads",
    type=int,
    metavar="N",
    help="Threads for one run; without it one a core, at most 4. They never spin.",
)


def print_json(document: Mapping[str, Any]) -> None:
    """Print ``document`` as the one JSON document of this command; NaN and Infinity are errors."""
    click.echo(json.dumps(document, indent=2, allow_nan=False))


def say(text: str) -> None:
    """Tell the user something that is not the answer: on standard error."""
    click.echo(text, err=True)


def split_ids(text: str | None) -> tuple[str, ...]:
    """Split ``ID,ID``; an id that holds a comma stands in double quotes, as in CSV."""
    if not text:
        return ()
    rows = csv.reader([text], skipinitialspace=True)
    return tuple(item_id.strip() for row in rows for item_id in row if item_id.strip())


def megabytes(size_bytes: int) -> str:
    """Return a size as people read it, in megabytes of 10**6 bytes."""
    return f"{size_bytes / 1e6:.2f} MB"


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Return ``rows`` under ``headers`` in aligned columns; columns ``right`` align right."""
    widths = [
        max(_width(row[column]) for row in [headers, *rows]) for column in range(len(headers))
    ]
    lines = []
    for row in [headers, *rows]:
        cells = []
        for column, cell in enumerate(row):
            fill = " " * (widths[column] - _width(cell))
            cells.append(fill + cell if column in right else cell + fill)
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _width(text: str) -> int:
    """Return how many terminal columns ``text`` takes; Chinese and Japanese take two each."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)

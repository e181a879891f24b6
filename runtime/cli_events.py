"""The command for what a server kept of its shoppers: events export."""

from __future__ import annotations

import csv
import datetime
import io
from pathlib import Path

import click

from runtime.cli_options import Command, Group, say
from runtime.errors import UnusableInput
from runtime.serve.event import KINDS

_COLUMNS = ("user_id", "item_id", "timestamp", "quantity", "session_id")


@click.group(cls=Group, short_help="What a server kept: export it for training.")
def events() -> None:
    """Work with the events that ``endcap serve --events FILE`` kept."""


@events.command(
    "export",
    cls=Command,
    short_help="Write events as the CSV that endcap train recommender reads.",
    epilog="""\b
Examples:
  endcap events export events.db --out purchases.csv
  endcap events export events.db --since 2026-01-01 --out january.csv
  endcap train recommender --interactions purchases.csv --out runs/shop
""",
)
@click.argument("file", type=click.Path())
@click.option(
    "--since",
    metavar="T",
    help="Only what came to the server at T or later: a date or a time, ISO 8601, UTC without a "
    "zone.",
)
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice(KINDS),
    default=("bought",),
    show_default=True,
    help="Which events; may be given several times.",
)
@click.option("--out", metavar="F", help="New CSV file; without it standard output.")
def export(file: str, since: str | None, kinds: tuple[str, ...], out: str | None) -> None:
    """Write the events in FILE as rows of user_id, item_id, timestamp, quantity, session_id.

    A known shopper's user_id is the salted hash under which FILE knows them; an anonymous session
    counts as a shopper of its own, "session:" and its id.
    """
    from runtime.durable import refuse_existing, write_file
    from runtime.serve.events import moment, read_events

    since_s = _seconds(since) if since is not None else 0.0
    if out is not None:
        refuse_existing(Path(out))
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(_COLUMNS)
    n = 0
    for event in read_events(file, since_s, kinds):
        user = event.user if event.user is not None else f"session:{event.session}"
        time = moment(event.time_s)
        writer.writerow((user, event.item_id, time, event.quantity, event.session))
        n += 1
    if out is None:
        click.echo(stream.getvalue(), nl=False)
    else:
        write_file(Path(out), stream.getvalue().encode("utf-8"))
    say(f"{n} events of {file}" + (f" since {since}" if since is not None else ""))


def _seconds(text: str) -> float:
    try:
        time = datetime.datetime.fromisoformat(text)
    except ValueError as error:
        raise UnusableInput(
            f"--since is {text!r}; write a date or time such as 2026-01-31 or 2026-01-31T08:00:00Z"
        ) from error
    return (time if time.tzinfo is not None else time.replace(tzinfo=datetime.UTC)).timestamp()

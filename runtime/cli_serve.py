"""The command that serves a bundle over HTTP: serve."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import click

from runtime.cli_options import Command, bundle_argument, provider_option, variant_option

_LEVELS = ("debug", "info", "warning", "error")


@click.command(
    cls=Command,
    short_help="Serve BUNDLE over HTTP to kiosks and tills.",
    epilog="""\b
Examples:
  endcap serve models/corner-store
  endcap serve models/corner-store --stock stock.csv --rules rules.toml --events events.db
  endcap serve models/corner-store --host 0.0.0.0 --token-file token.txt
""",
)
@bundle_argument
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="H",
    help="Address to listen on; any but this machine's own needs --token-file.",
)
@click.option(
    "--port", type=int, default=8080, show_default=True, metavar="P", help="0 for any free one."
)
@provider_option
@variant_option
@click.option(
    "--threads",
    type=int,
    metavar="N",
    help="Threads that compute; without it all cores but one, at most 4. They never spin.",
)
@click.option("--token-file", metavar="F", help="File with the token that clients must send.")
@click.option(
    "--stock",
    metavar="F",
    help="CSV item_id,quantity; read again when it changes, and replaced by PUT /v1/stock.",
)
@click.option(
    "--rules",
    metavar="F",
    help="TOML with the shop's own rules: docs/serving.md; read again when it changes.",
)
@click.option(
    "--photos",
    metavar="DIR",
    help="Folder of the shop's own photos, ITEM_ID.jpg and the like, for the kiosk page.",
)
@click.option("--events", metavar="F", help="SQLite file to keep events in; without it, none.")
@click.option(
    "--events-mb",
    type=click.IntRange(min=1),
    default=256,
    show_default=True,
    metavar="MB",
    help="How large the events file may grow before the oldest go.",
)
@click.option(
    "--poll",
    type=click.FloatRange(min=0),
    default=2.0,
    show_default=True,
    metavar="S",
    help="Look every so many seconds for a new bundle, rules or stock; 0 for never.",
)
@click.option(
    "--log-level",
    type=click.Choice(_LEVELS),
    default="info",
    show_default=True,
    help="How much to say on standard error.",
)
def serve(
    bundle: str,
    host: str,
    port: int,
    provider: str,
    variant: str,
    threads: int | None,
    token_file: str | None,
    stock: str | None,
    rules: str | None,
    photos: str | None,
    events: str | None,
    events_mb: int,
    poll: float,
    log_level: str,
) -> None:
    """Serve BUNDLE over HTTP: recommendations and pictures, stock and events, metrics.

    Speaks the Open Inference Protocol v2, so that Triton's and KServe's clients work; /openapi.json
    describes all of it. A new bundle at the same path is verified, proved and takes over without a
    request lost; SIGHUP looks at once.
    """
    from runtime.serve.server import serve as run
    from runtime.serve.settings import Settings
    from runtime.serve.tokens import read_token

    settings = Settings(
        bundle=Path(bundle),
        host=host,
        port=port,
        provider=provider,
        variant=variant,
        threads=threads,
        token=read_token(token_file) if token_file is not None else None,
        stock=stock,
        rules=rules,
        photos=photos,
        events=events,
        events_bytes=events_mb * 1_000_000,
        poll_s=poll,
    )
    logging.basicConfig(
        stream=sys.stderr, level=log_level.upper(), format="endcap: %(levelname)s: %(message)s"
    )
    for name in ("uvicorn.error", "asyncio"):  # what they say of their own matters to nobody
        logging.getLogger(name).setLevel("DEBUG" if log_level == "debug" else "ERROR")
    run(settings)

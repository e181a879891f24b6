"""The commands that answer with items: recommend, similar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from runtime.cli_options import (
    Command,
    bundle_argument,
    json_option,
    print_json,
    provider_option,
    say,
    split_ids,
    table,
    threads_option,
    variant_option,
)

if TYPE_CHECKING:
    from runtime.answer import Answer

_k_option = click.option(
    "-k", type=int, metavar="K", help="How many items; 10, or all that a small catalogue has."
)


@click.command(
    cls=Command,
    short_help="Recommend items to a shopper, a basket, or nobody.",
    epilog="""\b
Examples:
  endcap recommend models/online-retail --basket 85123A,71053 -k 5
  endcap recommend models/corner-store --user L-017646 --category Cheese
  endcap recommend models/corner-store --stock stock.csv --json
""",
)
@bundle_argument
@click.option("--user", metavar="ID", help="The shop's user id; an unknown one is anonymous.")
@click.option(
    "--basket", metavar="ID,ID", help='Item ids in the basket, oldest first ("a,b" with a comma).'
)
@_k_option
@click.option("--category", metavar="C", help="Show only this category.")
@click.option("--only", metavar="F", help="Show only the item ids in this file, one a line.")
@click.option("--exclude", metavar="ID,ID", help="Never show these item ids.")
@click.option(
    "--stock", metavar="F", help="CSV item_id,quantity; what is absent or 0 is not shown."
)
@click.option("--no-reasons", is_flag=True, help="Don't say why; the answer comes much sooner.")
@variant_option
@provider_option
@threads_option
@json_option
def recommend(
    bundle: str,
    user: str | None,
    basket: str | None,
    k: int | None,
    category: str | None,
    only: str | None,
    exclude: str | None,
    stock: str | None,
    no_reasons: bool,
    variant: str,
    provider: str,
    threads: int | None,
    as_json: bool,
) -> None:
    """Recommend items to a known user, for a basket, for both, or for nobody at all.

    Items in the basket are not shown again. Ids that BUNDLE does not know are reported, never
    guessed.
    """
    from runtime.shop_files import read_item_ids, read_stock
    from runtime.store import load

    rules: dict[str, Any] = {
        "only": read_item_ids(only) if only is not None else None,
        "exclude": split_ids(exclude),
        "stock": read_stock(stock) if stock is not None else None,
        "reasons": not no_reasons,
    }
    store = load(bundle, provider, variant, threads)
    k = k if k is not None else min(10, store.recommender.max_k)
    answer = store.recommend(user=user, basket=split_ids(basket), k=k, category=category, **rules)
    _print_answer(answer, k, user, as_json)


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  endcap similar models/online-retail 85123A -k 5
  endcap similar models/corner-store BREAD-001 --json
""",
)
@bundle_argument
@click.argument("item_id")
@_k_option
@variant_option
@provider_option
@threads_option
@json_option
def similar(
    bundle: str,
    item_id: str,
    k: int | None,
    variant: str,
    provider: str,
    threads: int | None,
    as_json: bool,
) -> None:
    """Show what goes with ITEM_ID."""
    from runtime.store import load

    store = load(bundle, provider, variant, threads)
    k = k if k is not None else min(10, store.recommender.max_k)
    answer = store.similar(item_id, k)
    _print_answer(answer, k, None, as_json)


def _print_answer(answer: Answer, k: int, user: str | None, as_json: bool) -> None:
    if answer.unknown:
        ids = ", ".join(repr(unknown) for unknown in answer.unknown)
        anonymous = "; the shopper is anonymous" if user in answer.unknown else ""
        say(f"endcap: not known to this bundle: {ids}{anonymous}")
    if len(answer.items) < k:
        say(f"endcap: {len(answer.items)} of {k} items: no more are allowed by the rules given")
    if as_json:
        print_json(answer.to_json())
        return
    rows = [
        (
            str(item.rank),
            item.item_id,
            item.title,
            item.category or "",
            f"{item.score:.4f}",
            item.reason or "",
        )
        for item in answer.items
    ]
    if rows:
        headers = ("#", "item", "title", "category", "score", "reason")
        width = len(headers) - (answer.items[0].reason is None)
        click.echo(table(headers[:width], [row[:width] for row in rows], right=(0, 4)))
    click.echo(
        f"\n{answer.bundle.name} version {answer.bundle.version}, tier {answer.tier}, "
        f"{answer.variant} on {answer.provider}"
    )

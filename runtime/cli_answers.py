"""The commands that answer with items: recommend, similar."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    from runtime.store import Store

_stock_option = click.option(
    "--stock", metavar="F", help="CSV item_id,quantity; what is absent or 0 is not shown."
)

_rules_option = click.option(
    "--rules", metavar="F", help="TOML with the shop's own rules: docs/serving.md."
)

_age_option = click.option(
    "--age-verified", is_flag=True, help="The shopper is old enough for what the rules restrict."
)

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
@_stock_option
@_rules_option
@_age_option
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
    rules: str | None,
    age_verified: bool,
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
    from runtime.shop_files import read_item_ids

    store = _load(bundle, provider, variant, threads, rules, stock)
    k = k if k is not None else min(10, store.recommender.max_k)
    answer = store.recommend(
        user=user,
        basket=split_ids(basket),
        k=k,
        category=category,
        only=read_item_ids(only) if only is not None else None,
        exclude=split_ids(exclude),
        reasons=not no_reasons,
        age_verified=age_verified,
    )
    _print_answer(answer, k, as_json)


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  endcap similar models/online-retail 85123A -k 5
  endcap similar models/corner-store CS-0554 --json
""",
)
@bundle_argument
@click.argument("item_id")
@_k_option
@_stock_option
@_rules_option
@_age_option
@variant_option
@provider_option
@threads_option
@json_option
def similar(
    bundle: str,
    item_id: str,
    k: int | None,
    stock: str | None,
    rules: str | None,
    age_verified: bool,
    variant: str,
    provider: str,
    threads: int | None,
    as_json: bool,
) -> None:
    """Show what goes with ITEM_ID."""
    store = _load(bundle, provider, variant, threads, rules, stock)
    k = k if k is not None else min(10, store.recommender.max_k)
    answer = store.similar(item_id, k, age_verified=age_verified)
    _print_answer(answer, k, as_json)


def _load(
    bundle: str,
    provider: str,
    variant: str,
    threads: int | None,
    rules: str | None,
    stock: str | None,
) -> Store:
    """Load the bundle with the shop's files, and say what the shop should know of its rules."""
    from runtime.rules import read_rules
    from runtime.shop_files import read_stock
    from runtime.store import load

    store = load(
        bundle,
        provider,
        variant,
        threads,
        read_rules(rules) if rules is not None else None,
        read_stock(stock) if stock is not None else None,
    )
    for note in store.shelf.notes:
        say(f"endcap: {note}")
    return store


def _print_answer(answer: Answer, k: int, as_json: bool) -> None:
    from runtime.answer import DEGRADATIONS

    if answer.unknown:
        ids = ", ".join(repr(unknown) for unknown in answer.unknown)
        anonymous = "; the shopper is anonymous" if "user_unknown" in answer.degraded else ""
        say(f"endcap: not known to this bundle: {ids}{anonymous}")
    if "fewer_allowed" in answer.degraded:
        say(f"endcap: {len(answer.items)} of {k} items: no more are allowed by the rules given")
    for name in answer.degraded:
        if name not in ("user_unknown", "fewer_allowed"):
            say(f"endcap: {DEGRADATIONS[name]}")
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
            "promoted" if item.promoted else item.reason or "",
        )
        for item in answer.items
    ]
    if rows:
        headers = ("#", "item", "title", "category", "score", "reason")
        width = len(headers) - (not any(row[-1] for row in rows))
        click.echo(table(headers[:width], [row[:width] for row in rows], right=(0, 4)))
    click.echo(
        f"\n{answer.bundle.name} version {answer.bundle.version}, tier {answer.tier}, "
        f"{answer.variant} on {answer.provider}"
    )

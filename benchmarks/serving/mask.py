"""The mask: what the rules of a request cost before ranking, over a catalogue of a million items.

python -m benchmarks.serving.mask [--items 1000000] [--rounds 200]

Of a made-up catalogue, whose shop knows its stock and has rules, each line adds something to the
request: the mask is made from ids, as the server makes it. Then comes the choice of an answer with
promotions and diversity, without the graph. Medians over core time. What the rules and the stock
say of every item is compiled once, when they are told, and is no request's cost.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import click
import numpy as np

from runtime.catalogue import Catalogue, Column, pack_catalogue
from runtime.questions import Question
from runtime.request import Request, resolve
from runtime.rules import Rules
from runtime.selection import choose
from runtime.shelf import Shelf
from runtime.users import Users, pack_users

_GOAL_MS = 1.0
_CATEGORIES = 40
_BOUGHT = 500  # what the known shopper bought
_TOP_K = 50  # of the graph
_SALT = b"mask"
Timed = Callable[[], int]


def made_up(n_items: int) -> tuple[Catalogue, Users]:
    """Return a catalogue of ``n_items`` in 40 categories, and one shopper who bought 500."""
    rng = np.random.Generator(np.random.PCG64(7))
    kinds = rng.integers(0, _CATEGORIES, n_items).tolist()
    columns = [
        Column("item_id", "text", [f"i{row}" for row in range(1, n_items + 1)]),
        Column("category", "label", [f"c{kind}" for kind in kinds]),
    ]
    arrays, facts = pack_catalogue(columns)
    catalogue = Catalogue(arrays, [(one["name"], one["kind"]) for one in facts])
    bought = rng.choice(np.arange(1, n_items + 1), _BOUGHT, replace=False)
    packed = pack_users(["anna"], np.array([0, 0, _BOUGHT]), bought, _SALT)
    return catalogue, Users(packed, _SALT, n_items)


def questions(catalogue: Catalogue) -> dict[str, Request]:
    """Return requests by what each adds to the one before it."""
    ids = [catalogue.item_id(row) for row in range(1, 1201)]
    fields: dict[str, Any] = {"k": 10}
    found = {"nobody: stock, never shown, adults only": Request(**fields)}
    for name, more in (
        ("+ a basket of 5", {"basket": tuple(ids[:5])}),
        (f"+ a known shopper's {_BOUGHT} purchases", {"user": "anna"}),
        ("+ 100 excluded", {"exclude": tuple(ids[100:200])}),
        ("+ a category", {"category": "c7"}),
        ("+ only 200 ids", {"only": tuple(ids[:200])}),
    ):
        fields |= more
        found[name] = Request(**fields)
    return found


def mask_ns(request: Request, catalogue: Catalogue, users: Users, shelf: Shelf) -> int:
    """Return the core time of one mask."""
    begun = time.process_time_ns()
    resolve(request, catalogue, users, shelf, seen_filter=True)
    return time.process_time_ns() - begun


def rows_ns(ids: list[str], catalogue: Catalogue) -> int:
    """Return the core time of finding the rows of ``ids``."""
    begun = time.process_time_ns()
    catalogue.rows(ids)
    return time.process_time_ns() - begun


def choice_ns(allowed: np.ndarray, shelf: Shelf) -> int:
    """Return the core time of choosing 10 items, less that of the graph's stand-in."""
    taken, reply = 0, None
    steps = choose((0, []), allowed, 10, shelf, mix=True)
    while True:
        begun = time.process_time_ns()
        try:
            question = steps.send(reply)
        except StopIteration:
            return taken + time.process_time_ns() - begun
        taken += time.process_time_ns() - begun
        assert isinstance(question, Question)
        best = np.flatnonzero(question.allowed)[:_TOP_K]
        reply = best[None], -best[None].astype(np.float32)


@click.command()
@click.option("--items", default=1_000_000, show_default=True)
@click.option("--rounds", default=200, show_default=True)
def main(items: int, rounds: int) -> None:
    """Print what each mask costs."""
    catalogue, users = made_up(items)
    promoted = tuple(catalogue.item_id(row) for row in range(1, 2001, 2))
    rules = Rules(("c0",), ("c1", "c2"), 2, promoted, 2)
    stock = {catalogue.item_id(row): 1.0 for row in range(1, items + 1) if row % 3}
    begun_s = time.process_time()
    shelf = Shelf(catalogue, rules, stock)
    told_s = time.process_time() - begun_s
    timed: dict[str, Timed] = {
        name: lambda request=request: mask_ns(request, catalogue, users, shelf)  # type: ignore[misc]
        for name, request in questions(catalogue).items()
    }
    timed["choice: 2 of 1,000 promotions, at most 2 of a category"] = lambda: choice_ns(
        shelf.allowed(), shelf
    )
    taken: dict[str, list[int]] = {name: [] for name in timed}
    for _ in range(rounds):
        for name, call in timed.items():
            taken[name].append(call())
    print(f"{items:,} items; {len(stock):,} in stock, compiled in {told_s:.1f} s when it is told")
    ids = [catalogue.item_id(int(row)) for row in np.linspace(1, items, 1000)]
    ids_ns = [rows_ns(ids, catalogue) for _ in range(rounds)]
    for name, ns in taken.items():
        median_ms = float(np.median(ns)) / 1e6
        held = "met" if median_ms < _GOAL_MS else "NOT met"
        print(f"{name:56} {median_ms:.3f} ms; goal under {_GOAL_MS:g} ms: {held}")
    print(f"{'1,000 ids of a list that are turned into rows':56} {np.median(ids_ns) / 1e6:.3f} ms")


if __name__ == "__main__":
    main()

"""An engine: one bundle, verified, opened, proved on this device and warm, ready to take over."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from runtime.errors import CheckFailed
from runtime.latent import Latents
from runtime.parity import check_opened
from runtime.request import Request
from runtime.rules import Rules, read_rules
from runtime.serve.search import TitleIndex
from runtime.serve.settings import Settings
from runtime.shelf import Shelf
from runtime.store import Store, load

if TYPE_CHECKING:
    from runtime.generator import Generator
    from runtime.recommender import Recommender


class Engine:
    """What serves: a store whose models are open, and the shelf that they may show from.

    Attributes:
        store: the bundle.
        rules: the shop's own.
        shelf: what may be shown; replaced as a whole when the stock changes. None without a
            recommender.
    """

    def __init__(self, store: Store, rules: Rules) -> None:
        self.store = store
        self.rules = rules
        self.manifest = store.bundle.manifest
        self.name = store.name
        self.recommender: Recommender | None = None
        self.generator: Generator | None = None
        if self.manifest.recommender is not None:
            self.recommender = store.recommender
        if self.manifest.generator is not None:
            self.generator = store.generator
        self.shelf: Shelf | None = None

    @cached_property
    def titles(self) -> TitleIndex:
        """The index that finds items by title."""
        return TitleIndex(self.store.catalogue)

    def listed_row(self, item_id: str, age_verified: bool) -> int | None:
        """Return the row of an item that the rules let be shown, None for any other."""
        if self.recommender is None or self.shelf is None:
            return None
        row = self.recommender.catalogue.row(item_id)
        return row if row is not None and self.shelf.listed(age_verified)[row] else None

    def draws(self, category: str, age_verified: bool) -> bool:
        """Say whether there are pictures of ``category`` and the rules let them be shown."""
        if self.generator is None or category not in self.generator.categories:
            return False
        forbidden = self.rules.never_show + (() if age_verified else self.rules.age_restricted)
        return category not in forbidden

    def stocked(self, stock: Mapping[str, float] | None) -> Shelf | None:
        """Return the shelf with ``stock``, without putting it to use.

        Raises:
            UnusableInput: the rules name a category that the catalogue does not have.
        """
        if self.recommender is None:
            return None
        return Shelf(self.recommender.catalogue, self.rules, stock)

    def warm(self) -> None:
        """Run each model once and index the titles: the first shopper does not wait for it."""
        if self.recommender is not None and self.shelf is not None:
            catalogue = self.recommender.catalogue
            self.titles.find("")
            self.recommender.recommend(Request(k=1), self.shelf)
            self.recommender.recommend(Request(basket=(catalogue.item_id(1),), k=1), self.shelf)
        if self.generator is not None:
            self.generator.generate(self.generator.categories[0], Latents(n=1))


def load_engine(settings: Settings, stock: Mapping[str, float] | None) -> Engine:
    """Verify, open and prove the bundle that ``settings`` name, and warm it.

    Raises:
        UnusableInput: the bundle or the rules are not usable.
        CheckFailed: the golden vectors give other answers on this device than they did in torch.
        MissingCapability: the provider is not there.
    """
    rules = read_rules(settings.rules) if settings.rules is not None else Rules()
    place = os.path.realpath(settings.bundle)  # where a link leads now, even if it is switched
    store = load(place, settings.provider, settings.variant, settings.compute_threads, rules)
    engine = Engine(store, rules)
    _prove(engine)
    engine.shelf = engine.stocked(stock)
    engine.warm()
    return engine


def _prove(engine: Engine) -> None:
    """Replay the golden vectors through the very sessions that will serve."""
    models = {"recommender": engine.recommender, "generator": engine.generator}
    opened = {name: model.opened for name, model in models.items() if model is not None}
    failed = [check for check in check_opened(engine.store.bundle, opened) if not check.passed]
    if failed:
        first = failed[0]
        raise CheckFailed(
            f"bundle {str(engine.store.bundle.path)!r} fails parity on this device: {first.model} "
            f"{first.variant} {first.metric} is {first.value} over {first.compared} golden "
            f"vectors, tolerance {first.tolerance}; see endcap parity BUNDLE --layers"
        )

"""The store: a bundle loaded on this device, asked for recommendations and pictures."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from runtime.answer import Answer, BundleName
from runtime.bundle import Bundle, open_bundle
from runtime.errors import MissingCapability, UnusableInput, nearest
from runtime.latent import Latents
from runtime.provider import NO_CUDA_OFFERED, Provider
from runtime.request import Request
from runtime.session import Session, open_session, resolve_provider
from runtime.variant_choice import choose_variant

if TYPE_CHECKING:
    from runtime.catalogue import Catalogue
    from runtime.generator import GeneratedImages, Generator
    from runtime.manifest import ModelSection
    from runtime.recommender import Recommender
    from runtime.rules import Rules
    from runtime.shelf import Shelf


class Store:
    """A verified bundle and its models, each opened when it is first asked; see :func:`load`.

    Attributes:
        bundle: the verified bundle.
        where: where graphs were to run and do. With "auto", what CUDA does not open moves to the
            CPU, and ``where.why`` says so.
    """

    def __init__(
        self,
        bundle: Bundle,
        provider: str,
        variant: str,
        threads: int | None,
        rules: Rules | None = None,
        stock: Mapping[str, float] | None = None,
    ) -> None:
        self.bundle = bundle
        actual = resolve_provider(provider)
        why = NO_CUDA_OFFERED if (provider, actual) == ("auto", "cpu") else None
        self.where = Provider(provider, actual, why)
        self._rules, self._stock = rules, stock
        self._variant = variant
        self._threads = threads
        sections = bundle.manifest.sections().values()
        known = sorted({name for section in sections for name in section.variants})
        if variant != "auto" and variant not in known:
            raise UnusableInput(
                f"bundle {bundle.manifest.name!r} has no variant {variant!r}; "
                f"{nearest(variant, ['auto', *known])}"
            )

    @property
    def name(self) -> BundleName:
        """Name and version of the bundle."""
        return BundleName(self.bundle.manifest.name, self.bundle.manifest.version)

    @property
    def provider(self) -> str:
        """Where graphs run, "cpu" or "cuda"."""
        return self.where.actual

    @cached_property
    def recommender(self) -> Recommender:
        """The opened recommender.

        Raises:
            UnusableInput: the bundle has none, or not in the variant asked for.
        """
        from runtime.catalogue import Catalogue
        from runtime.recommender import Recommender
        from runtime.users import Users

        section = self.bundle.manifest.recommender
        if section is None:
            raise self._absent("recommender")
        catalogue, users = Catalogue.of(self.bundle), Users.of(self.bundle)
        variant, session = self._open("recommender", section)
        return Recommender(self.name, section, variant, session, self.where, catalogue, users)

    @cached_property
    def generator(self) -> Generator:
        """The opened generator.

        Raises:
            UnusableInput: the bundle has none, or not in the variant asked for.
        """
        from runtime.generator import Generator

        section = self.bundle.manifest.generator
        if section is None:
            raise self._absent("generator")
        variant, session = self._open("generator", section)
        return Generator(self.name, section, variant, session, self.where)

    @property
    def catalogue(self) -> Catalogue:
        """Items by row."""
        return self.recommender.catalogue

    @cached_property
    def shelf(self) -> Shelf:
        """What the rules and the stock allow.

        Raises:
            UnusableInput: the rules name a category that the catalogue does not have.
        """
        from runtime.shelf import Shelf

        return Shelf(self.catalogue, self._rules, self._stock)

    def set_stock(self, stock: Mapping[str, float] | None) -> None:
        """Replace the stock, quantity by item id, at once: no request sees a part of it.

        Items absent from it or with none left are not shown; None where the stock is not known.
        """
        from runtime.shelf import Shelf

        self.shelf = Shelf(self.catalogue, self._rules, stock)

    def recommend(
        self,
        user: str | None = None,
        basket: Iterable[str] = (),
        k: int = 10,
        category: str | None = None,
        only: Iterable[str] | None = None,
        exclude: Iterable[str] | None = None,
        stock: Mapping[str, float] | None = None,
        reasons: bool = True,
        age_verified: bool = False,
    ) -> Answer:
        """Recommend ``k`` items to a known user, for a basket, for both, or for nobody at all.

        Args:
            user: the shop's user id; one that training did not know is anonymous and reported.
            basket: item ids in the basket, oldest first; they are not recommended.
            k: how many items.
            category: show only this category.
            only: show only these item ids.
            exclude: never show these item ids.
            stock: quantity by item id; items absent from it or with none left are not shown.
            reasons: whether to say why each item is shown, which takes longer than finding it.
            age_verified: whether the shopper was found old enough for what the rules restrict.

        Raises:
            UnusableInput: the bundle has no recommender, k is out of range, the category is
                unknown. Unknown ids are no error: they are in the answer's ``unknown``.
        """
        request = Request(
            user=user,
            basket=_listed(basket),
            k=k,
            category=category,
            only=_listed(only) if only is not None else None,
            exclude=_listed(exclude) if exclude is not None else (),
            stock=stock,
            reasons=reasons,
            age_verified=age_verified,
        )
        return self.recommender.recommend(request, self.shelf)

    def similar(self, item_id: str, k: int = 10, *, age_verified: bool = False) -> Answer:
        """Recommend ``k`` items that go with ``item_id``.

        Raises:
            UnusableInput: the catalogue does not have the item, or k is out of range.
        """
        return self.recommender.similar(item_id, k, self.shelf, age_verified=age_verified)

    def generate(
        self,
        category: str,
        n: int = 16,
        seed: int = 7,
        truncation: float | None = None,
        interpolate: int | None = None,
    ) -> GeneratedImages:
        """Draw ``n`` pictures of ``category`` from ``seed``; the same on every device.

        Args:
            category: what to draw, a name in ``generator.categories``.
            n: how many, 1 to 4096.
            seed: which; a whole number from 0 to 2**128 - 1.
            truncation: draw latent values beyond plus or minus this again, at least 0.001: the
                smaller, the more typical and the more alike the pictures. None draws none again.
            interpolate: seed of the picture at the far end of a path: the ``n`` pictures turn the
                first of ``seed`` into the first of ``interpolate``. None for ``n`` pictures of
                ``seed``.

        Returns:
            The pictures, uint8 [n, height, width, channels], with what made them.

        Raises:
            UnusableInput: the bundle has no generator, there is no such category, or a number is
                out of range.
        """
        latents = Latents(n, seed, truncation, interpolate)
        return self.generator.generate(category, latents)

    def _absent(self, model: str) -> UnusableInput:
        return UnusableInput(
            f"bundle {self.bundle.manifest.name!r} holds no {model}; "
            f"export one with: endcap export --{model} RUN"
        )

    def _open(self, model: str, section: ModelSection) -> tuple[str, Session]:
        """Open the variant of ``section`` for the provider; with "auto", on the CPU if need be."""
        try:
            return self._opened(model, section)
        except (MissingCapability, UnusableInput) as error:
            if (self.where.requested, self.where.actual) != ("auto", "cuda"):
                raise
            self.where = Provider("auto", "cpu", f"CUDA does not work: {error}", failed=True)
            return self._opened(model, section)

    def _opened(self, model: str, section: ModelSection) -> tuple[str, Session]:
        variant, _ = choose_variant(section, self.provider, self._variant)
        record = section.variants.get(variant)
        if record is None:
            raise UnusableInput(
                f"the {model} of bundle {self.bundle.manifest.name!r} has no variant {variant!r}; "
                f"{nearest(variant, section.variants)}"
            )
        content = self.bundle.read_bytes(record.file)
        session = open_session(content, self.provider, self._threads)
        wanted = [tensor.name for tensor in section.inputs]
        if sorted(wanted) != sorted(session.input_names):
            raise UnusableInput(
                f"{record.file!r} takes {list(session.input_names)} and the manifest says "
                f"{wanted}; export the bundle again"
            )
        return variant, session


def load(
    path: str | os.PathLike[str],
    provider: str = "auto",
    variant: str = "auto",
    threads: int | None = None,
    rules: Rules | None = None,
    stock: Mapping[str, float] | None = None,
) -> Store:
    """Load the bundle at ``path``, after checking every file of it.

    Args:
        path: the bundle's folder, or a zip of it.
        provider: "cpu", "cuda", or "auto" (CUDA where it is available, else the CPU).
        variant: "auto" for the bundle's choice on this provider, or a name such as "fp32".
        threads: threads for one run; None for one a core, at most 4.
        rules: the shop's own, see :func:`runtime.rules.read_rules`; None for none.
        stock: quantity by item id, see :meth:`Store.set_stock`; None where it is not known.

    Raises:
        UnusableInput: the bundle is damaged or newer than this endcap, or has no such variant.
        MissingCapability: the provider, or onnxruntime, is not there.
    """
    return Store(open_bundle(path), provider, variant, threads, rules, stock)


def _listed(ids: Iterable[str]) -> tuple[str, ...]:
    return ids if isinstance(ids, str) else tuple(ids)  # type: ignore[return-value]

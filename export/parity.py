"""Parity against live torch: what must hold before a bundle is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from runtime.comparison import Check, compare_generator, compare_recommender
from runtime.errors import CheckFailed
from runtime.golden import GeneratorGolden, RecommenderGolden
from runtime.parity import replay_generator, replay_recommender
from runtime.session import open_session


@dataclass(frozen=True)
class Parity:
    """What held, for the manifest and for the person watching."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether every figure is in tolerance, and something was compared."""
        return all(check.passed for check in self.checks)

    def required(self, explain: Callable[[], str]) -> Parity:
        """Return itself.

        Args:
            explain: says where the graph leaves torch; asked where it does.

        Raises:
            CheckFailed: a figure is out of tolerance, or nothing was compared.
        """
        failed = [check for check in self.checks if not check.passed]
        if failed:
            raise CheckFailed(
                f"the {failed[0].model}'s graph differs from torch over {failed[0].compared} "
                f"requests, so no bundle is written: {self.describe()}; {explain()}"
            )
        return self

    def to_json(self) -> dict[str, Any]:
        """Return metric -> value, with the number of requests compared."""
        values: dict[str, Any] = {check.metric: check.value for check in self.checks}
        return {"compared": max(check.compared for check in self.checks), **values}

    def describe(self) -> str:
        """Return one line with every figure and its tolerance."""
        return ", ".join(
            f"{check.metric} {check.value:.3g} (tolerance {check.tolerance:g})"
            if check.value is not None and check.tolerance is not None
            else f"{check.metric} {check.value}"
            for check in self.checks
        )


def first_failed(*found: Parity) -> Parity:
    """Return the first that is out of tolerance; where none is, the first."""
    return next((parity for parity in found if not parity.passed), found[0])


def recommender_parity(
    variant: str, graph: bytes, reference: RecommenderGolden, n_rows: int
) -> Parity:
    """Compare a graph's answers with torch's own to the same requests."""
    session = open_session(graph, "cpu")
    item, score = replay_recommender(session, reference, n_rows)
    checks = compare_recommender(
        variant, reference.item, reference.score, item, score, reference.target
    )
    return Parity(tuple(checks))


def generator_parity(variant: str, graph: bytes, reference: GeneratorGolden) -> Parity:
    """Compare a graph's pictures with torch's own from the same latents."""
    image = replay_generator(open_session(graph, "cpu"), reference)
    return Parity(tuple(compare_generator(variant, reference.image, image)))

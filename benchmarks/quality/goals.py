"""The goals of each data set, held against the figures of the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.quality.result import Result, markdown
from trainer.recommender.yardsticks import CATEGORY_EXPECTED, CATEGORY_POPULARITY

ENDCAP = "endcap"
ANONYMOUS = "endcap, anonymous"
Results = Mapping[str, Result]


class NotMeasured(Exception):
    """A row that a goal needs was not run."""


@dataclass(frozen=True)
class Goal:
    """One goal.

    Attributes:
        text: what is wanted.
        measure: figures of the run -> (what was reached, in words; whether that meets the goal).
    """

    text: str
    measure: Callable[[Results], tuple[str, bool]]


def at_least(metric: str, least: float, name: str) -> Goal:
    """Want a mean of endcap's default variant to be no less than a figure."""

    def measure(results: Results) -> tuple[str, bool]:
        reached = _row(results, ENDCAP).mean(metric)
        return f"{reached:.4f}", reached >= least

    return Goal(f"{name} >= {least:g}", measure)


def ahead_of(labels: Sequence[str], metric: str, name: str, factor: float = 1.0) -> Goal:
    """Want endcap's mean above ``factor`` times that of the best of some peers."""

    def measure(results: Results) -> tuple[str, bool]:
        best = max((_row(results, label) for label in labels), key=lambda row: row.mean(metric))
        reached = _row(results, ENDCAP).mean(metric)
        ratio = reached / best.mean(metric)
        met = reached > best.mean(metric) if factor == 1 else ratio >= factor
        return f"{ratio:.3f} times {best.label}", met

    by = f" by {factor - 1:.0%} or more" if factor > 1 else ""
    return Goal(f"{name} ahead of {', '.join(labels)}{by}", measure)


def anonymous_keeps(share: float, metric: str, name: str) -> Goal:
    """Want the figure without user ids to be no less than a share of the figure with them."""

    def measure(results: Results) -> tuple[str, bool]:
        kept = _row(results, ANONYMOUS).mean(metric) / _row(results, ENDCAP).mean(metric)
        return f"{kept:.1%}", kept >= share

    return Goal(f"{name} of anonymous shoppers >= {share:.0%} of known ones'", measure)


def times_yardstick(row: str, yardstick: str, factor: float) -> Goal:
    """Want HR@10 of a row to be a multiple of a yardstick's on the same cases."""

    def measure(results: Results) -> tuple[str, bool]:
        least = _row(results, f"{row}, {yardstick}").mean("hr")
        reached = _row(results, row).mean("hr")
        ratio = f"{reached / least:.2f} times" if least else "the yardstick hits nothing"
        return f"{reached:.4f}, {ratio}", reached >= factor * least and reached > 0

    return Goal(f"{row}: HR@10 >= {factor:g} times '{yardstick}'", measure)


def within_minutes(minutes: float) -> Goal:
    """Want the slowest training and export to stay within a time."""

    def measure(results: Results) -> tuple[str, bool]:
        slowest = max(_row(results, ENDCAP).seconds)
        return f"{slowest / 60:.1f} minutes", slowest <= minutes * 60

    return Goal(f"trained and exported within {minutes:g} minutes", measure)


_BEAUTY_PEERS = (
    "EASE, recency-weighted",
    "item-kNN cosine, recency-weighted",
    "implicit ALS",
    "implicit BPR",
    "RecTools SASRec",
)
_RETAIL_PEERS = ("EASE, recency-weighted", "item-kNN cosine, recency-weighted")

COLD_GOALS = tuple(
    times_yardstick(row, yardstick, factor)
    for yardstick, factor in ((CATEGORY_POPULARITY, 5), (CATEGORY_EXPECTED, 1))
    for row in ("cold", "cold in whole catalogue")
)

GOALS: dict[str, tuple[Goal, ...]] = {
    "beauty": (
        at_least("hr", 0.098, "HR@10"),
        at_least("ndcg", 0.058, "NDCG@10"),
        *(ahead_of([peer], "hr", "HR@10") for peer in _BEAUTY_PEERS),
        *(ahead_of([peer], "ndcg", "NDCG@10") for peer in _BEAUTY_PEERS),
        anonymous_keeps(0.97, "hr", "HR@10"),
        anonymous_keeps(0.97, "ndcg", "NDCG@10"),
        within_minutes(20),
    ),
    "ml-100k": (at_least("ndcg", 0.50, "NDCG@10"),),
    "online-retail": (ahead_of(_RETAIL_PEERS, "ndcg", "NDCG@10", 1.05),),
    "groceries": (
        ahead_of(("item-kNN cosine", "EASE"), "hr", "HR@10"),
        ahead_of(("item-kNN cosine", "EASE"), "ndcg", "NDCG@10"),
    ),
}


def goals_table(goals: Sequence[Goal], results: Sequence[Result]) -> str:
    """Spell a markdown table of goals; one whose rows were not run is not measured."""
    by_label = {result.label: result for result in results}
    rows = []
    for goal in goals:
        try:
            reached, met = goal.measure(by_label)
        except NotMeasured as missing:
            reached, verdict = f"no row {str(missing)!r}", "not measured"
        else:
            verdict = "yes" if met else "no"
        rows.append([goal.text, reached, verdict])
    return markdown(["goal", "reached", "met"], rows)


def _row(results: Results, label: str) -> Result:
    if label not in results:
        raise NotMeasured(label)
    return results[label]

"""A contestant's figures over the seeds, and the table of all of them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """What one row of a table says.

    Attributes:
        label: the contestant.
        scores: what ``Trial.score`` returned, one a seed.
        seconds: to fit and rank, one a seed; for endcap to train and export.
        settings: chosen on validation.
        age_s: of the oldest ranked list that was kept from an earlier run; 0 when all are fresh.
    """

    label: str
    scores: tuple[dict[str, float], ...]
    seconds: tuple[float, ...]
    settings: str = ""
    age_s: float = 0.0

    def mean(self, metric: str) -> float:
        """Average a metric over the seeds."""
        return statistics.fmean(score[metric] for score in self.scores)

    def spelled(self, metric: str) -> str:
        """Spell mean and, with several seeds, the least and the most."""
        values = [score[metric] for score in self.scores]
        if len(values) == 1:
            return f"{values[0]:.4f}"
        return f"{self.mean(metric):.4f} ({min(values):.4f} to {max(values):.4f})"


def results_table(results: Sequence[Result], metrics: Sequence[str]) -> str:
    """Spell a markdown table, one row a contestant."""
    rows = [
        [
            result.label,
            *(result.spelled(metric) for metric in metrics),
            str(len(result.scores)),
            f"{statistics.fmean(result.seconds):.1f}",
            result.settings + (f" (of {result.age_s / 3600:.1f} h ago)" * (result.age_s > 0)),
        ]
        for result in results
    ]
    names = {"hr": "HR@10", "ndcg": "NDCG@10"}
    shown = [names.get(metric, f"{metric}@10") for metric in metrics]
    return markdown(["", *shown, "seeds", "seconds", "settings chosen on validation"], rows)


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Spell a markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

"""Reports in words, for a terminal: cleaning, pictures read, and how a model ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runtime.cli_options import table
from trainer.cleaning_report import CleaningReport
from trainer.images import ImageReport
from trainer.recommender.yardsticks import YARDSTICKS


def cleaning_summary(report: CleaningReport) -> str:
    """Return one line: what was read and what is left."""
    facts = report.facts
    return (
        f"{report.rows_read:,} rows read, {report.rows_kept:,} kept: {facts['users']:,} shoppers, "
        f"{facts['items']:,} items, {facts['baskets']:,} baskets "
        f"({facts['anonymous_baskets']:,} anonymous)"
    )


def cleaning_text(report: CleaningReport) -> str:
    """Return the whole report: every reason with its count and first example, notes, errors."""
    rows = [["kept", f"{report.rows_kept:,}", "", ""]]
    for reason, drop in report.dropped.items():
        example = drop["example"]
        rows.append([reason, f"{drop['rows']:,}", str(example["line"]), repr(example["value"])])
    rows.append(["read", f"{report.rows_read:,}", "", ""])
    lines = [table(["rows", "count", "first line", "value"], rows, right=(1, 2)), ""]
    lines += [f"{name.replace('_', ' ')}: {_shown(value)}" for name, value in report.facts.items()]
    lines += [f"note: {note}" for note in report.notes]
    lines += [f"error: {error}" for error in report.errors]
    return "\n".join(lines)


def images_summary(report: ImageReport) -> str:
    """Return what was read and left out, with the first examples, in a few lines."""
    counts = ", ".join(f"{name} {count:,}" for name, count in report.per_category.items())
    lines = [f"{report.found:,} pictures found, {report.kept:,} kept ({counts})"]
    lines += [f"skipped {count:,}: {reason}" for reason, count in report.skipped.items()]
    lines += [f"  {name}: {reason}" for name, reason in report.examples]
    if report.duplicates:
        lines.append(f"{report.duplicates:,} pictures are identical to another")
    if report.labels_without_picture:
        lines.append(f"{report.labels_without_picture:,} labels have no picture")
    return "\n".join(lines)


def metrics_text(tables: Mapping[str, Mapping[str, Any]], *, same_cases: bool = True) -> str:
    """Return the held-out figures of one or more engines side by side, tier by tier.

    HR and NDCG come with their 95 % intervals. Recall and precision say no more than HR where
    every case has one answer, and are left out then.

    Args:
        tables: engine ("torch", "onnx fp32") -> what ``evaluate_beside_popularity`` returned.
        same_cases: whether all engines were asked the same.
    """
    first = next(iter(tables.values()))
    if first["cases"] == 0:
        return "the split left no test cases, so nothing was measured"
    k = first["k"]
    several = any(one["answers"] > one["cases"] for one in tables.values())
    names = ["mrr", "recall", "precision", "coverage"] if several else ["mrr", "coverage"]
    heads = [f"hr@{k}", "95 %", f"ndcg@{k}", "95 %", *(f"{name}@{k}" for name in names)]
    heads = ["", "", "cases", *heads, f"popularity rank@{k}"]
    rows: list[list[str]] = []
    for tier in dict.fromkeys(tier for one in tables.values() for tier in one["results"]):
        for engine, one in tables.items():
            if tier not in one["results"]:
                continue
            shown_by = "" if same_cases and tier.endswith(YARDSTICKS) else engine
            row = [tier, shown_by, *_metric_cells(one["results"][tier], k, names)]
            if row not in rows:
                rows.append(row)
    lines = [
        f"{first['protocol']} ranking of {first['items']:,} items, "
        f"{first['cases']:,} held-out cases"
    ]
    if not same_cases:
        counts = (
            f"{engine} {one['cases']:,} cases, {one['items']:,} items"
            for engine, one in tables.items()
        )
        lines[0] = f"{first['protocol']} ranking"
        lines.append(f"the cases differ, so figures do not compare: {'; '.join(counts)}")
    return "\n".join([*lines, table(heads, rows, right=tuple(range(2, len(heads))))])


def stages_text(evaluation: Mapping[str, Any]) -> str:
    """Return in one line what each stage of training added on the validation cases."""
    if not evaluation.get("stages"):
        return "the split left no validation cases, so the last epoch of every stage was kept"
    k = evaluation["k"]
    shown = [f"{name} {value:.4f}" for name, value in evaluation["stages"].items()]
    return f"validation ndcg@{k}, stage by stage: {', then '.join(shown)}"


def _metric_cells(figures: Mapping[str, Any], k: int, names: Sequence[str]) -> list[str]:
    cells = [f"{figures['cases']:,}"]
    for name in (f"hr@{k}", f"ndcg@{k}"):
        low, high = figures["interval"][name]
        cells += [f"{figures[name]:.4f}", f"{low:.4f}-{high:.4f}"]
    cells += [f"{figures[f'{name}@{k}']:.4f}" for name in names]
    return [*cells, f"{figures[f'popularity_rank@{k}']:,.1f}"]


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)

"""Reports in words, for a terminal: cleaning, pictures read, and how a model ranks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runtime.cli_options import table
from trainer.cleaning_report import CleaningReport
from trainer.images import ImageReport


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


def metrics_text(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the held-out figures of one or more engines side by side.

    Args:
        tables: engine ("torch", "onnx fp32") -> what ``evaluate_beside_popularity`` returned.
    """
    first = next(iter(tables.values()))
    if first["cases"] == 0:
        return "the split left no test cases, so nothing was measured"
    k = first["k"]
    names = [f"{metric}@{k}" for metric in ("hr", "ndcg", "mrr", "recall", "coverage")]
    rows = []
    for engine, found in tables.items():
        for who, figures in found["results"].items():
            shown_by = "" if who == "popularity" else engine
            row = [who, shown_by, *(f"{figures[name]:.4f}" for name in names)]
            if row not in rows:
                rows.append(row)
    heading = f"{first['protocol']} ranking of {first['items']:,} items"
    heading += f", {first['cases']:,} held-out cases"
    return heading + "\n" + table(["", "", *names], rows, right=tuple(range(2, 7)))


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)

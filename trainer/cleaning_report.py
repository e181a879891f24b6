"""What cleaning did with every row of a log: for people, for JSON, and in one line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class CleaningReport:
    """What became of every row of a log.

    Attributes:
        rows_read: rows in the file.
        rows_kept: rows that training sees.
        dropped: reason -> {"rows": count, "example": {"line", "value"}}, reasons that occurred.
        facts: counts of what was kept, the time format and range.
        notes: sentences about choices that the data forced.
        errors: sentences about why this log cannot be used; empty when it can.
    """

    rows_read: int
    rows_kept: int = 0
    dropped: dict[str, dict[str, Any]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {
            "usable": not self.errors,
            "rows_read": self.rows_read,
            "rows_kept": self.rows_kept,
            "rows_dropped": self.rows_read - self.rows_kept,
            "dropped": self.dropped,
            "facts": self.facts,
            "notes": self.notes,
            "errors": self.errors,
        }

    def summary(self) -> str:
        """Return one line: the rows kept, and of how many shoppers and items."""
        facts = self.facts
        line = (
            f"kept {self.rows_kept:,} of {self.rows_read:,} rows: {facts.get('users', 0):,} "
            f"shoppers, {facts.get('items', 0):,} items"
        )
        baskets = facts.get("anonymous_baskets", 0)
        return f"{line}, {baskets:,} anonymous baskets" if baskets else line

    def to_text(self) -> str:
        """Return the report for people: every reason with its count and an example."""
        lines = [self.summary()]
        for reason, drop in self.dropped.items():
            example = drop["example"]
            lines.append(
                f"dropped {drop['rows']:,}: {reason} "
                f"(first on line {example['line']}: {example['value']!r})"
            )
        lines += [
            f"{name.replace('_', ' ')}: {value:,}"
            if isinstance(value, int)
            else f"{name.replace('_', ' ')}: {value}"
            for name, value in self.facts.items()
        ]
        lines += [f"note: {note}" for note in self.notes]
        lines += [f"error: {error}" for error in self.errors]
        return "\n".join(lines)

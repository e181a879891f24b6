"""What cleaning did with every row of a log."""

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

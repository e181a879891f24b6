"""Progress of long work on standard error: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

LINE_EVERY_S = 20.0


class _Shown:
    """A bar that stands while the ``with`` block runs, and lines that stay above it.

    Args:
        console: of standard error.
        bar: on that console.
    """

    def __init__(self, console: Console, bar: Progress) -> None:
        self._console, self._bar = console, bar

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        """Print one line that stays, above the bar."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class TrainingProgress(_Shown):
    """Shows steps done, loss, validation metric, rate and time left while a loop runs.

    Args:
        total_steps: optimiser steps in the whole run, over all epochs; batches of an evaluation.
        done_steps: steps already done by the run that is being resumed.
        unit: what ``advance`` counts, for the rate: "samples", "images" or "cases".
    """

    def __init__(self, title: str, total_steps: int, *, done_steps: int = 0, unit: str) -> None:
        console = Console(stderr=True)
        self._title, self._unit = title, unit
        self._total, self._done = total_steps, done_steps
        self._first_step = done_steps
        self._units = 0
        self._metric = ""
        self._started = self._last_line = time.monotonic()
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total} {task.fields[note]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        super().__init__(console, bar)
        self._task = self._bar.add_task(title, total=total_steps, completed=done_steps, note="")

    def metric(self, name: str, value: float) -> None:
        """Show the newest validation metric beside the loss from now on."""
        self._metric = f" {name} {value:.4f}"

    def advance(self, units: int, loss: float | None = None) -> None:
        """Count one step over ``units`` samples or images with its loss, where there is one."""
        self._done += 1
        self._units += units
        now = time.monotonic()
        rate = self._units / max(now - self._started, 1e-9)
        note = f"{rate:,.0f} {self._unit}/s"
        if loss is not None:
            note = f"loss {loss:.4f}{self._metric} {note}"
        self._bar.update(self._task, completed=self._done, note=note)
        if not self._console.is_terminal and now - self._last_line >= LINE_EVERY_S:
            self._last_line = now
            per_step = (now - self._started) / max(self._done - self._first_step, 1)
            left_s = per_step * (self._total - self._done)
            self.say(f"{self._title}: {self._done}/{self._total} {note}, {left_s:,.0f} s left")


class ReadingProgress(_Shown):
    """Shows rows read and the rate while a long file is read; a short one shows nothing.

    Args:
        name: of the file.
        total_rows: rows in the file, or lines, which may be a few more.
    """

    def __init__(self, name: str, total_rows: int) -> None:
        console = Console(stderr=True)
        self._name, self._total, self._done = name, total_rows, 0
        self._started = self._last_line = time.monotonic()
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f} rows"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        super().__init__(console, bar)
        self._task = self._bar.add_task(f"reading {name}", total=total_rows)

    def advance(self, rows: int) -> None:
        """Count ``rows`` more that were read."""
        self._done += rows
        self._bar.update(self._task, completed=self._done)
        now = time.monotonic()
        if not self._console.is_terminal and now - self._last_line >= LINE_EVERY_S:
            self._last_line = now
            rate = self._done / (now - self._started)
            self.say(
                f"reading {self._name}: {self._done:,}/{self._total:,} rows, {rate:,.0f} rows/s"
            )

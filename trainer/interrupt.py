"""Ctrl-C and SIGTERM ask training to stop after the step it is in, so that it can save first."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType


class StopRequest:
    """Context in which the first SIGINT or SIGTERM only sets :attr:`requested`.

    A second signal interrupts at once. Outside the main thread nothing is installed, since Python
    delivers signals to the main thread only.
    """

    def __init__(self) -> None:
        self.requested = False
        self._previous: dict[int, object] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._on_signal)
        return self

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]


class TrainingStopped(KeyboardInterrupt):
    """Training stopped on request; its checkpoint is saved and ``--resume`` continues it."""

"""Questions to the recommender's graph, and how several requests are answered in one run of it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from runtime.errors import EndcapError

if TYPE_CHECKING:
    from numpy.typing import NDArray

T = TypeVar("T")

MAX_ROWS = 64  # of a run; more gain nothing, and the shoppers in it wait for one another
_MAX_MASK_BYTES = 32 << 20  # allowed masks of one run: 32 shoppers at a million items


@dataclass(frozen=True)
class Question:
    """Contexts that share one allowed mask.

    Attributes:
        contexts: of each, the user row and the item rows, oldest first.
        allowed: bool [n_rows].
    """

    contexts: Sequence[tuple[int, Sequence[int]]]
    allowed: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.contexts)

    @property
    def n_rows(self) -> int:
        """Rows of the catalogue."""
        return len(self.allowed)

    def fill(self, tensors: Tensors, start: int) -> None:
        """Write into ``tensors`` from row ``start``; of a long basket the latest items count."""
        max_basket = tensors.basket.shape[1]
        for place, (user, rows) in enumerate(self.contexts, start):
            tensors.user[place, 0] = user
            latest = rows[-max_basket:]
            if latest:
                tensors.basket[place, -len(latest) :] = latest
        tensors.allowed[start : start + len(self)] = self.allowed


@dataclass(frozen=True)
class Tensors:
    """The graph's inputs themselves (design section 3.1): n requests.

    Attributes:
        user: int64 [n, 1].
        basket: int64 [n, max_basket].
        allowed: bool [n, n_rows].
    """

    user: NDArray[np.int64]
    basket: NDArray[np.int64]
    allowed: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.user)

    @property
    def n_rows(self) -> int:
        """Rows of the catalogue."""
        return int(self.allowed.shape[1])

    def fill(self, tensors: Tensors, start: int) -> None:
        """Write into ``tensors`` from row ``start``."""
        rows = slice(start, start + len(self))
        tensors.user[rows], tensors.basket[rows] = self.user, self.basket
        tensors.allowed[rows] = self.allowed


Reply = tuple["NDArray[np.int64]", "NDArray[np.float32]"]
"""The graph's answer to a question: item rows and scores, [n, top_k] both."""

Steps = Generator[Question | Tensors, Reply, T]
"""A request on its way: yields questions, is sent their replies, returns its answer."""

Run = Callable[[Tensors], Reply]


def rows_of_a_run(n_rows: int) -> int:
    """Return how many requests one run takes over a catalogue of ``n_rows`` rows."""
    return max(1, min(MAX_ROWS, _MAX_MASK_BYTES // n_rows))


def answer_together(
    run: Run, steps: Sequence[Steps[T]], max_basket: int, max_rows: int
) -> list[T | EndcapError]:
    """Take several requests through their steps side by side, their questions in common runs.

    Args:
        run: runs the graph.
        steps: the requests.
        max_basket: items that a context holds.
        max_rows: rows of one run; a single question may have more.

    Returns:
        The answer of each, or the error that ended it, in the order given.
    """
    results: dict[int, T | EndcapError] = {}
    waiting: list[tuple[int, Question | Tensors]] = []

    def advance(index: int, reply: Reply | None) -> None:
        try:
            # a generator takes None, and nothing else, for its first step
            waiting.append((index, steps[index].send(reply)))  # type: ignore[arg-type]
        except StopIteration as end:
            results[index] = end.value
        except EndcapError as error:
            results[index] = error

    for index in range(len(steps)):
        advance(index, None)
    while waiting:
        group, waiting[:] = _first_rows(waiting, max_rows)
        try:
            item, score = run(_joined([question for _, question in group], max_basket))
        except EndcapError as error:
            results.update((index, error) for index, _ in group)
            continue
        start = 0
        for index, question in group:
            stop = start + len(question)
            advance(index, (item[start:stop], score[start:stop]))
            start = stop
    return [results[index] for index in range(len(steps))]


def _first_rows(
    waiting: list[tuple[int, Question | Tensors]], max_rows: int
) -> tuple[list[tuple[int, Question | Tensors]], list[tuple[int, Question | Tensors]]]:
    """Split ``waiting`` into what fits into one run, at least one question, and the rest."""
    rows = 0
    for taken, (_, question) in enumerate(waiting):
        rows += len(question)
        if rows > max_rows and taken:
            return waiting[:taken], waiting[taken:]
    return list(waiting), []


def _joined(questions: Sequence[Question | Tensors], max_basket: int) -> Tensors:
    """Return the inputs of one run, of all ``questions`` one after the other."""
    if len(questions) == 1 and isinstance(questions[0], Tensors):
        return questions[0]
    n, n_rows = sum(map(len, questions)), questions[0].n_rows
    tensors = Tensors(
        np.empty((n, 1), np.int64),
        np.zeros((n, max_basket), np.int64),
        np.empty((n, n_rows), np.bool_),
    )
    start = 0
    for question in questions:
        question.fill(tensors, start)
        start += len(question)
    return tensors

"""A tiny log whose weights can be worked out by hand."""

from __future__ import annotations

import numpy as np

from benchmarks.quality.question import Question


def question(
    sequences: list[list[int]],
    contexts: list[list[int]],
    *,
    n_rows: int,
    users: list[int] | None = None,
) -> Question:
    """Ask about ``contexts`` after showing ``sequences``; shopper s + 1 bought sequence s."""
    return Question(
        n_rows=n_rows,
        n_users=len(sequences),
        train_user=np.arange(1, len(sequences) + 1),
        train_offsets=offsets(sequences),
        train_items=np.concatenate(sequences),
        user=np.array(users if users is not None else [0] * len(contexts)),
        context_offsets=offsets(contexts),
        context_items=np.concatenate(contexts).astype(np.int64),
    )


def offsets(lists: list[list[int]]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum([len(one) for one in lists])]).astype(np.int64)

"""The best peer on Beauty: RecTools' SASRec (Kang and McAuley, ICDM 2018) with a full softmax."""

from __future__ import annotations

import numpy as np

from benchmarks.quality.item_weights import Scorer
from benchmarks.quality.question import Question


def fit_sasrec(question: Question, seed: int, factors: int, epochs: int) -> Scorer:
    """Two blocks of causal self-attention over the newest 50 items.

    RecTools ranks itself: the scorer turns its ranked lists into scores that keep their order, and
    what it ranks below them is left to popularity.

    Args:
        question: what to learn from; every case must be of a known shopper, whose context is what
            training knows of him.
        seed: of weights, batches and dropout.
        factors: numbers in a vector.
        epochs: passes over the sequences.
    """
    import pandas as pd
    from pytorch_lightning import seed_everything
    from rectools import Columns
    from rectools.dataset import Dataset
    from rectools.models import SASRecModel

    seed_everything(seed)
    sequence = question.train_sequences()
    frame = pd.DataFrame(
        {
            Columns.User: question.train_user[sequence],
            Columns.Item: question.train_items,
            Columns.Weight: 1.0,
            # One day a purchase keeps the order, which is all that SASRec looks at.
            Columns.Datetime: pd.Timestamp("2000-01-01")
            + pd.to_timedelta(
                np.arange(len(sequence)) - question.train_offsets[sequence], unit="D"
            ),
        }
    )
    dataset = Dataset.construct(frame[frame[Columns.User] > 0])
    model = SASRecModel(
        n_blocks=2,
        n_factors=factors,
        session_max_len=50,
        loss="softmax",
        epochs=epochs,
        deterministic=True,
        recommend_use_torch_ranking=True,
    )
    model.fit(dataset)
    shown = model.recommend(question.user, dataset, k=10, filter_viewed=True)
    scores = np.zeros((question.n_users + 1, question.n_rows), np.float32)
    scores[shown[Columns.User], shown[Columns.Item]] = 1 / shown[Columns.Rank]
    return lambda cases: scores[question.user[cases]]

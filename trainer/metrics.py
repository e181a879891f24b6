"""Ranking metrics at k, per case, from ranked lists and the items that were really taken."""

from __future__ import annotations

import numpy as np

from trainer.cases import Cases


def hits(ranked: np.ndarray, cases: Cases, n_rows: int) -> np.ndarray:
    """Mark which ranked items were taken.

    Args:
        ranked: int64 [n, k], item rows best first, 0 where the list is shorter.
        cases: n cases.
        n_rows: number of item rows, padding row 0 counted.

    Returns:
        bool [n, k].
    """
    owner = np.repeat(np.arange(len(cases)), np.diff(cases.target_offsets))
    taken = owner * n_rows + cases.target_items
    shown = np.arange(len(cases))[:, None] * n_rows + ranked
    return np.isin(shown, taken) & (ranked > 0)


def ranking_metrics(ranked: np.ndarray, cases: Cases, n_rows: int) -> dict[str, np.ndarray]:
    """Compute HR, NDCG, MRR and recall at k for every case.

    HR is 1 when any answer is shown. NDCG has binary gains 1/log2(1 + rank), divided by the ideal
    list's (Järvelin and Kekäläinen, 2002). MRR is the first answer's 1/rank. Recall is the share of
    the answers that is shown.

    Args:
        ranked: int64 [n, k], item rows best first, 0 where the list is shorter.
        cases: n cases.
        n_rows: number of item rows, padding row 0 counted.

    Returns:
        float64 [n] by the names "hr", "ndcg", "mrr", "recall".
    """
    k = ranked.shape[1]
    hit = hits(ranked, cases, n_rows)  # [n, k]
    answers = np.diff(cases.target_offsets)  # [n]
    gain = 1 / np.log2(np.arange(2, k + 2))  # [k]
    ideal = np.concatenate([[0.0], np.cumsum(gain)])[np.minimum(answers, k)]
    found = hit.any(axis=1)
    return {
        "hr": found.astype(np.float64),
        "ndcg": (hit * gain).sum(axis=1) / ideal,
        "mrr": np.where(found, 1 / (hit.argmax(axis=1) + 1), 0.0),
        "recall": hit.sum(axis=1) / answers,
    }

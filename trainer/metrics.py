"""Ranking metrics at k, per case, from ranked lists and the items taken; and how sure they are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trainer.cases import Cases

RESAMPLES = 1000
CONFIDENCE = 0.95
_DRAWS_AT_ONCE = 2_000_000  # bounds the memory of a bootstrap


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
    """Compute HR, NDCG, MRR, recall and precision at k for every case.

    HR is 1 when any answer is shown. NDCG has binary gains 1/log2(1 + rank), divided by the ideal
    list's (Järvelin and Kekäläinen, 2002). MRR is the first answer's 1/rank. Recall is the share of
    the answers that is shown; precision is the share of the k places that holds an answer, empty
    places counted.

    Args:
        ranked: int64 [n, k], item rows best first, 0 where the list is shorter.
        cases: n cases, each with at least one answer.
        n_rows: number of item rows, padding row 0 counted.

    Returns:
        float64 [n] by the names "hr", "ndcg", "mrr", "recall", "precision".
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
        "precision": hit.mean(axis=1),
    }


def popularity_ranks(counts: np.ndarray) -> np.ndarray:
    """Rank items by their purchases, float64 [n_rows]: 1 = the best seller, n_items = the slowest.

    Items that sold equally share the mean of their places; padding row 0 has none and gets 0.

    Args:
        counts: int64 [n_rows], purchases of each item before the test.
    """
    _, level, size = np.unique(-counts[1:], return_inverse=True, return_counts=True)
    return np.concatenate([[0.0], (np.cumsum(size) - (size - 1) / 2)[level]])


def shown_popularity(ranked: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """Average the popularity ranks of what each case is shown, float64 [n].

    This is the bias towards best sellers: the mean over the cases is (k + 1) / 2 where everybody
    is shown the k best sellers, and (n_items + 1) / 2 where everything is shown equally often.

    Args:
        ranked: int64 [n, k], item rows, 0 where the list is shorter; at least one in each list.
        ranks: float64 [n_rows], as :func:`popularity_ranks` returns them.
    """
    mean: np.ndarray = ranks[ranked].sum(axis=1) / (ranked > 0).sum(axis=1)
    return mean


def bootstrap_intervals(
    values: Mapping[str, np.ndarray], seed: int = 7
) -> dict[str, tuple[float, float]]:
    """Say between which bounds each mean lies in 95 % of 1,000 resamples of the cases.

    The percentile bootstrap (Efron, 1979): as many cases as there are, drawn with replacement; all
    metrics are averaged over the same draws.

    Args:
        values: name -> float64 [n], one metric of every case.
        seed: of the draws.

    Returns:
        name -> (lower, upper).
    """
    table = np.stack(list(values.values()), axis=1)  # [n, metrics]
    n = len(table)
    rng = np.random.Generator(np.random.PCG64(seed))
    means: list[np.ndarray] = []
    at_once = max(1, _DRAWS_AT_ONCE // n)
    for start in range(0, RESAMPLES, at_once):
        number = min(at_once, RESAMPLES - start)
        drawn = rng.integers(n, size=(number, n), dtype=np.int32)
        drawn += np.arange(number, dtype=np.int32)[:, None] * n
        times = np.bincount(drawn.ravel(), minlength=number * n).reshape(number, n)
        means.append(times @ table / n)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(np.concatenate(means), [tail, 1 - tail], axis=0)
    return {name: (float(low[place]), float(high[place])) for place, name in enumerate(values)}

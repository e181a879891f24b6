"""One contestant's process: read a question, learn, rank every case with every setting.

python -m benchmarks.quality.answer QUESTION.npz TASK.json RANKED.npz
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quality.factors import fit_als, fit_bpr
from benchmarks.quality.item_weights import (
    Scorer,
    fit_ease,
    fit_item_knn,
    fit_popularity,
    fit_pure_svd,
)
from benchmarks.quality.question import K, Question, best_rows
from benchmarks.quality.sasrec import fit_sasrec

BATCH = 512

FITS: Mapping[str, Callable[..., Scorer]] = {
    "popularity": fit_popularity,
    "item-knn": fit_item_knn,
    "ease": fit_ease,
    "pure-svd": fit_pure_svd,
    "als": fit_als,
    "bpr": fit_bpr,
    "sasrec": fit_sasrec,
}


def rank(question: Question, score: Scorer, query: Mapping[str, Any]) -> np.ndarray:
    """Rank every case by the scores under the query settings, int64 [n, k]."""
    ranked = np.zeros((len(question), K), np.int64)
    for start in range(0, len(question), BATCH):
        cases = slice(start, min(start + BATCH, len(question)))
        ranked[cases] = best_rows(score(cases, **query), question, cases)
    return ranked


def answer(question: Question, task: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Fit with each of the task's fit settings and rank with each of its query settings.

    Args:
        question: what to learn from and to rank.
        task: "peer", a name in :data:`FITS`; "seed"; "fits" and "queries", lists of settings.

    Returns:
        Ranked lists, int64 [fits, queries, n, k], and seconds to fit and rank, [fits, queries].
    """
    fit = FITS[task["peer"]]
    shape = (len(task["fits"]), len(task["queries"]))
    ranked = np.zeros((*shape, len(question), K), np.int64)
    seconds = np.zeros(shape)
    for i, fit_settings in enumerate(task["fits"]):
        started = time.perf_counter()
        score = fit(question, task["seed"], **fit_settings)
        fit_s = time.perf_counter() - started
        for j, query in enumerate(task["queries"]):
            started = time.perf_counter()
            ranked[i, j] = rank(question, score, query)
            seconds[i, j] = fit_s + time.perf_counter() - started
    return ranked, seconds


def main() -> None:
    """Answer the task of the command line."""
    question, task, out = (Path(name) for name in sys.argv[1:])
    ranked, seconds = answer(Question.read(question), json.loads(task.read_text("utf-8")))
    np.savez(out, ranked=ranked, seconds=seconds)


if __name__ == "__main__":
    main()

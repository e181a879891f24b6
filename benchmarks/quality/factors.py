"""Peers of implicit: ALS (Hu, Koren and Volinsky, ICDM 2008) and BPR (Rendle et al., UAI 2009)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from benchmarks.quality.item_weights import Scorer
from benchmarks.quality.question import Question


def fit_als(question: Question, seed: int, factors: int, l2: float, alpha: float) -> Scorer:
    """Weighted matrix factorisation of the known shoppers' purchases, 15 sweeps.

    Args:
        question: what to learn from; every case must be of a known shopper.
        seed: of the initial factors.
        factors: numbers in a vector.
        l2: penalty on the vectors.
        alpha: weight of a purchase against nothing bought.
    """
    from implicit.cpu.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(
        factors=factors,
        regularization=l2,
        alpha=alpha,
        iterations=15,
        num_threads=torch.get_num_threads(),
        random_state=seed,
    )
    return _fitted(model, question)


def fit_bpr(question: Question, seed: int, factors: int, learning_rate: float, l2: float) -> Scorer:
    """Pairwise matrix factorisation of the known shoppers' purchases, 100 passes.

    Args:
        question: what to learn from; every case must be of a known shopper.
        seed: of the initial factors and the drawn pairs.
        factors: numbers in a vector.
        learning_rate: step size.
        l2: penalty on the vectors.
    """
    from implicit.cpu.bpr import BayesianPersonalizedRanking

    model = BayesianPersonalizedRanking(
        factors=factors,
        learning_rate=learning_rate,
        regularization=l2,
        iterations=100,
        num_threads=torch.get_num_threads(),
        random_state=seed,
    )
    return _fitted(model, question)


def _fitted(model: Any, question: Question) -> Scorer:
    from scipy.sparse import csr_matrix

    if np.any(question.user == 0):
        raise ValueError("matrix factorisation knows no anonymous shoppers; ask it no such case")
    user = question.train_user[question.train_sequences()]
    known = user > 0
    bought = csr_matrix(
        (np.ones(known.sum(), np.float32), (user[known], question.train_items[known])),
        shape=(question.n_users + 1, question.n_rows),
    )
    bought.data[:] = 1  # a repeat says nothing new
    model.fit(bought, show_progress=False)
    items = model.item_factors.T  # [factors, n_rows]
    return lambda cases: model.user_factors[question.user[cases]] @ items

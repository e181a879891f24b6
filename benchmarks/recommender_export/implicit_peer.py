"""implicit's recommend, on one thread; factors are drawn, for speed does not depend on them."""

from __future__ import annotations

import warnings

import numpy as np

from benchmarks.recommender_export.drawn import DIM, USERS, Feeds, K


class Implicit:
    """A fitted model of implicit, whose own code answers.

    Args:
        n_items: the catalogue's size.
        vectors: float32 [n_items, 50], the items' factors.

    Raises:
        ImportError: implicit is not installed.
    """

    def __init__(self, n_items: int, vectors: np.ndarray) -> None:
        import threadpoolctl
        from implicit.cpu.als import AlternatingLeastSquares
        from scipy.sparse import csr_matrix

        threadpoolctl.threadpool_limits(1)  # its BLAS; the whole benchmark runs on one thread
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._model = AlternatingLeastSquares(factors=DIM, num_threads=1)
        rng = np.random.default_rng(3)
        self._model.item_factors = vectors
        self._model.user_factors = rng.normal(size=(USERS + 1, DIM)).astype(np.float32)
        self._nothing = csr_matrix((1, n_items), dtype=np.float32)

    def answer(self, request: Feeds) -> np.ndarray:
        """Return the best places in ``vectors``, int32 [10], whatever is in stock."""
        user = int(request["user"][0, 0])
        found, _ = self._model.recommend(user, self._nothing, N=K, filter_already_liked_items=False)
        return np.asarray(found)

    def answer_in_stock(self, request: Feeds, barred: np.ndarray) -> np.ndarray:
        """Return the best places in ``vectors`` that are none of ``barred``, int32 [10]."""
        user = int(request["user"][0, 0])
        found, _ = self._model.recommend(
            user, self._nothing, N=K, filter_already_liked_items=False, filter_items=barred
        )
        return np.asarray(found)

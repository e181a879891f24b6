"""The MLP as one would export it: the module that scores pairs, asked for every pair."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from benchmarks.recommender_export.drawn import Feeds, K
from runtime.session import Session, open_session
from trainer.recommender.mlp import Mlp

TOLERANCE = 1e-4  # logits of the export beside torch's; they differ by float32's rounding


def naive_export(model: Mlp, folder: Path) -> bytes:
    """Export ``Mlp.forward``, pairs to logits, as torch's documentation says.

    Raises:
        ImportError: onnxscript is not installed, which torch's exporter writes with.
    """
    import onnxscript  # noqa: F401  # torch says it less plainly

    pairs = torch.export.Dim("pairs")
    path = folder / "naive.onnx"
    torch.onnx.export(
        model,
        (torch.ones(2, dtype=torch.int64), torch.ones(2, dtype=torch.int64)),
        path,
        dynamo=True,
        external_data=False,
        input_names=["user", "item"],
        output_names=["logit"],
        dynamic_shapes={"user": {0: pairs}, "item": {0: pairs}},
        verbose=False,
    )
    return path.read_bytes()


class Naive:
    """Answers a request by scoring every pair, masking, and numpy's partial sort.

    Args:
        graph: the export of a module that scores pairs.
        n_items: the catalogue's size.
    """

    def __init__(self, graph: bytes, n_items: int) -> None:
        self._session = open_session(graph, "cpu", 1)
        self._items = np.arange(1, n_items + 1)

    def logits(self, user: int) -> np.ndarray:
        """Score every item for a user row: float32 [n_items]."""
        feeds = {"user": np.full(len(self._items), user), "item": self._items}
        (found,) = self._session.run(feeds)
        return found

    def answer(self, request: Feeds) -> np.ndarray:
        """Return the best item rows, int64 [10]."""
        scores = self.logits(int(request["user"][0, 0]))
        scores = np.where(request["allowed"][0, 1:], scores, -np.inf)
        best = np.argpartition(scores, -K)[-K:]
        order = np.argsort(-scores[best], kind="stable")
        return self._items[best[order]]

    def hold_against(self, model: Mlp, user: int = 1) -> None:
        """Make sure that the export scores every item as torch does.

        Raises:
            ValueError: it does not.
        """
        with torch.inference_mode():
            items = torch.from_numpy(self._items)
            expected = model(torch.full_like(items, user), items).numpy()
        worst = float(np.abs(self.logits(user) - expected).max())
        if not worst <= TOLERANCE:
            raise ValueError(f"the naive export's logits are off torch's by {worst:g}")


def graph_answer(session: Session, request: Feeds) -> np.ndarray:
    """Return the best item rows, int64 [10], of one of endcap's graphs."""
    (item,) = session.run(request, ["item"])
    return item[0, :K]

"""Asking a peer: a process of its own, settings chosen on validation, ranked lists that keep."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.quality.peers import Peer, Settings
from benchmarks.quality.trial import Trial
from runtime.errors import MissingCapability

PEERS_PYTHON = Path(".venv-peers/bin/python")
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Desk:
    """Where peers are asked.

    Attributes:
        folder: keeps tasks and ranked lists.
        python: interpreter of the peers' environment.
        reuse: whether a list ranked earlier for the same question and task counts.
    """

    folder: Path
    python: Path = PEERS_PYTHON
    reuse: bool = False

    def ask(
        self,
        question: Path,
        peer: Peer,
        seed: int,
        fits: Sequence[Settings],
        queries: Sequence[Settings],
    ) -> Answers:
        """Have a peer rank a question with every combination of settings.

        Raises:
            MissingCapability: the peer needs an environment that is not there.
        """
        task = {"peer": peer.fit, "seed": seed, "fits": list(fits), "queries": list(queries)}
        text = json.dumps(task, sort_keys=True)
        name = hashlib.sha256(question.read_bytes() + text.encode()).hexdigest()[:16]
        self.folder.mkdir(parents=True, exist_ok=True)
        task_path, ranked_path = (self.folder / f"{name}.{kind}" for kind in ("json", "npz"))
        kept = self.reuse and ranked_path.exists()
        if not kept:
            task_path.write_text(text, "utf-8")
            self._run(peer, question, task_path, ranked_path)
        age_s = time.time() - ranked_path.stat().st_mtime if kept else 0.0
        with np.load(ranked_path, allow_pickle=False) as arrays:
            return Answers(arrays["ranked"], arrays["seconds"], age_s)

    def _run(self, peer: Peer, question: Path, task: Path, ranked: Path) -> None:
        python = self.python if peer.library else Path(sys.executable)
        if not python.exists():
            raise MissingCapability(
                f"{peer.label} needs the peers' environment {str(python)!r}; make it with "
                "make peers, or leave the peer out with --without-libraries"
            )
        module = "benchmarks.quality.answer"
        paths = [str(path.resolve()) for path in (question, task, ranked)]
        # implicit parallelises itself and asks for a BLAS that does not.
        environment = os.environ | ({"OPENBLAS_NUM_THREADS": "1"} if peer.library else {})
        subprocess.run(
            [str(python.absolute()), "-m", module, *paths],
            check=True,
            cwd=ROOT,
            env=environment,
            stdout=sys.stderr,
        )


@dataclass(frozen=True)
class Answers:
    """What a peer handed over.

    Attributes:
        ranked: int64 [fits, queries, n, k].
        seconds: float64 [fits, queries], to fit and to rank all cases.
        age_s: seconds since it was ranked; 0 when that was just now.
    """

    ranked: np.ndarray
    seconds: np.ndarray
    age_s: float


def choose_settings(desk: Desk, trial: Trial, peer: Peer) -> tuple[Settings, Settings]:
    """Return the fit and query settings with the best NDCG@10 on validation."""
    if len(peer.fits) * len(peer.queries) == 1:
        return peer.fits[0], peer.queries[0]
    question = trial.validation_question()
    answers = desk.ask(question, peer, trial.seed, peer.fits, peer.queries)
    ndcg = [
        [trial.score(ranked, trial.validation)["ndcg"] for ranked in row] for row in answers.ranked
    ]
    fit, query = np.unravel_index(np.argmax(ndcg), np.shape(ndcg))
    return peer.fits[fit], peer.queries[query]

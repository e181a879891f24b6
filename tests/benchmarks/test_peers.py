"""Every peer against weights worked out by hand, or against a planted structure."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.quality.answer import FITS, answer
from benchmarks.quality.item_weights import (
    co_purchases,
    fit_ease,
    fit_item_knn,
    fit_popularity,
    fit_pure_svd,
)
from benchmarks.quality.peers import grid
from benchmarks.quality.question import Question
from tests.benchmarks.planted import question

# Items 1 and 2 are bought together twice, 2 and 3 once, 3 alone once more.
SEQUENCES = [[1, 2], [2, 1, 1], [3, 2], [3]]
ALL = slice(0, 1)


def asked(*context: int) -> Question:
    return question(SEQUENCES, [list(context)], n_rows=4)


def test_purchases_of_two_items_are_counted_once_a_sequence() -> None:
    counted = co_purchases(asked(1)).int().tolist()
    assert counted == [[0, 0, 0, 0], [0, 2, 2, 0], [0, 2, 3, 1], [0, 0, 1, 2]]


def test_item_knn_is_the_cosine_and_recency_weighs_the_context() -> None:
    one, two = 2 / np.sqrt(2 * 3), 1 / np.sqrt(3 * 2)  # cosine of 1 and 2, of 2 and 3
    score = fit_item_knn(asked(1, 3), seed=0)
    assert score(ALL)[0] == pytest.approx([0, 0, one + two, 0])
    # Item 3 is the newest; item 1, a step back, counts half.
    assert score(ALL, decay=0.5)[0] == pytest.approx([0, 0, one / 2 + two, 0])


def test_item_knn_keeps_the_nearest_neighbours() -> None:
    score = fit_item_knn(asked(2), seed=0, neighbours=1)
    assert score(ALL)[0] == pytest.approx([0, 2 / np.sqrt(6), 0, 0])


def test_ease_solves_the_ridge_regression_of_each_item_on_the_others() -> None:
    bought = np.array([[1, 1, 0], [1, 1, 0], [0, 1, 1], [0, 0, 1]], np.float64)
    wanted = np.zeros((3, 3))
    for item in range(3):
        others = [other for other in range(3) if other != item]
        x = bought[:, others]
        # Zero diagonal: item's column from the other two columns alone, with penalty 2.
        wanted[others, item] = np.linalg.solve(x.T @ x + 2 * np.eye(2), x.T @ bought[:, item])
    for context in (1, 2, 3):
        found = fit_ease(asked(context), seed=0, l2=2.0)(ALL)[0]
        assert found[1:] == pytest.approx(wanted[context - 1], abs=1e-6)


def test_pure_svd_projects_on_the_leading_item_vectors() -> None:
    bought = np.array([[1, 1, 0], [1, 1, 0], [0, 1, 1], [0, 0, 1]], np.float64)
    leading = np.linalg.svd(bought)[2][:2]
    wanted = np.array([1, 0, 1]) @ leading.T @ leading
    assert fit_pure_svd(asked(1, 3), seed=0, rank=2)(ALL)[0][1:] == pytest.approx(wanted, abs=1e-5)


def test_popularity_counts_purchases() -> None:
    assert fit_popularity(asked(1), seed=0)(ALL)[0].tolist() == [0, 3, 3, 2]


def planted() -> tuple[Question, list[int]]:
    """Ask 60 shoppers of two tastes for the one item that each lacks, next in their taste's round.

    Returns:
        The question, and the item rows lacking.
    """
    rounds = [
        [1 + shopper % 2 + 2 * ((shopper // 2 + step) % 12) for step in range(12)]
        for shopper in range(60)
    ]
    sequences = [one[:-1] for one in rounds]
    asked = question(sequences, sequences, n_rows=25, users=list(range(1, 61)))
    return asked, [one[-1] for one in rounds]


SETTINGS: dict[str, dict[str, Any]] = {
    "item-knn": {},
    "ease": {"l2": 5.0},
    "pure-svd": {"rank": 2},
    "als": {"factors": 8, "l2": 0.1, "alpha": 5.0},
    "bpr": {"factors": 8, "learning_rate": 0.05, "l2": 0.01},
    "sasrec": {"factors": 16, "epochs": 100},
}
LIBRARIES = {"als": "implicit", "bpr": "implicit", "sasrec": "rectools"}


@pytest.mark.parametrize("peer", SETTINGS)
def test_every_peer_finds_the_item_of_the_own_taste(peer: str) -> None:
    library = LIBRARIES.get(peer)
    if library and importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is in the peers' environment only: make peers")
    asked, lacking = planted()
    task = {"peer": peer, "seed": 3, "fits": [SETTINGS[peer]], "queries": [{}]}
    ranked, seconds = answer(asked, task)
    assert ranked.shape == (1, 1, 60, 10)
    assert seconds.shape == (1, 1)
    found = (ranked[0, 0, :, 0] == lacking).mean()
    assert found >= (0.5 if library else 1.0)  # one taste holds 12 items: chance is 1 in 13


def test_every_peer_is_tested() -> None:
    assert {*SETTINGS, "popularity"} == set(FITS)


def test_a_grid_holds_every_combination() -> None:
    assert grid(a=(1, 2), b=("x",)) == ({"a": 1, "b": "x"}, {"a": 2, "b": "x"})


def test_a_peer_answers_in_a_process_of_its_own(tmp_path: Path) -> None:
    asked(1).write(tmp_path / "question.npz")
    task = {"peer": "item-knn", "seed": 0, "fits": [{}], "queries": [{}, {"decay": 0.5}]}
    (tmp_path / "task.json").write_text(json.dumps(task), "utf-8")
    names = [str(tmp_path / name) for name in ("question.npz", "task.json", "ranked.npz")]
    root = Path(__file__).parents[2]
    module = "benchmarks.quality.answer"
    subprocess.run([sys.executable, "-m", module, *names], check=True, cwd=root)
    with np.load(tmp_path / "ranked.npz") as found:
        assert found["ranked"].shape == (1, 2, 1, 10)
        assert found["ranked"][0, 0, 0].tolist() == [2, 3] + [0] * 8  # 2 is bought with 1

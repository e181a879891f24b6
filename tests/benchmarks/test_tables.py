"""Tables and goals from made-up figures, and ranked lists that say their age."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from benchmarks.quality.asking import Desk
from benchmarks.quality.goals import GOALS, Goal, ahead_of, at_least, goals_table, times_yardstick
from benchmarks.quality.peers import KNN, SASREC
from benchmarks.quality.result import Result, results_table
from runtime.errors import MissingCapability
from tests.benchmarks.planted import question


def result(label: str, *ndcg: float, hr: float = 0.1, age_s: float = 0.0) -> Result:
    return Result(label, tuple({"ndcg": n, "hr": hr} for n in ndcg), (60.0,), "decay 0.7", age_s)


def test_a_table_shows_mean_and_spread_and_the_age_of_kept_lists() -> None:
    table = results_table([result("one", 0.1, 0.2, 0.6), result("two", 0.5, age_s=7200)], ["ndcg"])
    _, _, one, two = table.split("\n")
    assert one == "| one | 0.3000 (0.1000 to 0.6000) | 3 | 60.0 | decay 0.7 |"
    assert two == "| two | 0.5000 | 1 | 60.0 | decay 0.7 (of 2.0 h ago) |"


@pytest.mark.parametrize(
    ("goal", "verdict"),
    [
        (at_least("ndcg", 0.30, "NDCG@10"), "yes"),
        (at_least("ndcg", 0.31, "NDCG@10"), "no"),
        (ahead_of(["kNN", "EASE"], "ndcg", "NDCG@10"), "yes"),
        (ahead_of(["kNN", "EASE"], "ndcg", "NDCG@10", 1.05), "yes"),
        (ahead_of(["kNN", "EASE"], "ndcg", "NDCG@10", 1.1), "no"),
        (ahead_of(["kNN", "SASRec"], "ndcg", "NDCG@10"), "not measured"),
        (times_yardstick("cold", "category popularity", 5), "yes"),
        (times_yardstick("cold", "category popularity", 6), "no"),
    ],
)
def test_goals_are_held_against_the_figures(goal: Goal, verdict: str) -> None:
    results = [
        result("kNN", 0.2),
        result("EASE", 0.28),
        result("endcap", 0.2, 0.4),  # 1.071 times EASE
        result("cold", 0.2, hr=0.5),
        result("cold, category popularity", 0.2, hr=0.1),
    ]
    assert goals_table([goal], results).endswith(f"| {verdict} |")


def test_a_tie_is_not_ahead() -> None:
    results = [result("EASE", 0.3), result("endcap", 0.3)]
    assert goals_table([ahead_of(["EASE"], "ndcg", "NDCG@10")], results).endswith("| no |")


def test_nothing_measured_meets_no_goal() -> None:
    for goals in GOALS.values():
        assert "| yes |" not in goals_table(goals, [])


def test_lists_are_reused_on_request_only_and_say_their_age(tmp_path: Path) -> None:
    asked = question([[1, 2], [2, 3]], [[1]], n_rows=4)
    path = tmp_path / "question.npz"
    asked.write(path)
    desk = Desk(tmp_path / "ranked")
    fresh = desk.ask(path, KNN, 0, [{}], [{}])
    assert fresh.age_s == 0
    (kept,) = desk.folder.glob("*.npz")
    hour_ago = time.time() - 3600
    os.utime(kept, (hour_ago, hour_ago))
    again = Desk(tmp_path / "ranked", reuse=True).ask(path, KNN, 0, [{}], [{}])
    assert again.age_s >= 3600
    assert again.ranked.tolist() == fresh.ranked.tolist()
    assert desk.ask(path, KNN, 0, [{}], [{}]).age_s == 0


def test_a_missing_environment_is_named(tmp_path: Path) -> None:
    question([[1]], [[1]], n_rows=2).write(tmp_path / "question.npz")
    desk = Desk(tmp_path / "ranked", python=tmp_path / "absent" / "python")
    with pytest.raises(MissingCapability, match="make peers"):
        desk.ask(tmp_path / "question.npz", SASREC, 0, [{}], [{}])

"""All contestants on one data set: tuned peers, and endcap through its exported graphs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.quality.asking import Desk, choose_settings
from benchmarks.quality.exported import (
    Exported,
    evaluate_cold,
    of_earlier_run,
    rank_with_bundle,
    train_and_export,
)
from benchmarks.quality.goals import ANONYMOUS, ENDCAP
from benchmarks.quality.peers import Peer, Settings
from benchmarks.quality.result import Result
from benchmarks.quality.shops import Shop
from benchmarks.quality.trial import Trial

Say = Callable[[str], None]


def trials(shop: Shop, seeds: Sequence[int], folder: Path) -> list[Trial]:
    """Cut the shop's log once a seed."""
    return [Trial(shop, seed, folder / shop.name / str(seed)) for seed in seeds]


def run_peer(peer: Peer, cut: Sequence[Trial], desk: Desk, say: Say) -> Result:
    """Choose a peer's settings on validation and rank the test cases, once a seed.

    Where the seed does not change the cases, settings are chosen once, and a peer that draws
    nothing is asked once.
    """
    resplit = cut[0].shop.resplit
    chosen: list[tuple[Settings, Settings]] = []
    scores, seconds, ages = [], [], []
    for trial in cut if resplit or peer.drawn else cut[:1]:
        if resplit or not chosen:
            chosen.append(choose_settings(desk, trial, peer))
        fit, query = chosen[-1]
        answers = desk.ask(trial.test_question(), peer, trial.seed, [fit], [query])
        scores.append(trial.score(answers.ranked[0, 0], trial.test))
        seconds.append(float(answers.seconds[0, 0]))
        ages.append(answers.age_s)
        say(f"{trial.shop.name}, seed {trial.seed}: {peer.label} NDCG@10 {scores[-1]['ndcg']:.4f}")
    spelled = [
        ", ".join(f"{name} {value:g}" for name, value in {**fit, **query}.items())
        for fit, query in chosen
    ]
    settings = "; ".join(dict.fromkeys(spelled))
    return Result(peer.label, tuple(scores), tuple(seconds), settings, max(ages))


def run_endcap(cut: Sequence[Trial], say: Say, *, reuse: bool) -> list[Result]:
    """Train and export once a seed; a row for each variant, with and without the user ids.

    The rows "endcap" and "endcap, anonymous" are the variant that the device would run on its CPU;
    without known shoppers there is one row for both. With ``reuse`` the bundles of an earlier run
    are ranked again.
    """
    scores: dict[str, list[dict[str, float]]] = {}
    seconds, ages = [], []
    for trial in cut:
        exported = of_earlier_run(trial) if reuse else train_and_export(trial)
        ages.append(exported.age_s)
        seconds.append(exported.train_s + exported.export_s)
        for label, variant, anonymous in _asked(exported, known=bool(trial.test.user.any())):
            ranked = rank_with_bundle(exported, variant, trial, anonymous=anonymous)
            scores.setdefault(label, []).append(trial.score(ranked, trial.test))
            ndcg = scores[label][-1]["ndcg"]
            say(f"{trial.shop.name}, seed {trial.seed}: {label} ({variant}) NDCG@10 {ndcg:.4f}")
    return [
        Result(label, tuple(found), tuple(seconds), "see the recipe", max(ages))
        for label, found in scores.items()
    ]


def run_cold(cut: Sequence[Trial], say: Say) -> list[Result]:
    """Train without the hidden items and ask for them, beside popularity within the category.

    ``endcap evaluate`` ranks both and defines them: see ``trainer/recommender/yardsticks.py``.
    """
    scores: dict[str, list[dict[str, float]]] = {}
    seconds = []
    for trial in cut:
        started = time.perf_counter()
        for label, found in evaluate_cold(trial).items():
            figures = {name: found[f"{name}@10"] for name in trial.shop.metrics}
            scores.setdefault(label, []).append(figures)
            say(f"{trial.shop.name}, seed {trial.seed}: {label} HR@10 {figures['hr']:.4f}")
        seconds.append(time.perf_counter() - started)
    return [Result(label, tuple(found), tuple(seconds)) for label, found in scores.items()]


def _asked(exported: Exported, *, known: bool) -> list[tuple[str, str, bool]]:
    """List (label, variant, anonymous), the CPU's default variant first."""
    default = exported.section.default["cpu"]
    others = [name for name in exported.section.variants if name != default]
    asked = [(ENDCAP, default, False), (ANONYMOUS, default, True)]
    for name in others:
        asked += [(f"{ENDCAP} {name}", name, False), (f"{ENDCAP} {name}, anonymous", name, True)]
    return [one for one in asked if known or not one[2]]

"""endcap's own rows: trained and exported by its command line, ranked by the exported graphs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.command import ENDCAP
from benchmarks.quality.question import K
from benchmarks.quality.trial import Trial
from runtime.bundle import Bundle, open_bundle
from runtime.catalogue import Catalogue
from runtime.errors import UnusableInput
from runtime.manifest import RecommenderSection
from runtime.session import open_session
from runtime.users import Users

BATCH = 256
COST = "cost.json"


@dataclass(frozen=True)
class Exported:
    """One trained, exported recommender.

    Attributes:
        bundle: what the device would open.
        train_s: seconds of ``endcap train``, its own evaluation included.
        export_s: seconds of ``endcap export``.
        age_s: since it was exported; 0 when this run did it.
    """

    bundle: Bundle
    train_s: float
    export_s: float
    age_s: float = 0.0

    @property
    def section(self) -> RecommenderSection:
        """The manifest's word on the recommender."""
        section = self.bundle.manifest.recommender
        if section is None:
            raise UnusableInput(f"bundle {str(self.bundle.path)!r} holds no recommender")
        return section


def train_and_export(trial: Trial) -> Exported:
    """Run ``endcap train recommender`` and ``endcap export`` with the shop's recipe, afresh."""
    run, bundle = trial.folder / "run", trial.folder / "bundle"
    for left_over in (run, bundle):
        shutil.rmtree(left_over, ignore_errors=True)
    shop = trial.shop
    (trial.folder / COST).unlink(missing_ok=True)
    files = ["--interactions", str(shop.interactions), "--config", str(shop.recipe)]
    if shop.catalogue is not None:
        files += ["--catalogue", str(shop.catalogue)]
    settings = [word for setting in trial.settings for word in ("--set", setting)]
    train_s = _wall_s("train", "recommender", *files, *settings, "--out", str(run))
    export_s = _wall_s("export", "--recommender", str(run), "--out", str(bundle))
    cost = {"train_s": train_s, "export_s": export_s}
    (trial.folder / COST).write_text(json.dumps(cost), encoding="utf-8")
    return Exported(open_bundle(bundle), **cost)


def of_earlier_run(trial: Trial) -> Exported:
    """Open what an earlier run trained and exported for the trial, or else do it afresh."""
    if not (trial.folder / COST).exists():
        return train_and_export(trial)
    cost = json.loads((trial.folder / COST).read_text(encoding="utf-8"))
    age_s = time.time() - (trial.folder / COST).stat().st_mtime
    return Exported(open_bundle(trial.folder / "bundle"), **cost, age_s=age_s)


def rank_with_bundle(
    exported: Exported, variant: str, trial: Trial, *, anonymous: bool
) -> np.ndarray:
    """Rank the trial's test cases with one ONNX variant, int64 [n, 10], in the log's rows.

    Args:
        exported: the bundle.
        variant: "fp32" or another of its variants.
        trial: the cases.
        anonymous: withhold the user ids.

    Raises:
        UnusableInput: the bundle does not know the log's items.
    """
    section, log, cases = exported.section, trial.log, trial.test
    names = Catalogue.of(exported.bundle)
    item = np.array([0, *(names.row(name) or 0 for name in log.item_ids)], np.int64)
    if len(np.unique(item)) <= log.n_items:
        raise UnusableInput(
            f"bundle {str(exported.bundle.path)!r} does not know all of the log's {log.n_items} "
            "items; train it on the same log"
        )
    users = Users.of(exported.bundle)
    user = np.array([0, *(users.row(name) for name in log.user_ids)], np.int64)[cases.user]
    if anonymous:
        user = np.zeros_like(user)
    baskets = item[cases.baskets(section.max_basket)]
    session = open_session(exported.bundle.read_bytes(section.variants[variant].file), "cpu")
    ours = np.zeros(section.n_items + 1, np.int64)
    ours[item] = np.arange(log.n_items + 1)
    ranked = np.zeros((len(cases), K), np.int64)
    for start in range(0, len(cases), BATCH):
        part = slice(start, min(start + BATCH, len(cases)))
        allowed = np.zeros((part.stop - part.start, section.n_items + 1), bool)
        allowed[:, item[1:]] = True
        for row, case in enumerate(range(part.start, part.stop)):
            allowed[row, item[cases.context(case)]] = False
        feeds = {"user": user[part, None], "basket": baskets[part], "allowed": allowed}
        (shown,) = session.run(feeds, ["item"])
        ranked[part] = ours[shown[:, :K]]
    return ranked


def evaluate_cold(trial: Trial) -> dict[str, Any]:
    """Have ``endcap evaluate`` ask the bundle for the items that the trial hid from training.

    Returns:
        Name of an evaluation row, "cold..." -> its figures, of the CPU's default variant.
    """
    exported, shop = train_and_export(trial), trial.shop
    files = ["--interactions", str(shop.interactions)]
    if shop.catalogue is not None:
        files += ["--catalogue", str(shop.catalogue)]
    arguments = [ENDCAP, "evaluate", str(exported.bundle.path), *files, "--json"]
    printed = subprocess.run(arguments, check=True, stdout=subprocess.PIPE).stdout
    table = json.loads(printed)["results"][f"onnx {exported.section.default['cpu']}"]
    return {name: found for name, found in table.items() if name.startswith("cold")}


def _wall_s(*arguments: str) -> float:
    started = time.perf_counter()
    subprocess.run([ENDCAP, *arguments], check=True, stdout=sys.stderr)
    return time.perf_counter() - started

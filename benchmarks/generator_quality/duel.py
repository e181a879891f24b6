"""A recipe and the seed's DCGAN: trained side by side for equally long, exported, evaluated."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.command import ENDCAP
from benchmarks.generator_quality.collection import Collection
from runtime.errors import CheckFailed, UnusableInput
from trainer.generator.config import PRESETS, GeneratorConfig
from trainer.options import from_mapping, read_toml
from trainer.run import Run

OURS, SEED = "endcap", "seed preset"
FLOOR = "real training pictures"
FOUND = "quality.json"

Endcap = Callable[..., str]


@dataclass(frozen=True)
class Trained:
    """How far a run has come.

    Attributes:
        epochs: done.
        seconds: that the steps of training took.
    """

    epochs: int
    seconds: float

    @classmethod
    def of(cls, run: Path) -> Trained | None:
        """Read the newest row of a run's metrics; None before its first epoch is done."""
        begun = (run / "metrics.jsonl").exists()
        rows = Run.open(run, "generator").metrics() if begun else []
        return cls(rows[-1]["epoch"], rows[-1]["seconds"]) if rows else None


def run_endcap(*arguments: str) -> str:
    """Run ``endcap`` and return what it printed; training takes half of the cores.

    Progress goes to standard error.

    Raises:
        CheckFailed: it said no, as training does of a generator that has collapsed.
    """
    threads = max(1, (os.cpu_count() or 1) // (2 if arguments[0] == "train" else 1))
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(
        [ENDCAP, *arguments], check=False, stdout=subprocess.PIPE, text=True, env=environment
    )
    if done.returncode == CheckFailed.exit_code:
        raise CheckFailed(f"endcap {arguments[0]} said no")
    done.check_returncode()
    return done.stdout


class Side:
    """One of the two: trains by the command line.

    Args:
        collection: the pictures.
        run: its run folder.
        settings: what is told with ``--set`` on top of the recipe.
        endcap: runs the command.
    """

    def __init__(
        self,
        collection: Collection,
        run: Path,
        settings: tuple[str, ...],
        endcap: Endcap = run_endcap,
    ) -> None:
        self._run, self._endcap = run, endcap
        words = [word for setting in settings for word in ("--set", setting)]
        self._command = [
            *("train", "generator", "--images", str(collection.images), *collection.labels),
            *("--config", str(collection.recipe), *words, "--out", str(run)),
        ]

    def train_to(self, epochs: int) -> Trained:
        """Go on until so many epochs or more are done, or the run ends by itself."""
        now = Trained.of(self._run)
        if now is None or now.epochs < epochs:
            resume = ["--resume"] if self._run.exists() else []
            with suppress(CheckFailed):  # collapsed: the best epoch is kept, and is what there is
                self._endcap(*self._command, "--set", f"dcgan.epochs={epochs}", *resume)
            now = Trained.of(self._run)
        if now is None:
            raise UnusableInput(f"{str(self._run)!r} ended before its first epoch was done")
        return now

    def train_for(self, seconds: float) -> Trained:
        """Go on for as many whole epochs as fit into so many seconds in all, one at least."""
        now = Trained.of(self._run) or self.train_to(1)
        while (left := seconds - now.seconds) >= now.seconds / now.epochs:
            before, now = now, self.train_to(now.epochs + int(left * now.epochs / now.seconds))
            if now.epochs == before.epochs:
                break  # it ended by itself
        return now


def duel(
    collection: Collection,
    seed: int,
    folder: Path,
    *,
    settings: tuple[str, ...] = (),
    epochs: int | None,
    samples: int,
    endcap: Endcap = run_endcap,
) -> dict[str, Any]:
    """Train both side by side, and measure what their exported graphs draw.

    What an earlier duel of the folder has trained is kept: one that was interrupted goes on.

    A machine that grows busy slows both, and the seed preset, whose step size stays the same, then
    goes on for as many epochs as still fit into our time.

    Args:
        collection: the pictures.
        seed: of both trainings.
        folder: for runs, bundles and what was found.
        settings: of ours, on top of the recipe.
        epochs: of our training; the recipe's if None.
        samples: pictures to compare.
        endcap: runs the command.

    Returns:
        Label -> figures of ``endcap evaluate`` with epochs and minutes of training, and "facts".
    """
    seeded = (f"dcgan.seed={seed}",)
    ours = Side(collection, folder / "run", (*seeded, *settings), endcap)
    # Field by field, since what a recipe gives would win over its preset.
    plain = (f"dcgan.{name}={json.dumps(value)}" for name, value in PRESETS["seed"].items())
    theirs = Side(collection, folder / "seed-run", (*seeded, "dcgan.preset=seed", *plain), endcap)
    if epochs is None:
        epochs = from_mapping(GeneratorConfig, read_toml(collection.recipe)).dcgan.epochs
    with ThreadPoolExecutor(1) as beside:
        training = beside.submit(ours.train_to, epochs)
        theirs.train_to(max(1, epochs - 1))  # what is left over comes afterwards
        spent = training.result()
    spent_by_seed = theirs.train_for(spent.seconds)
    found = _measure(collection, folder, seed, samples, endcap)
    for label, trained in ((OURS, spent), (SEED, spent_by_seed)):
        found[label] |= {"epochs": trained.epochs, "minutes": trained.seconds / 60}
    (folder / FOUND).write_text(json.dumps(found), encoding="utf-8")
    return found


def of_earlier_run(folder: Path) -> tuple[dict[str, Any], float] | None:
    """Return what an earlier duel found and its age in seconds, where there was one."""
    if not (folder / FOUND).exists():
        return None
    age_s = time.time() - (folder / FOUND).stat().st_mtime
    found: dict[str, Any] = json.loads((folder / FOUND).read_text(encoding="utf-8"))
    return found, age_s


def _measure(
    collection: Collection, folder: Path, seed: int, samples: int, endcap: Endcap
) -> dict[str, Any]:
    for run, bundle, options in (
        ("run", "bundle", collection.export),
        ("seed-run", "seed-bundle", ()),
    ):
        shutil.rmtree(folder / bundle, ignore_errors=True)
        out = ("--out", str(folder / bundle))
        endcap("export", "--generator", str(folder / run), *out, *options)
    grid = folder / "nearest.png"
    grid.unlink(missing_ok=True)
    printed = endcap(
        *("evaluate", str(folder / "bundle"), "--beside", str(folder / "seed-bundle")),
        *("--images", str(collection.images), *collection.labels),
        *("--held-out", str(collection.held_out), "--samples", str(samples)),
        *("--variant", "fp32", "--seed", str(seed)),
        *("--grid", str(grid), "--json"),
    )
    table = json.loads(printed)
    results = table.pop("results")
    return {
        FLOOR: table.pop("floor"),
        SEED: results[table.pop("beside")],
        OURS: results[f"{folder / 'bundle'} onnx fp32"],
        "facts": table,
    }

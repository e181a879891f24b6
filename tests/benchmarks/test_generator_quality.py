"""The benchmark of the generator: equal time, turns, tables and goals, with a made-up endcap."""

from __future__ import annotations

import json
import shutil
import zipfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from benchmarks.generator_quality.collection import Collection, split_zip
from benchmarks.generator_quality.duel import (
    FLOOR,
    OURS,
    SEED,
    Side,
    Trained,
    duel,
    of_earlier_run,
)
from benchmarks.generator_quality.table import duel_table, goals_of
from runtime.errors import CheckFailed, UnusableInput

TINY = Path(__file__).parents[1] / "golden" / "tiny-store"
FIGURES = {
    "frechet": 4.0,
    "kernel": 0.01,
    "precision": 0.7,
    "recall": 0.6,
    "density": 0.8,
    "coverage": 0.8,
    "nearest_training": 1.0,
    "asked_category": 0.96,
    "trained_on": 0.81,
}


def figures(**changed: float | None) -> dict[str, Any]:
    return {**FIGURES, **changed}


class Endcap:
    """Trains at so many seconds an epoch, exports the golden bundle, and measures made-up figures.

    Args:
        seconds: run folder's name -> seconds an epoch takes.
        ends: run folder's name -> epoch after which training says no.
    """

    def __init__(self, seconds: dict[str, float], ends: dict[str, int] | None = None) -> None:
        self.seconds, self.ends = seconds, ends or {}
        self.said: list[tuple[str, ...]] = []

    def __call__(self, *arguments: str) -> str:
        self.said.append(arguments)
        given = dict(pairwise(arguments))
        if arguments[0] == "export":
            shutil.copytree(TINY, given["--out"])
        elif arguments[0] == "evaluate":
            Path(given["--grid"]).touch(exist_ok=False)
            return self._evaluation(Path(arguments[1]), Path(given["--beside"]))
        else:
            self._train(Path(given["--out"]), int(arguments[-1 - ("--resume" in arguments)][13:]))
        return ""

    def _train(self, run: Path, epochs: int) -> None:
        assert run.exists() == ("--resume" in self.said[-1])
        last = min(epochs, self.ends.get(run.name, epochs))
        run.mkdir(parents=True, exist_ok=True)
        (run / "run.json").write_text('{"kind": "generator"}', "utf-8")
        row = {"epoch": last, "seconds": last * self.seconds[run.name]}
        (run / "metrics.jsonl").write_text(json.dumps(row) + "\n" if last else "", "utf-8")
        if last < epochs:
            raise CheckFailed("collapsed")

    @staticmethod
    def _evaluation(bundle: Path, beside: Path) -> str:
        facts = {
            "samples": 100, "held_out_pictures": 50, "held_out": "test.npz", "features": "means",
            "training_pictures": 500, "classifier_accuracy": {"training": 0.95, "held_out": 0.9},
        }  # fmt: skip
        rows = {f"{bundle} onnx fp32": figures(), f"{beside} onnx fp32": figures(frechet=11.0)}
        floor = figures(frechet=1.5, nearest_training=None)
        return json.dumps(
            {**facts, "beside": f"{beside} onnx fp32", "floor": floor, "results": rows}
        )


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("[dcgan]\nepochs = 10\n", "utf-8")
    labels = ("--labels", "labels.csv")
    export = ("--latent-scale", "0.9")
    return Collection("made up", recipe, Path("x.npz"), Path("y.npz"), labels, export)


def test_the_seed_preset_gets_the_epochs_that_fit_into_the_same_time(
    collection: Collection, tmp_path: Path
) -> None:
    endcap = Endcap({"run": 60.0, "seed-run": 25.0})
    folder = tmp_path / "7"
    found = duel(collection, 7, folder, epochs=None, samples=100, endcap=endcap)
    assert found[OURS] == figures(epochs=10, minutes=10.0)
    assert found[SEED] == figures(frechet=11.0, epochs=24, minutes=10.0)
    trainings = [words for words in endcap.said if words[0] == "train"]
    assert sum("dcgan.preset=seed" not in words for words in trainings) == 1  # ours in one go
    for words in trainings:
        assert "dcgan.seed=7" in words
        assert ("dcgan.preset=seed" in words) == (
            words[words.index("--out") + 1][-8:] == "seed-run"
        )
        assert ("dcgan.augment=[]" in words) == ("dcgan.preset=seed" in words)
        assert ("dcgan.beta2=0.999" in words) == ("dcgan.preset=seed" in words)  # not the recipe's
    assert all("--labels" in words for words in endcap.said if words[0] in ("train", "evaluate"))
    exports = [words for words in endcap.said if words[0] == "export"]
    assert [words[-2:] for words in exports if "--latent-scale" in words] == [collection.export]
    assert str(folder / "run") in next(words for words in exports if "--latent-scale" in words)
    assert len(exports) == 2
    again = of_earlier_run(folder)
    assert again is not None
    assert again[0] == found
    assert again[1] >= 0
    assert of_earlier_run(tmp_path / "8") is None


def test_epochs_may_be_told(collection: Collection, tmp_path: Path) -> None:
    endcap = Endcap({"run": 50.0, "seed-run": 7.0})
    found = duel(collection, 7, tmp_path / "7", epochs=4, samples=100, endcap=endcap)
    assert (found[OURS]["epochs"], found[SEED]["epochs"]) == (4, 28)


def test_settings_are_of_our_side_alone(collection: Collection, tmp_path: Path) -> None:
    endcap = Endcap({"run": 60.0, "seed-run": 25.0})
    settings = ("dcgan.loss=hinge",)
    duel(collection, 7, tmp_path, settings=settings, epochs=2, samples=100, endcap=endcap)
    for words in endcap.said:
        if words[0] == "train":
            assert ("dcgan.loss=hinge" in words) == ("dcgan.preset=seed" not in words)


def test_an_interrupted_duel_goes_on(collection: Collection, tmp_path: Path) -> None:
    endcap = Endcap({"run": 60.0, "seed-run": 25.0})
    Side(collection, tmp_path / "7" / "run", (), endcap).train_to(4)
    found = duel(collection, 7, tmp_path / "7", epochs=None, samples=100, endcap=endcap)
    assert found == duel(collection, 7, tmp_path / "8", epochs=None, samples=100, endcap=endcap)


def test_a_finished_duel_is_measured_again(collection: Collection, tmp_path: Path) -> None:
    endcap = Endcap({"run": 60.0, "seed-run": 25.0})
    found = duel(collection, 7, tmp_path / "7", epochs=None, samples=100, endcap=endcap)
    endcap.said.clear()
    assert found == duel(collection, 7, tmp_path / "7", epochs=None, samples=100, endcap=endcap)
    assert not [words for words in endcap.said if words[0] == "train"]  # to fewer epochs than done


def test_a_slower_seed_preset_keeps_what_it_has_trained(
    collection: Collection, tmp_path: Path
) -> None:
    endcap = Endcap({"run": 10.0, "seed-run": 12.0})
    found = duel(collection, 7, tmp_path / "7", epochs=10, samples=100, endcap=endcap)
    assert found[SEED]["epochs"] == 9


def test_a_run_that_collapses_is_measured_as_it_ended(
    collection: Collection, tmp_path: Path
) -> None:
    endcap = Endcap({"run": 60.0, "seed-run": 20.0}, ends={"seed-run": 9})
    found = duel(collection, 7, tmp_path / "7", epochs=None, samples=100, endcap=endcap)
    assert (found[OURS]["epochs"], found[SEED]["epochs"]) == (10, 9)


def test_one_epoch_is_trained_at_least(collection: Collection, tmp_path: Path) -> None:
    side = Side(collection, tmp_path / "run", (), Endcap({"run": 60.0}))
    assert side.train_for(5) == Trained(1, 60.0)
    assert side.train_for(179) == Trained(2, 120.0)


def test_a_run_that_ends_before_its_first_epoch_is_refused(
    collection: Collection, tmp_path: Path
) -> None:
    side = Side(collection, tmp_path / "run", (), Endcap({"run": 60.0}, ends={"run": 0}))
    with pytest.raises(UnusableInput, match="ended before its first epoch"):
        side.train_to(2)


def found_of(**ours: float) -> dict[str, Any]:
    facts = json.loads(Endcap._evaluation(Path("a"), Path("b")))
    del facts["results"], facts["beside"], facts["floor"]
    return {
        FLOOR: figures(frechet=1.0, nearest_training=None, coverage=0.97),
        SEED: figures(frechet=10.0, epochs=9, minutes=30.0),
        OURS: figures(epochs=3, minutes=31.0, **ours),
        "facts": facts,
    }


def test_the_table_has_every_row_and_the_spread_over_seeds() -> None:
    table = duel_table([found_of(frechet=2.0), found_of(frechet=4.0)])
    assert "Features: means;" in table
    *_, floor, seed, ours = table.split("\n")
    assert floor.startswith(f"| {FLOOR} | 1.0000 (1.0000 to 1.0000) |")
    assert floor.endswith("| 0.8100 (0.8100 to 0.8100) |  |  |")
    assert seed.endswith("| 9 | 30 |")
    assert ours.startswith("| endcap | 3.0000 (2.0000 to 4.0000) |")


def test_goals_are_held_against_the_figures() -> None:
    verdicts = [
        line.split(" | ")[-1] for line in goals_of("fashion-mnist", [found_of()]).split("\n")
    ]
    assert verdicts[2:] == ["yes |"] * 5
    worse = found_of(frechet=4.01, trained_on=0.79, asked_category=0.94, coverage=0.74)
    verdicts = [line.split(" | ")[-1] for line in goals_of("fashion-mnist", [worse]).split("\n")]
    assert verdicts[2:] == ["no |"] * 5
    verdicts = [line.split(" | ")[-1] for line in goals_of("product-images", [worse]).split("\n")]
    assert verdicts[2:] == ["yes |", "yes |", "no |", "no |", "no |"]


def test_every_tenth_picture_is_held_out_whatever_the_order(tmp_path: Path) -> None:
    source = tmp_path / "images.zip"
    with zipfile.ZipFile(source, "w") as files:
        for number in range(500):
            files.writestr(f"images/{number}.jpg", str(number))
    rest, tenth = tmp_path / "rest.zip", tmp_path / "tenth.zip"
    split_zip(source, rest, tenth)
    with zipfile.ZipFile(rest) as kept, zipfile.ZipFile(tenth) as held_out:
        assert set(kept.namelist()).isdisjoint(held_out.namelist())
        assert len(kept.namelist()) + len(held_out.namelist()) == 500
        assert 30 < len(held_out.namelist()) < 70
        name = held_out.namelist()[0]
        assert held_out.read(name).decode() == Path(name).stem
